"""When each rung of a camera is due: the first plan, and the next one after each visit and each look. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from xueliang_monitor.judgement.health import Health
from xueliang_monitor.model import Rung, VisitResult
from xueliang_monitor.probing.rung import SLOW_RECHECK
from xueliang_monitor.probing.rungs import BESIDE, BESIDE_RUNGS, LADDER, OFFLINE_RUNGS, PROBES

ORDER = tuple(probe.rung for probe in PROBES)
LADDER_ORDER = tuple(probe.rung for probe in LADDER)
TELLING = tuple(rung for rung in LADDER_ORDER if rung in OFFLINE_RUNGS)
"""The rungs that tell whether a camera is online."""

COSTLY = frozenset(LADDER_ORDER) - OFFLINE_RUNGS
"""The rungs that receive media. They wait for an invitation, so that the others never wait for them."""

_COSTLY_PLACES = tuple(place for place, rung in enumerate(ORDER) if rung in COSTLY)
_CHEAP_PLACES = tuple(place for place, rung in enumerate(ORDER) if rung not in COSTLY)

LOOKS = frozenset(probe.rung for probe in LADDER if probe.after_session)
"""The rungs that look at what a visit fetched, and need the camera no more."""

JUST_CLIMBED = 0.25
"""A rung that is due within this share of its interval after a visit that climbed it is not climbed again for that."""

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
    """What a visit is to do: climb the ladder to `top`, and the rungs `beside` it.

    `overdue_seconds` is how long the regular stream or picture of this visit had to wait; None if it is no such visit.
    """

    top: Rung
    beside: frozenset[Rung] = frozenset()
    overdue_seconds: float | None = field(default=None, compare=False)


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

    @property
    def cheap_at(self) -> float:
        """When the next visit starts that no invitation is needed for."""
        return min(map(self.due.__getitem__, _CHEAP_PLACES))

    def regular(self, since: float, intervals: Intervals) -> float:
        """Return when a look is due in its regular rhythm, after one that was due at `since`."""
        grids = [(grid, intervals.of(rung)) for rung, grid in zip(ORDER, self.grid, strict=True) if rung in LOOKS]
        return min(_next_on_grid(grid, interval, since) for grid, interval in grids)

    def costly(self, now: float) -> Mapping[Rung, float]:
        """Return since when each costly rung is due that is."""
        soon = now + SAME_MOMENT_SECONDS
        return {ORDER[place]: self.due[place] for place in _COSTLY_PLACES if self.due[place] <= soon}

    def wakes_at(self, now: float) -> float:
        """Return when something is to be done next, without the costly rungs that are due already."""
        soon = now + SAME_MOMENT_SECONDS
        later = [self.due[place] for place in _COSTLY_PLACES if self.due[place] > soon]
        return min([*later, self.cheap_at])

    def what(self, now: float, without: Collection[Rung] = ()) -> Due:
        """Return what is due `without` some rungs; the rungs below the top are climbed on the way.

        A rung beside the ladder names the rung that is climbed before it. ONVIF names RTSP, so that a wrong password is
        not tried over both.
        """
        moments = zip(ORDER, self.due, strict=True)
        due = {rung for rung, at in moments if at <= now + SAME_MOMENT_SECONDS and rung not in without}
        before = {probe.beside for probe in BESIDE if probe.rung in due}
        climbed = [rung for rung in LADDER_ORDER if rung in due or rung in before]
        return Due(climbed[-1] if climbed else LADDER_ORDER[0], BESIDE_RUNGS & due)


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
    waiting: Collection[Rung] = (),
    looking: bool = False,
) -> Plan:
    """Plan the visit after one that started at `started` and ended at `now`.

    A rung that was due but not reached, because a lower one failed, is due with the next visit. With `keep_rhythm` a
    costly rung above an offline camera's is due in its regular rhythm instead: the many cameras of one host must not
    climb all rungs at once when the host is back. A rung with an undecided fault is climbed again soon. Rungs that are
    `waiting` for an invitation stay due since when they are. With `looking` the picture is here and looked at later.
    """
    attempted = {result.rung for result in visited.rungs}
    if looking:
        attempted |= LOOKS
    climbed = frozenset(attempted)
    if keep_rhythm and visited.online is False:
        attempted |= set(ORDER) - OFFLINE_RUNGS
    if visited.online:
        attempted |= BESIDE_RUNGS  # one that was not climbed is one that the camera does not have
    waiting = frozenset(waiting) - attempted
    due: list[float | None] = []
    for rung, moment, grid in zip(ORDER, plan.due, plan.grid, strict=True):
        interval = intervals.of(rung)
        if moment > started + SAME_MOMENT_SECONDS:
            # One beside the ladder comes with the next visit of the lowest rung: this one is put off as well.
            rhythm = interval if rung in climbed else intervals.of(ORDER[0])
            just_climbed = rung in climbed | BESIDE_RUNGS and moment - started <= JUST_CLIMBED * rhythm
            due.append(_next_on_grid(grid, rhythm, max(now, moment)) if visited.online and just_climbed else moment)
        elif rung in waiting:
            due.append(moment)
        else:
            due.append(_next_on_grid(grid, interval, now) if rung in attempted else None)
    pending = health.pending | (LOOKS if visited.look_again else frozenset())
    soon = {rung: max(now, started + intervals.recheck(rung)) for rung in pending}
    told = [moment for rung, moment in zip(ORDER, due, strict=True) if rung not in waiting and moment is not None]
    lowest = min((*told, *soon.values()))
    planned = tuple(
        min(lowest if moment is None else moment, soon.get(rung, math.inf))
        for rung, moment in zip(ORDER, due, strict=True)
    )
    return Plan(planned, plan.grid)


def plan_after_look(
    plan: Plan, visited: VisitResult, health: Health, intervals: Intervals, *, started: float, now: float
) -> Plan:
    """Plan the next picture after a look at one that was fetched in a visit that started at `started`."""
    again = visited.look_again or bool(health.pending & LOOKS)

    def due(rung: Rung, moment: float, grid: float) -> float:
        if rung not in LOOKS:
            return moment
        regular = _next_on_grid(grid, intervals.of(rung), now)
        return min(regular, max(now, started + intervals.recheck(rung))) if again else regular

    return Plan(tuple(due(*each) for each in zip(ORDER, plan.due, plan.grid, strict=True)), plan.grid)


def put_off(plan: Plan, until: float) -> Plan:
    """Return a plan with nothing due before `until`."""
    return Plan(tuple(max(moment, until) for moment in plan.due), plan.grid)
