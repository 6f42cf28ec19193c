"""Many cameras whose pictures keep the workers busy: real planning, queue and turns, made-up visits, virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from tests import virtual_time
from tests.simulated_time import START, visited
from xueliang_monitor.fleet.picture_queue import MAX_HELD
from xueliang_monitor.fleet.planning import COSTLY, Due, Intervals
from xueliang_monitor.fleet.scheduler import Scheduler
from xueliang_monitor.judgement.health import FaultState, Health
from xueliang_monitor.model import Rung, RungResult, VisitResult
from xueliang_monitor.picture.reference import ENOUGH
from xueliang_monitor.probing.host_queue import Turn
from xueliang_monitor.process.ranked_turns import Rank, RankedTurns

CHEAP_SECONDS, LISTENING_SECONDS, KEYFRAME_SECONDS = 0.02, 2.1, 0.1
SIZE = 150_000
WORKERS = 2


@dataclass
class World:
    """Cameras that need five looks each. `look_seconds` is how long one takes in one of two workers."""

    look_seconds: float
    clock: virtual_time.VirtualClock = field(default_factory=lambda: virtual_time.VirtualClock(START))
    lateness: list[float] = field(default_factory=list)
    first_looks: dict[str, float] = field(default_factory=dict)
    looks: Counter[str] = field(default_factory=Counter)
    seen_at: dict[str, list[float]] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    overdue: list[float] = field(default_factory=list)
    most_held: int = 0

    def __post_init__(self) -> None:
        self.workers = RankedTurns(WORKERS)
        self.scheduler = Scheduler(self.clock, Intervals(), self._visit, at_once=64, workers=WORKERS)

    async def _visit(self, name: str, due: Due, lateness: float, turn: Turn) -> tuple[VisitResult, Health]:
        self.lateness.append(lateness)
        self.seen_at.setdefault(name, []).append(self.clock.monotonic())
        if due.overdue_seconds is not None:
            self.overdue.append(due.overdue_seconds)
        if name in self.dead:
            fault = FaultState("connection_refused", "", Rung.REACH, offline=True, since=0.0)
            return visited(name, self.clock.now(), "connection_refused", due.top), Health({fault.code: fault})
        await asyncio.sleep(CHEAP_SECONDS)
        if due.top in COSTLY:
            await asyncio.sleep(KEYFRAME_SECONDS if self.looks[name] % 2 else LISTENING_SECONDS)
        if due.top == Rung.PICTURE:
            self.scheduler.look_later(name, SIZE, lambda rank: self._look(name, rank))
            self.most_held = max(self.most_held, self.scheduler.pictures.state(0.0).held)
        seen = visited(name, self.clock.now(), None, due.top)
        return replace(seen, rungs=tuple(rung for rung in seen.rungs if rung.rung != Rung.PICTURE)), Health()

    async def _look(self, name: str, rank: Rank) -> tuple[VisitResult, Health]:
        async with self.workers.turn(rank):
            await asyncio.sleep(self.look_seconds)
        self.looks[name] += 1
        self.first_looks.setdefault(name, self.clock.monotonic() - START)
        learning = self.looks[name] < ENOUGH
        rungs = (RungResult(Rung.PICTURE, True, self.look_seconds),)
        result = VisitResult(name, self.clock.now(), rungs, look_again=learning, learning=learning)
        fault = FaultState("picture_black", "", Rung.PICTURE, offline=False, since=0.0)
        return result, Health({fault.code: fault}) if name in self.failing else Health()


@contextlib.asynccontextmanager
async def watching(count: int, look_seconds: float) -> AsyncIterator[World]:
    world = World(look_seconds)
    task = asyncio.create_task(world.scheduler.run(tuple(f"cam-{number}" for number in range(count))))
    try:
        yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_no_camera_waits_for_pictures_while_all_of_them_are_learned() -> None:
    """The workers are busy by 80 % with regular pictures: what they learn beside them must not delay anything."""

    async def go() -> None:
        async with watching(200, 0.8 * WORKERS * 300 / 200) as world:
            await asyncio.sleep(600)
            assert len(world.first_looks) == 200
            assert max(world.lateness) < 0.01
            world.dead.add("cam-7")
            died, seen = world.clock.monotonic(), len(world.seen_at["cam-7"])
            await asyncio.sleep(30)
            assert len(world.seen_at["cam-7"]) - seen >= 3
            assert world.seen_at["cam-7"][seen + 2] - died < 22
            assert world.most_held < MAX_HELD
            await asyncio.sleep(1800)
            assert all(world.looks[name] >= ENOUGH for name in world.first_looks if name not in world.dead)
            assert max(world.lateness) < 0.01
            assert sorted(world.overdue)[int(0.99 * len(world.overdue))] < 60

    virtual_time.run(go())


def test_too_many_pictures_make_pictures_late_and_nothing_else() -> None:
    async def go() -> None:
        async with watching(100, 2 * WORKERS * 300 / 100) as world:
            await asyncio.sleep(900)
            assert max(world.lateness) < 0.01
            state = world.scheduler.pictures.state(world.clock.monotonic())
            assert state.oldest_seconds > 150
            assert len(world.first_looks) == 100, "the oldest comes first, so each has its turn"
            assert state.held <= 70
            gaps = [b - a for times in world.seen_at.values() for a, b in itertools.pairwise(times)]
            assert max(gaps) < 20

    virtual_time.run(go())


def test_what_confirms_a_fault_is_looked_at_soon_although_the_workers_have_too_much_to_do() -> None:
    async def go() -> None:
        async with watching(100, 1.5 * WORKERS * 300 / 100) as world:
            await asyncio.sleep(900)
            world.failing.add("cam-3")
            before = world.looks["cam-3"]
            while world.looks["cam-3"] == before:
                await asyncio.sleep(1)
            first = world.clock.monotonic()
            while world.looks["cam-3"] == before + 1:
                await asyncio.sleep(1)
            assert world.clock.monotonic() - first < 60

    virtual_time.run(go())


def test_a_camera_that_is_removed_while_its_picture_waits_leaves_nothing_behind() -> None:
    async def go() -> None:
        async with watching(20, 60.0) as world:
            await asyncio.sleep(310)
            for number in range(20):
                await world.scheduler.remove(f"cam-{number}")
            state = world.scheduler.pictures.state(world.clock.monotonic())
            assert (state.held, state.held_bytes, state.fetching) == (0, 0, 0)
            assert sum(state.waiting.values()) == 0
            await world.scheduler.add(("fresh",))
            await asyncio.sleep(120)
            assert world.looks["fresh"] >= 1

    virtual_time.run(go())
