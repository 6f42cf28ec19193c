"""Availability: seconds a camera was watched, online, healthy, behind a dead uplink or in maintenance. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from xueliang_monitor.judgement.status import CameraStatus, StatusCause
from xueliang_monitor.model import State
from xueliang_monitor.topology import NodeKind

WINDOWS = {"1d": 1, "7d": 7, "30d": 30}
"""The windows of `camera_availability_ratio`, in days."""

_QUARTER_SECONDS = 900.0
"""Time zone offsets are multiples of a quarter of an hour, so every local midnight lies on a boundary of quarters."""


@dataclass(frozen=True, slots=True)
class AvailabilitySeconds:
    """Seconds of one camera in one period.

    Attributes:
        observed: seconds watched.
        online: seconds of `observed` online.
        healthy: seconds of `observed` healthy.
        uplink: seconds of `observed` behind a dead uplink; the camera counts as offline.
        maintenance: seconds of `observed` in maintenance; ratios leave them out.

    """

    observed: float = 0.0
    online: float = 0.0
    healthy: float = 0.0
    uplink: float = 0.0
    maintenance: float = 0.0

    def __add__(self, other: AvailabilitySeconds) -> AvailabilitySeconds:
        return AvailabilitySeconds(
            observed=self.observed + other.observed,
            online=self.online + other.online,
            healthy=self.healthy + other.healthy,
            uplink=self.uplink + other.uplink,
            maintenance=self.maintenance + other.maintenance,
        )

    def __sub__(self, other: AvailabilitySeconds) -> AvailabilitySeconds:
        return AvailabilitySeconds(
            observed=self.observed - other.observed,
            online=self.online - other.online,
            healthy=self.healthy - other.healthy,
            uplink=self.uplink - other.uplink,
            maintenance=self.maintenance - other.maintenance,
        )

    def share(self, part: float) -> AvailabilitySeconds:
        """Return all seconds multiplied by `part`, in [0, 1]."""
        return AvailabilitySeconds(
            observed=part * self.observed,
            online=part * self.online,
            healthy=part * self.healthy,
            uplink=part * self.uplink,
            maintenance=part * self.maintenance,
        )

    @property
    def counted(self) -> float:
        """The seconds that ratios refer to: observed without maintenance."""
        return max(0.0, self.observed - self.maintenance)

    @property
    def online_ratio(self) -> float | None:
        """The share of `counted` online; None if nothing is counted."""
        return min(1.0, self.online / self.counted) if self.counted > 0 else None

    @property
    def healthy_ratio(self) -> float | None:
        """The share of `counted` healthy; None if nothing is counted."""
        return min(1.0, self.healthy / self.counted) if self.counted > 0 else None


@dataclass(frozen=True, slots=True)
class RootDay:
    """One day of a camera behind one dead node: `root` is the node, `kind` what it is."""

    camera: str
    root: str
    kind: NodeKind
    day: str


def spent(status: CameraStatus, seconds: float) -> AvailabilitySeconds:
    """Return the availability of `seconds` in a status. An unknown state is unwatched, except behind a dead node."""
    if status.state is State.MAINTENANCE:
        return AvailabilitySeconds(observed=seconds, maintenance=seconds)
    if status.cause in (StatusCause.UPLINK_DOWN, StatusCause.HOST_DOWN):
        return AvailabilitySeconds(observed=seconds, uplink=seconds)
    if status.state is State.UNKNOWN:
        return AvailabilitySeconds()
    return AvailabilitySeconds(seconds, seconds if status.online else 0.0, seconds if status.healthy else 0.0)


@functools.lru_cache(maxsize=4096)
def _day_of_quarter(quarter: int) -> tuple[str, float]:
    here = datetime.fromtimestamp(quarter * _QUARTER_SECONDS).astimezone()
    midnight = (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return here.date().isoformat(), midnight.timestamp()


def day_of(moment: float) -> str:
    """Return the local day of a time, as YYYY-MM-DD."""
    return _day_of_quarter(int(moment // _QUARTER_SECONDS))[0]


def split_by_day(start: float, end: float) -> Iterator[tuple[str, float]]:
    """Yield each local day of a period as YYYY-MM-DD, with the seconds of the period in it."""
    while start < end:
        day, midnight = _day_of_quarter(int(start // _QUARTER_SECONDS))
        until = min(end, midnight)
        yield day, until - start
        start = until


def window(days: Mapping[str, AvailabilitySeconds], count: int, now: float) -> AvailabilitySeconds:
    """Return the seconds of the last `count` days up to `now`; the earliest day counts by its remaining share."""
    today = date.fromisoformat(day_of(now))
    started = datetime.combine(today, datetime.min.time()).timestamp()
    total = AvailabilitySeconds()
    for back in range(count):
        total += days.get((today - timedelta(days=back)).isoformat(), AvailabilitySeconds())
    rest = max(0.0, 1.0 - (now - started) / 86_400.0)
    return total + days.get((today - timedelta(days=count)).isoformat(), AvailabilitySeconds()).share(rest)
