"""Compares colours by logarithms of ratios, which exposure does not change."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.comparison import Colours
from xueliang_monitor.picture.measures import CELLS
from xueliang_monitor.picture.planes import distance, fixed, grey, kept_by_plane, luma
from xueliang_monitor.picture.registration import centred_unit
from xueliang_monitor.picture.scaling import mean_of, median_across, percentiles

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Plane

_RATIO_OFFSET = 6
"""Levels added before logarithms are taken: darker pixels tell little of colour."""

_EVEN_PERCENT = 20
"""Percentile of the cast over the view that tells whether it is even. Chosen by hand."""

_CHROMA_OFFSET = 0.5
"""Levels added to the usual colour before it divides."""

_WAYS = np.array([[0, -1, 1], [1, -1, 0], [1 / 3, 1 / 3, 1 / 3]], np.float32)
"""What makes red and blue over green, and lightness, of the logarithms of blue, green and red."""

_WARM = np.array((0.65, -0.76), np.float32)
"""The way from daylight to the light of a low sun or of a lamp, as red and blue over green: along black bodies."""

_FAINT_LEVELS, _FAINT_SHARE = 4.0, 0.25
"""Colour, and share of the most colourful light, up to which a tint or a clock may be all of it, as in infrared light.

Chosen by hand: a tint of two levels parts the channels of a third of the pixels into two steps of grey.
"""

_AS_FAINT, _AS_FAINT_LEVELS = 2.0, 1.0
"""A light has as little colour as a faint picture up to this multiple of it plus these levels. Chosen by hand."""


_ALIKE, _ALIKE_LEVELS = 1.3, 1.5
"""A view is lit as in a light up to this multiple of the smallest distance in luma plus these levels.

Chosen by hand: the light of noon and that of a low sun are further apart.
"""


class _Cast(NamedTuple):
    """How the colours of a picture differ from those of one light."""

    size: float
    evenness: float
    warmth: float

    @classmethod
    def of(cls, off: Plane) -> _Cast:
        """Return the cast of the differences by pixel, shape (2, pixels)."""
        way = median_across(off)
        size = math.hypot(*way)
        along = way @ off / (size * size + 1e-6)
        return cls(size, percentiles(along, _EVEN_PERCENT)[0], float(way @ _WARM) / (size + 1e-6))


@kept_by_plane
def cell_logs(thumb: Plane, offset_levels: int) -> Plane:
    """Return red and blue over green, and lightness, by cell in natural logarithms, shape (18, 32, 3)."""
    channels = cv2.log(cv2.resize(thumb, CELLS, interpolation=cv2.INTER_AREA) + np.float32(offset_levels))
    return fixed(np.asarray(cv2.transform(channels, _WAYS), dtype=np.float32))


def comparable_colours(thumb: Plane, near: Sequence[Plane]) -> list[bool]:
    """Return for each near light whether colours can be compared with it: both it and the picture have some."""
    has_colour = not grey(thumb)
    return [has_colour and not grey(past) for past in near]


def compare_colours(thumb: Plane, thumbs: Sequence[Plane], nearest: int) -> Colours | None:
    """Return how the colours compare with those of the lights that have colour; None without any.

    `thumbs` are those of all lights, the nearest first; the usual colour is the median of the `nearest` with colour.
    """
    coloured = [past for past in thumbs if not grey(past)]
    if not coloured:
        return None
    now = _ratios(thumb)
    casts = [_Cast.of(now - _ratios(past)) for past in coloured]
    cast = min(casts)
    lit = min(casts[place] for place in _lit_alike(thumb, coloured))
    likeness = [_likeness(thumb, past) for past in coloured]
    red_blue, green = (max(each) for each in zip(*likeness, strict=True))
    usual = statistics.median(_chroma(past) for past in coloured[:nearest])
    chroma, (red, blue) = _chroma(thumb), median_across(now)
    faint = chroma <= min(_FAINT_LEVELS, _FAINT_SHARE * max(_chroma(past) for past in coloured))
    as_faint = faint and _chroma(thumbs[0]) <= _AS_FAINT * chroma + _AS_FAINT_LEVELS
    return Colours(
        cast_log_ratio=cast.size,
        cast_evenness_ratio=cast.evenness,
        chroma_ratio=chroma / (usual + _CHROMA_OFFSET),
        usual_chroma_levels=usual,
        red_log_ratio=float(red),
        blue_log_ratio=float(blue),
        warmth_ratio=cast.warmth,
        lit_cast_log_ratio=lit.size,
        lit_evenness_ratio=lit.evenness,
        lit_warmth_ratio=lit.warmth,
        red_blue_correlation=red_blue,
        green_correlation=green,
        grey=faint or grey(thumb),
        nearest_is_grey=as_faint or grey(thumbs[0]),
    )


def _likeness(thumb: Plane, past: Plane) -> tuple[float, float]:
    """Return how the colours of two pictures correlate by pixel: red over blue, and both over green."""
    now, then = _axes(thumb), _axes(past)
    return float(now[0] @ then[0]), float(now[1] @ then[1])


@kept_by_plane
def _axes(thumb: Plane) -> tuple[Plane, Plane]:
    """Return red over blue and both over green by pixel, as vectors of length one about their means."""
    red, blue = _ratios(thumb)
    return centred_unit(red - blue), centred_unit(red + blue)


def _lit_alike(thumb: Plane, coloured: Sequence[Plane]) -> list[int]:
    """Return the places of the lights in which the view is lit as in the picture, whatever the colours."""
    now = luma(thumb)
    far = [distance(now, luma(past)) for past in coloured]
    most = _ALIKE * min(far) + _ALIKE_LEVELS
    return [place for place, each in enumerate(far) if each <= most]


@kept_by_plane
def _ratios(thumb: Plane) -> Plane:
    """Return red and blue over green by pixel, in natural logarithms, shape (2, pixels)."""
    blue, green, red = cv2.split(cv2.log(thumb + np.float32(_RATIO_OFFSET)))
    return np.asarray((red - green, blue - green)).reshape(2, -1)


@kept_by_plane
def _chroma(thumb: Plane) -> float:
    blue, green, red = cv2.split(thumb)
    return mean_of(cv2.max(cv2.max(blue, green), red) - cv2.min(cv2.min(blue, green), red))
