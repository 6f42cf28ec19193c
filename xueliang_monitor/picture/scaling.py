"""The small copies on which frames are measured and compared. Runs in worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from xueliang_monitor.picture.measures import CELLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Gray, Plane

WORK_WIDTH = 480
"""Width in pixels of the working copy; a wider one costs time and no check needs it."""

LEAST_SIDE = 16
"""Smallest width and height in pixels that can be measured: one macroblock."""


def working_copy(frame: NDArray[np.uint8]) -> Gray:
    """Return a frame in BGR, at most 480 px wide and at least 16 px in both directions."""
    height, width = frame.shape[:2]
    if width > WORK_WIDTH:
        frame = shrink(frame, (WORK_WIDTH, max(LEAST_SIDE, round(height * WORK_WIDTH / width))))
    elif min(height, width) < LEAST_SIDE:
        size = max(LEAST_SIDE, width), max(LEAST_SIDE, height)
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    if frame.ndim == 2:
        frame = np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    return frame


def gray_of(colour: Gray) -> Gray:
    """Return luma of a BGR picture."""
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def shrink(picture: Gray, size: tuple[int, int]) -> Gray:
    """Return a picture at another (width, height), each pixel the mean of its area: others alias into false detail."""
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def cell_means(plane: Plane) -> Plane:
    """Return the mean of a plane in each cell, shape (18, 32)."""
    return np.asarray(cv2.resize(plane, CELLS, interpolation=cv2.INTER_AREA), dtype=np.float32)
