"""A recorder of 70 channels that hangs, is dead and returns, beside 147 cameras: real planning, turns and judgement.

Only visits are made up, and time is virtual, so that nothing depends on how busy the machine is.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import virtual_time
from tests.simulated_time import START, camera, visited
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.hosts import Hosts
from xueliang_monitor.fleet.planning import Due, Intervals
from xueliang_monitor.fleet.scheduler import Scheduler
from xueliang_monitor.judgement.health import Health, Policy
from xueliang_monitor.judgement.status import StatusCause
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.model import Rung, State, VisitResult
from xueliang_monitor.probing.camera_lock import sessions_of
from xueliang_monitor.probing.host_queue import Turn
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.shared_result import share

CHANNELS, OTHERS, SESSIONS = 70, 147, 4
TOOK = {Rung.REACH: 0.01, Rung.RTSP: 0.1, Rung.STREAM: 2.5, Rung.PICTURE: 0.4, Rung.ONVIF: 0.3}
LOST = {"hung": ("rtsp_timeout", 3.0), "dead": ("connect_timeout", 2.0), "refusing": ("connection_refused", 0.01)}
"""By the recorder's condition: what a visit finds, and after how long."""


@dataclass
class Seen:
    """What was seen in one phase: by channel how often in a row it was lost or back, and when all of them were."""

    began: float
    offline: Counter[str] = field(default_factory=Counter)
    online: Counter[str] = field(default_factory=Counter)
    all_lost_after: float | None = None
    all_back_after: float | None = None
    lateness: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    connections: int = 0


class World:
    """The cameras, the recorder and the monitor."""

    def __init__(self, folder: Path) -> None:
        self.condition = ""
        self.hung: frozenset[str] = frozenset()
        self.clock = virtual_time.VirtualClock(START)
        self.channels = tuple(camera(f"ch-{number:02d}", host="10.0.0.9") for number in range(CHANNELS))
        self.cameras = (*self.channels, *(camera(f"cam-{number:03d}", f"sw-{number // 8}") for number in range(OTHERS)))
        self.fleet = Fleet(self.clock, Policy(), self.cameras)
        self.scheduler = Scheduler(
            self.clock,
            Intervals(),
            self._visit,
            at_once=64,
            turns=lambda name, urgency: self.hosts.turn(self.fleet.entry(name).camera.target, urgency),
        )
        self.hosts = Hosts(folder, self.scheduler.hurry)
        self.hosts._locks._clock = self.clock.monotonic
        self.hosts._locks._state = None
        self.hosts.take(self.cameras, sessions_of((each.target for each in self.cameras), SESSIONS))
        self.fleet.turn_wait = lambda camera: self.hosts.wait_seconds(camera.target)
        self.seen = Seen(0.0)
        self.codes: Counter[str] = Counter()
        self.open = self.most_open = 0
        self._random = random.Random(1)

    async def phase(self, condition: str, seconds: float) -> Seen:
        self.condition, self.seen = condition, Seen(self.clock.monotonic())
        await asyncio.sleep(seconds)
        return self.seen

    async def _visit(self, name: str, due: Due, lateness: float, turn: Turn) -> tuple[VisitResult, Health]:
        entry = self.fleet.entry(name)
        of_recorder = name.startswith("ch-")
        if turn.shared is not None:
            result = share(turn.shared, entry.camera.target, self.clock.now())
        else:
            result = await self._connect(name, due, turn)
        if not of_recorder:
            self.seen.lateness.append(lateness)
        self.seen.waits.append(turn.waited_seconds)
        self.codes.update(finding.code for finding in result.seen)
        health, neighbours = self.fleet.apply(result, Memory(), lateness)
        self.scheduler.hurry(neighbours)
        if of_recorder:
            self._count(result)
        return result, health

    async def _connect(self, name: str, due: Due, turn: Turn) -> VisitResult:
        queue = self.hosts.queue(self.fleet.entry(name).camera.target)
        of_recorder = name.startswith("ch-")
        code, seconds = LOST.get(self.condition, (None, 0.0)) if of_recorder else (None, 0.0)
        if name in self.hung:
            code, seconds = LOST["hung"]
        if code == LOST["hung"][0]:
            seconds = min(seconds, turn.limit_seconds)
        self.seen.connections += of_recorder
        self.open += of_recorder
        self.most_open = max(self.most_open, self.open)
        try:
            began = self.clock.now()
            result = visited(name, began, code, due.top)
            for rung in result.rungs:
                await asyncio.sleep(TOOK[rung.rung] * self._random.uniform(0.8, 1.2) if rung.ok else seconds)
                if rung.ok and rung.rung == Rung.STREAM and of_recorder and self.condition:
                    await asyncio.sleep(10)  # the stream stops and is waited for
                    return visited(name, began, "no_media", due.top)
                queue.climbed(turn, rung)
            return queue.judged(turn, result)
        finally:
            self.open -= of_recorder

    def _count(self, result: VisitResult) -> None:
        seen, name, now = self.seen, result.camera, self.clock.monotonic()
        if result.online is False:
            seen.offline[name], seen.online[name] = seen.offline[name] + 1, 0
        elif result.online:
            seen.online[name], seen.offline[name] = seen.online[name] + 1, 0
        if seen.all_lost_after is None and sum(times >= 3 for times in seen.offline.values()) == CHANNELS:
            seen.all_lost_after = now - seen.began
        if seen.all_back_after is None and sum(times >= 2 for times in seen.online.values()) == CHANNELS:
            seen.all_back_after = now - seen.began


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[World]:
    world = World(folder)
    task = asyncio.create_task(world.scheduler.run(tuple(each.id for each in world.cameras)))
    try:
        yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert world.hosts.queue(world.channels[0].target).idle


def p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * len(values))]


@pytest.mark.parametrize(("condition", "lasts"), [("hung", 60.0), ("dead", 60.0), ("refusing", 60.0), ("hung", 400.0)])
def test_all_channels_are_seen_lost_and_back_and_nobody_else_notices(
    tmp_path: Path, condition: str, lasts: float
) -> None:
    told: list[Transition] = []

    async def go() -> None:
        async with running(tmp_path) as world:
            await world.phase("", 60)
            assert world.codes == {}
            healthy = await world.phase("", 60)
            world.fleet.watch(told.extend)
            lost = await world.phase(condition, lasts)
            back = await world.phase("", 45)
        assert lost.all_lost_after is not None
        assert lost.all_lost_after < 45
        assert back.all_back_after is not None
        assert back.all_back_after < 30
        assert max(p99(seen.lateness) for seen in (healthy, lost, back)) < 0.01
        assert lost.connections < {"dead": 25 + lasts / 2, "hung": 140 + 2 * lasts, "refusing": 70 + lasts}[condition]
        assert world.most_open <= SESSIONS
        events = [(item.kind.value, item.uplink) for item in told if item.kind.value != "state"]
        assert events == [("raised", "10.0.0.9"), ("cleared", "10.0.0.9")]
        assert set(world.codes) <= {LOST[condition][0], "no_media"}

    virtual_time.run(go())


def test_two_hung_channels_blame_no_others(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path) as world:
            await world.phase("", 60)
            world.hung = frozenset({"ch-03", "ch-40"})
            seen = await world.phase("", 120)
        assert {name for name, times in seen.offline.items() if times} == world.hung

    virtual_time.run(go())


def test_half_of_the_channels_hang_and_the_others_are_seen_to_work(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path) as world:
            await world.phase("", 60)
            world.hung = frozenset(each.id for each in world.channels[: CHANNELS // 2])
            seen = await world.phase("", 120)
            down = {each.id for each in world.channels if world.fleet.status_of(each.id).state is State.DOWN}
            assert not any(uplink.down for uplink in world.fleet.snapshot().uplinks)
        assert {name for name, times in seen.offline.items() if times} == world.hung
        assert down == world.hung

    virtual_time.run(go())


def test_one_channel_that_works_again_is_seen_although_the_others_hang(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path) as world:
            await world.phase("", 60)
            world.hung = frozenset(each.id for each in world.channels)
            await world.phase("", 120)
            world.hung -= {world.channels[7].id}
            seen = await world.phase("", 120)
        assert {name for name, times in seen.online.items() if times >= 2} == {world.channels[7].id}

    virtual_time.run(go())


def test_a_slow_recorder_delays_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        monkeypatch.setitem(TOOK, Rung.RTSP, 2.0)
        async with running(tmp_path) as world:
            await world.phase("", 120)
            seen = await world.phase("", 60)
            assert p99(seen.lateness) < 0.01
            assert set(world.codes) == set()
            stale = [each.id for each in world.cameras if world.fleet.status_of(each.id).cause is StatusCause.STALE]
            assert stale == [], "slow, but not stale"

    virtual_time.run(go())
