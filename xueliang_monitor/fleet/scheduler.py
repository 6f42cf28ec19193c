"""Decides when each camera is visited, and which rungs each visit climbs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import MappingProxyType

from xueliang_monitor.clock import Clock
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.model import Rung, VisitResult
from xueliang_monitor.probing.host_queue import CameraBusyError, Turn, Urgency
from xueliang_monitor.probing.rung import SLOW_RECHECK
from xueliang_monitor.probing.rungs import BESIDE, BESIDE_RUNGS, LADDER, OFFLINE_RUNGS, PROBES

log = logging.getLogger(__name__)

ORDER = tuple(probe.rung for probe in PROBES)
_LADDER_ORDER = tuple(probe.rung for probe in LADDER)
_TELLING = tuple(rung for rung in _LADDER_ORDER if rung in OFFLINE_RUNGS)
"""The rungs that tell whether a camera is online."""

SAME_MOMENT_SECONDS = 0.001
"""Two rungs that are due within this time are due together: rounding may part them."""


_INTERVALS: Mapping[str, float] = MappingProxyType({probe.rung: probe.interval_seconds for probe in PROBES})
_RECHECKS: Mapping[str, float] = MappingProxyType({probe.rung: probe.recheck.seconds for probe in PROBES})


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between visits that climb to each rung, and seconds before a second look at it."""

    seconds: Mapping[str, float] = field(default_factory=lambda: _INTERVALS)
    rechecks: Mapping[str, float] = field(default_factory=lambda: _RECHECKS)

    def of(self, rung: Rung) -> float:
        """Return the interval of a rung."""
        return self.seconds[rung]

    def recheck(self, rung: Rung) -> float:
        """Return how soon a rung is climbed again while something is undecided."""
        return self.rechecks.get(rung, SLOW_RECHECK.seconds)


Moments = tuple[float, ...]
"""A moment for each rung, in the order of `ORDER`."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a visit is to do: climb the ladder to `top`, and the rungs `beside` it."""

    top: Rung
    beside: frozenset[Rung] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """When each rung of one camera is due, in monotonic seconds.

    `grid` holds a moment of each rung's regular rhythm. The rung returns to it after early second looks.
    """

    due: Moments
    grid: Moments

    @property
    def at(self) -> float:
        """When the next visit starts."""
        return min(self.due)

    def what(self, now: float) -> Due:
        """Return what is due; the rungs below the top are climbed on the way.

        A rung beside the ladder names the rung that is climbed before it. ONVIF names RTSP, so that a wrong password is
        not tried over both.
        """
        due = {rung for rung, moment in zip(ORDER, self.due, strict=True) if moment <= now + SAME_MOMENT_SECONDS}
        before = {probe.beside for probe in BESIDE if probe.rung in due}
        climbed = [rung for rung in _LADDER_ORDER if rung in due or rung in before]
        return Due(climbed[-1] if climbed else _LADDER_ORDER[0], BESIDE_RUNGS & due)


def first_plan(index: int, count: int, now: float, intervals: Intervals) -> Plan:
    """Spread the first visits of `count` cameras evenly over each interval."""
    share = index / max(1, count)
    shortest = intervals.of(ORDER[0])
    base = now + share * shortest

    def on_grid(interval: float) -> float:
        """Return a rung's first moment on the grid of the lowest rung, so that one visit climbs both."""
        return base + shortest * int(share * interval / shortest)

    first = tuple(on_grid(intervals.of(rung)) for rung in ORDER)
    return Plan(first, first)


def _next_on_grid(grid: float, interval: float, now: float) -> float:
    """Return the next moment after `now` on a rung's grid."""
    return grid + interval * (int((now + SAME_MOMENT_SECONDS - grid) // interval) + 1)


def next_plan(
    plan: Plan,
    visited: VisitResult,
    health: Health,
    intervals: Intervals,
    *,
    started: float,
    now: float,
    keep_rhythm: bool = False,
) -> Plan:
    """Plan the visit after one that started at `started` and ended at `now`.

    A rung that was due but not reached, because a lower one failed, is due with the next visit. With `keep_rhythm` a
    costly rung above an offline camera's is due in its regular rhythm instead: the many cameras of one host must not
    climb all rungs at once when the host is back. A rung with an undecided fault is climbed again soon.
    """
    attempted = {result.rung for result in visited.rungs}
    if keep_rhythm and visited.online is False:
        attempted |= set(ORDER) - OFFLINE_RUNGS
    if visited.online:
        attempted |= BESIDE_RUNGS  # one that was not climbed is one that the camera does not have
    due: list[float | None] = []
    for rung, moment, grid in zip(ORDER, plan.due, plan.grid, strict=True):
        if moment > started + SAME_MOMENT_SECONDS:
            due.append(moment)
        else:
            due.append(_next_on_grid(grid, intervals.of(rung), now) if rung in attempted else None)
    pending = health.pending | ({Rung.PICTURE} if visited.look_again else frozenset())
    soon = {rung: max(now, started + intervals.recheck(rung)) for rung in pending}
    lowest = min(moment for moment in (*due, *soon.values()) if moment is not None)
    planned = tuple(
        min(lowest if moment is None else moment, soon.get(rung, math.inf))
        for rung, moment in zip(ORDER, due, strict=True)
    )
    return Plan(planned, plan.grid)


def put_off(plan: Plan, until: float) -> Plan:
    """Return a plan with nothing due before `until`."""
    return Plan(tuple(max(moment, until) for moment in plan.due), plan.grid)


Visit = Callable[[str, Due, float, Turn], Awaitable[tuple[VisitResult, Health]]]
"""Makes a visit: the camera, what is due, by how many seconds it is late, and its turn at the host."""

Turns = Callable[[str, Urgency], AbstractAsyncContextManager[Turn]]
"""Waits for a camera's turn at its host."""


@contextlib.asynccontextmanager
async def _at_once(_camera: str, _urgency: Urgency) -> AsyncIterator[Turn]:
    yield Turn()


class Scheduler:
    """Runs one task for each camera: wait until it is due, visit, plan again.

    A camera is never visited twice at once. A visit waits for its turn at the camera's host first, and only then for
    one of the `at_once` slots, so that a slow host with many cameras takes few slots. `intervals` may be replaced while
    the scheduler runs.
    """

    def __init__(
        self, clock: Clock, intervals: Intervals, visit: Visit, *, at_once: int, turns: Turns = _at_once
    ) -> None:
        self._clock = clock
        self.intervals = intervals
        self._visit = visit
        self._turns = turns
        self._slots = asyncio.Semaphore(at_once)
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hurried: dict[str, asyncio.Event] = {}
        self._asked: set[str] = set()
        self._logging_in: set[str] = set()

    async def run(self, cameras: tuple[str, ...]) -> None:
        """Visit `cameras`, and cameras added later, until cancelled."""
        now = self._clock.monotonic()
        order = list(cameras)
        random.Random(0).shuffle(order)  # spreads the cameras of one switch
        async with asyncio.TaskGroup() as group:
            self._group = group
            for index, camera in enumerate(order):
                self._start(group, camera, first_plan(index, len(order), now, self.intervals))
            await asyncio.get_running_loop().create_future()  # cameras may be added later

    def _start(self, group: asyncio.TaskGroup, camera: str, plan: Plan) -> None:
        self._tasks[camera] = group.create_task(self._watch(camera, plan), name=camera)

    async def add(self, cameras: tuple[str, ...]) -> None:
        """Visit more cameras from now on. The first visit climbs all rungs; many cameras are spread over the interval.

        Raises:
            RuntimeError: the scheduler is not running.

        """
        if self._group is None:
            raise RuntimeError("the scheduler is not running")
        now = self._clock.monotonic()
        for index, camera in enumerate(cameras):
            self._start(self._group, camera, first_plan(index, len(cameras), now, self.intervals))
            await asyncio.sleep(0)  # a whole fleet may be added at once

    def hurry(self, cameras: Iterable[str]) -> None:
        """Visit cameras at once. Their next regular visits stay as planned."""
        for camera in cameras:
            if camera in self._hurried:
                self._hurried[camera].set()

    def log_in(self, cameras: Iterable[str]) -> None:
        """Visit cameras at once, and climb at least to RTSP. Their next regular visits stay as planned."""
        for camera in cameras:
            if camera in self._hurried:
                self._logging_in.add(camera)
                self._hurried[camera].set()

    def ask(self, camera: str) -> None:
        """Climb every rung of a camera at once. Its next regular visits stay as planned."""
        if camera in self._hurried:
            self._asked.add(camera)
            self._hurried[camera].set()

    async def remove(self, camera: str) -> None:
        """Stop visiting a camera. A running visit is cancelled, and its session torn down."""
        self._hurried.pop(camera, None)
        self._asked.discard(camera)
        self._logging_in.discard(camera)
        task = self._tasks.pop(camera, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _watch(self, camera: str, plan: Plan) -> None:
        hurried = self._hurried[camera] = asyncio.Event()
        undecided = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, plan.at - self._clock.monotonic())):
                    await hurried.wait()
            try:
                plan, undecided = await self._take_turn(camera, plan, self._urgency(camera, undecided=undecided))
            except Exception:
                log.exception("camera %s: the visit failed with an error of the monitor; retrying", camera)
                plan = put_off(plan, self._clock.monotonic() + self.intervals.of(ORDER[0]))

    def _urgency(self, camera: str, *, undecided: bool) -> Urgency:
        if camera in self._asked:
            return Urgency.ASKED
        return Urgency.RECHECK if undecided or self._hurried[camera].is_set() else Urgency.ROUTINE

    async def _take_turn(self, camera: str, plan: Plan, urgency: Urgency) -> tuple[Plan, bool]:
        """Visit a camera when its turn comes; return the plan after that, and whether something is undecided.

        What is due is decided when the visit starts. Waiting for the turn does not make the visit late.
        """
        hurried, asked_at = self._hurried[camera], self._clock.monotonic()
        async with self._turn(camera, urgency) as turn:
            waited = self._clock.monotonic() - asked_at
            async with contextlib.nullcontext() if turn.without_connection else self._slots:
                started = self._clock.monotonic()
                early, asked = hurried.is_set(), camera in self._asked
                hurried.clear()
                self._asked.discard(camera)
                due = plan.what(started if early else max(started, plan.at))
                if early and turn.many and due.top in _TELLING:
                    due = Due(_TELLING[-1], due.beside)
                if camera in self._logging_in:
                    self._logging_in.discard(camera)
                    due = due if due.top != _LADDER_ORDER[0] else Due(Rung.RTSP, due.beside)
                if asked:
                    due = Due(_LADDER_ORDER[-1], BESIDE_RUNGS)
                visited, health = await self._visit(camera, due, max(0.0, started - waited - plan.at), turn)
        if turn.again:
            if asked:
                self._asked.add(camera)
            hurried.set()
            return plan, True
        after = next_plan(
            plan,
            visited,
            health,
            self.intervals,
            started=started,
            now=self._clock.monotonic(),
            keep_rhythm=turn.many,
        )
        return after, bool(health.pending)

    @contextlib.asynccontextmanager
    async def _turn(self, camera: str, urgency: Urgency) -> AsyncIterator[Turn]:
        """Wait for a camera's turn; without one, because other processes have them all, the turn says why."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                turn = await stack.enter_async_context(self._turns(camera, urgency))
            except CameraBusyError as error:
                turn = Turn(why_not=str(error))
            yield turn
