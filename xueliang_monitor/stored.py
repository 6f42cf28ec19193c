"""What the history keeps of cameras, uplinks and outages, as values: written in batches, read at the start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.availability import Seconds
from xueliang_monitor.camera_file import CameraFile
from xueliang_monitor.catalogue import FAULTS
from xueliang_monitor.check import OFFLINE_RUNGS, Memory
from xueliang_monitor.clock import ClockReading
from xueliang_monitor.health import Health, Outage, Transition
from xueliang_monitor.looks import LookTaken

TOUCHING_SECONDS = 60.0
"""Offline episodes this close to each other are one outage: the camera was never judged online between them."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one camera, whole: `data` is its file as it was last in force, None where that was not kept.

    `episodes` counts how often each fault was confirmed since the camera is known.
    """

    camera: str
    health: Health
    memory: Memory
    data: CameraFile | None = None
    episodes: Mapping[str, int] = field(default_factory=dict)

    def moved(self, change: Callable[[float], float]) -> Known:
        """Return the same with every moment changed, as when the clock that gave them was wrong."""
        return replace(self, health=self.health.moved(change), memory=self.memory.moved(change))


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that a fault counted, of a camera or an uplink; `ended` is None while it lasts."""

    camera: str
    uplink: str
    fault: str
    began: float
    confirmed: float
    ended: float | None
    detail: str


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
    known: tuple[Known, ...] = ()
    seconds: tuple[tuple[str, str, Seconds], ...] = ()
    looks: tuple[LookTaken, ...] = ()
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

    cameras: Mapping[str, Known] = field(default_factory=dict)
    uplinks: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    open_episodes: tuple[Episode, ...] = ()
    open_outages: tuple[tuple[str, Outage], ...] = ()
    clock: ClockReading | None = None

    def moved(self, change: Callable[[float], float]) -> Stored:
        """Return the same with every moment changed, as when the clock that gave them was wrong."""
        return Stored(
            {name: known.moved(change) for name, known in self.cameras.items()},
            self.uplinks,
            tuple(replace(item, began=change(item.began)) for item in self.open_episodes),
            tuple((name, outage.moved(change)) for name, outage in self.open_outages),
            self.clock,
        )


def is_offline_fault(code: str) -> bool:
    """Say whether a fault keeps a camera offline, as far as this version knows it."""
    return code in FAULTS and FAULTS[code].rung in OFFLINE_RUNGS


def outages_of(episodes: Iterable[Episode]) -> list[tuple[str, Outage]]:
    """Return the outages that offline episodes of several causes were, each with its camera, the first first."""
    found: list[tuple[str, Outage]] = []
    last: dict[str, int] = {}
    for item in sorted(episodes, key=lambda item: (item.began, item.fault)):
        if not item.camera or not is_offline_fault(item.fault):
            continue
        place = last.get(item.camera)
        known = None if place is None else found[place][1]
        if place is None or known is None or (known.ended is not None and item.began > known.ended + TOUCHING_SECONDS):
            last[item.camera] = len(found)
            made = Outage(int(item.began * 1000), item.began, item.confirmed, (item.fault,), item.ended)
            found.append((item.camera, made))
            continue
        codes = known.codes if item.fault in known.codes else (*known.codes, item.fault)
        ended = None if known.ended is None or item.ended is None else max(known.ended, item.ended)
        found[place] = item.camera, replace(known, codes=codes, ended=ended)
    return found
