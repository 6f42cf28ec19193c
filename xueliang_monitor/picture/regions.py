"""Finds the regions of a view that something hides: those of a foreign colour, or without the scene's pattern."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.colours import cell_logs, comparable_colours
from xueliang_monitor.picture.detail import Detail, beyond_grain
from xueliang_monitor.picture.scaling import median_across, percentiles

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Mask, Plane

_FOREIGN_COLOUR, _FOREIGN_LIGHTNESS = 0.28, 1.0
"""Distances of colour and of lightness that together make a cell foreign, in natural logarithms. Chosen by hand."""

_OTHER_LIGHTNESS = 0.3
"""Distance of lightness alone that makes a cell's lightness foreign, in natural logarithms. Chosen by hand."""

_DARK_OFFSET = 8
"""Levels added before logarithms are taken: darker cells tell little of colour."""

_SMOOTH_LEVELS = 1.6
"""Detail below which a cell is smooth. Chosen by hand."""

_GONE = 0.35
"""Share of the usual detail, corrected for light, below which a pattern is gone. Chosen by hand."""

_GRAIN_OF_NOISE = 0.7
"""Detail that noise makes, as a share of its standard deviation: the mean distance from the mean of nine pixels."""

_MOST_LEFT, _LEFT_LEVELS = 0.4, 0.1
"""A veil leaves at most this share of its region's detail, plus this much a cell. Chosen by hand."""

_EXPOSURE, _MOST_PERCENT = 0.35, 75
"""Change of exposure that is undone, in natural logarithms, and the percentile of the cells that tells the light."""

_EVEN = 0.2
"""Distance from one gain for the whole view, in natural logarithms, up to which the exposure alone explains a light.

Of 19 real days of two cameras, what was darker than a known light by clouds, dusk or lamps was 0.29 off and more.
"""

_PROVEN = 0.3
"""Share of the cells of a veil that must have lost a pattern or show a foreign colour. Chosen by hand."""


class Foreign(NamedTuple):
    """Cells whose colour, and cells whose lightness, is that of no near light; shape (18, 32)."""

    colour: Mask
    lightness: Mask


def foreign_cells(thumb: Plane, near: Sequence[Plane], scene: Mask) -> Foreign:
    """Return the cells whose colour or lightness no near light has there.

    A tint or a dimming of the whole view is undone first, as the cells of `scene` show it, which still show the scene.
    In infrared light everything is grey, and grey is then not foreign.
    """
    now, comparable, some = cell_logs(thumb, _DARK_OFFSET), comparable_colours(thumb, near), scene.any()
    nearest = np.full(scene.shape, np.inf if any(comparable) else 0.0, np.float32)
    lightest = np.full(scene.shape, np.inf, np.float32)
    for past, has_colour in zip(near, comparable, strict=True):
        off = now - cell_logs(past, _DARK_OFFSET)
        if some:
            off -= median_across(off[scene].T)
        red, blue, light = cv2.split(off)
        if has_colour:
            nearest = np.minimum(nearest, cv2.magnitude(red, blue))
        lightest = np.minimum(lightest, np.abs(light))
    apart = cv2.magnitude(nearest / np.float32(_FOREIGN_COLOUR), lightest / np.float32(_FOREIGN_LIGHTNESS))
    return Foreign(
        colour=np.asarray(apart > 1, dtype=np.bool_),
        lightness=np.asarray(lightest > _OTHER_LIGHTNESS, dtype=np.bool_),
    )


def scene_light(thumb: Plane, near: Sequence[Plane], scene: Mask) -> float:
    """Return how unevenly the cells of `scene` are lit, against the near light that fits best; infinite without any.

    A cover leaves the rest of the view in a light that is known. Dusk and lamps light each part of it otherwise.
    """
    if not scene.any():
        return math.inf
    now, least = cell_logs(thumb, _DARK_OFFSET)[..., 2][scene], math.inf
    for past in near:
        off = now - cell_logs(past, _DARK_OFFSET)[..., 2][scene]
        off = off - np.float32(min(_EXPOSURE, max(-_EXPOSURE, percentiles(off, 50)[0])))
        least = min(least, *percentiles(np.abs(off), _MOST_PERCENT))
    return least


def dimming(thumb: Plane, thumbs: Sequence[Plane]) -> float:
    """Return by how much the whole view is darker than a known light, in natural logarithms; 0 if not evenly darker.

    Too short an exposure darkens every part of the view alike. Clouds, dusk and lamps do not.
    """
    now, most = cell_logs(thumb, _DARK_OFFSET)[..., 2], 0.0
    for past in thumbs:
        off = cell_logs(past, _DARK_OFFSET)[..., 2] - now
        gain = percentiles(off, 50)[0]
        if gain > most and percentiles(np.abs(off - np.float32(gain)), _MOST_PERCENT)[0] <= _EVEN:
            most = gain
    return most


def veiled_share(detail: Detail, same: Mask, foreign: Foreign, noise_levels: float = 0.0) -> float:
    """Return the share of the view in the largest region that shows nothing of the scene.

    A cell belongs to it if its pattern is gone, or if it is smooth and of a foreign colour. A cell that never had a
    pattern belongs to it if it is smooth and of a foreign lightness. Most of the region's detail must be gone.
    `same` are the cells whose pattern fits a near light; noise makes detail of its own.
    """
    grain = _GRAIN_OF_NOISE * noise_levels
    smooth = detail.now - grain < _SMOOTH_LEVELS
    gone = detail.textured & ~same & (detail.now - grain < _GONE * detail.light * (detail.usual - grain))
    proven = gone | foreign.colour & smooth
    lost = proven | ~detail.textured & foreign.lightness & smooth
    regions, sizes = _regions(lost)
    had, has = beyond_grain(detail.usual), beyond_grain(detail.now)
    best = 0
    for number, size in enumerate(sizes, 1):
        region = regions == number
        little_left = has[region].sum() <= _MOST_LEFT * had[region].sum() + _LEFT_LEVELS * size
        if little_left and proven[region].sum() >= _PROVEN * size:
            best = max(best, size)
    return best / lost.size


def hidden_share(same: Mask, foreign_colour: Mask) -> float:
    """Return the share of the view in the largest region of a foreign colour in which no pattern fits a near light."""
    _, sizes = _regions(~same & foreign_colour)
    return max(sizes, default=0) / same.size


def _regions(cells: Mask) -> tuple[Plane, list[int]]:
    """Return the number of each cell's region, from 1, with gaps of one cell closed, and the cells of each region."""
    joined = cv2.morphologyEx(cells.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, regions, statistics, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    return np.asarray(regions), [int(size) for size in statistics[1:, cv2.CC_STAT_AREA]]
