"""Packs the planes of a camera's past into bytes, unpacks them, and compares thumbnails. Runs in worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from xueliang_monitor.picture.measures import CELLS, STRUCTURE_SIZE
from xueliang_monitor.picture.reference import LIGHT_SIZE, Light, Reference

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Measures, Plane

GREY_SHARE = 0.76
"""A view is grey, as in infrared light, with this share of its pixels in one step of grey.

The rest allows for burned-in text and a tint of a level or two. Chosen by hand.
"""

_PLANE_STEP = 6
"""Levels to which planes are rounded. They are stored without further loss: a lossy format undoes such small steps."""

_DETAIL_STEPS = 16
"""Steps a level in which detail is stored."""

_LEAST_STEPS = 128
"""Steps in which shares of the usual detail are stored; 128 is all of it."""

_DARK_OFFSET = 4
"""Levels added to a brightness before it divides, so that a black picture has a finite gain."""

_GAIN = (0.7, 1.45)
"""Range in which exposure is equalised: a change by 40 % is healthy. Chosen by hand."""

_BRIGHTNESS_WEIGHT = 0.3
"""Weight of the difference in brightness beside the difference by pixel. Chosen by hand."""


def pack_plane(plane: Plane) -> bytes:
    """Return a plane in levels as PNG, in steps of six levels."""
    picture = np.clip(np.rint(plane / _PLANE_STEP), 0, 255 // _PLANE_STEP).astype(np.uint8)
    # With so few levels, run lengths give slightly smaller files than the highest compression in an eighth of the time.
    how = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    return bytes(cv2.imencode(".png", picture, how)[1])


def _unpack_plane(data: bytes, flag: int) -> Plane:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), flag), dtype=np.float32) * _PLANE_STEP


def pack_detail(cells: Plane) -> bytes:
    """Return detail by cell in levels as bytes, in sixteenths of a level."""
    return np.clip(np.rint(cells * _DETAIL_STEPS), 0, 255).astype(np.uint8).tobytes()


def thumb_of(light: Light) -> Plane:
    """Return the thumbnail of a light, shape (27, 48, 3)."""
    return _unpack_plane(light.thumb, cv2.IMREAD_COLOR)


def structure_of(light: Light) -> Plane:
    """Return the luma of a light, shape (90, 160)."""
    return _unpack_plane(light.structure, cv2.IMREAD_GRAYSCALE)


def detail_of_light(light: Light) -> Plane:
    """Return the detail of a light by cell in levels, shape (18, 32)."""
    cells = np.frombuffer(light.fine, np.uint8).reshape(CELLS[1], CELLS[0])
    return np.asarray(cells, dtype=np.float32) / np.float32(_DETAIL_STEPS)


def previous_structure(reference: Reference) -> Gray | None:
    """Return the luma of the last picture, shape (90, 160); None before the first."""
    if not reference.previous:
        return None
    return np.frombuffer(reference.previous, np.uint8).reshape(STRUCTURE_SIZE[1], STRUCTURE_SIZE[0])


def least_detail(reference: Reference) -> Plane:
    """Return the smallest share of its usual detail that each cell keeps on healthy looks, shape (18, 32)."""
    if not reference.least:
        return np.ones((CELLS[1], CELLS[0]), np.float32)
    cells = np.frombuffer(reference.least, np.uint8).reshape(CELLS[1], CELLS[0])
    return np.asarray(cells / _LEAST_STEPS, dtype=np.float32)


def pack_least_detail(cells: Plane) -> bytes:
    """Return shares of the usual detail by cell as bytes; the reverse of `least_detail`."""
    return np.clip(np.rint(cells * _LEAST_STEPS), 0, _LEAST_STEPS).astype(np.uint8).tobytes()


def small_thumb(measures: Measures) -> Plane:
    """Return a frame's thumbnail in the size of a light's, shape (27, 48, 3)."""
    return np.asarray(cv2.resize(measures.thumb, LIGHT_SIZE, interpolation=cv2.INTER_AREA), dtype=np.float32)


def grey_share(thumb: Plane) -> float:
    """Return the share of a thumbnail in which all channels fall into the same step of a stored light."""
    steps = np.rint(thumb / _PLANE_STEP)
    return float((steps.max(axis=2) == steps.min(axis=2)).mean())


def grey(thumb: Plane) -> bool:
    """Whether a thumbnail has no colour, as in infrared light."""
    return grey_share(thumb) >= GREY_SHARE


def distance(thumb: Plane, light: Plane) -> float:
    """Return how much the light of two thumbnails differs, in levels.

    The mean difference by pixel after most of the exposure is equalised, plus a share of the difference in brightness.
    """
    bright, usual = float(thumb.mean()) + _DARK_OFFSET, float(light.mean()) + _DARK_OFFSET
    gain = min(_GAIN[1], max(_GAIN[0], usual / bright))
    return float(np.abs(thumb * gain - light).mean()) + _BRIGHTNESS_WEIGHT * abs(bright - usual)
