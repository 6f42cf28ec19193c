"""The scheduler takes a host's turn before a slot."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from tests.waiting import until
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.planning import ORDER, Due, Intervals, Plan, next_plan
from xueliang_monitor.fleet.scheduler import Scheduler
from xueliang_monitor.judgement.health import FaultState, Health
from xueliang_monitor.model import Finding, Rung, RungResult, VisitResult
from xueliang_monitor.probing.host_queue import CameraBusyError, HostQueue, Turn, Urgency
from xueliang_monitor.probing.host_state import Channel, SharedResult
from xueliang_monitor.probing.lock_files import LockFiles

QUICK = Intervals(dict.fromkeys(ORDER, 0.05), dict.fromkeys(ORDER, 0.05))
NEVER = Intervals(dict.fromkeys(ORDER, 3600.0), dict.fromkeys(ORDER, 3600.0))
GOOD = VisitResult("cam", 0.0, tuple(RungResult(rung, True, 0.0) for rung in ORDER), online=True)
LOST = VisitResult(
    "cam",
    0.0,
    (RungResult(Rung.REACH, False, 2.0, "connect_timeout"),),
    (Finding("connect_timeout", ""),),
    online=False,
)


class Watched:
    """A scheduler with a host whose turns the test gives: cameras named `slow-...` wait for `gate`."""

    def __init__(self, intervals: Intervals, at_once: int) -> None:
        self.gate = asyncio.Event()
        self.visits: list[str] = []
        self.dues: list[Due] = []
        self.lateness: list[float] = []
        self.urgencies: list[Urgency] = []
        self.waiting: set[str] = set()
        self.turn: Callable[[], Turn] = Turn
        self.health = Health()
        self.scheduler = Scheduler(SystemClock(), intervals, self._visit, at_once=at_once, turns=self._turns)

    @contextlib.asynccontextmanager
    async def _turns(self, camera: str, urgency: Urgency) -> AsyncIterator[Turn]:
        self.urgencies.append(urgency)
        if camera.startswith("slow"):
            self.waiting.add(camera)
            await self.gate.wait()
            self.waiting.discard(camera)
        yield self.turn()

    async def _visit(self, camera: str, due: Due, late: float, turn: Turn) -> tuple[VisitResult, Health]:
        self.visits.append(camera)
        self.dues.append(due)
        self.lateness.append(late)
        await asyncio.sleep(0)
        return GOOD, self.health


@contextlib.asynccontextmanager
async def watched(intervals: Intervals, at_once: int, *cameras: str) -> AsyncIterator[Watched]:
    made = Watched(intervals, at_once)
    task = asyncio.create_task(made.scheduler.run(cameras))
    await asyncio.sleep(0)  # now it runs
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_host_that_gives_no_turns_takes_no_slots() -> None:
    slow = tuple(f"slow-{number}" for number in range(20))
    async with watched(QUICK, 1, *slow, "other") as at:
        await until(lambda: at.waiting == set(slow))
        await until(lambda: at.visits.count("other") >= 5)
        assert set(at.visits) == {"other"}


async def test_waiting_for_a_turn_makes_no_visit_late_and_no_second_one() -> None:
    async with watched(NEVER, 1) as at:
        await at.scheduler.add(("slow-1",))
        await until(lambda: bool(at.waiting))
        for _ in range(3):
            at.scheduler.hurry(["slow-1"])
        await asyncio.sleep(0.5)
        at.gate.set()
        await until(lambda: bool(at.visits))
        await asyncio.sleep(0.1)
        assert at.visits == ["slow-1"]
        assert at.lateness[0] < 0.3


async def test_what_is_due_is_decided_when_the_turn_comes() -> None:
    async with watched(NEVER, 1) as at:
        await at.scheduler.add(("slow-1",))
        await until(lambda: bool(at.waiting))
        at.scheduler.ask("slow-1")
        at.gate.set()
        await until(lambda: bool(at.visits))
        assert at.dues[0] == Due(Rung.PICTURE, frozenset({Rung.ONVIF}))
        at.scheduler.hurry(["slow-1"])
        await until(lambda: len(at.visits) == 2)
        assert at.dues[1] == Due(Rung.REACH)
        at.turn = lambda: Turn(many=True)
        at.scheduler.hurry(["slow-1"])
        await until(lambda: len(at.visits) == 3)
        assert at.dues[2] == Due(Rung.RTSP), "one of many at a host is visited at once to see whether it is online"


async def test_a_visit_that_says_nothing_is_made_again_at_once() -> None:
    turns = iter([Turn(again=True), Turn(again=True), Turn()])
    async with watched(NEVER, 1) as at:
        at.turn = lambda: next(turns)
        await at.scheduler.add(("cam",))
        await until(lambda: len(at.visits) == 3)
        assert [due.top for due in at.dues] == [Rung.PICTURE] * 3
        assert at.urgencies == [Urgency.ROUTINE, Urgency.RECHECK, Urgency.RECHECK]


async def test_a_result_that_is_shared_needs_no_slot() -> None:
    held = asyncio.Event()

    async def visit(camera: str, due: Due, late: float, turn: Turn) -> tuple[VisitResult, Health]:
        visits.append(camera)
        if camera == "busy":
            await held.wait()
        return GOOD, Health()

    @contextlib.asynccontextmanager
    async def turns(camera: str, urgency: Urgency) -> AsyncIterator[Turn]:
        if camera == "stuck":
            raise CameraBusyError("another command is connected")
        yield Turn(shared=None if camera == "busy" else SharedResult(LOST.rungs, 0.0, 0.0))

    visits: list[str] = []
    scheduler = Scheduler(SystemClock(), NEVER, visit, at_once=1, turns=turns)
    task = asyncio.create_task(scheduler.run(("busy",)))
    await until(lambda: visits == ["busy"])
    await scheduler.add(("shared",))
    await scheduler.add(("stuck",))
    await until(lambda: sorted(visits) == ["busy", "shared", "stuck"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_undecided_camera_comes_before_routine_visits() -> None:
    async with watched(QUICK, 1) as at:
        at.health = Health(faults={"x": FaultState("x", "", Rung.REACH, True, 0.0)})
        await at.scheduler.add(("cam",))
        await until(lambda: len(at.urgencies) > 1)
        assert at.urgencies[:2] == [Urgency.ROUTINE, Urgency.RECHECK]


async def test_a_camera_that_is_removed_while_it_waits_leaks_no_turn() -> None:
    queue = HostQueue("h", LockFiles(None, "h"), asyncio.get_running_loop().time, lambda _channel: None)
    under_way: list[str] = []

    async def visit(camera: str, due: Due, late: float, turn: Turn) -> tuple[VisitResult, Health]:
        under_way.append(camera)
        await asyncio.Event().wait()
        return GOOD, Health()

    def turns(camera: str, urgency: Urgency) -> contextlib.AbstractAsyncContextManager[Turn]:
        return queue.turn(Channel(camera, 554), urgency)

    scheduler = Scheduler(SystemClock(), QUICK, visit, at_once=9, turns=turns)
    task = asyncio.create_task(scheduler.run(("a",)))
    await until(lambda: under_way == ["a"])
    await scheduler.add(("b", "c"))
    await until(lambda: len(queue._waiting) == 2)
    await scheduler.remove("b")
    await scheduler.remove("a")
    await until(lambda: under_way == ["a", "c"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert queue.idle


def test_costly_rungs_of_one_of_many_keep_their_rhythm_while_it_is_offline() -> None:
    moments = (100.0, 100.0, 100.0, 100.0, 100.0)
    plan = Plan(moments, moments)
    fault = FaultState("connect_timeout", "", Rung.REACH, True, 100.0)
    health = Health(faults={fault.code: fault})
    intervals = Intervals()
    kept = next_plan(plan, LOST, health, intervals, started=100.0, now=102.0, keep_rhythm=True)
    assert kept.due == (102.0, 102.0, 100.0 + intervals.of(Rung.STREAM), 100.0 + intervals.of(Rung.PICTURE), 400.0)
    alone = next_plan(plan, LOST, health, intervals, started=100.0, now=102.0)
    assert alone.due == (102.0,) * 5
