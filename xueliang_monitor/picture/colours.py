"""Compares colours by logarithms of ratios, which exposure does not change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xueliang_monitor.picture.comparison import Colours
from xueliang_monitor.picture.measures import CELLS
from xueliang_monitor.picture.planes import grey

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Plane

_RATIO_OFFSET = 6
"""Levels added before logarithms are taken: darker pixels tell little of colour."""

_EVEN_PERCENT = 20
"""Percentile of the cast over the view that tells whether it is even. Chosen by hand."""

_CHROMA_OFFSET = 0.5
"""Levels added to the usual colour before it divides."""

_FAINT = 0.01
"""Added to a mean colour, so that a grey view has some."""


def cell_logs(thumb: Plane, offset_levels: int) -> Plane:
    """Return red and blue over green, and lightness, by cell in natural logarithms, shape (18, 32, 3)."""
    channels = np.log(cv2.resize(thumb, CELLS, interpolation=cv2.INTER_AREA) + offset_levels)
    ways = (channels[..., 2] - channels[..., 1], channels[..., 0] - channels[..., 1], channels.mean(axis=2))
    return np.asarray(np.stack(ways, axis=2), dtype=np.float32)


def mean_colour(logs: Plane) -> float:
    """Return the mean distance from grey of a view as `cell_logs` gives it."""
    return float(np.hypot(logs[..., 0], logs[..., 1]).mean()) + _FAINT


def comparable_colours(thumb: Plane, near: Sequence[Plane]) -> list[bool]:
    """Return for each near light whether colours can be compared with it: both it and the picture have some."""
    has_colour = not grey(thumb)
    return [has_colour and not grey(past) for past in near]


def compare_colours(thumb: Plane, thumbs: Sequence[Plane], nearest: int) -> Colours | None:
    """Return how the colours compare with those of the lights that have colour; None without any.

    `thumbs` are those of all lights, the nearest first; the usual colour is the median of the `nearest` with colour.
    """
    coloured = [past for past in thumbs if not grey(past)]
    if not coloured:
        return None
    off = _ratios(thumb) - _ratios(np.stack(coloured))  # shape (lights, 27, 48, 2)
    ways = np.median(off.reshape(len(coloured), -1, 2), axis=1)
    sizes = np.hypot(ways[:, 0], ways[:, 1])
    least = int(sizes.argmin())
    cast = float(sizes[least])
    along = (off[least] * ways[least]).sum(axis=2) / (cast * cast + 1e-6)
    usual = float(np.median([_chroma(past) for past in coloured[:nearest]]))
    return Colours(
        cast_log_ratio=cast,
        cast_evenness_ratio=float(np.percentile(along, _EVEN_PERCENT)),
        chroma_ratio=_chroma(thumb) / (usual + _CHROMA_OFFSET),
        usual_chroma_levels=usual,
        grey=grey(thumb),
        nearest_is_grey=grey(thumbs[0]),
    )


def _ratios(planes: Plane) -> Plane:
    """Return red and blue over green by pixel, in natural logarithms."""
    logs = np.log(planes + _RATIO_OFFSET)
    return np.asarray(logs[..., (2, 0)] - logs[..., 1:2], dtype=np.float32)


def _chroma(plane: Plane) -> float:
    return float((plane.max(axis=2) - plane.min(axis=2)).mean())
