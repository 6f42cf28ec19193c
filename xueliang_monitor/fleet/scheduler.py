"""When each camera is visited and how far each visit climbs."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from xueliang_monitor.clock import Clock
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.model import Rung, VisitResult

log = logging.getLogger(__name__)

LADDER_ORDER = (Rung.REACH, Rung.RTSP, Rung.STREAM, Rung.PICTURE)
ORDER = (*LADDER_ORDER, Rung.ONVIF)

SAME_MOMENT = 0.001
"""Seconds within which two rungs are due together, whatever rounding says."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between visits that climb to each rung, and before a second look at each."""

    reach: float = 15.0
    rtsp: float = 15.0
    stream: float = 300.0
    picture: float = 300.0
    onvif: float = 300.0
    reach_recheck: float = 2.0
    picture_recheck: float = 20.0

    def of(self, rung: Rung) -> float:
        """Return the interval of a rung."""
        return {
            Rung.REACH: self.reach,
            Rung.RTSP: self.rtsp,
            Rung.STREAM: self.stream,
            Rung.ONVIF: self.onvif,
        }.get(rung, self.picture)

    def recheck(self, rung: Rung) -> float:
        """Return how soon a rung is visited again while something is undecided."""
        return self.reach_recheck if rung in (Rung.REACH, Rung.RTSP) else self.picture_recheck


Moments = tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Due:
    """What a visit is to do: climb to a rung, and perhaps ask the device over ONVIF beside that."""

    top: Rung
    ask_device: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """When each rung of one camera is due, in monotonic seconds, in the ladder's order and ONVIF last.

    `grid` holds a moment of each rung's own rhythm, to which it returns after early second looks.
    """

    due: Moments
    grid: Moments

    @property
    def at(self) -> float:
        """When the next visit starts."""
        return min(self.due)

    def what(self, now: float) -> Due:
        """Return what is due; the rungs below the top are climbed on the way.

        Before ONVIF the RTSP login is tried, so that a wrong password is not tried in two ways.
        """
        due = {rung for rung, moment in zip(ORDER, self.due, strict=True) if moment <= now + SAME_MOMENT}
        ask = Rung.ONVIF in due
        climbed = [rung for rung in LADDER_ORDER if rung in due]
        lowest = [Rung.RTSP] if ask else [Rung.REACH]
        return Due(max([*climbed, *lowest], key=LADDER_ORDER.index), ask)


def first_plan(index: int, count: int, now: float, intervals: Intervals) -> Plan:
    """Spread the first visits of `count` cameras evenly over each interval."""
    share = index / max(1, count)
    base = now + share * intervals.reach

    def on_grid(interval: float) -> float:
        """Return the first moment of a rung, on the grid of the lowest, so that one visit climbs both."""
        return base + intervals.reach * int(share * interval / intervals.reach)

    first = (
        base,
        on_grid(intervals.rtsp),
        on_grid(intervals.stream),
        on_grid(intervals.picture),
        on_grid(intervals.onvif),
    )
    return Plan(first, first)


def _next_on_grid(grid: float, interval: float, now: float) -> float:
    """Return the next moment after `now` in a rung's rhythm."""
    return grid + interval * (int((now + SAME_MOMENT - grid) // interval) + 1)


def next_plan(
    plan: Plan, started: float, now: float, visited: VisitResult, health: Health, intervals: Intervals
) -> Plan:
    """Plan the visit after one that started at `started` and ended at `now`.

    A rung that was due but not come to, as a lower one failed, stays due together with the lowest; a rung on which
    something is undecided is visited again soon.
    """
    attempted = {result.rung for result in visited.rungs}
    if visited.online:
        attempted.add(Rung.ONVIF)  # a camera that was reached and yet not asked has no ONVIF
    due: list[float | None] = []
    for rung, moment, grid in zip(ORDER, plan.due, plan.grid, strict=True):
        if moment > started + SAME_MOMENT:
            due.append(moment)
        else:
            due.append(_next_on_grid(grid, intervals.of(rung), now) if rung in attempted else None)
    pending = health.pending | ({Rung.PICTURE} if visited.look_again else frozenset())
    soon = {rung: max(now, started + intervals.recheck(rung)) for rung in pending}
    lowest = min(moment for moment in (*due, *soon.values()) if moment is not None)
    planned = [
        min(lowest if moment is None else moment, soon.get(rung, math.inf))
        for rung, moment in zip(ORDER, due, strict=True)
    ]
    return Plan((planned[0], planned[1], planned[2], planned[3], planned[4]), plan.grid)


def put_off(plan: Plan, until: float) -> Plan:
    """Return a plan in which nothing is due before a moment."""
    due = [max(moment, until) for moment in plan.due]
    return Plan((due[0], due[1], due[2], due[3], due[4]), plan.grid)


Visit = Callable[[str, Due, float], Awaitable[tuple[VisitResult, Health]]]


class Scheduler:
    """Runs one task a camera: wait until it is due, visit, plan again. Never two visits of one camera at once.

    `intervals` may be replaced while it runs; cameras come and go by `add` and `remove`.
    """

    def __init__(self, clock: Clock, intervals: Intervals, visit: Visit, *, at_once: int) -> None:
        self._clock = clock
        self.intervals = intervals
        self._visit = visit
        self._slots = asyncio.Semaphore(at_once)
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hurried: dict[str, asyncio.Event] = {}
        self._asked: set[str] = set()

    async def run(self, cameras: tuple[str, ...]) -> None:
        """Visit `cameras`, and what is added later, until cancelled."""
        now = self._clock.monotonic()
        order = list(cameras)
        random.Random(0).shuffle(order)  # neighbours on one switch are not visited one after the other
        async with asyncio.TaskGroup() as group:
            self._group = group
            for index, camera in enumerate(order):
                self._start(group, camera, first_plan(index, len(order), now, self.intervals))
            await asyncio.get_running_loop().create_future()  # also without any camera: more may come

    def _start(self, group: asyncio.TaskGroup, camera: str, plan: Plan) -> None:
        self._tasks[camera] = group.create_task(self._watch(camera, plan), name=camera)

    def add(self, cameras: tuple[str, ...]) -> None:
        """Visit more cameras from now on, the first at once with all rungs, many spread over the interval.

        Raises:
            RuntimeError: the scheduler does not run.

        """
        if self._group is None:
            raise RuntimeError("the scheduler does not run")
        now = self._clock.monotonic()
        for index, camera in enumerate(cameras):
            self._start(self._group, camera, first_plan(index, len(cameras), now, self.intervals))

    def hurry(self, cameras: Iterable[str]) -> None:
        """Visit cameras at once, ahead of their time; their rhythm stays."""
        for camera in cameras:
            if camera in self._hurried:
                self._hurried[camera].set()

    def ask(self, camera: str) -> None:
        """Climb every rung of a camera at once, and ask its device; its rhythm stays."""
        if camera in self._hurried:
            self._asked.add(camera)
            self._hurried[camera].set()

    async def remove(self, camera: str) -> None:
        """Visit a camera no more; a visit under way is ended, and its session torn down."""
        self._hurried.pop(camera, None)
        self._asked.discard(camera)
        task = self._tasks.pop(camera, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _watch(self, camera: str, plan: Plan) -> None:
        hurried = self._hurried[camera] = asyncio.Event()
        while True:
            try:
                async with asyncio.timeout(max(0.0, plan.at - self._clock.monotonic())):
                    await hurried.wait()
            except TimeoutError:
                pass
            early = hurried.is_set()
            hurried.clear()
            async with self._slots:
                started = self._clock.monotonic()
                due = plan.what(started if early else max(started, plan.at))
                if camera in self._asked:
                    self._asked.discard(camera)
                    due = Due(Rung.PICTURE, True)
                try:
                    visited, health = await self._visit(camera, due, max(0.0, started - plan.at))
                except Exception:
                    log.exception("camera %s: the visit failed for a reason of our own; it is tried again", camera)
                    plan = put_off(plan, self._clock.monotonic() + self.intervals.reach)
                    continue
            plan = next_plan(plan, started, self._clock.monotonic(), visited, health, self.intervals)
