"""The small copies on which frames are measured and compared. Runs in worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from xueliang_monitor.picture.measures import CELLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Gray, Plane

    Numbers = NDArray[np.integer[Any] | np.floating[Any]]

WORK_WIDTH = 480
"""Width in pixels of the working copy; a wider one costs time and no check needs it."""

_FEW = 64
"""Values of a row up to which sorting it is faster than parting it."""

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


def area_means(sums: Numbers, size: tuple[int, int]) -> Plane:
    """Return the mean of a plane in cells of equal area, `size` across and down, which may begin within a pixel.

    As `cv2.resize` does with INTER_AREA, in a quarter of its time, from `sums` as `cv2.integral` gives them.
    """
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    rows = _between(sums, np.linspace(0, height, size[1] + 1))
    cells = _between(np.ascontiguousarray(np.diff(rows, axis=0).T), np.linspace(0, width, size[0] + 1))
    return np.asarray(np.diff(cells, axis=0).T * (size[0] * size[1] / (height * width)), dtype=np.float32)


def _between(sums: NDArray[Any], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows of sums at places that may lie between two rows."""
    low = np.minimum(places.astype(np.intp), len(sums) - 2)
    share = (places - low)[:, None]
    return np.asarray(sums[low] * (1 - share) + sums[low + 1] * share)


def percentiles(values: Numbers, *percents: float) -> list[float]:
    """Return percentiles of all values as `numpy.percentile` does, in a tenth of its time for a small plane."""
    ordered = np.sort(values, axis=None)
    found = []
    for percent in percents:
        place = (ordered.size - 1) * percent / 100
        low = int(place)
        high = min(low + 1, ordered.size - 1)
        found.append(float(ordered[low]) + (place - low) * (float(ordered[high]) - float(ordered[low])))
    return found


def median_across(rows: Numbers) -> Plane:
    """Return the median of each row, as `numpy.median` does, shape (rows,)."""
    middle = rows.shape[1] // 2
    ordered = (
        np.partition(rows, (max(0, middle - 1), middle), axis=1) if rows.shape[1] > _FEW else np.sort(rows, axis=1)
    )
    if rows.shape[1] % 2:
        return np.asarray(ordered[:, middle], dtype=np.float32)
    return np.asarray((ordered[:, middle - 1] + ordered[:, middle]) / 2, dtype=np.float32)
