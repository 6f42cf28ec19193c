"""One visit over real sockets: every simulated fault gives its code, and every session is torn down."""

from __future__ import annotations

import asyncio
import errno
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOGIN, Tls
from tests.waiting import PATIENT, until
from xueliang_monitor.judgement.catalogue import FAULTS as CATALOGUE
from xueliang_monitor.model import Credentials, Rung, StreamParameters, Timeouts, VisitResult
from xueliang_monitor.net.connect_errors import connect_error
from xueliang_monitor.net.errors import ConnectRefusedError, HostUnreachableError
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing import stream_baseline
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.faults import FAULTS, SimulatedFault
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.wire.media import Codec

Start = Callable[..., Awaitable[SimulatedFleet]]
ENDS_BY_TIMEOUT = {
    "connect_timeout": PATIENT.but(reach=1.0),
    "rtsp_timeout": PATIENT.but(rtsp=1.5),
    **dict.fromkeys(
        ("no_media", "no_keyframe", "stream_interrupted", "packet_loss", "decode_failed"), PATIENT.but(stream=6.0)
    ),
}
"""Short timeouts for faults that are seen by a timeout; lower rungs keep theirs."""


async def climb(
    camera: SimulatedCamera,
    memory: Memory,
    workers: Workers,
    *,
    login: Credentials | None = LOGIN,
    now: float = 0.0,
    timeouts: Timeouts = PATIENT,
    **changes: Any,
) -> tuple[VisitResult, Memory]:
    target = replace(camera.target, **{"credentials": login, "listen_seconds": 0.0, **changes})
    return await visit(target, Rung.PICTURE, memory, timeouts=timeouts, workers=workers, now=now or time.time())


@pytest.fixture
def workers() -> Workers:
    return Workers(2)


async def test_a_healthy_camera_of_every_codec_is_healthy(simulated: Start, workers: Workers) -> None:
    fleet = await simulated(9)
    reports = await asyncio.gather(*(climb(camera, Memory(), workers) for camera in fleet.cameras.values()))
    for camera, (visited, memory) in zip(fleet.cameras.values(), reports, strict=True):
        assert visited.seen == (), camera.scene
        assert visited.online
        assert [result.rung for result in visited.rungs] == [Rung.REACH, Rung.RTSP, Rung.STREAM, Rung.PICTURE]
        assert visited.readings.resolution == "640x360"
        assert visited.readings.frame_rate_hertz == pytest.approx(10, abs=0.5)
        assert memory.reference is not None
        assert camera.open_sessions == 0
        assert camera.teardowns == camera.sessions_served == 1


def test_every_fault_of_the_catalogue_can_be_produced_and_every_simulated_one_is_declared() -> None:
    produced = {fault.code for fault in FAULTS}
    assert produced <= CATALOGUE.keys()
    # Not produced by a simulated camera: a name and a route are the network's, `check_failed` is our own.
    alone = {"name_unresolved", "host_unreachable", "check_failed"}
    # Seen over many cameras or visits, each in a test of its own.
    fleet = {
        "uplink_down",
        "host_down",
        "credentials_refused",
        "flapping",
        "monitor_isolated",
        "monitor_clock_wrong",
        "monitor_overloaded",
        "ptz_away",
    }
    assert CATALOGUE.keys() - produced == alone | fleet


LADDER_FAULTS = [fault for fault in FAULTS if CATALOGUE[fault.code].rung != Rung.ONVIF]
JUDGED = {fault.code for fault in stream_baseline.FAULTS}
NOON = time.mktime((2026, 6, 1, 12, 0, 0, 0, 0, -1))
SET_TO = StreamParameters("h264", 640, 360, 10.0, 1_000_000.0)


def _settings(fault: type[SimulatedFault], trust: Path) -> dict[str, Any]:
    """Return the settings with which a camera shows a fault."""
    if fault.code in JUDGED:
        return {"listen_seconds": 2.0, "expected": SET_TO}
    if fault.code == "tls_failed":
        return {"secure": True, "tls": str(trust)}
    return {"login": None} if fault.name == "wrong-password" else {}


@pytest.mark.parametrize("fault", LADDER_FAULTS, ids=lambda fault: fault.name)
async def test_cause_to_code(simulated: Start, workers: Workers, fault: type[SimulatedFault], tls: Tls) -> None:
    fleet = await simulated(1, tls=tls.context if fault.code == "tls_failed" else None)
    camera = fleet.cameras["cam-000"]
    assert camera.codec is Codec.H264
    memory, settings = Memory(), _settings(fault, tls.authority)
    if fault.code.startswith("picture_"):
        settings["now"] = NOON  # by night a grey picture is in order
        for _ in range(13 if fault.code == "picture_dirty" else 5):
            visited, memory = await climb(camera, memory, workers, now=NOON)
            assert visited.seen == ()
    await camera.set_fault(fault())
    timeouts = ENDS_BY_TIMEOUT.get(fault.code, PATIENT)
    for attempt in range(2 if fault.code.startswith("picture_") else 1):
        visited, memory = await climb(camera, memory, workers, timeouts=timeouts, **settings)
        if fault.code == "picture_frozen" and attempt == 0:
            # The clip may stop at the very picture of the look before.
            assert visited.look_again or [finding.code for finding in visited.seen] == [fault.code]
    assert [finding.code for finding in visited.seen] == [fault.code], visited
    rung = next(result.rung for result in visited.rungs if result.fault)
    assert visited.online == (rung in (Rung.STREAM, Rung.PICTURE))
    assert visited.seen[0].detail
    await camera.clear_fault()
    await until(lambda: camera.open_sessions == 0)
    settings.pop("login", None)
    visited, memory = await climb(camera, replace(memory, login=Login()), workers, **settings)
    assert visited.seen == ()
    assert fault.code in visited.ruled_out
    assert camera.open_sessions == 0


async def test_a_wrong_password_is_tried_once_and_then_held_back(simulated: Start, workers: Workers) -> None:
    fleet = await simulated(1)
    camera, wrong = fleet.cameras["cam-000"], Credentials("viewer", "wr0ng-pass")
    first, memory = await climb(camera, Memory(), workers, login=wrong)
    assert [finding.code for finding in first.seen] == ["auth_failed"]
    second, memory = await climb(camera, memory, workers, login=wrong)
    assert (second.seen, second.online) == ((), None)
    assert "held back" in second.rungs[-1].detail
    assert camera.refused_logins == 1
    assert "wr0ng-pass" not in repr((first, second, memory))
    third, _ = await climb(camera, memory, workers, login=LOGIN)
    assert third.seen == ()


async def test_a_refusal_after_good_sessions_is_tried_once_more_before_it_counts(
    simulated: Start, workers: Workers
) -> None:
    fleet = await simulated(1)
    camera = fleet.cameras["cam-000"]
    _, memory = await climb(camera, Memory(), workers, now=1000.0)
    from xueliang_monitor.simulator.faults import BY_NAME

    await camera.set_fault(BY_NAME["wrong-password"]())
    first, memory = await climb(camera, memory, workers, now=1015.0)
    assert (first.seen, first.online) == ((), None)
    second, memory = await climb(camera, memory, workers, now=1030.0)
    assert [finding.code for finding in second.seen] == ["auth_failed"]
    assert camera.refused_logins == 2


async def test_no_session_stays_open_after_visits_that_are_cancelled_at_random(
    simulated: Start, workers: Workers
) -> None:
    fleet = await simulated(6)
    chance = random.Random(3)
    for _ in range(12):
        tasks = [asyncio.create_task(climb(camera, Memory(), workers)) for camera in fleet.cameras.values()]
        for task in tasks:
            await asyncio.sleep(chance.random() * 0.05)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    cameras = fleet.cameras.values()
    await until(lambda: all(camera.open_sessions == 0 for camera in cameras))
    await until(lambda: all(camera.teardowns == camera.sessions_served for camera in cameras))


def test_network_errors_are_distinguished() -> None:
    assert isinstance(connect_error(OSError(errno.EHOSTUNREACH, "No route to host"), "h:1"), HostUnreachableError)
    assert isinstance(connect_error(OSError(errno.ENETUNREACH, "unreachable"), "h:1"), HostUnreachableError)
    assert isinstance(connect_error(ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "h:1"), ConnectRefusedError)
