"""Measures stripes: even waves of the rows or columns, single lines that are off, waves that slant."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.measures import StripeBand
from xueliang_monitor.picture.scaling import mean_of, median_across, percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Gray, Plane

    _Sums = NDArray[np.int32]

_BANDS = ((4, 12), (12, 30), (30, 400))
"""First and last wave of wide, middle and narrow stripes, in periods a picture. Chosen by hand."""

_PARTS = 6
"""Parts across of which the median is taken, of sine and cosine apart: stripes are in step over the whole picture.

A row of people or of windows is not, so that what is left of it is smaller. From a prototype on other cameras.
"""

_TREND_SHARE = 6
"""The mean over one sixth of the length is taken out first: slower changes belong to the scene. Chosen by hand."""

_SLOPE, _BESIDE = 2, 10
"""Waves on each side of a peak that belong to it, and the number of waves beyond them that it is compared with."""

_FAINT_LEVELS, _FAINTEST_LEVELS = 0.3, 0.02
"""Levels added to the neighbours of a straight and of a slanting wave: prominence stays finite in a flat picture."""

_SLANTING_LEVELS = 0.8
"""Smallest amplitude of a slanting wave. Chosen by hand."""

_FINE_SIZE = (192, 108)
"""Width and height of the middle of the working copy in which fine slanting stripes are looked for.

The structure has no wave shorter than six of its pixels. Of the whole copy it would take five times as long.
"""

_NEIGHBOURHOOD = (17, 17)
"""Waves around a slanting one that it is compared with."""

_ALIKE = (0.7, 1.35)
"""Frequencies, over a slanting wave's own, at which an edge of the same slant has waves as well. Chosen by hand."""


class Stripes(NamedTuple):
    """The strongest even waves of the row or column means by band, and the offset of single lines in levels."""

    wide: StripeBand[float]
    middle: StripeBand[float]
    narrow: StripeBand[float]
    line_offset_levels: float


def measure_stripes(gray: Gray) -> Stripes:
    """Return the strongest even wave of the row or column means in three bands of frequency.

    Its prominence is its size over the waves beside it: an even wave stands out, an edge does not. Only what six parts
    across have in step counts, as stripes cross the whole picture.
    """
    sums = np.asarray(cv2.integral(gray), dtype=np.int32)
    found = [_spectrum(_part_means(each)) for each in (sums, sums.T)]
    spectra = [spectrum for spectrum, _ in found]
    wide, middle, narrow = (_strongest(spectra, first, last) for first, last in _BANDS)
    return Stripes(wide, middle, narrow, max(offset for _, offset in found))


def _strongest(spectra: Sequence[Plane], first: int, last: int) -> StripeBand[float]:
    """Return the strongest wave of a band."""
    spectrum = max(spectra, key=lambda each: each[first:last].max(initial=0.0))
    levels = float(spectrum[first:last].max(initial=0.0))
    if levels <= 0:
        return StripeBand(0.0, 0.0)
    return StripeBand(levels, _prominence(spectrum, first + int(spectrum[first:last].argmax())))


def _part_means(sums: _Sums) -> Plane:
    """Return the means of the rows by part across, shape (6, length), from `sums` as `cv2.integral` gives them."""
    edges, widths = _part_edges(sums.shape[1] - 1)
    parts = np.ascontiguousarray(sums[:, edges].T)
    rows = parts[:, 1:] - parts[:, :-1]
    return np.asarray((rows[1:] - rows[:-1]) / widths[:, None], dtype=np.float32)


@functools.lru_cache(maxsize=8)
def _part_edges(width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the edges of the parts across, and their widths, in pixels."""
    edges = np.cumsum([0, *map(len, np.array_split(np.arange(width), _PARTS))], dtype=np.intp)
    return edges, np.diff(edges)


def _spectrum(rows: Plane) -> tuple[Plane, float]:
    """Return the amplitudes of the waves down a plane in levels, and the mean offset of its single rows.

    `rows` are the means of each row by part across, shape (6, length).
    """
    length = rows.shape[1]
    single = rows - cv2.blur(rows, (3, 1))
    swings = rows - cv2.blur(rows, (max(3, length // _TREND_SHARE) | 1, 1))
    waves = np.fft.rfft(swings * _hanning(length), axis=1).T * (4 / length)
    in_step = cv2.magnitude(median_across(waves.real), median_across(waves.imag)).ravel()
    return np.asarray(in_step, dtype=np.float32), mean_of(np.abs(median_across(single.T)))


@functools.lru_cache(maxsize=8)
def _hanning(length: int) -> Plane:
    return np.asarray(np.hanning(length), dtype=np.float32)


def _prominence(spectrum: Plane, peak: int) -> float:
    """Return a wave's size over the median of up to ten waves on each side, without its own slopes."""
    before = spectrum[max(_BANDS[0][0], peak - _SLOPE - _BESIDE) : peak - _SLOPE]
    beside = np.concatenate([before, spectrum[peak + _SLOPE + 1 : peak + _SLOPE + 1 + _BESIDE]])
    return float(spectrum[peak]) / (percentiles(beside, 50)[0] + _FAINT_LEVELS) if beside.size else 0.0


@functools.lru_cache(maxsize=2)
def _window(shape: tuple[int, int]) -> Plane:
    return np.asarray(cv2.createHanningWindow(shape[::-1], cv2.CV_32F))


def measure_slanting_stripes(structure: Gray, gray: Gray) -> StripeBand[float]:
    """Return the even wave that slants and stands out most, in levels, and how far it exceeds the waves near it.

    Broad ones are looked for in the structure, fine ones in the middle of the working copy.
    """
    return max((_slanting(structure), _slanting(_middle(gray))), key=lambda wave: wave.prominence)


def _middle(gray: Gray) -> Gray:
    left, top = (max(0, (side - size) // 2) for side, size in zip(gray.shape[::-1], _FINE_SIZE, strict=True))
    return gray[top : top + _FINE_SIZE[1], left : left + _FINE_SIZE[0]]


def _slanting(picture: Gray) -> StripeBand[float]:
    plane = picture.astype(np.float32)
    # Real and imaginary parts stand side by side after the first column, which holds no wave that slants.
    packed = cv2.dft((plane - mean_of(plane)) * _window(plane.shape))
    columns, middle = (plane.shape[1] - 1) // 2, plane.shape[0] // 2
    size = np.abs(np.ascontiguousarray(packed[:, 1 : 1 + 2 * columns]).view(np.complex64)) * np.float32(8 / plane.size)
    waves = np.zeros((plane.shape[0], 1 + columns), np.float32)
    waves[:middle, 1:], waves[middle:, 1:] = size[-middle:], size[:-middle]
    waves[middle - 1 : middle + 2] = 0
    waves[:, :2] = 0
    strong = np.flatnonzero(waves > _SLANTING_LEVELS)
    if not strong.size:
        return StripeBand(0.0, 0.0)
    usual = cv2.blur(waves, _NEIGHBOURHOOD) + np.float32(_FAINTEST_LEVELS)
    row, column = divmod(int(strong[(waves.ravel()[strong] / usual.ravel()[strong]).argmax()]), waves.shape[1])
    # An edge is a row of waves of the same slant and of all lengths.
    alike = [_around(waves, middle + (row - middle) * part, column * part) for part in _ALIKE]
    return StripeBand(float(waves[row, column]), float(waves[row, column] / max(usual[row, column], *alike)))


def _around(waves: Plane, row: float, column: float) -> float:
    near = waves[max(0, round(row) - 1) : round(row) + 2, max(0, round(column) - 1) : round(column) + 2]
    return float(near.max(initial=0.0))
