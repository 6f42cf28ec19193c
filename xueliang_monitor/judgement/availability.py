"""How long cameras were online, healthy, in maintenance or behind a dead uplink: seconds from visit to visit. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from xueliang_monitor.judgement.status import CameraStatus, StatusCause
from xueliang_monitor.model import State

WINDOWS = {"1d": 1, "7d": 7, "30d": 30}
"""Windows of `camera_availability_ratio`, in days."""

_QUARTER_SECONDS = 900.0
"""Time zones differ from UTC by whole quarters of an hour, so no midnight lies within one."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds of one camera: watched at all, and of these online, healthy, behind a dead uplink, in maintenance.

    Behind a dead uplink a camera counts as not online; what was in maintenance is left out of the rates.
    """

    observed: float = 0.0
    online: float = 0.0
    healthy: float = 0.0
    uplink: float = 0.0
    maintenance: float = 0.0

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(
            self.observed + other.observed,
            self.online + other.online,
            self.healthy + other.healthy,
            self.uplink + other.uplink,
            self.maintenance + other.maintenance,
        )

    def share(self, part: float) -> Seconds:
        """Return a share of it, in [0, 1]."""
        return Seconds(
            part * self.observed,
            part * self.online,
            part * self.healthy,
            part * self.uplink,
            part * self.maintenance,
        )

    @property
    def counted(self) -> float:
        """Seconds that the rates are of: observed without maintenance."""
        return max(0.0, self.observed - self.maintenance)

    @property
    def online_ratio(self) -> float | None:
        """Share of the counted time that it was online; None where there is none."""
        return min(1.0, self.online / self.counted) if self.counted > 0 else None

    @property
    def healthy_ratio(self) -> float | None:
        """Share of the counted time that it was healthy; None where there is none."""
        return min(1.0, self.healthy / self.counted) if self.counted > 0 else None


def spent(status: CameraStatus, seconds: float) -> Seconds:
    """Return what `seconds` in a status count as; what is unknown for a reason of ours counts as not watched."""
    if status.state is State.MAINTENANCE:
        return Seconds(observed=seconds, maintenance=seconds)
    if status.cause is StatusCause.UPLINK_DOWN:
        return Seconds(observed=seconds, uplink=seconds)
    if status.state is State.UNKNOWN:
        return Seconds()
    return Seconds(seconds, seconds if status.online else 0.0, seconds if status.healthy else 0.0)


@functools.lru_cache(maxsize=4096)
def _day_of_quarter(quarter: int) -> tuple[str, float]:
    here = datetime.fromtimestamp(quarter * _QUARTER_SECONDS).astimezone()
    midnight = (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return here.date().isoformat(), midnight.timestamp()


def day_of(moment: float) -> str:
    """Return the local day of a moment, as YYYY-MM-DD."""
    return _day_of_quarter(int(moment // _QUARTER_SECONDS))[0]


def split_by_day(start: float, end: float) -> Iterator[tuple[str, float]]:
    """Yield the local days that a stretch of time touches, as YYYY-MM-DD, with its seconds in each."""
    while start < end:
        day, midnight = _day_of_quarter(int(start // _QUARTER_SECONDS))
        until = min(end, midnight)
        yield day, until - start
        start = until


def window(days: Mapping[str, Seconds], count: int, now: float) -> Seconds:
    """Return the seconds of the last `count` days up to `now`: of the day before the first, the rest of it."""
    today = date.fromisoformat(day_of(now))
    started = datetime.combine(today, datetime.min.time()).timestamp()
    total = Seconds()
    for back in range(count):
        total += days.get((today - timedelta(days=back)).isoformat(), Seconds())
    rest = max(0.0, 1.0 - (now - started) / 86_400.0)
    return total + days.get((today - timedelta(days=count)).isoformat(), Seconds()).share(rest)
