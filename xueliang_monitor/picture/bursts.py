"""Decides when a look takes a burst: it costs as much again, and most looks do not need one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xueliang_monitor.picture.checks.rolling import ROLLING
from xueliang_monitor.picture.checks.shaking import SHAKING
from xueliang_monitor.picture.checks.striped import STRIPED

if TYPE_CHECKING:
    from xueliang_monitor.picture.look import Look

EVERY = 3
"""One look in so many takes a burst while nothing rolls or shakes."""

NEAR = 0.25
"""Score of rolling, shaking or stripes from which every look takes a burst: half the limit. Chosen by hand."""

_CODES = (ROLLING.fault.code, SHAKING.fault.code)
"""Faults that only a burst shows: a look without a score of them had none."""

_SOMETIMES = STRIPED.fault.code
"""A bar of hum is seen in a burst only, other stripes in any picture."""


@dataclass(frozen=True, slots=True)
class Bursts:
    """What is remembered of a camera: how many looks ago the last burst was, and whether it showed motion."""

    ago: int = EVERY
    moving: bool = False

    @property
    def due(self) -> bool:
        """Whether the next look takes a burst: its turn has come, or motion must be confirmed or ruled out."""
        return self.moving or self.ago >= EVERY - 1

    def after(self, look: Look) -> Bursts:
        """Return what to remember after a look."""
        scores = [look.scores[code] for code in _CODES if code in look.scores]
        if not scores:
            return Bursts(self.ago + 1, self.moving)
        return Bursts(0, max(*scores, look.scores.get(_SOMETIMES, 0.0)) >= NEAR)
