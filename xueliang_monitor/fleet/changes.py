"""What changed in the fleet, as values: written to the history in batches, read back from it at the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.clock import ClockReading
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.judgement.availability import Seconds
from xueliang_monitor.judgement.episodes import Episode
from xueliang_monitor.judgement.health import Health, Outage
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.probing.memory import Memory


@dataclass(frozen=True, slots=True)
class PictureSample:
    """What one look measured, and the scores of its checks by fault."""

    camera: str
    at: float
    measures: Mapping[str, float]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CameraRecord:
    """What is known of one camera, whole: `data` is its file as it was last in force, None where that was not kept.

    `episodes` counts how often each fault was confirmed since the camera is known.
    """

    camera: str
    health: Health
    memory: Memory
    data: CameraFile | None = None
    episodes: Mapping[str, int] = field(default_factory=dict)

    def moved(self, change: Callable[[float], float]) -> CameraRecord:
        """Return the same with every moment changed, as when the clock that gave them was wrong."""
        return replace(self, health=self.health.moved(change), memory=self.memory.moved(change))


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written together, all or nothing.

    Attributes:
        transitions: what happened.
        known: cameras of which something is known that was not.
        seconds: seconds to be added, by camera and day.
        looks: looks at pictures.
        outages: outages that began, ended or have another cause, each with its camera.
        uplinks: uplinks that went down, with the cameras lost, or came back, with none.
        gone: cameras that are no longer watched.
        shifted: seconds by which the clock was set; every moment of what lasts is moved by as much before all else.
        clock: the clock that these moments are of.

    """

    transitions: tuple[Transition, ...] = ()
    known: tuple[CameraRecord, ...] = ()
    seconds: tuple[tuple[str, str, Seconds], ...] = ()
    looks: tuple[PictureSample, ...] = ()
    outages: tuple[tuple[str, Outage], ...] = ()
    uplinks: tuple[tuple[str, frozenset[str]], ...] = ()
    gone: tuple[str, ...] = ()
    shifted: float = 0.0
    clock: ClockReading | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """Everything that a start goes on from.

    `uplinks` are those that are down, with the cameras that were lost, or None where that was not kept; `open_episodes`
    and `open_outages` are those without an end; `clock` is the one that all moments are of, None where it was not kept.
    """

    cameras: Mapping[str, CameraRecord] = field(default_factory=dict)
    uplinks: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    open_episodes: tuple[Episode, ...] = ()
    open_outages: tuple[tuple[str, Outage], ...] = ()
    clock: ClockReading | None = None

    @property
    def files(self) -> Mapping[str, CameraFile | None]:
        """The cameras' files as they were last in force; None where one was not kept."""
        return {name: known.data for name, known in self.cameras.items()}

    def moved(self, change: Callable[[float], float]) -> Stored:
        """Return the same with every moment changed, as when the clock that gave them was wrong."""
        return Stored(
            {name: known.moved(change) for name, known in self.cameras.items()},
            self.uplinks,
            tuple(replace(item, began=change(item.began)) for item in self.open_episodes),
            tuple((name, outage.moved(change)) for name, outage in self.open_outages),
            self.clock,
        )
