"""Changes of the fleet as values: written to the history in batches, and read back at the start."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.clock import ClockReading
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.fleet.device_labels import DeviceLabels
from xueliang_monitor.judgement.availability import AvailabilitySeconds, RootDay
from xueliang_monitor.judgement.episodes import Episode
from xueliang_monitor.judgement.health import Health, Outage
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.model import RungResult
from xueliang_monitor.probing.login_record import LoginKey, LoginRecord
from xueliang_monitor.probing.memory import Memory


class ChangeKind(enum.StrEnum):
    """A kind of change that can be lost before it is written; the values are metric labels."""

    EVENTS = "events"
    OUTAGES = "outages"
    SAMPLES = "looks"
    DAYS = "days"
    ROOT_DAYS = "root_days"


@dataclass(frozen=True, slots=True)
class PictureSample:
    """The measures of one picture, and the scores of its checks by fault code."""

    camera: str
    at: float
    measures: Mapping[str, float]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CameraRecord:
    """The complete stored state of one camera.

    `data` is the last valid version of its file, None if it was not stored. `episodes` counts the confirmations of each
    fault since the camera was added. `labels` are those that the device chose. `rungs` are the last results of rungs.
    """

    camera: str
    health: Health
    memory: Memory
    data: CameraFile | None = None
    episodes: Mapping[str, int] = field(default_factory=dict)
    labels: DeviceLabels = field(default_factory=DeviceLabels)
    rungs: tuple[RungResult, ...] = ()

    def moved(self, change: Callable[[float], float]) -> CameraRecord:
        """Return a copy with `change` applied to every time, for example after a correction of the clock."""
        return replace(
            self,
            health=self.health.moved(change),
            memory=self.memory.moved(change),
            labels=self.labels.moved(change),
            rungs=tuple(result.moved(change) for result in self.rungs),
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """One batch of changes, written in one transaction.

    Attributes:
        transitions: faults raised and cleared.
        cameras: the new state of cameras.
        seconds: seconds to add, by camera and day.
        samples: picture samples.
        outages: outages that began, ended or changed, each with its camera.
        withdrawn: outages that turned out to be part of a node's, each by its camera and key.
        uplinks: the lost cameras of uplinks that went down; none for an uplink that is up again.
        logins: what changed of logins, by address and login.
        gone: cameras that are no longer watched.
        shifted: seconds by which the clock was set. The times of open episodes and outages are shifted first.
        clock: a reading of the clock that the times belong to.
        root_seconds: seconds to add behind dead nodes; negative ones move time to the node that was the cause.

    """

    transitions: tuple[Transition, ...] = ()
    cameras: tuple[CameraRecord, ...] = ()
    seconds: tuple[tuple[str, str, AvailabilitySeconds], ...] = ()
    samples: tuple[PictureSample, ...] = ()
    outages: tuple[tuple[str, Outage], ...] = ()
    withdrawn: tuple[tuple[str, int], ...] = ()
    uplinks: tuple[tuple[str, frozenset[str]], ...] = ()
    logins: tuple[tuple[LoginKey, LoginRecord], ...] = ()
    gone: tuple[str, ...] = ()
    shifted: float = 0.0
    clock: ClockReading | None = None
    root_seconds: tuple[tuple[RootDay, float], ...] = ()


@dataclass(frozen=True, slots=True)
class StoredState:
    """The stored state that a start continues from.

    Attributes:
        cameras: the cameras by id.
        uplinks: the dead uplinks with their lost cameras; None if those were not stored.
        open_episodes: episodes without an end.
        open_outages: outages without an end, each with its camera.
        logins: what is known of logins, by address and login.
        clock: a reading of the clock that the times belong to; None if it was not stored.

    """

    cameras: Mapping[str, CameraRecord] = field(default_factory=dict)
    uplinks: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    open_episodes: tuple[Episode, ...] = ()
    open_outages: tuple[tuple[str, Outage], ...] = ()
    logins: tuple[tuple[LoginKey, LoginRecord], ...] = ()
    clock: ClockReading | None = None

    @property
    def files(self) -> Mapping[str, CameraFile | None]:
        """The last valid version of each camera's file; None if it was not stored."""
        return {name: known.data for name, known in self.cameras.items()}

    def moved(self, change: Callable[[float], float]) -> StoredState:
        """Return a copy with `change` applied to every time, for example after a correction of the clock."""
        return replace(
            self,
            cameras={name: known.moved(change) for name, known in self.cameras.items()},
            open_episodes=tuple(replace(item, began=change(item.began)) for item in self.open_episodes),
            open_outages=tuple((name, outage.moved(change)) for name, outage in self.open_outages),
            logins=tuple((key, record.moved(change)) for key, record in self.logins),
        )
