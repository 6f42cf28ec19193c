"""Maintenance windows: cameras are visited, but not judged, and the time does not count. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass


class WindowKind(enum.StrEnum):
    """What a maintenance window covers; the values are stored in the history.

    A window of an uplink covers every camera below that node of the topology, however far.
    """

    CAMERA = "camera"
    SITE = "site"
    UPLINK = "uplink"


@dataclass(frozen=True, slots=True)
class Window:
    """One maintenance window.

    Attributes:
        id: its number in the history.
        kind: what it covers.
        name: the name of the camera, of the site, or of the node of the topology.
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

    def covers(self, camera: str, site: str, path: Collection[str]) -> bool:
        """Return whether the window covers a camera, given its id, its site and the nodes on its path to the root."""
        return self.name in {WindowKind.CAMERA: (camera,), WindowKind.SITE: (site,), WindowKind.UPLINK: path}[self.kind]


def covering(windows: Iterable[Window], now: float, *, camera: str, site: str, path: Collection[str]) -> Window | None:
    """Return the window in force for a camera that ends last; None if there is none."""
    found = [item for item in windows if item.active(now) and item.covers(camera, site, path)]
    return max(found, key=lambda item: item.ends, default=None)
