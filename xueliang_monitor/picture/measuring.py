"""Measures a frame once, on small working copies that all checks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from xueliang_monitor.picture.measures import BLOCKS, STRUCTURE_SIZE, Measures

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Plane

_SHARPNESS_WIDTH = 640
_COLOUR_SIZE = (96, 54)
_GRADIENT_SIZE = (320, 180)


def _blur_effect(gray: Gray) -> float:
    """Return how little a second blurring changes neighbouring differences (Crete et al. 2007)."""
    worst = 0.0
    for kernel, order in (((9, 1), (0, 1)), ((1, 9), (1, 0))):
        blurred = cv2.blur(gray, kernel)
        if order[1]:
            sharp, soft = cv2.absdiff(gray[:, 1:], gray[:, :-1]), cv2.absdiff(blurred[:, 1:], blurred[:, :-1])
        else:
            sharp, soft = cv2.absdiff(gray[1:], gray[:-1]), cv2.absdiff(blurred[1:], blurred[:-1])
        total = float(cv2.sumElems(sharp)[0])
        kept = float(cv2.sumElems(cv2.subtract(sharp, soft))[0])
        worst = max(worst, (total - kept) / total if total else 1.0)
    return worst


def _tenengrad(gray: Gray) -> float:
    across = cv2.Sobel(gray, cv2.CV_16S, 1, 0)
    down = cv2.Sobel(gray, cv2.CV_16S, 0, 1)
    return float((cv2.norm(across, cv2.NORM_L2SQR) + cv2.norm(down, cv2.NORM_L2SQR)) / (64 * gray.size))


def _gradient_magnitude(gray: Gray) -> Plane:
    across = cv2.absdiff(gray[:-1, 1:], gray[:-1, :-1])
    down = cv2.absdiff(gray[1:, :-1], gray[:-1, :-1])
    return np.asarray(cv2.add(across, down), dtype=np.float32)


def _shrink(picture: Gray, size: tuple[int, int]) -> Gray:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _without_noise(gray: Gray) -> Gray:
    """Smooth by a 5x5 box, after which a dark sensor's noise has no gradient left, but shapes have."""
    return np.asarray(cv2.blur(gray, (5, 5)), dtype=np.uint8)


def _block_means(plane: Plane) -> Plane:
    return np.asarray(cv2.resize(plane, BLOCKS, interpolation=cv2.INTER_AREA), dtype=np.float32)


def measure(frame: NDArray[np.uint8], motion_ratio: float | None = None) -> Measures:
    """Measure a BGR frame of shape (height, width, 3), or a grey one of shape (height, width)."""
    height, width = frame.shape[:2]
    work_width = min(_SHARPNESS_WIDTH, width)
    work_size = (work_width, max(16, round(height * work_width / width)))
    colour = _shrink(frame, work_size)
    if colour.ndim == 2:
        colour = np.asarray(cv2.cvtColor(colour, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    gray = np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    small = _shrink(gray, _GRADIENT_SIZE)
    thumbnail = _shrink(colour, _COLOUR_SIZE)
    median = np.median(thumbnail.reshape(-1, 3), axis=0)
    near = np.all(np.abs(thumbnail.astype(np.int16) - median) <= 7, axis=2)
    return Measures(
        mean=float(small.mean()),
        high=float(np.percentile(small, 95)),
        white=float(np.count_nonzero(small >= 245) / small.size),
        uniform=float(near.mean()),
        saturation=float(median.max() - median.min()),
        blur=_blur_effect(gray),
        detail=_tenengrad(gray),
        gradients=_block_means(_gradient_magnitude(_without_noise(small))),
        luma=_block_means(small.astype(np.float32)),
        structure=_shrink(small, STRUCTURE_SIZE),
        motion_ratio=motion_ratio,
    )
