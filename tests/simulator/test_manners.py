"""Cameras that depart from their standards without a fault: each is found healthy, and what it does is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.conftest import LOGIN
from tests.waiting import PATIENT
from xueliang_monitor.model import Rung, Transport
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.faults import BY_NAME as FAULTS_BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.simulator.manners import BY_NAME, MANNERS, SimulatedManner
from xueliang_monitor.wire import oddities
from xueliang_monitor.wire.oddities import Oddity

Start = Callable[..., Awaitable[SimulatedFleet]]
TIMEOUTS = PATIENT.but(rtsp=10.0, stream=20.0)
"""Long enough for a healthy camera on a busy machine."""


@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)
async def test_manner_to_healthy(simulated: Start, manner: type[SimulatedManner]) -> None:
    fleet = await simulated(9)
    camera = next(camera for camera in fleet.cameras.values() if camera.codec is manner.codec)
    await camera.set_fault(manner())
    target = replace(
        camera.target,
        credentials=LOGIN,
        listen_seconds=2.0,
        transport=Transport.UDP if manner.over_udp else Transport.AUTO,
    )
    visited, _ = await visit(target, Rung.PICTURE, Memory(), timeouts=TIMEOUTS, workers=Workers(1), now=time.time())
    assert [(finding.code, finding.detail) for finding in visited.seen] == []
    assert visited.rungs[-1].rung is Rung.PICTURE
    assert visited.online
    readings = visited.readings
    assert readings.resolution == "640x360"
    assert readings.frame_rate_hertz == pytest.approx(10, abs=0.6)
    assert (readings.packet_loss_ratio or 0.0) == 0.0
    counted = dict(oddities.read(readings.oddities or ""))
    if manner.oddity is not None:
        assert counted.get(manner.oddity, 0) > 0, readings.oddities
    assert camera.refused_logins == 0


def test_names_are_those_of_one_thing() -> None:
    assert not BY_NAME.keys() & FAULTS_BY_NAME.keys()
    assert len(BY_NAME) == len(MANNERS)
    assert all(manner.about.endswith(".") for manner in MANNERS)


async def looked(camera: SimulatedCamera, *, top: Rung = Rung.STREAM) -> tuple[list[str], dict[Oddity, int]]:
    target = replace(camera.target, credentials=LOGIN, listen_seconds=1.0)
    visited, _ = await visit(target, top, Memory(), timeouts=TIMEOUTS, workers=Workers(1), now=time.time())
    assert visited.rungs[-1].rung is top, visited.seen
    return [finding.code for finding in visited.seen], dict(oddities.read(visited.readings.oddities or ""))


@pytest.mark.parametrize(
    ("names", "counted"),
    [
        pytest.param(names, counted, id="+".join(names))
        for names, counted in (
            (("stray-bytes", "padded-frames"), {Oddity.FOREIGN_BYTES}),
            (("padded-frames", "stray-bytes"), {Oddity.FOREIGN_BYTES}),
            (("header-without-name", "cseq-zero"), {Oddity.BAD_HEADER_LINE, Oddity.OTHER_CSEQ}),
            (("cseq-zero", "header-without-name"), {Oddity.BAD_HEADER_LINE, Oddity.OTHER_CSEQ}),
        )
    ],
)
async def test_manners_at_once(simulated: Start, names: tuple[str, ...], counted: set[Oddity]) -> None:
    fleet = await simulated(1)
    camera = next(iter(fleet.cameras.values()))
    for name in names:
        await camera.set_fault(BY_NAME[name]())
    seen, odd = await looked(camera)
    assert seen == []
    assert counted <= odd.keys()


@pytest.mark.parametrize("field", ["frame_filters", "payload_filters", "reply_filters", "packet_filters"])
def test_filters_of_manners_and_faults_are_added_in_order(field: str) -> None:
    kinds = [kind for kind in (*MANNERS, *FAULTS_BY_NAME.values()) if field in kind.changes]
    behaviour = Behaviour()
    for kind in kinds:
        behaviour = kind().apply(behaviour)
    wanted = dict.fromkeys(each for kind in kinds for each in kind.changes[field])
    assert getattr(behaviour, field) == tuple(wanted)


def test_refusals_of_faults_are_merged() -> None:
    behaviour = FAULTS_BY_NAME["session-limit"]().apply(FAULTS_BY_NAME["not-found"]().apply(Behaviour()))
    assert dict(behaviour.refuse) == {"DESCRIBE": 404, "SETUP": 453}


async def test_two_clients_of_a_camera_that_closes_after_the_challenge(simulated: Start) -> None:
    fleet = await simulated(1)
    camera = next(iter(fleet.cameras.values()))
    await camera.set_fault(BY_NAME["closes-after-challenge"]())
    for seen, odd in await asyncio.gather(*(looked(camera) for _ in range(4))):
        assert seen == []
        assert Oddity.CLOSED_AFTER_CHALLENGE in odd
    await camera.clear_fault()
    for seen, odd in await asyncio.gather(*(looked(camera) for _ in range(2))):
        assert seen == []
        assert Oddity.CLOSED_AFTER_CHALLENGE not in odd
    assert camera.refused_logins == 0
