"""Finds what fog takes: the pattern of far things is gone in a light grey, that of near things is only weaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xueliang_monitor.picture.comparison import Haze
from xueliang_monitor.picture.patterns import PATTERN_LEVELS, SEEN, Patterns, brightness
from xueliang_monitor.picture.scaling import median_of, percentiles

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Mask, Plane

_GONE = 0.35
"""Correlation below which a block does not show its pattern. Chosen by hand."""

_GONE_SHARE, _FAINT_SHARE = 0.5, 0.25
"""Share of the usual pattern below which a block is empty: the first if it does not fit, the second whatever it shows.

Chosen by hand.
"""

_LIGHT_OFFSET = 8
"""Levels added before brightness is divided: darker light tells little."""

_FEWEST = 4
"""Blocks that must be empty, and that must still show their pattern: fewer may do so by chance. Chosen by hand."""

_NEAREST_PERCENT = 75
"""Where all blocks are nearly empty, those with more than this percentile of their pattern are near. Chosen by hand."""


def find_haze(patterns: Patterns, structure: Plane, planes: Sequence[Plane], thumb: Plane) -> Haze:
    """Return what a frame lost in the way of fog, by blocks of its luma beside that of the near lights.

    `structure` is the frame's luma, `planes` that of the near lights, `thumb` the frame's thumbnail.
    """
    left = patterns.now / np.maximum(patterns.usual, PATTERN_LEVELS)
    known = patterns.usual > PATTERN_LEVELS
    gone = known & ((patterns.fit < _GONE) & (left < _GONE_SHARE) | (left < _FAINT_SHARE))
    seen = known & (patterns.fit > SEEN)
    if seen.sum() < _FEWEST:
        return Haze(gone_ratio=float(gone.sum() / max(1, known.sum())))
    light, usually = (
        np.log(each + _LIGHT_OFFSET)
        for each in (brightness(structure), median_of([brightness(plane) for plane in planes]))
    )
    lighter = light - usually
    found = Haze(
        gone_ratio=float(gone.sum() / known.sum()),
        seen_ratio=float(seen.sum() / known.sum()),
        contrast_ratio=percentiles(left[seen] / np.exp(lighter[seen]), 50)[0],
    )
    if gone.sum() < _FEWEST:
        return found
    near = known & ~gone
    if near.sum() < _FEWEST:
        near = known & (left >= percentiles(left[known], _NEAREST_PERCENT)[0])
    return replace(
        found,
        lighter_log_ratio=percentiles(lighter[gone], 50)[0] - percentiles(lighter[near], 50)[0],
        colour_log_ratio=_colour(thumb, gone),
    )


def _colour(thumb: Plane, gone: Mask) -> float:
    """Return how far the empty blocks are from grey, in natural logarithms of red and blue over green."""
    blue, green, red = (
        percentiles(brightness(np.ascontiguousarray(thumb[..., place]))[gone], 50)[0] for place in range(3)
    )
    tints = np.log((np.array((red, blue)) + _LIGHT_OFFSET) / (green + _LIGHT_OFFSET))
    return float(np.hypot(*tints))
