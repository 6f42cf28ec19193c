"""Measures a frame once, on one working copy that all checks share. Runs in worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.measures import STRUCTURE_SIZE, THUMB_SIZE, Measures, Motion
from xueliang_monitor.picture.measuring_damage import grid_steps, measure_damage
from xueliang_monitor.picture.measuring_stripes import measure_slanting_stripes, measure_stripes
from xueliang_monitor.picture.scaling import cell_means, gray_of, shrink, working_copy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Gray, Plane

_LOW_SHARE, _HIGH_SHARE = 0.01, 0.95
"""Percentiles of luma, as shares."""

_WHITE_LEVEL = 243
"""Luma from which a pixel counts as overexposed. Chosen by hand."""

_LUMA_WEIGHTS = (0.114, 0.587, 0.299)
"""Weights of blue, green and red in luma (ITU-R BT.601)."""

_UNIFORM_LEVELS = 7
"""Distance from the median colour within which a pixel has that colour. From a prototype on other cameras."""

_NEAR_BOX, _FAR_BOX = (3, 3), (9, 9)
"""Sides in pixels of the boxes whose differences are fine and middle detail. Chosen by hand."""

_BLUR_LENGTH = 9
"""Length in pixels of the second blurring (Crete et al. 2007)."""

_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""The mask of Immerkaer 1996, which cancels edges and leaves noise."""

_SMOOTHEST_PERCENT = 12
"""Percentile of the cells at which noise is read. From a prototype on other cameras."""

_IMPULSE_LEVELS = 40
"""Distance from the median of the neighbours from which a pixel is an impulse. Chosen by hand."""


class _Exposure(NamedTuple):
    mean: float
    low: float
    high: float
    white: float


def measure(frame: NDArray[np.uint8], motion_ratio: float | None = None, motion: Motion | None = None) -> Measures:
    """Measure a BGR frame of shape (height, width, 3), or a grey one of shape (height, width)."""
    colour = working_copy(frame)
    gray = gray_of(colour)
    thumb, structure = shrink(colour, THUMB_SIZE), shrink(gray, STRUCTURE_SIZE)
    fine, middle = detail_bands(gray)
    exposure = _exposure(gray)
    chroma, contrast = _colours(thumb)
    stripes, slanting, damage = measure_stripes(gray), measure_slanting_stripes(structure), measure_damage(colour, gray)
    return Measures(
        luma_mean_levels=exposure.mean,
        luma_low_levels=exposure.low,
        luma_high_levels=exposure.high,
        white_ratio=exposure.white,
        chroma_levels=chroma,
        contrast_levels=contrast,
        uniform_ratio=_uniform(thumb),
        blur_ratio=blur_effect(gray),
        fine_detail_levels=float(fine.mean()),
        middle_detail_levels=float(middle.mean()),
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
        flat_cells_ratio=damage.flat_cells,
        smeared_ratio=damage.smeared,
        smeared_rows_ratio=damage.smeared_rows,
        grid_steps_ratio=grid_steps(frame),
        thumb=thumb,
        structure=structure,
        cell_detail=cell_means(fine),
        motion_ratio=motion_ratio,
        motion=motion,
    )


def _exposure(gray: Gray) -> _Exposure:
    """Return mean and percentiles of luma in levels, and the share of overexposed pixels."""
    counts = np.bincount(gray.ravel(), minlength=256).cumsum() / gray.size
    low, high = (float(np.searchsorted(counts, share)) for share in (_LOW_SHARE, _HIGH_SHARE))
    return _Exposure(float(gray.mean()), low, high, float(1 - counts[_WHITE_LEVEL - 1]))


def _colours(thumb: Gray) -> tuple[float, float]:
    """Return the mean distance of red and blue from luma, and the spread of luma (contrast), in levels."""
    blue, green, red = (thumb[..., channel].astype(np.float32) for channel in range(3))
    luma = _LUMA_WEIGHTS[0] * blue + _LUMA_WEIGHTS[1] * green + _LUMA_WEIGHTS[2] * red
    return float(np.hypot(red - luma, blue - luma).mean()), float(luma.std())


def _uniform(thumb: Gray) -> float:
    """Return the share of pixels within 7 levels of the median colour in each channel."""
    median = np.median(thumb.reshape(-1, 3), axis=0)
    return float(np.all(np.abs(thumb.astype(np.int16) - median) <= _UNIFORM_LEVELS, axis=2).mean())


def detail_bands(gray: Gray) -> tuple[Plane, Plane]:
    """Return absolute detail of one to two pixels, and of three to six, in levels, as differences of boxes."""
    plane = gray.astype(np.float32)
    near, far = cv2.blur(plane, _NEAR_BOX), cv2.blur(plane, _FAR_BOX)
    return np.asarray(cv2.absdiff(plane, near)), np.asarray(cv2.absdiff(near, far))


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
    cells = cell_means(np.abs(cv2.filter2D(gray, cv2.CV_32F, _IMMERKAER)))
    return float(np.percentile(cells, _SMOOTHEST_PERCENT) * np.sqrt(np.pi / 2) / 6)


def _impulses(gray: Gray) -> float:
    """Return the share of pixels more than 40 levels off the median of their neighbours."""
    off = cv2.absdiff(gray, cv2.medianBlur(gray, 3))
    return float(np.count_nonzero(off > _IMPULSE_LEVELS) / gray.size)
