"""The online rate of today counts to this minute, whatever the history was told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.simulated_time import START, camera, visited
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.configuration.settings import KeepSettings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.availability import day_of
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import Rung
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.upkeep import AVAILABILITY_SECONDS, Upkeep
from xueliang_monitor.web.live import Wall
from xueliang_monitor.web.renderer import Renderer

NAMES = ("a", "b", "c", "d")
Result = TypeVar("Result")


def at_once(work: Callable[[], Result]) -> Awaitable[Result]:
    async def done() -> Result:
        return work()

    return done()


class Watched:
    """Four cameras that are visited every 15 s, and their history."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.clock = clock
        self.fleet = Fleet(self.clock, Policy(), tuple(camera(name) for name in NAMES))
        self.wall = Wall(self.fleet, Renderer())
        self.history = History(folder)
        self.upkeep = Upkeep(self.fleet, self.clock, KeepSettings())

    def visit(self, lost: str = "", seconds: float = 15.0) -> None:
        self.clock.advance(seconds)
        for name in NAMES:
            code = "connection_refused" if name in lost else None
            self.fleet.apply(visited(name, self.clock.now(), code, Rung.RTSP), self.fleet.entry(name).memory, 0.0)

    async def write(self) -> None:
        self.history.write(self.fleet.collect(every=True))
        await self.upkeep.turn(self.history, at_once)

    async def rate(self) -> float | None:
        await self.wall.sweep()
        return self.wall._today.online_ratio


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START - START % 86_400.0 + 40_000.0)


async def test_a_camera_that_is_lost_now_counts_now(tmp_path: Path, clock: ManualClock) -> None:
    watched = Watched(tmp_path, clock)
    for _ in range(41):
        watched.visit()
    await watched.write()
    assert await watched.rate() == 1.0
    for _ in range(3):
        watched.visit("a", 2.0)
    for _ in range(2):
        watched.visit("a")
    clock.advance(10)  # since the last visit
    observed = 4 * 646.0
    assert await watched.rate() == pytest.approx(1 - 40.0 / observed, abs=0.003)
    before = await watched.rate()
    await watched.write()  # what was written is not counted twice
    clock.advance(AVAILABILITY_SECONDS)
    await watched.write()
    clock.advance(-AVAILABILITY_SECONDS)
    assert await watched.rate() == pytest.approx(before)
    assert "100.00 %" not in watched.wall.figures("en")


async def test_a_restart_goes_on_where_the_day_was(tmp_path: Path, clock: ManualClock) -> None:
    watched = Watched(tmp_path, clock)
    for _ in range(3):
        watched.visit("a")
    for _ in range(10):
        watched.visit("a")
    await watched.write()
    before = await watched.rate()
    watched.history.close()
    again = Watched(tmp_path, clock)
    again.fleet.restore(again.history.load())
    await again.write()
    again.visit("a")
    again.visit("a")
    assert await again.rate() == pytest.approx(before, abs=0.005)
    day = day_of(clock.now())
    clock.advance(86_400.0)  # and a new day begins at nothing
    assert again.fleet.today.counted(day).observed > 0
    assert again.fleet.today.counted(day_of(clock.now())).observed == 0
    again.history.close()
