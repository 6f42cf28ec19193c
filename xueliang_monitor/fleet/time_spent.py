"""Counts the time of cameras: by day, and behind each dead node. Time is moved when its cause is found later."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from xueliang_monitor.fleet.pending import PendingChanges
from xueliang_monitor.judgement.availability import AvailabilitySeconds, RootDay, spent, split_by_day
from xueliang_monitor.judgement.status import CameraStatus, Hidden, StatusCause
from xueliang_monitor.topology import NodeKind


def kind_of(cause: StatusCause) -> NodeKind:
    """Return what a dead node is, given the cause that it is for its cameras."""
    return NodeKind.HOST if cause is StatusCause.HOST_DOWN else NodeKind.UPLINK


class TimeSpent:
    """Adds the time of cameras to the changes that the history does not hold yet."""

    def __init__(self, pending: PendingChanges) -> None:
        self._pending = pending
        self._behind: dict[str, dict[RootDay, float]] = {}

    def count(self, camera: str, status: CameraStatus, start: float, end: float) -> None:
        """Count the time between two moments in a status."""
        if not status.behind:
            self._behind.pop(camera, None)
        for day, seconds in split_by_day(start, end):
            made = spent(status, seconds)
            self._pending.seconds(camera, day, made)
            if made.uplink:
                self._add(RootDay(camera, status.behind, kind_of(status.cause), day), made.uplink)

    def _add(self, day: RootDay, seconds: float) -> None:
        """Add time behind a node. The time since the camera was last hidden by it is remembered."""
        self._pending.root_seconds(day, seconds)
        stretch = self._behind.get(day.camera)
        if stretch is None or next(iter(stretch)).root != day.root:
            stretch = self._behind[day.camera] = {}
        stretch[day] = stretch.get(day, 0.0) + seconds

    def blame(self, camera: str, cause: Hidden, start: float, end: float) -> None:
        """Move time that was counted as the camera's own to the node that turned out to be its cause.

        Time in which the monitor itself was cut off is not counted at all.
        """
        for day, seconds in split_by_day(start, end):
            if cause.behind:
                self._pending.seconds(camera, day, AvailabilitySeconds(uplink=seconds))
                self._add(RootDay(camera, cause.behind, kind_of(cause.cause), day), seconds)
            else:
                self._pending.seconds(camera, day, AvailabilitySeconds(observed=-seconds))

    def blame_instead(self, camera: str, cause: Hidden, wrong: Collection[str]) -> None:
        """Move the time since the camera was hidden by one of the nodes in `wrong` to the node that was their cause."""
        stretch = self._behind.get(camera)
        if stretch is None or next(iter(stretch)).root not in wrong:
            return
        del self._behind[camera]
        for day, seconds in stretch.items():
            self._pending.root_seconds(day, -seconds)
            if cause.behind:
                self._add(replace(day, root=cause.behind, kind=kind_of(cause.cause)), seconds)
            else:
                self._pending.seconds(camera, day.day, AvailabilitySeconds(observed=-seconds, uplink=-seconds))

    def forget(self, camera: str) -> None:
        """Forget a camera that is no longer watched."""
        self._behind.pop(camera, None)
