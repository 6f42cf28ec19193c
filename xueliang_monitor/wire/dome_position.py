"""Where a dome looks: positions of pan, tilt and zoom, and which of them are the same. Pure."""

from __future__ import annotations

from dataclasses import dataclass

GENERIC_TOLERANCE = 0.01
"""Two angles that are less apart are the same, in the generic space from -1 to 1: 1.8 degrees of a full turn."""

ZOOM_TOLERANCE = 0.02
"""Two zooms that are less apart are the same, as a share of the larger one if that is over 1."""

DEGREES_SCALE = 180.0
"""What angles are multiplied by in a space of degrees, which some domes use."""

_GENERIC_LIMIT = 1.001


@dataclass(frozen=True, slots=True)
class Position:
    """A position of a dome as it reports it; None for what it does not report."""

    pan: float | None = None
    tilt: float | None = None
    zoom: float | None = None

    def __str__(self) -> str:
        parts = (("pan", self.pan), ("tilt", self.tilt), ("zoom", self.zoom))
        return ", ".join(f"{name} {value:.3g}" for name, value in parts if value is not None)

    def is_same(self, other: Position) -> bool:
        """Return whether a dome at the other position shows the same view."""
        scale = DEGREES_SCALE if self._is_in_degrees or other._is_in_degrees else 1.0
        apart: list[bool] = []
        if self.pan is not None and other.pan is not None:
            turn = abs(self.pan - other.pan)
            apart.append(min(turn, abs(2 * scale - turn)) > GENERIC_TOLERANCE * scale)
        if self.tilt is not None and other.tilt is not None:
            apart.append(abs(self.tilt - other.tilt) > GENERIC_TOLERANCE * scale)
        if self.zoom is not None and other.zoom is not None:
            apart.append(abs(self.zoom - other.zoom) > ZOOM_TOLERANCE * max(1.0, abs(self.zoom), abs(other.zoom)))
        return bool(apart) and not any(apart)

    @property
    def _is_in_degrees(self) -> bool:
        return any(value is not None and abs(value) > _GENERIC_LIMIT for value in (self.pan, self.tilt))


@dataclass(frozen=True, slots=True)
class DomeStatus:
    """What a dome reports of itself: its position, None if it reports none, and whether it moves."""

    position: Position | None
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Preset:
    """A position that is stored in a dome: its token, its name, and where it is if the dome tells that."""

    token: str
    name: str
    position: Position | None = None
