"""Finds bands of light that the past does not show, as of lamps that flicker against a rolling shutter."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

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


class Banding(NamedTuple):
    """Amplitude of the strongest band as a share of the light, and that over the waves beside it."""

    ratio: float
    prominence: float


def find_banding(structure: Plane, planes: Sequence[Plane]) -> Banding:
    """Return the strongest even wave of rows or columns that no near light shows."""
    now, found = np.log(structure + _LIGHT_OFFSET), []
    for then in planes:
        off = now - np.log(then + _LIGHT_OFFSET)
        found.append(max(_wave(off), _wave(np.ascontiguousarray(off.T))))
    return min(found)


def _wave(off: Plane) -> Banding:
    """Return the strongest wave down a plane that crosses all of it."""
    lines = np.median(cv2.resize(off, (_PARTS, len(off)), interpolation=cv2.INTER_AREA), axis=1)
    waves = np.abs(np.fft.rfft(_without_parabola(len(lines)) @ lines * np.hanning(len(lines)))) * 4 / len(lines)
    peak = _FIRST_WAVE + int(waves[_FIRST_WAVE:].argmax())
    beside = np.concatenate([waves[2 : max(2, peak - 1)], waves[peak + 2 : peak + _BESIDE]])
    return Banding(float(waves[peak]), float(waves[peak] / (np.median(beside) + _FAINT)))


@functools.lru_cache(maxsize=2)
def _without_parabola(length: int) -> Plane:
    """Return the matrix that takes a parabola out of so many values."""
    powers = np.vander(np.linspace(-1, 1, length), 3)
    return np.asarray(np.eye(length) - powers @ np.linalg.pinv(powers), dtype=np.float32)
