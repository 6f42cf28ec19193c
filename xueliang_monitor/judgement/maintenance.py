"""Maintenance windows: cameras are visited, but not judged, and the time does not count. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class WindowKind(enum.StrEnum):
    """What a maintenance window covers; the values are stored in the history."""

    CAMERA = "camera"
    SITE = "site"
    UPLINK = "uplink"


@dataclass(frozen=True, slots=True)
class Window:
    """One maintenance window.

    Attributes:
        id: its number in the history.
        kind: what it covers.
        name: the name of the camera, site or uplink.
        began: when it began.
        ends: when it is planned to end.
        reason: why, in words of the person who started it.
        stopped: when a person ended it early; None otherwise.

    """

    id: int
    kind: WindowKind
    name: str
    began: float
    ends: float
    reason: str = ""
    stopped: float | None = None

    def active(self, now: float) -> bool:
        """Return whether the window is in force."""
        return self.began <= now < (self.ends if self.stopped is None else min(self.ends, self.stopped))

    def covers(self, camera: str, site: str, uplink: str) -> bool:
        """Return whether the window covers a camera, given its id, site and uplink."""
        return self.name == {WindowKind.CAMERA: camera, WindowKind.SITE: site, WindowKind.UPLINK: uplink}[self.kind]


def covering(windows: Iterable[Window], now: float, *, camera: str, site: str, uplink: str) -> Window | None:
    """Return the window in force for a camera that ends last; None if there is none."""
    found = [item for item in windows if item.active(now) and item.covers(camera, site, uplink)]
    return max(found, key=lambda item: item.ends, default=None)
