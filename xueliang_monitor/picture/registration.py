"""Finds the shift and turn that align a frame with its camera's past (image registration)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.planes import kept_by_plane
from xueliang_monitor.picture.scaling import mean_of

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Mask, Plane

_LOOK_FOR_MOVE_BELOW = 0.75
"""Edge correlation from which the view did not move, and no time is spent on a search. Chosen by hand."""

_TURNS_DEGREES = (0.0, -2.5, 2.5, -5.0, 5.0, -8.0, 8.0, -12.0, 12.0)
"""Turns that are tried; a made turn has up to 12 degrees."""

_LIGHTS_TRIED = 3
"""Near lights with which alignment is tried. Chosen by hand."""

_MOST_ACROSS, _MOST_DOWN = 0.4, 0.45
"""Largest shift, as a share of width and height: what remains in common must be enough to compare."""

_FLAT = 1e-6
"""Norm below which a plane has no variation and correlates with nothing."""


class Move(NamedTuple):
    """A shift and a turn, the correlation of the gradients when both are undone, and the gain in correlation."""

    shift_ratio: float = 0.0
    turn_degrees: float = 0.0
    gain: float = 0.0
    correlation: float = 0.0


def gradients(structures: Sequence[Plane], text: Mask) -> list[Plane]:
    """Return the steepness of pictures, 0 in cells with text: it stays in place when the camera is turned."""
    steep = [_steepness(structure) for structure in structures]
    if not text.any():
        return steep
    size = steep[0].shape[1], steep[0].shape[0]
    scene = cv2.resize((~text).astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
    return [each * scene for each in steep]


@kept_by_plane
def _steepness(structure: Plane) -> Plane:
    smooth = cv2.GaussianBlur(structure, (0, 0), 1.0)
    return np.asarray(cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)))


def correlation(one: Plane, other: Plane) -> float:
    """Return the correlation of two planes, in [-1, 1]; 0 where one is flat."""
    first, second = (one - cv2.mean(one)[0]).ravel(), (other - cv2.mean(other)[0]).ravel()
    norm = math.sqrt(float(first @ first) * float(second @ second))
    return float(first @ second) / norm if norm > _FLAT else 0.0


def centred_unit(plane: Plane) -> Plane:
    """Return a plane as a vector of length one about its mean, so that products are correlations; 0 if it is flat."""
    values = (plane - cv2.mean(plane)[0]).ravel()
    norm = math.sqrt(float(values @ values))
    return np.asarray(values / np.float32(norm) if norm > _FLAT else np.zeros_like(values), dtype=np.float32)


def find_move(now: Plane, past: Sequence[Plane], kept: float) -> Move:
    """Find the shift and turn that bring the gradients together, by phase correlation, and prove it by correlation.

    `kept` is the correlation as it is.
    """
    best = Move()
    if kept >= _LOOK_FOR_MOVE_BELOW:
        return best
    height, width = now.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    centred = now - mean_of(now)
    for then in past[:_LIGHTS_TRIED]:
        for turn in _TURNS_DEGREES:
            turned = _turned(then, turn)
            # OpenCV 5 changes both arguments in place.
            (x, y), _ = cv2.phaseCorrelate(turned - mean_of(turned), centred.copy(), window)
            across, down = round(x), round(y)
            if abs(across) > width * _MOST_ACROSS or abs(down) > height * _MOST_DOWN:
                continue
            here = now[max(0, down) : height + min(0, down), max(0, across) : width + min(0, across)]
            there = turned[max(0, -down) : height + min(0, -down), max(0, -across) : width + min(0, -across)]
            fit = correlation(here, there)
            if fit > best.correlation:
                best = Move(math.hypot(x, y) / width, abs(turn), fit - kept, fit)
    return best


def _turned(plane: Plane, degrees: float) -> Plane:
    if not degrees:
        return plane
    height, width = plane.shape
    way = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(plane, way, (width, height), borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)
