"""How long cameras were online, healthy, or behind a dead uplink, by day: seconds from visit to visit. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from xueliang_monitor.health import Status
from xueliang_monitor.model import State


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds of one camera: watched at all, and of these online, healthy, and behind a dead uplink."""

    observed: float = 0.0
    online: float = 0.0
    healthy: float = 0.0
    uplink: float = 0.0

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(
            self.observed + other.observed,
            self.online + other.online,
            self.healthy + other.healthy,
            self.uplink + other.uplink,
        )

    @property
    def online_ratio(self) -> float | None:
        """Share of the watched time that it was online; None where it was not watched."""
        return self.online / self.observed if self.observed else None

    @property
    def healthy_ratio(self) -> float | None:
        """Share of the watched time that it was healthy; None where it was not watched."""
        return self.healthy / self.observed if self.observed else None


def spent(status: Status, seconds: float) -> Seconds:
    """Return what `seconds` in a status count as; what is unknown for a reason of ours counts as not watched."""
    if status.cause == "uplink_down":
        return Seconds(observed=seconds, uplink=seconds)
    if status.state is State.UNKNOWN:
        return Seconds()
    return Seconds(seconds, seconds if status.online else 0.0, seconds if status.healthy else 0.0)


def split_by_day(start: float, end: float) -> Iterator[tuple[str, float]]:
    """Yield the local days that a stretch of time touches, as YYYY-MM-DD, with its seconds in each."""
    while start < end:
        here = datetime.fromtimestamp(start).astimezone()
        midnight = (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        until = min(end, midnight.timestamp())
        yield here.date().isoformat(), until - start
        start = until
