"""When each camera is visited and how far each visit climbs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from xueliang_monitor.clock import Clock
from xueliang_monitor.health import Health
from xueliang_monitor.model import Report, Rung

ORDER = (Rung.REACH, Rung.RTSP, Rung.STREAM, Rung.PICTURE)


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between visits that climb to each rung, and before a second look at each."""

    reach: float = 15.0
    rtsp: float = 15.0
    stream: float = 300.0
    picture: float = 300.0
    reach_recheck: float = 2.0
    picture_recheck: float = 20.0

    def of(self, rung: Rung) -> float:
        """Return the interval of a rung."""
        return {Rung.REACH: self.reach, Rung.RTSP: self.rtsp, Rung.STREAM: self.stream}.get(rung, self.picture)

    def recheck(self, rung: Rung) -> float:
        """Return how soon a rung is visited again while something is undecided."""
        return self.reach_recheck if rung in (Rung.REACH, Rung.RTSP) else self.picture_recheck


@dataclass(frozen=True, slots=True)
class Plan:
    """When each rung of one camera is due, in monotonic seconds, in the ladder's order."""

    due: tuple[float, float, float, float]

    @property
    def at(self) -> float:
        """When the next visit starts."""
        return min(self.due)

    def top(self, now: float) -> Rung:
        """Return the highest rung that is due; the ones below it are climbed on the way."""
        return max((rung for rung, due in zip(ORDER, self.due, strict=True) if due <= now), key=ORDER.index)


def first_plan(index: int, count: int, now: float, intervals: Intervals) -> Plan:
    """Spread the first visits of `count` cameras evenly over each interval."""
    share = index / max(1, count)
    base = now + share * intervals.reach
    look = now + share * intervals.picture
    return Plan((base, now + share * intervals.rtsp, max(base, now + share * intervals.stream), max(base, look)))


def _next_on_grid(due: float, interval: float, now: float) -> float:
    """Return the next moment after `now` on the grid of a rung, so that the spread lasts."""
    if due > now:
        return due
    return due + interval * (int((now - due) // interval) + 1)


def next_plan(plan: Plan, started: float, now: float, report: Report, health: Health, intervals: Intervals) -> Plan:
    """Plan the visit after one that started at `started` and ended at `now`.

    A rung that was due but not come to, as a lower one failed, stays due together with the lowest; a rung on which
    something is undecided is visited again soon.
    """
    attempted = {result.rung for result in report.rungs}
    due = [
        _next_on_grid(moment, intervals.of(rung), now) if rung in attempted or moment > started else moment
        for rung, moment in zip(ORDER, plan.due, strict=True)
    ]
    pending = health.pending | ({Rung.PICTURE} if report.look_again else frozenset())
    for index, rung in enumerate(ORDER):
        if rung in pending:
            due[index] = min(due[index], max(now, started + intervals.recheck(rung)))
    base = min(due[0], due[1])
    return Plan(
        (due[0], due[1], max(due[2], base) if due[2] <= now else due[2], max(due[3], base) if due[3] <= now else due[3])
    )


Visit = Callable[[str, Rung, float], Awaitable[tuple[Report, Health]]]


class Scheduler:
    """Runs one task a camera: wait until it is due, visit, plan again. Never two visits of one camera at once."""

    def __init__(self, clock: Clock, intervals: Intervals, visit: Visit, *, at_once: int) -> None:
        self._clock = clock
        self._intervals = intervals
        self._visit = visit
        self._slots = asyncio.Semaphore(at_once)

    async def run(self, cameras: tuple[str, ...]) -> None:
        """Visit `cameras` until cancelled."""
        now = self._clock.monotonic()
        order = list(cameras)
        random.Random(0).shuffle(order)  # neighbours on one switch are not visited one after the other
        async with asyncio.TaskGroup() as group:
            for index, camera in enumerate(order):
                group.create_task(self._watch(camera, first_plan(index, len(order), now, self._intervals)), name=camera)

    async def _watch(self, camera: str, plan: Plan) -> None:
        while True:
            await asyncio.sleep(max(0.0, plan.at - self._clock.monotonic()))
            async with self._slots:
                started = self._clock.monotonic()
                top = plan.top(max(started, plan.at))
                report, health = await self._visit(camera, top, started - plan.at)
            plan = next_plan(plan, started, self._clock.monotonic(), report, health, self._intervals)
