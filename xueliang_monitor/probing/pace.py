"""The pace of a stream: frame rate, bitrate and jitter, from the times of its pictures. Pure.

Pictures come in the order of decoding and carry the time of showing, so B pictures step back in time (RFC 6184, 5.1).
All figures by timestamp therefore come from sorted times.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xueliang_monitor.wire.rtp import signed

MIN_STEPS = 3
MIN_SECONDS = 1.0
MAX_STEP_SECONDS = 60.0
"""A longer step of the clock is a jump, not a pause between two pictures."""

MAX_BACK_SECONDS = 1.0
"""A longer step back is a clock that starts again, not a B picture."""

SAME_PICTURE_TICKS = 2
"""Slices of one picture may have timestamps that are this far apart."""

FASTER, SLOWER = 4.0, 1.5
"""The frame rate by timestamps over the one by arrival, and the other way round, from which the clock is not believed.

A clock that is not the announced one differs from arrival by a factor. A stream may arrive slowly over a slow line, but
faster than in real time only in a burst."""

STEADY_SHARE = 0.3
_MAX_LIVE_RATE = 120.0


class Arrived(NamedTuple):
    """One picture: its timestamp in clock ticks, its size in bytes, and when its first and last packets arrived."""

    timestamp: int
    size: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What the times of pictures tell; None if too few came.

    Args:
        frame_rate: frames per second by timestamps; by arrival if the timestamps do not advance or cannot be true.
        arrival_rate: frames per second by arrival.
        bits_per_second: payload bits per second by the same clock as `frame_rate`.
        jitter_seconds: the interarrival jitter (RFC 3550, A.8) of pictures in the order of showing.
        clock_ratio: the seconds that pass in one second of the announced clock; 1 if the clock is right.

    """

    frame_rate: float | None = None
    arrival_rate: float | None = None
    bits_per_second: float | None = None
    jitter_seconds: float | None = None
    clock_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class _Run:
    """Pictures of one clock in the order of arrival, with times in ticks since the first one."""

    pictures: tuple[Arrived, ...]
    times: tuple[int, ...]

    @property
    def shown(self) -> list[int]:
        """The sorted times, up to the last one before which nothing can be missing.

        A picture that is later than all before it is complete below once the next such picture came.
        """
        records, highest = [], self.times[0]
        for time in self.times:
            if time >= highest:
                records.append(time)
                highest = time
        if len(records) == len(self.times) or len(records) < 2:
            return sorted(self.times)
        return sorted(time for time in self.times if time <= records[-2])


def _runs(pictures: Sequence[Arrived], clock_rate: int) -> list[_Run]:
    """Split pictures where the clock jumps."""
    runs: list[_Run] = []
    members: list[Arrived] = []
    times: list[int] = []
    for picture in pictures:
        if members:
            time = times[-1] + signed(picture.timestamp - members[-1].timestamp)
            latest = max(times[-16:])
            if latest - MAX_BACK_SECONDS * clock_rate <= time <= latest + MAX_STEP_SECONDS * clock_rate:
                members.append(picture)
                times.append(time)
                continue
            runs.append(_Run(tuple(members), tuple(times)))
        members, times = [picture], [0]
    if members:
        runs.append(_Run(tuple(members), tuple(times)))
    return runs


def _joined(pictures: Sequence[Arrived]) -> list[Arrived]:
    """Join slices of one picture whose timestamps are a tick or two apart."""
    joined: list[Arrived] = []
    for picture in pictures:
        last = joined[-1] if joined else None
        if last is not None and 0 < abs(signed(picture.timestamp - last.timestamp)) <= SAME_PICTURE_TICKS:
            joined[-1] = Arrived(last.timestamp, last.size + picture.size, last.first, picture.last)
        else:
            joined.append(picture)
    return joined


def _steps(times: Sequence[int]) -> list[int]:
    return [later - earlier for earlier, later in itertools.pairwise(times) if later > earlier]


def _is_steady(pictures: Sequence[Arrived], rate: float) -> bool:
    """Return whether pictures arrive evenly, as from a live camera and not in a burst."""
    if rate > _MAX_LIVE_RATE or len(pictures) < 10:
        return False
    third = len(pictures) // 3
    for start in range(0, 3 * third, third):
        part = pictures[start : start + third + 1]
        seconds = part[-1].last - part[0].last
        if not seconds or abs((len(part) - 1) / seconds - rate) > STEADY_SHARE * rate:
            return False
    return True


def _jitter(runs: Sequence[_Run], clock_rate: float) -> float:
    jitter = 0.0
    for run in runs:
        shown = run.shown
        pairs = [(picture.first, time) for picture, time in zip(run.pictures, shown, strict=False)]
        for (came, time), (next_came, next_time) in itertools.pairwise(pairs):
            jitter += (abs(next_came - came - (next_time - time) / clock_rate) - jitter) / 16
    return jitter


def measure(pictures: Sequence[Arrived], clock_rate: int) -> Pace:
    """Measure the pace of pictures in the order of their arrival; `clock_rate` is the announced one."""
    pictures = _joined(pictures)
    if not pictures:
        return Pace()
    runs = _runs(pictures, clock_rate)
    steps = [step for run in runs for step in _steps(run.shown)]
    arrival_seconds = pictures[-1].last - pictures[0].last
    arrival_rate = (len(pictures) - 1) / arrival_seconds if arrival_seconds >= MIN_SECONDS else None
    frame_rate = clock_rate / statistics.median(steps) if len(steps) >= MIN_STEPS else None
    ratio = _clock_ratio(pictures, frame_rate, arrival_rate)
    seconds = sum(steps) * ratio / clock_rate
    size = sum(_size_shown(run) for run in runs)
    if not seconds or ratio != 1.0:
        seconds, size = arrival_seconds, sum(picture.size for picture in pictures[:-1])
    return Pace(
        frame_rate=arrival_rate if frame_rate is None or ratio != 1.0 else frame_rate,
        arrival_rate=arrival_rate,
        bits_per_second=8 * size / seconds if seconds >= MIN_SECONDS else None,
        jitter_seconds=_jitter(runs, clock_rate / ratio),
        clock_ratio=ratio,
    )


def _size_shown(run: _Run) -> int:
    """Return the bytes of the pictures up to the last shown one, without that one."""
    last = run.shown[-1]
    return sum(picture.size for picture, time in zip(run.pictures, run.times, strict=True) if time < last)


def _clock_ratio(pictures: Sequence[Arrived], frame_rate: float | None, arrival_rate: float | None) -> float:
    """Return the seconds that pass in a second of the announced clock, as arrival tells; 1 if that is plausible."""
    if frame_rate is None or arrival_rate is None:
        return 1.0
    if frame_rate > FASTER * arrival_rate:
        return frame_rate / arrival_rate
    if arrival_rate > SLOWER * frame_rate and _is_steady(pictures, arrival_rate):
        return frame_rate / arrival_rate
    return 1.0


def keyframe_interval(timestamps: Sequence[int], clock_rate: float) -> float | None:
    """Return the usual seconds between keyframes by their timestamps; None with fewer than two."""
    steps = [signed(later - earlier) for earlier, later in itertools.pairwise(timestamps)]
    forward = [step for step in steps if step > 0]
    return statistics.median(forward) / clock_rate if forward else None
