"""Finds the cells in which dirt may lie: patches softer, lighter, darker or of another colour than the view ever was.

Dirt sits on the lens. It is out of focus, so nothing in it or beside it is sharper than usual, as a person or a vehicle
would be. It is small, so its surroundings keep their light, as they do not beside a shadow. It stays in its place, so
each frame of a burst shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.colours import cell_logs, comparable_colours
from xueliang_monitor.picture.measures import CELLS, THUMB_SIZE
from xueliang_monitor.picture.planes import detail_of_light, in_light_size, kept_by_plane, structure_of
from xueliang_monitor.picture.scaling import share_of

if TYPE_CHECKING:
    from xueliang_monitor.picture.detail import Detail
    from xueliang_monitor.picture.measures import Gray, Mask, Plane
    from xueliang_monitor.picture.reference import Light

_LIGHTNESS, _COLOUR = 0.04, 0.08
"""Distances in natural logarithms from which a pixel is of another lightness, or a cell of another colour.

Chosen by hand.
"""

_SHARE = 0.2
"""Share of such pixels from which a cell is part of a patch. Chosen by hand."""

_DARK_OFFSET = 12
"""Levels added before logarithms are taken: darker pixels tell little of colour and lightness."""

_LOGARITHMS = np.log(np.arange(256, dtype=np.float32) + _DARK_OFFSET)

_SURE_LEVELS = 100.0
"""Luma below which a difference of lightness counts less, in proportion: grain is a larger share of it."""

_AROUND = 5
"""Side in cells of the area whose median is undone, about a sixth of the width: shadows are larger than patches."""

_PATTERN_SIDE, _PATTERN_SHARE = 5, 0.5
"""Side in pixels of the usual pattern, and the share of it by which a pixel may differ. Chosen by hand."""

_GAIN = (0.6, 1.6)
"""Range in which the contrast of lightness and of colour is equalised, as it changes at dusk. Chosen by hand."""

_DIVISOR = 1e-6
"""Added to the power of a pattern, so that a flat view has a gain."""

_FEW = 0.02
"""Share of cells up to which no other light or frame is asked: so few are no dirt."""

_SHARPER, _SHARPER_LEVELS = 1.3, 2.0
"""A cell has something new and sharp in it above this share of its usual detail plus these levels. Chosen by hand."""

_AS_SHARP, _AS_SHARP_LEVELS = 1.1, 0.5
"""A patch has at most this share of the usual detail of its cell plus these levels. Chosen by hand."""

_NEIGHBOURS = np.ones((3, 3), np.uint8)
"""A pixel or a cell and those beside it."""

_CHANGED_LEVELS = 3
"""Change of a cell from which it is judged anew in another frame."""

_CLIPPED_LEVEL = 243
"""Level from which a pixel is a lamp or the sun: no dirt shines."""


def soiled_cells(thumbs: Sequence[Gray], near: Sequence[tuple[Light, Plane]], detail: Detail, most: Plane) -> Mask:
    """Return the cells that dirt may have changed, shape (18, 32).

    `thumbs` are those of all frames of a burst, `near` the near lights with their thumbnails. `most` is the most detail
    that each cell shows in any frame.
    """
    sharpest = np.max([detail_of_light(light) for light, _ in near], axis=0) * detail.sharpness
    new = _near(most > _SHARPER * sharpest + _SHARPER_LEVELS)
    soft = ~new & (most < _AS_SHARP * sharpest + _AS_SHARP_LEVELS)
    found = _patches(thumbs[0], near, soft)
    for thumb in thumbs[1:]:
        changed = found & _changed(thumbs[0], thumb)
        found = found & ~changed
        if share_of(changed) > _FEW:
            found = found | _patches(thumb, near, changed)
    return np.asarray(found | detail.gone(most) & ~new, dtype=np.bool_)


def _patches(thumb: Gray, near: Sequence[tuple[Light, Plane]], asked: Mask) -> Mask:
    """Return which of the cells asked for differ from every near light; more of them once they are few."""
    luma = cv2.cvtColor(thumb, cv2.COLOR_BGR2GRAY)
    lightness = np.asarray(cv2.LUT(luma, _LOGARITHMS), dtype=np.float32)
    sure = np.minimum(luma / np.float32(_SURE_LEVELS), 1.0)
    pattern = _pattern(lightness)
    small = in_light_size(thumb)
    coloured = comparable_colours(small, [past for _, past in near])
    darkest, palest = np.full(luma.shape, np.inf, np.float32), np.full(asked.shape, np.inf, np.float32)
    found = asked & ~_shining(thumb)
    for (light, past), comparable in zip(near, coloured, strict=True):
        then = _known(structure_of(light))
        off = lightness - _gain(pattern, then.pattern) * then.lightness
        darkest = np.minimum(darkest, (_beside(off, THUMB_SIZE) - then.leeway) * np.minimum(sure, then.sure))
        # A cell that one light shows in this colour stays in it, whatever the others show.
        if comparable and (found & (palest > _COLOUR)).any():
            palest = np.minimum(palest, _other_colour(small, past))
        colour = (palest > _COLOUR) & np.isfinite(palest)
        found = found & ((_share(darkest > _LIGHTNESS) > _SHARE) | colour)
        if share_of(found) <= _FEW:
            break
    return found


class _Known(NamedTuple):
    """Lightness in natural logarithms, its pattern, how far a pixel may differ and how sure it is, shape (54, 96)."""

    lightness: Plane
    pattern: Plane
    leeway: Plane
    sure: Plane


@kept_by_plane
def _known(structure: Plane) -> _Known:
    luma = cv2.resize(structure, THUMB_SIZE, interpolation=cv2.INTER_AREA)
    lightness = np.asarray(cv2.log(luma + np.float32(_DARK_OFFSET)), dtype=np.float32)
    pattern = _pattern(lightness)
    leeway = np.float32(_PATTERN_SHARE) * cv2.dilate(np.abs(pattern), _NEIGHBOURS)
    return _Known(lightness, pattern, leeway, np.minimum(luma / np.float32(_SURE_LEVELS), 1.0))


class _Way(NamedTuple):
    """Red or blue over green by cell, in natural logarithms, and its pattern, shape (18, 32)."""

    value: Plane
    pattern: Plane


@kept_by_plane
def _colour_ways(thumb: Plane) -> tuple[_Way, _Way]:
    red, blue, _ = (np.asarray(way, dtype=np.float32) for way in cv2.split(cell_logs(thumb, _DARK_OFFSET)))
    return _Way(red, _pattern(red)), _Way(blue, _pattern(blue))


def _other_colour(thumb: Plane, past: Plane) -> Plane:
    """Return how far the colour of each cell is from that of a past thumbnail, shape (18, 32)."""
    ways = []
    for now, then in zip(_colour_ways(thumb), _colour_ways(past), strict=True):
        ways.append(_beside(now.value - _gain(now.pattern, then.pattern) * then.value, CELLS))
    return np.asarray(cv2.magnitude(*ways), dtype=np.float32)


def _pattern(plane: Plane) -> Plane:
    return np.asarray(plane - cv2.blur(plane, (_PATTERN_SIDE, _PATTERN_SIDE)), dtype=np.float32)


def _gain(now: Plane, then: Plane) -> np.float32:
    """Return the contrast of a pattern over that of a past one."""
    gain = float(np.vdot(now, then)) / (float(np.vdot(then, then)) + _DIVISOR)
    return np.float32(min(_GAIN[1], max(_GAIN[0], gain)))


def _beside(off: Plane, size: tuple[int, int]) -> Plane:
    """Return how far a difference is outside the range of its surroundings: no edge of a large area is left."""
    cells = cv2.medianBlur(off if size == CELLS else cv2.resize(off, CELLS, interpolation=cv2.INTER_AREA), _AROUND)
    lowest, highest = cv2.erode(cells, _NEIGHBOURS), cv2.dilate(cells, _NEIGHBOURS)
    if size != CELLS:
        lowest, highest = (cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) for each in (lowest, highest))
    return np.asarray(np.maximum(np.maximum(off - highest, lowest - off), np.float32(0)), dtype=np.float32)


def _changed(thumb: Gray, other: Gray) -> Mask:
    changes = cv2.resize(cv2.absdiff(thumb, other), CELLS, interpolation=cv2.INTER_AREA)
    return np.asarray(changes.max(axis=2) > _CHANGED_LEVELS, dtype=np.bool_)


def _shining(thumb: Gray) -> Mask:
    blue, green, red = cv2.split(thumb)
    clipped = cv2.min(cv2.min(blue, green), red) >= _CLIPPED_LEVEL
    return _near(_share(clipped) > 0) if clipped.any() else np.zeros(CELLS[::-1], np.bool_)


def _share(pixels: Mask) -> Plane:
    """Return the share of each cell that a mask of pixels takes."""
    return np.asarray(cv2.resize(pixels.astype(np.float32), CELLS, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _near(cells: Mask) -> Mask:
    """Return cells and those beside them."""
    return np.asarray(cv2.dilate(cells.astype(np.uint8), _NEIGHBOURS), dtype=np.bool_)
