"""What is counted of all cameras today, up to now: what the history held last, what was counted since, what is open."""

from __future__ import annotations

from xueliang_monitor.fleet.counted_time import CountedTime
from xueliang_monitor.fleet.pending import PendingChanges
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.availability import AvailabilitySeconds, spent, split_by_day
from xueliang_monitor.judgement.status import CameraStatus


class Today:
    """Adds up the day; `taken` and `read` are for the upkeep of the history, which sums up what it holds."""

    def __init__(self, pending: PendingChanges, time: CountedTime) -> None:
        self._pending = pending
        self._time = time
        self._day = ""
        self._before = AvailabilitySeconds()

    def taken(self, day: str) -> AvailabilitySeconds:
        """Return what was counted of a day since the start and is in the history once all batches are written."""
        return self._pending.taken(day)

    def read(self, day: str, stored: AvailabilitySeconds, taken: AvailabilitySeconds) -> None:
        """Take what the history holds of a day, which includes `taken`."""
        self._day, self._before = day, stored - taken

    def counted(self, day: str) -> AvailabilitySeconds:
        """Return what is counted of a day up to the last visit of each camera."""
        before = self._before if day == self._day else AvailabilitySeconds()
        return before + self._pending.counted(day)

    def since_last_visit(self, entry: Entry, status: CameraStatus, now: float, day: str) -> AvailabilitySeconds:
        """Return what a camera adds to a day from its last visit to `now`, in its present status."""
        stretch = self._time.uncounted(entry, now)
        if stretch is None:
            return AvailabilitySeconds()
        return spent(status, sum(seconds for each, seconds in split_by_day(*stretch) if each == day))
