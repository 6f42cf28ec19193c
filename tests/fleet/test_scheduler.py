from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

from tests.waiting import until
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.planning import ORDER, Due, Intervals, Plan, first_plan, next_plan
from xueliang_monitor.fleet.scheduler import Scheduler
from xueliang_monitor.judgement.health import FaultState, Health
from xueliang_monitor.model import Rung, RungResult, VisitResult
from xueliang_monitor.probing.host_queue import Turn

INTERVALS = Intervals()


def plan_at(due: tuple[float, float, float, float]) -> Plan:
    return Plan((*due, due[3]), (*due, due[3]))


def climbed(*rungs: Rung, look_again: bool = False) -> VisitResult:
    return VisitResult("cam", 0.0, tuple(RungResult(rung, True, 0.0) for rung in rungs), look_again=look_again)


def test_starts_are_spread_over_each_interval() -> None:
    plans = [first_plan(n, 147, 1000.0, INTERVALS) for n in range(147)]
    assert max(plan.at for plan in plans) < 1015
    gaps = [later.at - earlier.at for earlier, later in pairwise(plans)]
    assert max(gaps) - min(gaps) < 1e-6
    assert 1290 < max(plan.due[3] for plan in plans) < 1300


def test_the_spread_does_not_depend_on_the_duration_of_visits() -> None:
    plan = plan_at((100.0, 100.0, 400.0, 400.0))
    after = next_plan(plan, climbed(*ORDER[:2]), Health(), INTERVALS, started=100.4, now=103.9)
    assert after.due == (115.0, 115.0, 400.0, 400.0, 400.0)


def test_an_undecided_fault_is_rechecked_soon() -> None:
    fault = FaultState("connect_timeout", "", Rung.REACH, True, 100.0)
    plan = plan_at((100.0, 100.0, 100.0, 100.0))
    after = next_plan(
        plan, climbed(Rung.REACH), Health(faults={fault.code: fault}), INTERVALS, started=100.0, now=100.5
    )
    assert after.at == 102.0
    assert after.what(102.0).top == Rung.PICTURE


def test_a_rung_that_was_not_reached_is_due_with_the_next_visit() -> None:
    plan = plan_at((100.0, 100.0, 100.0, 100.0))
    after = next_plan(plan, climbed(Rung.REACH), Health(), INTERVALS, started=100.0, now=100.5)
    assert after.what(after.at) == Due(Rung.PICTURE, beside=frozenset({Rung.ONVIF}))


def test_a_rung_that_is_due_soon_and_was_not_climbed_stays_due() -> None:
    plan = plan_at((100.0, 100.0, 130.0, 130.0))
    visited = replace(climbed(*ORDER[:2]), online=True)
    assert next_plan(plan, visited, Health(), INTERVALS, started=100.0, now=101.0).due[2:] == (130.0, 130.0, 130.0)


def test_a_second_look_comes_early() -> None:
    plan = plan_at((100.0, 100.0, 100.0, 100.0))
    after = next_plan(plan, climbed(*ORDER, look_again=True), Health(), INTERVALS, started=100.0, now=101.0)
    assert (after.due[3], after.what(120.0).top) == (120.0, Rung.PICTURE)


def test_second_looks_do_not_shift_the_regular_visits() -> None:
    fault = FaultState("connect_timeout", "", Rung.REACH, True, 100.0)
    plan = plan_at((100.0, 100.0, 400.0, 400.0))
    early = next_plan(
        plan, climbed(Rung.REACH), Health(faults={fault.code: fault}), INTERVALS, started=100.0, now=100.5
    )
    assert early.at == 102.0
    assert next_plan(early, climbed(*ORDER[:2]), Health(), INTERVALS, started=102.0, now=102.5).due[:2] == (
        115.0,
        115.0,
    )


async def test_no_camera_is_visited_twice_at_once_and_slow_cameras_delay_no_others() -> None:
    quick = Intervals(dict.fromkeys(ORDER, 0.05), dict.fromkeys(ORDER, 0.05))
    under_way: set[str] = set()
    visits: dict[str, int] = {}
    released = asyncio.Event()

    async def visit(camera: str, due: Due, late: float, turn: Turn) -> tuple[VisitResult, Health]:
        assert camera not in under_way
        under_way.add(camera)
        await (released.wait() if camera.startswith("slow") else asyncio.sleep(0))
        under_way.discard(camera)
        visits[camera] = visits.get(camera, 0) + 1
        return climbed(*ORDER), Health()

    def visited(kind: str, times: int) -> bool:
        return all(visits.get(f"{kind}-{n}", 0) >= times for n in range(20))

    scheduler = Scheduler(SystemClock(), quick, visit, at_once=64)
    cameras = (*(f"slow-{n}" for n in range(20)), *(f"quick-{n}" for n in range(20)))
    task = asyncio.create_task(scheduler.run(cameras))
    await until(lambda: visited("quick", 8))
    assert {camera for camera in under_way if camera.startswith("slow")} == set(cameras[:20])
    assert not any(camera.startswith("slow") for camera in visits)
    released.set()
    await until(lambda: visited("slow", 2))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_camera_whose_turn_it_is_to_log_in_is_visited_up_to_rtsp_at_once() -> None:
    dues: list[tuple[str, Due]] = []

    async def visit(camera: str, due: Due, _late: float, _turn: Turn) -> tuple[VisitResult, Health]:
        dues.append((camera, due))
        return climbed(*ORDER), Health()

    scheduler = Scheduler(SystemClock(), Intervals(dict.fromkeys(ORDER, 3600.0)), visit, at_once=4)
    task = asyncio.create_task(scheduler.run(("cam",)))
    await until(lambda: len(dues) == 1)
    scheduler.log_in(["cam", "unknown"])
    await until(lambda: len(dues) == 2)
    assert dues[1] == ("cam", Due(Rung.RTSP))
    scheduler.hurry(["cam"])
    await until(lambda: len(dues) == 3)
    assert dues[2] == ("cam", Due(Rung.REACH))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
