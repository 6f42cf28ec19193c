"""Maintenance windows: times in which cameras are visited but not judged, nor counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KINDS = ("camera", "site", "uplink")


@dataclass(frozen=True, slots=True)
class Window:
    """One window: what it covers (`kind` is camera, site or uplink), from when to when, and why.

    It ends at `ends`, or at `stopped` where a person ended it before.
    """

    id: int
    kind: str
    name: str
    began: float
    ends: float
    reason: str = ""
    stopped: float | None = None

    def active(self, now: float) -> bool:
        """Whether it is in force."""
        return self.began <= now < (self.ends if self.stopped is None else min(self.ends, self.stopped))

    def covers(self, camera: str, site: str, uplink: str) -> bool:
        """Whether it is meant for a camera."""
        return self.name == {"camera": camera, "site": site, "uplink": uplink}[self.kind]


def covering(windows: Iterable[Window], now: float, *, camera: str, site: str, uplink: str) -> Window | None:
    """Return the window in force for a camera that lasts longest; None where there is none."""
    found = [item for item in windows if item.active(now) and item.covers(camera, site, uplink)]
    return max(found, key=lambda item: item.ends, default=None)
