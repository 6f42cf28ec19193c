"""The monitor's own clock, judged by the clocks of the fleet, and what follows for the cameras."""

from __future__ import annotations

from functools import partial

from xueliang_monitor.clock import Clock
from xueliang_monitor.fleet.changes import StoredState
from xueliang_monitor.fleet.clock_faults import cameras_with_a_clock, without_drift_faults
from xueliang_monitor.fleet.monitor_status import MonitorFault
from xueliang_monitor.fleet.pending import PendingChanges
from xueliang_monitor.fleet.restoring import clock_step, newest
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.own_clock import CLOCK_WRONG, LARGE_STEP_SECONDS, LONG_AWAY_SECONDS, OwnClock
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import VisitResult


class FleetClock:
    """Judges the clock by the offsets that visits read; withdraws the clock faults of cameras that it caused.

    `entries` are those of the fleet, which are changed in place. `limit` is the tolerated offset in seconds.
    """

    def __init__(self, clock: Clock, entries: dict[str, Entry], pending: PendingChanges, limit: float) -> None:
        self._clock = clock
        self._entries = entries
        self._pending = pending
        self._own = OwnClock(limit, clock.now())

    def judge(self) -> tuple[Transition, ...]:
        """Judge the monitor's clock. If it is found wrong, withdraw the clock faults that it caused."""
        now = self._clock.now()
        transitions = self._own.judge(now)
        if not any(item.kind is TransitionKind.RAISED for item in transitions):
            return transitions
        withdrawn, cleared = without_drift_faults(self._entries, self._own, now)
        self._entries |= withdrawn
        self._pending.change(withdrawn)
        return (*transitions, *cleared)

    def take_offset(self, visited: VisitResult) -> tuple[VisitResult, tuple[Transition, ...]]:
        """Use a camera's clock to judge the monitor's; return the result without a drift that the monitor caused."""
        offset = visited.readings.clock_offset_seconds
        if offset is None:
            return visited, ()
        self._own.heard(visited.camera, offset, visited.at)
        transitions = self.judge()
        return self._own.spared(visited, partial(cameras_with_a_clock, self._entries)), transitions

    def forget(self, camera: str) -> None:
        """Remove a camera."""
        self._own.forget(camera)

    def shift(self, seconds: float) -> None:
        """Adjust to a step of the clock by `seconds`. A large one casts doubt on it."""
        self._own.shift(seconds)
        if abs(seconds) >= LARGE_STEP_SECONDS:
            self._own.doubt(self._clock.now())

    def shown(self, *, impossible: bool, guessed: bool) -> None:
        """Take what the clock shows: whether a time before this program existed, now or ever since the start."""
        self._own.impossible, self._own.guessed = impossible, guessed

    def step_since(self, stored: StoredState) -> float:
        """Return by how much the clock was set since the state was stored. A long time since casts doubt on it."""
        now = self._clock.now()
        if not -LARGE_STEP_SECONDS < now - newest(stored, now) < LONG_AWAY_SECONDS:
            self._own.doubt(now)
        return clock_step(stored, self._clock)

    def restore(self, wrong_since: float | None) -> None:
        """Restore since when the clock was wrong before the restart; None if it was right."""
        self._own.restore(wrong_since)

    @property
    def day_unknown(self) -> bool:
        """Whether nothing says which day it is, neither the clock nor the cameras."""
        return self._own.guessed and self._own.common is None

    @property
    def correction(self) -> float:
        """Seconds to add to the clock to get the right day."""
        return self._own.correction

    @property
    def in_doubt(self) -> bool:
        """Whether the clock may be wrong, so that nothing may be deleted because of its age."""
        return self._own.in_doubt(self._clock.now())

    @property
    def impossible(self) -> bool:
        """Whether the clock shows a time before this program existed."""
        return self._own.impossible

    @property
    def faults(self) -> tuple[MonitorFault, ...]:
        """The fault of the clock while it is wrong."""
        since = self._own.wrong_since
        return () if since is None else (MonitorFault(CLOCK_WRONG.code, since, self._own.detail),)
