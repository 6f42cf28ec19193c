"""Judges the last start that a device tells: notices a restart, and doubts answers that cannot be true. Pure."""

from __future__ import annotations

from dataclasses import replace

from xueliang_monitor.probing.device_memory import DeviceMemory, Subject

SAME_START_SECONDS = 60.0
"""Two reported starts that are less apart are the same start."""

SAME_AGE_SECONDS = 10.0
"""A start whose age stays the same from one answer to the next, within this, moves along with the time of asking."""

APART_SECONDS = 40.0
"""How far two answers must lie apart to tell a start that stays from one that moves along."""

STALE_SECONDS = 10 * 365 * 86_400.0
"""A start longer ago is no date: the camera's clock was not set when it was noted."""

YOUNG_SECONDS = 120.0
"""A start this short ago may be the time of the answer."""

DOUBTS = 3
"""Plausible answers after which a last start is believed again."""

NO_START = "it tells no date of its last start"
IN_THE_FUTURE = "the last start that it tells is in the future"
MOVES_ALONG = "the last start that it tells moves along with the time of asking"
JUMPS = "the last start that it tells jumps about"


def _is_moved(known: DeviceMemory, started: float, ours: float) -> bool:
    """Return whether a start differs from the one before by both clocks. Setting a clock moves only one."""
    before = known.last_start
    return before is not None and min(abs(started - before[0]), abs(ours - before[1])) > SAME_START_SECONDS


def _without_zone(known: DeviceMemory, ours: float, now: float) -> float:
    """Return a start without the zone's offset, if the device tells its last start in local time."""
    zone = (known.time_keeping.offset_seconds if known.time_keeping is not None else None) or 0.0
    return ours - zone if now + SAME_START_SECONDS < ours <= now + SAME_START_SECONDS + zone else ours


def _why_doubted(known: DeviceMemory, started: float, ours: float, now: float) -> str:
    """Return why a start cannot be true; empty if it may be. A restart lies between two answers."""
    before, told_at = known.last_start, known.last_start_told_at
    if ours > now + SAME_START_SECONDS:
        return IN_THE_FUTURE
    if before is None:
        return ""
    age, moved = now - ours, _is_moved(known, started, ours)
    if told_at is None:
        return MOVES_ALONG if moved and age < YOUNG_SECONDS else ""
    if now - told_at >= APART_SECONDS and abs(age - (told_at - before[1])) < SAME_AGE_SECONDS:
        return MOVES_ALONG
    return JUMPS if moved and ours < told_at - SAME_START_SECONDS else ""


def after_start(known: DeviceMemory, started: float | None, offset: float, now: float) -> DeviceMemory:
    """Return what to remember after a device told its last start; notices a restart.

    `started` is by the device's clock, None if it told none; `offset` is that clock minus ours. Some devices tell the
    time of asking, a time to come, or another time whenever they are asked.
    """
    if started is None or now - (started - offset) > STALE_SECONDS:
        return known.without_telling(Subject.LAST_START, NO_START)
    ours = _without_zone(known, started - offset, now)
    why, moved = _why_doubted(known, started, ours, now), _is_moved(known, started, ours)
    told_at = known.last_start_told_at
    recent = not moved and told_at is not None and now - told_at < APART_SECONDS
    told = known
    if why != IN_THE_FUTURE and not recent:
        told = replace(known, last_start=(started, ours), last_start_told_at=now)
    if why:
        doubted = replace(told, start_doubts=DOUBTS, restart_noticed_at=None)
        return doubted.without_telling(Subject.LAST_START, why)
    if known.start_doubts > 1 or (known.start_doubts and (moved or recent)):
        return told if recent else replace(told, start_doubts=known.start_doubts - 1)
    told = replace(told, start_doubts=0).after_telling(Subject.LAST_START, now)
    return replace(told, restart_noticed_at=now) if moved else told
