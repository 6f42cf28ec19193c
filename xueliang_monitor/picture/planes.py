"""Packs the planes of a camera's past into bytes, unpacks them, and compares thumbnails. Runs in worker processes."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import cv2
import numpy as np

from xueliang_monitor.picture.measures import CELLS, STRUCTURE_SIZE
from xueliang_monitor.picture.reference import LIGHT_SIZE, Light, Reference
from xueliang_monitor.picture.scaling import mean_of, share_of

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Measures, Plane

Step = TypeVar("Step", bound=Callable[..., object])

GREY_SHARE = 0.76
"""A view is grey, as in infrared light, with this share of its pixels in one step of grey.

The rest allows for burned-in text and a tint of a level or two. Chosen by hand.
"""

KEPT_PLANES = 96
"""Unpacked planes that a worker keeps, at most 6 MB: a look uses those of its camera several times."""

PLANE_STEP = 6
"""Levels to which planes are rounded. They are stored without further loss: a lossy format undoes such small steps."""

_PNG_OPTIONS = [
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY,
    *([cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH] if hasattr(cv2, "IMWRITE_PNG_FILTER") else []),
]
"""With so few levels, what is left after the prediction from three neighbours is best coded by itself.

A view full of detail takes a sixth less than with run lengths, and a tenth less than with the highest compression, in
a thirtieth of its time.
"""

_DETAIL_STEPS = 16
"""Steps a level in which detail is stored."""

_LEAST_STEPS = 128
"""Steps in which shares of the usual detail are stored; 128 is all of it."""

_DARK_OFFSET = 4
"""Levels added to a brightness before it divides, so that a black picture has a finite gain."""

_GAIN = (0.7, 1.45)
"""Range in which exposure is equalised: a change by 40 % is healthy. Chosen by hand."""

_CHANGE_BLOCKS, _CLOCK_BLOCKS = (16, 9), 12
"""Columns and rows of the blocks in which two pictures are compared, and the place of the one that is taken, by its
change: a burned-in clock takes up to ten blocks."""

_BRIGHTNESS_WEIGHT = 0.3
"""Weight of the difference in brightness beside the difference by pixel. Chosen by hand."""


_MEAN_OF_CHANNELS = np.full((1, 3), 1 / 3, np.float32)


def pack_plane(plane: Plane) -> bytes:
    """Return a plane in levels as PNG, in steps of six levels."""
    picture = np.clip(np.rint(plane / PLANE_STEP), 0, 255 // PLANE_STEP).astype(np.uint8)
    return bytes(cv2.imencode(".png", picture, _PNG_OPTIONS)[1])


def fixed(plane: Plane) -> Plane:
    """Return a plane that cannot be changed any more, so that what is made of it may be kept."""
    plane.flags.writeable = False
    return plane


def kept_by_plane(function: Step) -> Step:
    """Keep what a pure function of a plane and of options returns, while a plane that cannot change is in memory.

    Several steps of a look use the same planes of the past.
    """
    kept: dict[tuple[object, ...], tuple[weakref.ref[Plane], object]] = {}

    @functools.wraps(function)
    def known(plane: Plane, *options: object) -> object:
        if plane.flags.writeable:
            return function(plane, *options)
        key = (id(plane), *options)
        found = kept.get(key)
        if found is not None and found[0]() is plane:
            return found[1]
        result = function(plane, *options)
        kept[key] = weakref.ref(plane, lambda _: kept.pop(key, None)), result
        return result

    return cast("Step", known)


@functools.lru_cache(maxsize=KEPT_PLANES)
def _unpack_plane(data: bytes, flag: int) -> Plane:
    plane = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), flag), dtype=np.float32) * np.float32(PLANE_STEP)
    return fixed(plane)


def forget() -> None:
    """Forget all unpacked planes, as a worker does that looked at many other cameras since."""
    _unpack_plane.cache_clear()
    _unpack_detail.cache_clear()


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
    return _unpack_detail(light.fine)


@functools.lru_cache(maxsize=KEPT_PLANES)
def _unpack_detail(data: bytes) -> Plane:
    cells = np.frombuffer(data, np.uint8).reshape(CELLS[1], CELLS[0])
    return fixed(np.asarray(cells, dtype=np.float32) / np.float32(_DETAIL_STEPS))


def previous_structure(reference: Reference) -> Gray | None:
    """Return the luma of the last picture, shape (90, 160); None before the first."""
    if not reference.previous:
        return None
    return np.frombuffer(reference.previous, np.uint8).reshape(STRUCTURE_SIZE[1], STRUCTURE_SIZE[0])


def change_between(one: Gray, other: Gray) -> float:
    """Return how much two pictures differ apart from a clock, in levels; both are luma of shape (90, 160).

    It is the mean difference in the block that differs twelfth most of 144.
    """
    blocks = cv2.resize(cv2.absdiff(one, other).astype(np.float32), _CHANGE_BLOCKS, interpolation=cv2.INTER_AREA)
    return float(np.sort(blocks, axis=None)[-_CLOCK_BLOCKS])


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
    """Return a frame's thumbnail in the size of a light's, shape (27, 48, 3); it cannot be changed."""
    return in_light_size(measures.thumb)


@kept_by_plane
def in_light_size(thumb: Gray) -> Plane:
    """Return a thumbnail of shape (54, 96, 3) in the size of a light's, shape (27, 48, 3); it cannot be changed."""
    return fixed(np.asarray(cv2.resize(thumb, LIGHT_SIZE, interpolation=cv2.INTER_AREA), dtype=np.float32))


@kept_by_plane
def grey_share(thumb: Plane) -> float:
    """Return the share of a thumbnail in which all channels fall into the same step of a stored light."""
    blue, green, red = cv2.split(np.rint(thumb / PLANE_STEP))
    return share_of((blue == green) & (green == red))


def grey(thumb: Plane) -> bool:
    """Whether a thumbnail has no colour, as in infrared light."""
    return grey_share(thumb) >= GREY_SHARE


@kept_by_plane
def brightness(thumb: Plane) -> float:
    """Return the mean of a thumbnail in levels."""
    return mean_of(thumb)


@kept_by_plane
def luma(thumb: Plane) -> Plane:
    """Return the mean of the channels of a thumbnail, shape (27, 48)."""
    return fixed(np.asarray(cv2.transform(thumb, _MEAN_OF_CHANNELS), dtype=np.float32))


def distance(thumb: Plane, light: Plane) -> float:
    """Return how much the light of two thumbnails differs, in levels.

    The mean difference by pixel after most of the exposure is equalised, plus a share of the difference in brightness.
    """
    bright, usual = brightness(thumb) + _DARK_OFFSET, brightness(light) + _DARK_OFFSET
    gain = np.float32(min(_GAIN[1], max(_GAIN[0], usual / bright)))
    return cv2.norm(thumb * gain, light, cv2.NORM_L1) / thumb.size + _BRIGHTNESS_WEIGHT * abs(bright - usual)
