"""Which time of a camera is counted, and as which day's: pauses of the monitor are left out, a wrong day corrected."""

from __future__ import annotations

from collections.abc import Collection

from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.fleet.fleet_clock import FleetClock
from xueliang_monitor.fleet.monitor_status import MonitorStatus
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.fleet.statuses import Statuses
from xueliang_monitor.fleet.time_spent import TimeSpent
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.judgement.status import Hidden


class CountedTime:
    """Counts the time of cameras in `spent`, on the corrected clock."""

    def __init__(self, spent: TimeSpent, statuses: Statuses, clock: FleetClock, monitor: MonitorStatus) -> None:
        self._spent = spent
        self._statuses = statuses
        self._clock = clock
        self._monitor = monitor
        self._unwatched: dict[str, tuple[float, float]] = {}

    def count(self, entry: Entry, until: float) -> None:
        """Add the time between a camera's last visit and this one to its availability."""
        if entry.counted_until is None and entry.health.visited_at is not None:
            self._unwatched[entry.camera.id] = entry.health.visited_at, until
        if (stretch := self.uncounted(entry, until)) is not None:
            self._spent.count(entry.camera.id, self._statuses.of(entry, until), *stretch)

    def uncounted(self, entry: Entry, until: float) -> tuple[float, float] | None:
        """Return the begin and the end of the time up to `until` that is not counted yet; None if none will be."""
        if entry.counted_until is None or entry.camera.status is not Lifecycle.ACTIVE or self._clock.day_unknown:
            return None
        stopped = self._monitor.pauses.stopped_within(until - entry.counted_until)
        off = self._clock.correction
        return entry.counted_until + stopped + off, until + off

    def blame(self, entry: Entry, outage: Outage, cause: Hidden) -> None:
        """Move the time of an outage that was counted as the camera's own to the node that caused it.

        Nothing was counted between the last visit before a start of the monitor and the first one after it.
        """
        until = entry.counted_until
        if until is None or entry.camera.status is not Lifecycle.ACTIVE or self._statuses.maintenance(entry, until):
            return
        if self._clock.day_unknown:
            return  # nothing was counted
        lost, found = self._unwatched.get(entry.camera.id, (until, until))
        unwatched = max(0.0, min(found, until) - max(lost, outage.confirmed_at))
        stopped = self._monitor.pauses.stopped_within(until - outage.confirmed_at - unwatched)
        off = self._clock.correction
        self._spent.blame(
            entry.camera.id, cause, min(until, outage.confirmed_at + unwatched + stopped) + off, until + off
        )

    def blame_instead(self, camera: str, cause: Hidden, wrong: Collection[str]) -> None:
        """Move the time since one of the nodes in `wrong` hid a camera to the node that was their cause."""
        self._spent.blame_instead(camera, cause, wrong)

    def forget(self, camera: str) -> None:
        """Forget a camera that is no longer watched."""
        self._unwatched.pop(camera, None)
        self._spent.forget(camera)
