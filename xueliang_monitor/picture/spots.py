"""Finds small patches of another colour or lightness, as dirt makes them, and the cells in which something moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xueliang_monitor.picture.colours import cell_logs, comparable_colours, mean_colour
from xueliang_monitor.picture.detail import scattered_share
from xueliang_monitor.picture.measures import CELLS

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Mask, Plane

_SPOT = 0.18
"""Distance in natural logarithms of lightness from which a cell is a spot. Chosen by hand."""

_COLOUR_WEIGHT = 1.3
"""Weight of colour beside lightness. Chosen by hand."""

_GREY_SHARE = 0.6
"""Share of the usual colour below which the picture is grey and colour is left out. Chosen by hand."""

_DARK_OFFSET = 12
"""Levels added before logarithms are taken: darker cells tell little of colour and lightness."""

_AROUND = 5
"""Side in cells of the area whose median is undone: a shadow is larger than a spot."""

_CHANGED_LEVELS = 6.0
"""Change of a cell's colour within a burst from which something moves there. Chosen by hand."""


def spots_share(thumb: Plane, near: Sequence[Plane], still: Mask) -> float:
    """Return the share of the view in small patches of a colour or lightness that no near light has there.

    Only the `still` cells count, without the third of the view that has the most spots. Shadows are larger and are no
    spots. Colour is left out if the picture turned grey, or if it is known in grey only.
    """
    now, least = cell_logs(thumb, _DARK_OFFSET), np.full(still.shape, np.inf, np.float32)
    comparable = comparable_colours(thumb, near)
    coloured = [past for past, has_colour in zip(near, comparable, strict=True) if has_colour]
    for then in (cell_logs(past, _DARK_OFFSET) for past in coloured or near):
        off = np.abs(now - then - cv2.medianBlur(now - then, _AROUND))
        weight = _COLOUR_WEIGHT if coloured and mean_colour(now) > _GREY_SHARE * mean_colour(then) else 0.0
        least = np.minimum(least, np.maximum(weight * np.hypot(off[..., 0], off[..., 1]), off[..., 2]))
    return scattered_share((least > _SPOT) & still, still.astype(np.float64))


def moving_cells(thumb: Gray, others: Sequence[Gray]) -> Mask:
    """Return the cells whose colour changes within a burst, and the cells beside them, shape (18, 32)."""
    changes = np.max([cv2.absdiff(thumb, other).max(axis=2) for other in others], axis=0).astype(np.float32)
    changed = cv2.resize(changes, CELLS, interpolation=cv2.INTER_AREA) > _CHANGED_LEVELS
    return np.asarray(cv2.dilate(changed.astype(np.uint8), np.ones((3, 3), np.uint8)), dtype=np.bool_)
