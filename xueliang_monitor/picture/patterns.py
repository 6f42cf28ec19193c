"""The pattern of a view by blocks, without slow changes of light, beside that of the near lights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xueliang_monitor.picture.comparison import OwnPattern
from xueliang_monitor.picture.scaling import median_of, share_of

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Plane

_ROWS, _COLUMNS, _SIDE = 9, 16, 10
"""Rows and columns of the blocks of the structure, and their side in pixels."""

_COARSE = (9, 9)
"""Sides in pixels of the box whose mean is taken out: slow changes of light are no pattern, and fog has them."""

_GRAIN_POWER = 0.5
"""Squared levels that grain and rounding may add to a pattern."""

PATTERN_LEVELS = 1.5
"""Mean pattern from which a block has one. Steps of stored planes make up to one level. Chosen by hand."""

SEEN, _FOREIGN = 0.5, 0.4
"""Correlation from which a block shows a pattern of the past, and below which it shows another. Chosen by hand."""

_SHARP_LEVELS, _SHARP_SHARE = 1.2, 0.5
"""Detail of a sharp block: in levels, and as a share of what is usual where there is any. Chosen by hand."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """By block, shape (9, 16): how much pattern a view has, how much is usual, and how well it fits a near light."""

    now: Plane
    """Mean pattern in levels."""

    usual: Plane
    """Usual mean pattern in levels."""

    fit: Plane
    """Best correlation with a near light, in [-1, 1]."""

    @classmethod
    def of(cls, structure: Plane, planes: Sequence[Plane]) -> Patterns:
        """Compare the luma of a frame with that of the near lights, each of shape (90, 160)."""
        now, then = _pattern(structure), [_pattern(plane) for plane in planes]
        power = (now * now).mean(axis=2) + _GRAIN_POWER
        fits = [
            (now * past).mean(axis=2) / np.sqrt(power * ((past * past).mean(axis=2) + _GRAIN_POWER)) for past in then
        ]
        return cls(
            now=np.abs(now).mean(axis=2),
            usual=median_of([np.abs(past).mean(axis=2) for past in then]),
            fit=np.max(fits, axis=0),
        )

    def own(self, cell_detail: Plane, usual_detail: float) -> OwnPattern:
        """Return how much of what is sharp in the view belongs to its past.

        `cell_detail` is the frame's detail by cell; `usual_detail` is the usual one where there is any. What hangs
        right before a lens is out of focus.
        """
        fine = cell_detail.reshape(_ROWS, 2, _COLUMNS, 2).mean(axis=(1, 3))
        sharp = (self.now > PATTERN_LEVELS) & (fine > max(_SHARP_LEVELS, _SHARP_SHARE * usual_detail))
        return OwnPattern(share_of(sharp & (self.fit > SEEN)), share_of(sharp & (self.fit < _FOREIGN)))


def _pattern(plane: Plane) -> Plane:
    """Return the pattern of each block, shape (9, 16, 100)."""
    off = plane - cv2.blur(plane, _COARSE)
    return off.reshape(_ROWS, _SIDE, _COLUMNS, _SIDE).transpose(0, 2, 1, 3).reshape(_ROWS, _COLUMNS, -1)


def brightness(plane: Plane) -> Plane:
    """Return the mean of a plane by block, shape (9, 16)."""
    return np.asarray(cv2.resize(plane, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA), dtype=np.float32)
