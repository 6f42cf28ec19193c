"""Finds where the light or colour of a whole width jumps within a burst: damaged data shifts all that follows it.

Runs in worker processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Plane

_PARTS = 6
"""Parts across in which the jump must be: what moves is not as wide as the view."""

_ROWS = 4
"""Rows of the thumbnail above and below the jump over which the change is averaged. Chosen by hand."""

_STEADY_SHARE, _ABOVE_SHARE = 0.25, 0.5
"""Shares of the jump by which the change above may vary from rows to rows, and that it may be: those rows arrived.

Without this, branches in the wind jumped by 30 levels. Chosen by hand.
"""


def measure_offset(thumbs: Sequence[Gray]) -> float:
    """Return the largest jump of the change from frame to frame between rows above and below, in levels of a channel.

    It is read in the second weakest part across. `thumbs` are of shape (54, 96, 3).
    """
    size = _PARTS, thumbs[0].shape[0]
    parts = [cv2.resize(thumb.astype(np.float32), size, interpolation=cv2.INTER_AREA) for thumb in thumbs]
    return max((_jump(after - before) for before, after in pairwise(parts)), default=0.0)


def _jump(change: Plane) -> float:
    """Return the largest jump down the change of the parts, shape (rows, 6, 3)."""
    first = np.zeros((1, *change.shape[1:]), np.float32)
    sums = np.concatenate([first, np.cumsum(change, axis=0)])
    rows = np.arange(2 * _ROWS, len(change) - _ROWS)
    before, above, below = (
        (sums[rows + start + _ROWS] - sums[rows + start]) / _ROWS for start in (-2 * _ROWS, -_ROWS, 1)
    )
    ordered = np.sort(below - above, axis=1)
    jumps = np.maximum(np.maximum(ordered[:, 1], -ordered[:, -2]), 0).max(axis=1)
    varies, changes = (np.abs(np.median(plane, axis=1)).max(axis=1) for plane in (above - before, above))
    arrived = (varies <= _STEADY_SHARE * jumps) & (changes <= _ABOVE_SHARE * jumps)
    return float(np.where(arrived, jumps, 0).max())
