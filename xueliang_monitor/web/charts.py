"""Geometry of the small charts, in the coordinates of their SVG. Templates draw them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from xueliang_monitor.judgement.availability import AvailabilitySeconds
from xueliang_monitor.judgement.episodes import Episode, keeps_offline
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.judgement.maintenance import Window
from xueliang_monitor.model import State

DAYS = 30
BAR_WIDTH, BAR_HEIGHT = 10, 40
LOWEST_RATIO = 0.8
"""Online rate at the bottom of a day's bar. Lower rates show as the smallest bar."""

DAY_SECONDS = 86_400.0
DRAWN = (State.DEGRADED, State.DOWN, State.UNKNOWN, State.MAINTENANCE)
"""States of a timeline in the order in which they are drawn; later ones cover earlier ones."""

LINE_WIDTH, LINE_HEIGHT = 240, 44
GAP_SECONDS = 2 * 3600.0
"""No line is drawn between two measurements that are further apart."""


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day of a camera's availability. `ratio` is None if the camera was not monitored."""

    day: str
    ratio: float | None
    x: float
    y: float
    height: float

    @property
    def kind(self) -> str:
        """The state that gives the bar its colour."""
        if self.ratio is None:
            return "unknown"
        if self.ratio >= 0.99:
            return "up"
        return "degraded" if self.ratio >= 0.95 else "down"


def days(seconds: Mapping[str, AvailabilitySeconds], today: str, count: int = DAYS) -> list[DayBar]:
    """Return one bar per day; the last one is today."""
    last = date.fromisoformat(today)
    bars = []
    for number in range(count):
        day = (last - timedelta(days=count - 1 - number)).isoformat()
        ratio = seconds.get(day, AvailabilitySeconds()).online_ratio
        share = 1.0 if ratio is None else max(0.0, (ratio - LOWEST_RATIO) / (1 - LOWEST_RATIO))
        height = max(4.0, BAR_HEIGHT * share)
        bars.append(DayBar(day, ratio, x=number * (BAR_WIDTH + 2), y=BAR_HEIGHT - height, height=height))
    return bars


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a timeline: `x` and `width` on a scale of 0 to 1000, `began` and `ended` in seconds since the epoch."""

    state: State
    x: float
    width: float
    began: float
    ended: float
    what: str = ""


def watched_from(seconds: Mapping[str, AvailabilitySeconds], today: str) -> float:
    """Return where monitoring began on the timeline of the last day, on a scale of 0 to 1000.

    The history holds monitored seconds per day and no times, so all unmonitored time is drawn at the start.
    """
    yesterday = (date.fromisoformat(today) - timedelta(days=1)).isoformat()
    watched = sum(seconds.get(day, AvailabilitySeconds()).observed for day in (yesterday, today))
    return 1000 * (1 - min(1.0, watched / DAY_SECONDS))


def timeline(
    episodes: Iterable[Episode], outages: Iterable[Outage], windows: Iterable[Window], now: float
) -> list[Stretch]:
    """Return the last day as stretches in the order of `DRAWN`. Offline faults show as part of their outage."""
    start = now - DAY_SECONDS
    found: list[Stretch] = []

    def add(state: State, began: float, ended: float, what: str) -> None:
        first, last = max(start, began), min(now, ended)
        if last > first:
            x = 1000 * (first - start) / DAY_SECONDS
            width = max(1.5, 1000 * (last - first) / DAY_SECONDS)
            found.append(Stretch(state=state, x=x, width=width, began=began, ended=ended, what=what))

    for episode in episodes:
        ended = episode.ended if episode.ended is not None else now
        if episode.uplink:
            add(State.UNKNOWN, episode.began, ended, episode.fault)
        elif not keeps_offline(episode.fault):
            add(State.DEGRADED, episode.began, ended, episode.fault)
    for outage in outages:
        add(State.DOWN, outage.began, now if outage.ended is None else outage.ended, ", ".join(outage.codes))
    for window in windows:
        ends = window.ends if window.stopped is None else min(window.ends, window.stopped)
        add(State.MAINTENANCE, window.began, ends, window.reason)
    return sorted(found, key=lambda stretch: DRAWN.index(stretch.state))


@dataclass(frozen=True, slots=True)
class Line:
    """The course of a measure: the path of its line, the height of its limit, its last value and its range."""

    path: str
    limit_y: float | None
    last: float
    low: float
    high: float


def line(values: Sequence[tuple[float, float]], limit: float | None = None, top: float | None = None) -> Line | None:
    """Return a line through pairs of moment and value; None for fewer than two pairs.

    `top` is the upper end of the scale; without it the scale fits the values.
    """
    if len(values) < 2:
        return None
    first, last = values[0][0], values[-1][0]
    low, high = min(value for _, value in values), max(value for _, value in values)
    bottom = 0.0 if top is not None else low - 0.05 * (high - low or 1)
    upper = top if top is not None else high + 0.05 * (high - low or 1)

    def y(value: float) -> float:
        return round(LINE_HEIGHT - LINE_HEIGHT * (min(upper, value) - bottom) / (upper - bottom or 1), 1)

    parts, before = [], float("-inf")
    for at, value in values:
        x = round(LINE_WIDTH * (at - first) / (last - first or 1), 1)
        parts.append(f"{'L' if at - before <= GAP_SECONDS else 'M'}{x} {y(value)}")
        before = at
    limit_y = None if limit is None else y(limit)
    return Line("".join(parts), limit_y, last=values[-1][1], low=low, high=high)
