"""A visit over real sockets leaves its picture to be looked at later; the look then has nothing of the camera."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.conftest import LOGIN
from tests.simulated_time import START, visited
from tests.simulated_time import camera as made_camera
from tests.waiting import PATIENT
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import Finding, Rung, RungResult, VisitResult
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.later_look import LaterLook
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.fleet import SimulatedFleet

Start = Callable[..., Awaitable[SimulatedFleet]]


async def fetched(
    camera: SimulatedCamera, workers: Workers, memory: Memory | None = None
) -> tuple[VisitResult, Memory, LaterLook]:
    """Visit a camera, and return its picture unlooked at."""
    target = replace(camera.target, credentials=LOGIN, listen_seconds=0.0)
    kept: list[LaterLook] = []
    result, after = await visit(
        target,
        Rung.PICTURE,
        memory or Memory(),
        timeouts=PATIENT,
        workers=workers,
        now=time.time(),
        keep_picture=kept.append,
    )
    return result, after, kept[0]


async def test_a_visit_gives_everything_back_before_its_picture_is_looked_at(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    workers = Workers(1)
    result, memory, later = await fetched(camera, workers)
    assert [rung.rung for rung in result.rungs] == [Rung.REACH, Rung.RTSP, Rung.STREAM]
    assert (result.online, result.keyframe_at) == (True, result.at)
    assert (camera.open_sessions, camera.teardowns) == (0, 1)
    assert memory.reference is None
    assert later.size_bytes > 1000
    await camera.stop()  # it is needed no more
    looked = await later.look(())
    assert [(rung.rung, rung.ok) for rung in looked.result.rungs] == [(Rung.PICTURE, True)]
    assert looked.result.online is None
    assert looked.result.keyframe_at is None
    assert looked.result.at >= result.at
    assert looked.result.look_again
    assert looked.result.learning
    assert "check_failed" in looked.result.ruled_out
    after = looked.learned(memory)
    assert after.reference is not None
    assert (after.reference.looks, after.second_looks, after.bursts.ago) == (1, 1, 0)
    assert after.login == memory.login


async def test_the_wait_for_a_worker_takes_no_time_of_the_look(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    workers = Workers(1)
    _, _, later = await fetched(camera, workers)
    impatient = replace(later, context=replace(later.context, timeouts=PATIENT.but(picture=60.0)))
    async with workers.turn():
        look = asyncio.create_task(impatient.look(()))
        await asyncio.sleep(1.0)
        assert not look.done()
    result = (await look).result
    assert result.seen == ()
    assert result.rungs[0].seconds < time.time() - 0.9 - later.context.started_at


async def test_a_look_at_a_view_that_was_to_be_forgotten_meanwhile_teaches_nothing(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    _, memory, later = await fetched(camera, Workers(1))
    looked = await later.look(())
    fresh = Reference()
    assert looked.learned(replace(memory, reference=fresh)).reference is fresh


def test_a_look_tells_of_the_picture_and_leaves_the_rest_of_the_camera_as_it_is() -> None:
    fleet = Fleet(ManualClock(START), Policy(), (made_camera("cam"),))
    told: list[tuple[str, str]] = []
    fleet.watch(lambda items: told.extend((item.kind.value, item.code) for item in items))
    seen = Finding("picture_black", "all black", Rung.PICTURE)
    for number in range(2):
        at = START + 20.0 * number
        fleet.apply(visited("cam", at, None, Rung.RTSP), Memory(), 0.0, more=True)
        fleet.apply(visited("cam", at + 5.0, None, Rung.RTSP), Memory(), 0.0)
        rungs = (RungResult(Rung.PICTURE, False, 0.1, "picture_black", "all black"),)
        look = VisitResult("cam", at + 6.0, rungs, (seen,), look_again=True)
        health = fleet.apply_look(look, lambda memory: replace(memory, second_looks=3), seen=False)
    assert [fault.code for fault in health.confirmed] == ["picture_black"]
    assert told == [("state", "up"), ("raised", "picture_black"), ("state", "degraded")]
    entry = fleet.entry("cam")
    assert set(entry.rungs) == {Rung.REACH, Rung.RTSP, Rung.PICTURE}
    assert (entry.health.online_at, entry.memory.second_looks) == (START + 25.0, 3)
    assert {outcome.value: count for outcome, count in fleet.monitor.visits.results.items()} == {"ok": 2, "fault": 2}
