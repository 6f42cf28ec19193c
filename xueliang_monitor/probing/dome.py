"""What is remembered of a dome: the places that it looks at, each with the picture's own past, and how long it is away.

Pure. A place is known if a preset is there, if the dome came back to it, or if it stays there as long as elsewhere
before. Away from any known place the view is not judged as turned: it has no past, or learns one of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from xueliang_monitor.model import Fault, Finding, Rung, Severity, Text
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.wire.dome_position import DomeStatus, Position, Preset

MAX_PLACES = 8
"""Places kept for a dome. Each has a past of its own, of at most 64 KB."""

KNOWN_ARRIVALS = 3
"""So often a dome comes to a place until it is known, as on a patrol."""

USUAL_SECONDS = 6 * 3600.0
"""So long a dome stays at least at a new place until it is known."""

MAX_HELD_SECONDS = 7 * 86_400.0
"""Time at a place is counted up to this, so that a place that a dome left for good can be replaced."""

GAP_SECONDS = 900.0
"""Time between two readings is counted up to this."""

PTZ_AWAY = Fault(
    "ptz_away",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("Dome is away from its usual positions", "云台偏离预置位"),
    cause=Text(
        "Somebody turned the dome and left it there, or its patrol stopped.", "有人转动云台后未归位，或巡航已停止。"
    ),
    advice=Text(
        "Call its preset or start its patrol. If the new position is meant to stay, store a preset there, or run: "
        "xueliang picture relearn CAMERA.",
        "调用预置位或重新启动巡航；若新位置为有意设定，请在该处保存预置位，或执行 xueliang picture relearn CAMERA。",
    ),
    at_first_sight=True,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A position that a dome was seen at, and the past of the picture there.

    `held_seconds` is how long it was there, `arrivals` how often it came there. Moments are seconds since the epoch.
    """

    position: Position
    reference: Reference | None = None
    held_seconds: float = 0.0
    arrivals: int = 1
    seen_at: float = 0.0
    known: bool = False


@dataclass(frozen=True, slots=True)
class DomeMemory:
    """What is remembered of a dome from visit to visit.

    Attributes:
        presets: the positions stored in it, as far as it tells them.
        places: where it was seen, at most `MAX_PLACES`.
        status: what it reported last; None before the first time, and if it reported nothing.
        read_at: when that was.
        away_since: since when it has been away from every known place; None if it is not.
        profile: the token of the profile by which it is asked.

    """

    presets: tuple[Preset, ...] = ()
    places: tuple[Place, ...] = ()
    status: DomeStatus | None = None
    read_at: float | None = None
    away_since: float | None = None
    profile: str = ""

    @property
    def place(self) -> Place | None:
        """The place where the dome was last seen; None while it moves, or if its position is not known."""
        return self.at(self.status)

    def at(self, status: DomeStatus | None) -> Place | None:
        """Return the known or unknown place of a status; None if it was never seen there, or moves."""
        if status is None or status.moving or status.position is None:
            return None
        return next((place for place in self.places if place.position.is_same(status.position)), None)

    def preset_at(self, position: Position) -> Preset | None:
        """Return the preset at a position."""
        return next((each for each in self.presets if each.position and each.position.is_same(position)), None)

    def after(self, status: DomeStatus | None, now: float, *, first: Reference | None = None) -> DomeMemory:
        """Return the same after a reading at `now`, None if there was none.

        `first` is what was learned of the picture before the camera was known to be a dome. It becomes the past of the
        first place.
        """
        if status is None or status.moving or status.position is None:
            return replace(self, status=status, read_at=now)
        before, here = self.place, self.at(status)
        gap = min(GAP_SECONDS, max(0.0, now - self.read_at)) if self.read_at is not None else 0.0
        if here is None:
            here = Place(status.position, None if self.places else first, seen_at=now)
        elif here is before:
            here = replace(here, held_seconds=min(MAX_HELD_SECONDS, here.held_seconds + gap), seen_at=now)
        else:
            here = replace(here, arrivals=here.arrivals + 1, seen_at=now)
        here = replace(here, known=self._is_known(here))
        away_since = None if here.known else self.away_since if self.away_since is not None else now
        return replace(self, places=self._with(here), status=status, read_at=now, away_since=away_since)

    def _is_known(self, here: Place) -> bool:
        others = [place for place in self.places if place.known and not place.position.is_same(here.position)]
        if here.known or not others or here.arrivals >= KNOWN_ARRIVALS:
            return True
        if self.preset_at(here.position) is not None:
            return True
        longest = max(place.held_seconds for place in others)
        return here.held_seconds >= max(USUAL_SECONDS, longest)

    def _with(self, here: Place) -> tuple[Place, ...]:
        """Return the places with one of them renewed or added; the least used one gives way."""
        others = [place for place in self.places if not place.position.is_same(here.position)]
        if len(others) >= MAX_PLACES:
            others.remove(min(others, key=lambda place: (place.known, place.held_seconds, place.seen_at)))
        return (*others, here)

    def with_reference(self, status: DomeStatus | None, reference: Reference) -> DomeMemory:
        """Return the same with a renewed past of the picture at the place of a status."""
        here = self.at(status)
        if here is None:
            return self
        renewed = replace(here, reference=reference)
        return replace(self, places=tuple(renewed if place is here else place for place in self.places))

    def with_presets(self, presets: tuple[Preset, ...]) -> DomeMemory:
        """Return the same with the presets that the dome tells now."""
        return replace(self, presets=presets)

    def forgetting_places(self) -> DomeMemory:
        """Return the same without the places, as after its view was changed on purpose."""
        return DomeMemory(self.presets, profile=self.profile)

    def moved(self, change: Callable[[float], float]) -> DomeMemory:
        """Return the same with every moment changed."""
        return replace(
            self,
            places=tuple(replace(place, seen_at=change(place.seen_at)) for place in self.places),
            read_at=None if self.read_at is None else change(self.read_at),
            away_since=None if self.away_since is None else change(self.away_since),
        )


@dataclass(frozen=True, slots=True)
class StoredDome:
    """The part of a dome's memory that survives a restart. The past of its present place is stored beside it."""

    presets: tuple[Preset, ...] = ()
    places: tuple[Place, ...] = ()
    status: DomeStatus | None = None
    away_since: float | None = None
    profile: str = ""

    @classmethod
    def of(cls, dome: DomeMemory) -> StoredDome:
        """Return what is stored of a dome. It holds measures of pictures, never a picture."""
        present = dome.place
        places = []
        for place in dome.places:
            past = place.reference.settled() if place.reference is not None and place is not present else None
            places.append(replace(place, reference=past))
        return cls(dome.presets, tuple(places), dome.status, dome.away_since, dome.profile)

    def memory(self, reference: Reference | None) -> DomeMemory:
        """Return a memory that starts from the stored part; `reference` is the past at the present place."""
        dome = DomeMemory(self.presets, self.places, self.status, None, self.away_since, self.profile)
        return dome if reference is None else dome.with_reference(dome.status, reference)


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a dome looked while a picture was taken: before and after it, each None if that could not be read."""

    before: DomeStatus | None = None
    after: DomeStatus | None = None

    @property
    def steady(self) -> DomeStatus | None:
        """What it reported if it did not move meanwhile; None if it moved, or nothing is known."""
        before, after = self.before, self.after
        if after is None or after.moving or after.position is None:
            return None
        if before is not None and (before.moving or before.position is None):
            return None
        return after if before is None or before.position is None or before.position.is_same(after.position) else None


def judge_away(dome: DomeMemory, after_seconds: float | None, now: float) -> tuple[Finding | None, bool]:
    """Judge whether a dome was left away from its known places; `after_seconds` None turns it off.

    Return the finding, and whether the fault is ruled out. While the dome moves neither can be told.
    """
    if after_seconds is None:
        return None, True
    status = dome.status
    if status is None or status.moving or status.position is None:
        return None, False
    if dome.away_since is None or now - dome.away_since < after_seconds:
        return None, dome.away_since is None
    minutes = (now - dome.away_since) / 60
    return Finding(PTZ_AWAY.code, f"away for {minutes:.0f} min, at {status.position}", Rung.ONVIF), False
