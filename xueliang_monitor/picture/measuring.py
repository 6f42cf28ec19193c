"""Measures a frame once, on one working copy that all checks share. Runs in worker processes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.copies import Copies
from xueliang_monitor.picture.measures import Measures, Motion
from xueliang_monitor.picture.measuring_damage import measure_damage
from xueliang_monitor.picture.measuring_stripes import measure_slanting_stripes, measure_stripes
from xueliang_monitor.picture.scaling import cell_means_of_masks, mean_of, percentiles, spread_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Gray, Plane

    _Sums = NDArray[np.int16]

_LOW_SHARE, _HIGH_SHARE = 0.01, 0.95
"""Percentiles of luma, as shares."""

_LEVELS = 256

_WHITE_LEVEL = 243
"""Luma from which a pixel counts as overexposed. Chosen by hand."""

_LUMA_WEIGHTS = (0.114, 0.587, 0.299)
"""Weights of blue, green and red in luma (ITU-R BT.601)."""

_UNIFORM_LEVELS = 7
"""Distance from the median colour within which a pixel has that colour. From a prototype on other cameras."""

_NEAR_BOX = (3, 3)
"""Sides in pixels of the box whose difference is fine detail; the far box, for middle detail, is three times as wide.

Chosen by hand.
"""

_IN_NEAR, _IN_FAR = np.int16(9), np.int16(81)
"""Pixels in each box. 255 times the larger number fits into 16 bits."""

_BLUR_LENGTH = 9
"""Length in pixels of the second blurring (Crete et al. 2007)."""

_IMMERKAER = np.array([1, -2, 1], np.float32)
"""The mask of Immerkaer 1996, which cancels edges and leaves noise: the product of this across and down."""

_SMOOTHEST_PERCENT = 12
"""Percentile of the cells at which noise is read. From a prototype on other cameras."""

_IMPULSE_LEVELS = 40
"""Distance from the median of the neighbours from which a pixel is an impulse. Chosen by hand."""


class _Exposure(NamedTuple):
    mean: float
    low: float
    high: float
    white: float


def measure(
    frame: NDArray[np.uint8] | Copies, motion_ratio: float | None = None, motion: Motion | None = None
) -> Measures:
    """Measure a BGR frame of shape (height, width, 3) or a grey one of shape (height, width), or its copies."""
    copies = Copies.of(frame)
    gray, thumb, structure = copies.gray, copies.thumb, copies.structure
    near = _sums(gray, _NEAR_BOX)
    cells, fine = _fine(gray, near)
    exposure = _exposure(gray)
    chroma, contrast = _colours(thumb)
    stripes, slanting, damage = measure_stripes(gray), measure_slanting_stripes(structure, gray), measure_damage(copies)
    return Measures(
        luma_mean_levels=exposure.mean,
        luma_low_levels=exposure.low,
        luma_high_levels=exposure.high,
        white_ratio=exposure.white,
        chroma_levels=chroma,
        contrast_levels=contrast,
        uniform_ratio=_uniform(thumb),
        blur_ratio=blur_effect(gray),
        fine_detail_levels=fine,
        middle_detail_levels=_middle_mean(near, _far_sums(near)),
        noise_levels=_noise(gray),
        impulses_ratio=_impulses(gray),
        wide_stripes_levels=stripes.wide.levels,
        middle_stripes_levels=stripes.middle.levels,
        narrow_stripes_levels=stripes.narrow.levels,
        line_offset_levels=stripes.line_offset_levels,
        wide_stripes_prominence=stripes.wide.prominence,
        middle_stripes_prominence=stripes.middle.prominence,
        narrow_stripes_prominence=stripes.narrow.prominence,
        slanting_stripes_levels=slanting.levels,
        slanting_stripes_prominence=slanting.prominence,
        flat_cells_ratio=damage.flat_cells_ratio,
        smeared_ratio=damage.smeared_ratio,
        smeared_rows_ratio=damage.smeared_rows_ratio,
        grid_steps_ratio=damage.grid_steps_ratio,
        cut_off_ratio=damage.cut_off_ratio,
        void_cells_ratio=damage.void_cells_ratio,
        colour_noise_levels=_noise(_red_less_blue(copies.colour)),
        thumb=thumb,
        structure=structure,
        cell_detail=cells,
        motion_ratio=motion_ratio,
        motion=motion,
    )


def _histogram(picture: Gray, channel: int) -> Plane:
    """Return how many pixels have each level."""
    counts = cv2.calcHist([picture], [channel], None, [_LEVELS], [0, _LEVELS])
    return np.asarray(counts, dtype=np.float32).ravel()


def _exposure(gray: Gray) -> _Exposure:
    """Return mean and percentiles of luma in levels, and the share of overexposed pixels."""
    counts = _histogram(gray, 0)
    mean, shares = float(counts @ np.arange(_LEVELS)) / gray.size, counts.cumsum() / gray.size
    low, high = (float(np.searchsorted(shares, share)) for share in (_LOW_SHARE, _HIGH_SHARE))
    return _Exposure(mean, low, high, float(1 - shares[_WHITE_LEVEL - 1]))


def _colours(thumb: Gray) -> tuple[float, float]:
    """Return the mean distance of red and blue from luma, and the spread of luma (contrast), in levels."""
    colours = thumb.astype(np.float32)
    luma = cv2.transform(colours, np.array([_LUMA_WEIGHTS], np.float32))
    blue, _, red = cv2.split(colours)
    apart = cv2.magnitude(red - luma, blue - luma)
    return mean_of(np.asarray(apart, dtype=np.float32)), spread_of(np.asarray(luma, dtype=np.float32))


def _uniform(thumb: Gray) -> float:
    """Return the share of pixels within 7 levels of the median colour in each channel."""
    middle = (thumb[..., 0].size - 1) // 2, thumb[..., 0].size // 2
    lowest, highest = [], []
    for channel in range(3):
        below = _histogram(thumb, channel).cumsum()
        median = sum(float(np.searchsorted(below, place, side="right")) for place in middle) / 2
        lowest.append(math.ceil(median - _UNIFORM_LEVELS))
        highest.append(math.floor(median + _UNIFORM_LEVELS))
    near = cv2.inRange(thumb, np.array(lowest), np.array(highest))
    return cv2.countNonZero(near) / near.size


def _sums(gray: Gray, box: tuple[int, int]) -> _Sums:
    """Return the sum of levels in a box around each pixel: whole numbers fit into 16 bits, and are faster."""
    return np.asarray(cv2.boxFilter(gray, cv2.CV_16S, box, normalize=False), dtype=np.int16)


def cell_detail(gray: Gray) -> Plane:
    """Return detail of one to two pixels by cell in levels, as the difference from the mean in a box."""
    return _fine(gray, _sums(gray, _NEAR_BOX))[0]


def _fine(gray: Gray, near: _Sums) -> tuple[Plane, float]:
    """Return the mean absolute detail of one to two pixels in levels, by cell and as a whole."""
    off = cv2.absdiff(np.multiply(gray, _IN_NEAR, dtype=np.int16), near)
    cells = cell_means_of_masks(np.asarray(off, dtype=np.int16))
    return cells * np.float32(1 / _IN_NEAR), float(cv2.mean(off)[0]) / float(_IN_NEAR)


def _middle_mean(near: _Sums, far: _Sums) -> float:
    """Return the mean absolute detail of three to six pixels in levels, as the difference of two boxes."""
    return float(cv2.mean(cv2.absdiff(near * (_IN_FAR // _IN_NEAR), far))[0]) / float(_IN_FAR)


def _far_sums(near: _Sums) -> _Sums:
    """Return the sums of the far box from those of the near one, nine of which make it up."""
    wide = np.asarray(cv2.copyMakeBorder(near, *(_NEAR_BOX[0],) * 4, cv2.BORDER_REFLECT_101), dtype=np.int16)
    side = _NEAR_BOX[0]
    rows = wide[: -2 * side] + wide[side:-side]
    rows += wide[2 * side :]
    sums = rows[:, : -2 * side] + rows[:, side:-side]
    sums += rows[:, 2 * side :]
    return sums


def blur_effect(gray: Gray) -> float:
    """Return how little a second blurring changes neighbouring differences, in [0, 1] (Crete et al. 2007)."""
    worst = 0.0
    for kernel, across in (((_BLUR_LENGTH, 1), True), ((1, _BLUR_LENGTH), False)):
        blurred = cv2.blur(gray, kernel)
        if across:
            sharp, soft = cv2.absdiff(gray[:, 1:], gray[:, :-1]), cv2.absdiff(blurred[:, 1:], blurred[:, :-1])
        else:
            sharp, soft = cv2.absdiff(gray[1:], gray[:-1]), cv2.absdiff(blurred[1:], blurred[:-1])
        total = float(cv2.sumElems(sharp)[0])
        kept = float(cv2.sumElems(cv2.subtract(sharp, soft))[0])
        worst = max(worst, (total - kept) / total if total else 1.0)
    return worst


def _noise(gray: Gray) -> float:
    """Return the standard deviation of noise in levels (Immerkaer 1996), read where the picture is smoothest."""
    off = np.abs(cv2.sepFilter2D(gray, cv2.CV_16S, _IMMERKAER, _IMMERKAER))
    cells = cell_means_of_masks(np.asarray(off, dtype=np.int16))
    return percentiles(cells, _SMOOTHEST_PERCENT)[0] * math.sqrt(math.pi / 2) / 6


def _red_less_blue(colour: Gray) -> Gray:
    """Return half of red less blue, at half of the size.

    A noise filter and an encoder leave coloured noise that is two pixels large or more. Grey edges cancel out.
    """
    blue, _, red = cv2.split(cv2.resize(colour, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.addWeighted(red, 0.5, blue, -0.5, _LEVELS // 2), dtype=np.uint8)


def _impulses(gray: Gray) -> float:
    """Return the share of pixels more than 40 levels off the median of their neighbours."""
    off = cv2.absdiff(gray, cv2.medianBlur(gray, 3))
    return float(np.count_nonzero(off > _IMPULSE_LEVELS) / gray.size)
