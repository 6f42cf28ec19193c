"""The fleet at one moment, as values: what page and metrics read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.monitor_status import MonitorFault, MonitorStatus
from xueliang_monitor.judgement.availability import Seconds
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.judgement.maintenance import Window
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.judgement.uplinks import Uplink
from xueliang_monitor.model import NO_NUMBERS, Rung, RungResult
from xueliang_monitor.probing.memory import Memory


@dataclass(frozen=True, slots=True)
class Entry:
    """One camera as the fleet knows it; `readings` keeps the last value of each, `rungs` the last result of each.

    `counted_until` is how far its availability is added up; `restored_at` when its health was taken from the history;
    `scores` are those of the last look at its picture, of which one is kept every quarter of an hour, or where a fault
    is near.
    """

    camera: Camera
    health: Health = field(default_factory=Health)
    memory: Memory = field(default_factory=Memory)
    readings: Mapping[str, float | str] = field(default_factory=dict)
    rungs: Mapping[Rung, RungResult] = field(default_factory=dict)
    episodes: Mapping[str, int] = field(default_factory=dict)
    counted_until: float | None = None
    restored_at: float | None = None
    scores: Mapping[str, float] = field(default_factory=lambda: NO_NUMBERS)
    look_kept_at: float = 0.0

    def shifted(self, seconds: float) -> Entry:
        """Return the same after our clock was set: every moment moved, and the camera's clock as far off as it is then.

        What was measured of a clock is a difference to ours, so that it changes the other way.
        """

        def change(moment: float) -> float:
            return moment + seconds

        readings = dict(self.readings)
        if isinstance(offset := readings.get("clock_offset_seconds"), float):
            readings["clock_offset_seconds"] = offset - seconds
        if isinstance(started := readings.get("last_start_timestamp_seconds"), float):
            readings["last_start_timestamp_seconds"] = started + seconds
        return replace(
            self,
            health=self.health.moved(change),
            memory=self.memory.shifted(seconds),
            readings=readings,
            counted_until=None if self.counted_until is None else change(self.counted_until),
            restored_at=None if self.restored_at is None else change(self.restored_at),
            look_kept_at=change(self.look_kept_at) if self.look_kept_at else 0.0,
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fleet at one moment, safe to read from anywhere."""

    now: float
    entries: tuple[tuple[Entry, CameraStatus], ...]
    monitor: MonitorStatus
    uplinks: tuple[Uplink, ...] = ()
    windows: tuple[Window, ...] = ()
    availability: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    today: Seconds = field(default_factory=Seconds)
    monitor_faults: tuple[MonitorFault, ...] = ()

    @property
    def counted(self) -> tuple[tuple[Entry, CameraStatus], ...]:
        """The cameras that count: not those in commissioning."""
        return tuple(pair for pair in self.entries if pair[0].camera.status is Lifecycle.ACTIVE)
