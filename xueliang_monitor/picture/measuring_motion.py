"""Measures the frames of a burst against one another. Runs in worker processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.copies import Copies
from xueliang_monitor.picture.measures import Motion
from xueliang_monitor.picture.measuring import cell_detail
from xueliang_monitor.picture.measuring_bars import measure_bars
from xueliang_monitor.picture.measuring_damage import lost_rows, measure_damage
from xueliang_monitor.picture.measuring_offsets import measure_offset
from xueliang_monitor.picture.planes import change_between
from xueliang_monitor.picture.registration import correlation
from xueliang_monitor.picture.rolls import Roll, measure_roll, slip
from xueliang_monitor.picture.scaling import cell_means, percentiles
from xueliang_monitor.picture.shifting import Shift, measure_shift

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Gray

_SAME_LEVELS = 0.06
"""Largest mean change of a still cell. Chosen by hand: between a repeated picture and the grain of a sensor."""

_DAMAGED_LEVELS, _DAMAGED_SHARE = 8.0, 0.02
"""A frame may be damaged if it differs from the one before by so much in so many of the cells. Chosen by hand."""

_EDGE_PIXELS, _SOBEL = 1440, 1 / 8
"""Pixels of the structure that are its edges, a tenth; and the factor that gives steepness a pixel."""

_IN_PLACE_PIXELS = 0.1
"""Shift of the edges, in pixels of the structure, below which none is looked for: a seventh of what shakes."""

_ALIKE = 0.95
"""Correlation of two frames from which no roll is looked for: undoing one must gain more than that leaves."""


class _Pair(NamedTuple):
    """Two frames, one after the other."""

    before: Copies
    after: Copies


class _Edges(NamedTuple):
    """Places of the steepest pixels in the flattened structure, and their median steepness in levels a pixel."""

    places: NDArray[np.intp]
    levels: float


def measure_motion(frames: Sequence[NDArray[np.uint8] | Copies]) -> Motion | None:
    """Measure the frames of one burst, or their copies, against one another; None for fewer than two.

    Frames of another size than the first one are left out: they do not show how it moves.
    """
    copies = [Copies.of(frame) for frame in frames]
    copies = [each for each in copies if each.frame.shape == copies[0].frame.shape]
    if len(copies) < 2:
        return None
    pairs = [_Pair(before, after) for before, after in pairwise(copies)]
    changes = [cell_means(cv2.absdiff(before.gray, after.gray).astype(np.float32)) for before, after in pairs]
    edges = _edges(copies[0].structure)
    shifts = [Shift() if _in_place(pair, edges) else measure_shift(pair.before.gray, pair.after.gray) for pair in pairs]
    rolls = [Roll() if _alike(pair) else measure_roll(pair.before.gray, pair.after.gray) for pair in pairs]
    still = [float((cells <= _SAME_LEVELS).mean()) for cells in changes]
    path = sum(each.way for each in shifts)
    together = math.hypot(*(sum(ways) for ways in zip(*(each[:3] for each in shifts), strict=True)))
    return Motion(
        still_ratio=min(still),
        repeats_ratio=float(np.median(still)),
        change_levels=max(change_between(copies[0].structure, each.structure) for each in copies[1:]),
        shift_ratio=float(np.median([each.way for each in shifts])),
        drift_ratio=together / path if path else 0.0,
        shift_response=float(np.median([each.response for each in shifts])),
        shift_gain=float(np.median([each.gain for each in shifts])),
        roll_ratio=float(np.median([each.ratio for each in rolls])),
        roll_gain=float(np.median([each.gain for each in rolls])),
        roll_spread_ratio=float(np.ptp([each.ratio for each in rolls])),
        roll_wrap_correlation=float(np.median([each.wraps for each in rolls])),
        slip_ratio=slip(rolls),
        cell_detail=np.max([cell_detail(each.gray) for each in copies[1:]], axis=0),
        thumbs=tuple(each.thumb for each in copies[1:]),
        lost_rows_ratio=lost_rows([each.structure for each in copies]),
        damages=tuple(measure_damage(pair.after) for pair in pairs if _differs(pair)),
        offset_levels=measure_offset([each.thumb for each in copies]),
        bar=measure_bars([each.structure for each in copies]),
    )


def _differs(pair: _Pair) -> bool:
    """Whether enough cells changed so much that the second frame may be damaged where the first is not."""
    change = cv2.absdiff(pair.before.structure, pair.after.structure).astype(np.float32)
    return bool((cell_means(change) > _DAMAGED_LEVELS).mean() >= _DAMAGED_SHARE)


def _edges(structure: Gray) -> _Edges:
    """Return where a frame is steepest, and how steep it is there, in levels a pixel."""
    plane = structure.astype(np.float32)
    steep = cv2.magnitude(
        cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=_SOBEL), cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=_SOBEL)
    )
    flat = steep.ravel()
    strongest = np.argpartition(flat, -_EDGE_PIXELS)[-_EDGE_PIXELS:]
    return _Edges(strongest, percentiles(flat[strongest], 50)[0])


def _in_place(pair: _Pair, edges: _Edges) -> bool:
    """Whether the edges are where they were: a shift changes each of them, a passer-by some, grain all a little."""
    change = cv2.absdiff(pair.before.structure, pair.after.structure).ravel()[edges.places]
    return percentiles(change, 50)[0] <= _IN_PLACE_PIXELS * edges.levels


def _alike(pair: _Pair) -> bool:
    """Whether two frames fit as they are, so that no roll can make them fit much better."""
    return correlation(*(each.structure.astype(np.float32) for each in pair)) >= _ALIKE
