"""Measures the frames of a burst against one another. Runs in worker processes."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.copies import Copies
from xueliang_monitor.picture.measures import Motion
from xueliang_monitor.picture.measuring import fine_detail
from xueliang_monitor.picture.measuring_bars import measure_bars
from xueliang_monitor.picture.measuring_damage import lost_rows, measure_damage
from xueliang_monitor.picture.measuring_offsets import measure_offset
from xueliang_monitor.picture.registration import correlation
from xueliang_monitor.picture.scaling import cell_means, percentiles, shrink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Gray, Plane

_SAME_LEVELS = 0.06
"""Largest mean change of a still cell. Chosen by hand: between a repeated picture and the grain of a sensor."""

_DAMAGED_LEVELS, _DAMAGED_SHARE = 8.0, 0.02
"""A frame may be damaged if it differs from the one before by so much in so many of the cells. Chosen by hand."""

_SHIFT_SIZE = (320, 180)
"""Width and height for phase correlation: 0.3 ms, where 1080p took 31 ms."""

_BORDER = slice(20, -20), slice(35, -35)
"""Rows and columns compared after a shift: without a border that the shift leaves undefined."""

_NO_CHANGE_LEVELS = 0.2
"""Mean change between two frames below which there is no shift to look for. Chosen by hand."""

_ROLL_SIZE = (64, 180)
"""Width and height on which the roll is measured: only the rows matter."""

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


class _Shift(NamedTuple):
    """A shift across and down as shares of the width, the response of phase correlation, and what it explains."""

    across: float
    down: float
    response: float
    gain: float


_NO_SHIFT = _Shift(0.0, 0.0, 1.0, 0.0)


def measure_motion(frames: Sequence[NDArray[np.uint8] | Copies]) -> Motion | None:
    """Measure the frames of one burst, or their copies, against one another; None for fewer than two."""
    if len(frames) < 2:
        return None
    copies = [Copies.of(frame) for frame in frames]
    pairs = [_Pair(before, after) for before, after in pairwise(copies)]
    changes = [cell_means(cv2.absdiff(before.gray, after.gray).astype(np.float32)) for before, after in pairs]
    edges = _edges(copies[0].structure)
    shifts = [_NO_SHIFT if _in_place(pair, edges) else _shift(pair) for pair in pairs]
    rolls = [(0.0, 0.0) if _alike(pair) else _roll(pair) for pair in pairs]
    path = sum(math.hypot(each.across, each.down) for each in shifts)
    together = math.hypot(sum(each.across for each in shifts), sum(each.down for each in shifts))
    return Motion(
        still_ratio=min(float((cells <= _SAME_LEVELS).mean()) for cells in changes),
        shift_ratio=float(np.median([math.hypot(each.across, each.down) for each in shifts])),
        drift_ratio=together / path if path else 0.0,
        shift_response=float(np.median([each.response for each in shifts])),
        shift_gain=float(np.median([each.gain for each in shifts])),
        roll_ratio=float(np.median([rows for rows, _ in rolls])),
        roll_gain=float(np.median([gain for _, gain in rolls])),
        roll_spread_ratio=float(np.ptp([rows for rows, _ in rolls])),
        cell_detail=np.max([cell_means(fine_detail(each.gray)) for each in copies[1:]], axis=0),
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


def _shift(pair: _Pair) -> _Shift:
    """Return how far a frame moved, by phase correlation in one or two steps."""
    first, second = (shrink(each.gray, _SHIFT_SIZE).astype(np.float32) for each in pair)
    change = float(np.abs(first[_BORDER] - second[_BORDER]).mean())
    window = _window()
    # OpenCV 5 applies the window to its arguments in place.
    (x, y), response = cv2.phaseCorrelate(first.copy(), second.copy(), window)
    if change <= _NO_CHANGE_LEVELS:
        return _Shift(0.0, 0.0, float(response), 0.0)
    (more_x, more_y), _ = cv2.phaseCorrelate(_shifted(first, x, y), second.copy(), window)
    found = []
    for across, down in ((x, y), (x + more_x, y + more_y)):
        left = float(np.abs(_shifted(first, across, down)[_BORDER] - second[_BORDER]).mean())
        found.append((1 - left / change, across / _SHIFT_SIZE[0], down / _SHIFT_SIZE[0]))
    gain, across, down = max(found)
    return _Shift(across, down, float(response), gain)


@functools.lru_cache(maxsize=1)
def _window() -> Plane:
    return np.asarray(cv2.createHanningWindow(_SHIFT_SIZE, cv2.CV_32F))


def _shifted(plane: Plane, x: float, y: float) -> Plane:
    size = plane.shape[1], plane.shape[0]
    way = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return np.asarray(cv2.warpAffine(plane, way, size, borderMode=cv2.BORDER_REPLICATE))


def _roll(pair: _Pair) -> tuple[float, float]:
    """Return the roll as a share of the height, in [-0.5, 0.5], and the gain in correlation when it is undone."""
    first, second = (shrink(each.gray, _ROLL_SIZE).astype(np.float32) for each in pair)
    height = _ROLL_SIZE[1]
    spectrum = np.fft.rfft(first, axis=0).conj() * np.fft.rfft(second, axis=0)
    fit = np.fft.irfft(spectrum, n=height, axis=0).sum(axis=1)
    centre = float(first.mean() * second.mean()) * first.size
    norm = float(np.sqrt(first.var() * second.var())) * first.size + 1e-6
    scores = (fit - centre) / norm
    best = int(scores.argmax())
    rows = best if best <= height // 2 else best - height
    return rows / height, float(scores[best] - scores[0])
