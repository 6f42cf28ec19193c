"""The fleet at one moment, as values for metrics and page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.device_labels import DeviceLabels
from xueliang_monitor.fleet.monitor_status import MonitorFault, MonitorStatus
from xueliang_monitor.fleet.root_causes import Uplink
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.judgement.maintenance import Window
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.model import NO_NUMBERS, Rung, RungResult, VisitResult
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.readings import NO_READINGS, Readings
from xueliang_monitor.topology import Topology


@dataclass(frozen=True, slots=True)
class Entry:
    """The state of one camera.

    Attributes:
        camera: its configuration.
        health: its judged condition.
        memory: what visits learned and pass on to the next visit.
        readings: the last value of each reading.
        labels: what the device reports about itself, as labels of metrics.
        rungs: the last result of each rung, with the time of the visit that climbed it.
        episodes: confirmations of each fault since the camera was added.
        counted_until: the time up to which its availability is counted.
        restored_at: when its health was restored from the history; None after the first visit.
        scores: the scores of its last picture, by fault code.
        look_kept_at: when a picture sample was last stored.

    """

    camera: Camera
    health: Health = field(default_factory=Health)
    memory: Memory = field(default_factory=Memory)
    readings: Readings = NO_READINGS
    labels: DeviceLabels = field(default_factory=DeviceLabels)
    rungs: Mapping[Rung, RungResult] = field(default_factory=dict)
    episodes: Mapping[str, int] = field(default_factory=dict)
    counted_until: float | None = None
    restored_at: float | None = None
    scores: Mapping[str, float] = field(default_factory=lambda: NO_NUMBERS)
    look_kept_at: float = 0.0

    def after(
        self, visited: VisitResult, raised: Iterable[str], *, health: Health, memory: Memory, look_kept_at: float
    ) -> Entry:
        """Return a copy after a visit, which confirmed the faults in `raised` and left this health and memory."""
        episodes: Mapping[str, int] = self.episodes
        for code in raised:
            episodes = {**episodes, code: episodes.get(code, 0) + 1}
        return replace(
            self,
            health=health,
            memory=memory,
            readings=self.readings.updated(visited.readings),
            labels=self.labels.after(visited.readings, visited.at),
            rungs={**self.rungs, **{each.rung: each.of_visit(visited.at) for each in visited.rungs}},
            episodes=episodes,
            counted_until=visited.at,
            restored_at=None,
            scores=visited.scores or self.scores,
            look_kept_at=look_kept_at,
        )

    def shifted(self, seconds: float) -> Entry:
        """Return a copy for a clock that was set by `seconds`.

        Every time is shifted. A camera's clock offset is relative to the monitor's clock and changes the other way.
        """

        def change(moment: float) -> float:
            return moment + seconds

        readings = self.readings
        offset, started = readings.clock_offset_seconds, readings.last_start_timestamp_seconds
        readings = replace(
            readings,
            clock_offset_seconds=None if offset is None else offset - seconds,
            last_start_timestamp_seconds=None if started is None else change(started),
        )
        return replace(
            self,
            health=self.health.moved(change),
            memory=self.memory.shifted(seconds),
            readings=readings,
            labels=self.labels.moved(change),
            rungs={rung: result.moved(change) for rung, result in self.rungs.items()},
            counted_until=None if self.counted_until is None else change(self.counted_until),
            restored_at=None if self.restored_at is None else change(self.restored_at),
            look_kept_at=change(self.look_kept_at) if self.look_kept_at else 0.0,
        )


@dataclass(frozen=True, slots=True)
class CredentialsTrouble:
    """A named login that many devices refuse: since when, how many cameras it concerns, and what was observed."""

    name: str
    since: float
    cameras: int
    detail: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fleet and the monitor at one moment; safe to read from any thread."""

    now: float
    entries: tuple[tuple[Entry, CameraStatus], ...]
    monitor: MonitorStatus
    uplinks: tuple[Uplink, ...] = ()
    topology: Topology = field(default_factory=Topology)
    windows: tuple[Window, ...] = ()
    availability: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    monitor_faults: tuple[MonitorFault, ...] = ()
    credentials: tuple[CredentialsTrouble, ...] = ()
    acknowledged: tuple[tuple[OpenProblem, Acknowledgement], ...] = ()

    @property
    def counted(self) -> tuple[tuple[Entry, CameraStatus], ...]:
        """The cameras with their status, without those in commissioning."""
        return tuple(pair for pair in self.entries if pair[0].camera.status is Lifecycle.ACTIVE)
