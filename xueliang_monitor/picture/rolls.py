"""Measures how far a frame of a burst rolled down or up against the one before. Runs in worker processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.registration import correlation
from xueliang_monitor.picture.scaling import shrink

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Plane

_SIZE = (64, 180)
"""Width and height on which the roll is measured: only the rows matter."""

_SLIPS, _SLIP_GAIN, _WRAPS = 0.025, 0.2, 0.5
"""Roll that counts, its gain in correlation, and that of the rows that left with those that came in at the other edge.

What is shaken or turned shows something else there. Chosen by hand.
"""

_WRAP_BOX = (5, 5)
"""Pixels over which those rows are averaged: a roll by a part of a row leaves no fine pattern. Chosen by hand."""


class Roll(NamedTuple):
    """A roll as a share of the height, in [-0.5, 0.5], and the gain in correlation when it is undone.

    `wraps` is the correlation of the rows that came in at one edge with those that left at the other, in [-1, 1].
    """

    ratio: float = 0.0
    gain: float = 0.0
    wraps: float = 0.0


def measure_roll(before: Gray, after: Gray) -> Roll:
    """Return the roll between two frames."""
    first, second = (shrink(each, _SIZE).astype(np.float32) for each in (before, after))
    height = _SIZE[1]
    spectrum = np.fft.rfft(first, axis=0).conj() * np.fft.rfft(second, axis=0)
    fit = np.fft.irfft(spectrum, n=height, axis=0).sum(axis=1)
    centre = float(first.mean() * second.mean()) * first.size
    norm = float(np.sqrt(first.var() * second.var())) * first.size + 1e-6
    scores = (fit - centre) / norm
    best = int(scores.argmax())
    rows = best if best <= height // 2 else best - height
    return Roll(rows / height, float(scores[best] - scores[0]), _wraps(first, second, rows))


def _wraps(first: Plane, second: Plane, rows: int) -> float:
    if not rows:
        return 0.0
    left, came = (first[-rows:], second[:rows]) if rows > 0 else (first[:-rows], second[rows:])
    return correlation(*(np.asarray(cv2.blur(strip, _WRAP_BOX), dtype=np.float32) for strip in (left, came)))


def slip(rolls: Sequence[Roll]) -> float:
    """Return the largest roll of a burst, as a share of the height, if the picture holds and slips; else 0.

    All of it goes one way, and what leaves at one edge comes back at the other.
    """
    rolled = [each for each in rolls if abs(each.ratio) >= _SLIPS]
    one_way = len({math.copysign(1, each.ratio) for each in rolled}) == 1
    if not one_way or any(each.gain < _SLIP_GAIN or each.wraps < _WRAPS for each in rolled):
        return 0.0
    return max(abs(each.ratio) for each in rolled)
