"""One camera's stills fed through the daemon's own look, learning and judgement on a simulated clock.

A look takes the still nearest in time. Stills further apart than the looks are looked at more than once; then the last
picture is forgotten, as the same file twice is no evidence of freezing. No look takes a still further away than
`NEAR_SECONDS`: while the stills pause, the camera is not looked at, and that time counts for nothing.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from pydantic import TypeAdapter

from xueliang_monitor.judgement.debounce import advance
from xueliang_monitor.judgement.health import Health, Policy
from xueliang_monitor.judgement.transition import TransitionKind
from xueliang_monitor.model import Finding, Rung, RungResult, VisitResult
from xueliang_monitor.picture.look import Look, look_at
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.probing.conclusion import MAX_SECOND_LOOKS
from xueliang_monitor.probing.rung import SLOW_RECHECK
from xueliang_monitor.probing.rungs.picture import PICTURE

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR_SECONDS = 900.0
"""Distance in time up to which a still stands for what the camera shows."""

STORED = TypeAdapter(Reference)


@dataclass(frozen=True, slots=True)
class Still:
    """One picture of a camera: its file, when it was taken, and the local hour then."""

    file: Path
    at: float
    hour: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A confirmed fault: when it was first seen, confirmed and over, and how long it was watched."""

    code: str
    since: float
    confirmed_at: float
    ended_at: float
    hours: float
    detail: str
    files: tuple[str, ...]
    """The stills on which it was seen until it was confirmed."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one camera's run gave.

    `watched_hours` is the time in which stills were near. `reference_bytes` is the largest past as stored: as JSON,
    without the last picture.
    """

    looks: int
    watched_hours: float
    standing: tuple[Standing, ...]
    reference_bytes: int


class StillRun:
    """Looks at one camera as the daemon does: in its rhythm, and again soon while something is undecided."""

    def __init__(self, stills: Sequence[Still], *, interval_seconds: float = PICTURE.interval_seconds) -> None:
        self._stills = sorted(stills, key=lambda still: still.at)
        self._moments = [still.at for still in self._stills]
        self._interval = interval_seconds
        self._policy = Policy()
        self._health, self._second = Health(), 0
        self._reference: Reference | None = None
        self._open: dict[str, Standing] = {}
        self._seen_in: dict[str, tuple[str, ...]] = {}
        self._done: list[Standing] = []
        self._looks, self._watched_hours, self._stored_bytes = 0, 0.0, 0
        self._picture: tuple[Still, NDArray[np.uint8]] | None = None

    def run(self) -> Iterator[float]:
        """Make every look; yield the time of each."""
        at = self._moments[0]
        grid = at
        while at <= self._moments[-1]:
            still = self._nearest(at)
            again = abs(still.at - at) <= NEAR_SECONDS and self._look(still, at)
            while grid <= at:
                grid += self._interval
            following = min(at + SLOW_RECHECK.seconds, grid) if again else grid
            if abs(still.at - at) <= NEAR_SECONDS:
                self._watch((following - at) / 3600)
            at = following
            yield at

    def result(self) -> RunResult:
        """Return what the run gave so far; faults that still stand end with it."""
        standing = sorted((*self._done, *self._open.values()), key=lambda each: each.confirmed_at)
        return RunResult(self._looks, self._watched_hours, tuple(standing), self._stored_bytes)

    def _nearest(self, at: float) -> Still:
        place = bisect.bisect_left(self._moments, at)
        near = self._stills[max(0, place - 1) : place + 1]
        return min(near, key=lambda still: abs(still.at - at))

    def _watch(self, hours: float) -> None:
        self._watched_hours += hours
        for code, fault in self._open.items():
            self._open[code] = replace(fault, hours=fault.hours + hours)

    def _look(self, still: Still, at: float) -> bool:
        """Look at a still; return whether a second look is due."""
        picture = self._read(still)
        if picture is None:
            return False
        self._looks += 1
        hour = None if still.hour is None else (still.hour + (at - still.at) / 3600) % 24
        look = look_at([picture], self._reference, hour=hour)
        again = self._judge(look, still, at)
        stored = STORED.dump_json(look.reference)
        without_last = len(stored) - len(look.reference.previous) * 4 // 3  # the last picture is never saved
        self._stored_bytes = max(self._stored_bytes, without_last)
        self._reference = STORED.validate_json(stored)
        return again

    def _read(self, still: Still) -> NDArray[np.uint8] | None:
        if self._picture is not None and self._picture[0] is still:
            if self._reference is not None:
                self._reference = replace(self._reference, previous=b"")
            return self._picture[1]
        read: Any = cv2.imread(str(still.file), cv2.IMREAD_COLOR)
        if read is None:
            return None
        self._picture = still, np.asarray(read, dtype=np.uint8)
        return self._picture[1]

    def _judge(self, look: Look, still: Still, at: float) -> bool:
        self._second = self._second + 1 if look.look_again else 0
        again = look.look_again and self._second <= MAX_SECOND_LOOKS
        seen = tuple(Finding(verdict.code, verdict.detail, Rung.PICTURE) for verdict in look.seen)
        rungs = (RungResult(Rung.RTSP, True, 0.0), RungResult(Rung.PICTURE, not seen, 0.0))
        visited = VisitResult("camera", at, rungs, seen, look.ruled_out, again, online=True, keyframe_at=at)
        for finding in seen:
            known = () if finding.code not in self._health.faults else self._seen_in.get(finding.code, ())
            self._seen_in[finding.code] = tuple(dict.fromkeys((*known, str(still.file))))
        self._health, transitions = advance(self._health, visited, self._policy)
        for each in transitions:
            if each.kind is TransitionKind.RAISED:
                files = self._seen_in[each.code]
                self._open[each.code] = Standing(each.code, each.since or at, at, at, 0.0, each.detail, files)
            elif each.kind is TransitionKind.CLEARED and each.code in self._open:
                self._done.append(replace(self._open.pop(each.code), ended_at=at))
        for code, fault in self._open.items():
            self._open[code] = replace(fault, ended_at=at)
        return again or Rung.PICTURE in self._health.pending
