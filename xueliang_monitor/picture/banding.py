"""Finds bands and columns that the past does not show: lamps that flicker, a sensor whose columns fail."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.planes import kept_by_plane
from xueliang_monitor.picture.registration import correlation
from xueliang_monitor.picture.scaling import median_across, percentiles

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Plane

_LIGHT_OFFSET = 8
"""Levels added before the logarithm: darker light tells little."""

_PARTS = 6
"""Parts across of which the median is taken: bands cross the whole picture."""

_FIRST_WAVE = 3
"""Longest band in periods a picture; longer ones are the light of the scene."""

_BESIDE = 12
"""The peak is compared with the longer waves and with this many shorter ones, less its own slope of two."""

_FAINT = 0.004
"""Share of the light added to the neighbours, so that prominence is finite. Chosen by hand."""


_LEAST, _LEAST_PROMINENCE = 0.02, 5.0
"""Amplitude and prominence below which a wave is no band, and neither its evenness nor another light is asked."""

_UNEVEN_PERCENT = 25
"""Percentile of the parts across at which a wave's evenness is read. Chosen by hand."""

_THIRDS = 3
"""Parts along in which a wave must be found: the edge of something dark or a row of lamps is in one of them."""

_COLUMNS_BESIDE = (9, 1)
"""Width and height of the area whose mean is undone: what is broader is no column. Chosen by hand."""


class Banding(NamedTuple):
    """Amplitude of the strongest band as a share of the light, that over the waves beside it, and its evenness."""

    ratio: float
    prominence: float
    evenness: float = 0.0


def columns_through(structure: Plane, usual: Plane) -> float:
    """Return how alike new columns are in each third of the height, in [-1, 1]: 1 if they run through all of it.

    What stands upright in the scene ends somewhere, and so does damage.
    """
    new = cv2.subtract(structure, usual)
    lines = [cv2.reduce(part, 0, cv2.REDUCE_AVG) for part in new.reshape(_THIRDS, -1, new.shape[1])]
    top, middle, bottom = (line - cv2.blur(line, _COLUMNS_BESIDE) for line in lines)
    return min(correlation(top, middle), correlation(middle, bottom), correlation(top, bottom))


def find_banding(structure: Plane, planes: Sequence[Plane]) -> Banding:
    """Return the strongest even wave of rows or columns that no near light shows."""
    now, least = _parts(structure), Banding(math.inf, 0.0)
    for then in planes:
        least = min(least, max(_wave(one - other) for one, other in zip(now, _parts(then), strict=True)))
        if least.ratio < _LEAST:
            break  # Another light could only show that it is fainter yet.
    return least


@kept_by_plane
def _parts(plane: Plane) -> tuple[Plane, Plane]:
    """Return the light of the rows by part across, and of the columns by part down, each of shape (length, 6).

    In natural logarithms and without slow changes along it.
    """
    light = np.asarray(cv2.log(plane + np.float32(_LIGHT_OFFSET)))
    height, width = light.shape
    rows, columns = light @ _part_weights(width), light.T @ _part_weights(height)
    return _without_parabola(height) @ rows, _without_parabola(width) @ columns


def _wave(parts: Plane) -> Banding:
    """Return the strongest wave down a plane that crosses all of it; `parts` are the changes that `_parts` shows."""
    length = len(parts)
    lines = median_across(parts)
    waves = np.abs(np.fft.rfft(lines * _hanning(length))) * 4 / length
    peak = _FIRST_WAVE + int(waves[_FIRST_WAVE:].argmax())
    beside = np.concatenate([waves[2 : max(2, peak - 1)], waves[peak + 2 : peak + _BESIDE]])
    ratio, prominence = float(waves[peak]), float(waves[peak]) / (percentiles(beside, 50)[0] + _FAINT)
    worth = ratio >= _LEAST and prominence >= _LEAST_PROMINENCE
    return Banding(ratio, prominence, _evenness(parts, lines, peak) if worth else 0.0)


def _evenness(parts: Plane, lines: Plane, peak: int) -> float:
    """Return how evenly a wave crosses the plane: light that flickers lights all of it, and a sine has no end.

    The weakest third along over the strongest one, or the weaker parts across over all of them.
    """
    length = len(lines)
    wave = np.exp(-2j * np.pi * peak * np.arange(length) / length)
    across = np.hanning(length) * wave @ parts
    whole = across.mean()
    likeness = np.percentile((across * whole.conj()).real, _UNEVEN_PERCENT) / (abs(whole) ** 2 + 1e-12)
    along = [abs(np.hanning(len(each)) @ each) / len(each) for each in np.array_split(lines * wave, _THIRDS)]
    return float(min(likeness, min(along) / (max(along) + 1e-12)))


@functools.lru_cache(maxsize=2)
def _hanning(length: int) -> Plane:
    return np.asarray(np.hanning(length), dtype=np.float32)


@functools.lru_cache(maxsize=2)
def _part_weights(length: int) -> Plane:
    """Return the matrix that takes the means of equal parts of so many values, which may begin within one."""
    return np.asarray(cv2.resize(np.eye(length, dtype=np.float32), (_PARTS, length), interpolation=cv2.INTER_AREA))


@functools.lru_cache(maxsize=2)
def _without_parabola(length: int) -> Plane:
    """Return the matrix that takes a parabola out of so many values."""
    powers = np.vander(np.linspace(-1, 1, length), 3)
    return np.asarray(np.eye(length) - powers @ np.linalg.pinv(powers), dtype=np.float32)
