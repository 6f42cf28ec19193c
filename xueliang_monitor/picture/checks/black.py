"""A black picture: dead sensor, closed iris or shutter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, under

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray

MEAN_LEVELS, HIGH_LEVELS = 10.8, 24.0
"""Mean and 95th percentile of luma below which a picture is black without a past."""

KNOWN_MEAN_LEVELS, KNOWN_HIGH_LEVELS = 18.0, 40.0
"""The same if a past tells whether the scene still shows: higher, as the spread of light must be lost as well."""

SPREAD, DARKER_SPREAD, UNLIKE_SPREAD = 0.045, 0.065, 0.1
"""Shares of the usual spread of light, above which the scene is dark but visible.

The first applies by default, the second below `MEAN_LEVELS`, the third where light and dark are not laid out as in
the scene. The spread leaves out burned-in text, which stays bright.
"""

UNLIKE = 0.33
"""Correlation of light and dark areas with the past below which the layout is not that of the scene."""

NO_CONTRAST_LEVELS = 0.6
"""Contrast that grain alone leaves: on a dark night a share of the usual spread means nothing."""


TEXT_ROWS = 0.14
"""Share of the height at the top and at the bottom where burned-in text stays lit in a black picture."""


SURELY_LIT = 2 * KNOWN_MEAN_LEVELS
"""Mean luma from which nothing else is asked: the score is 0 there."""


def _between_text(plane: Gray) -> Gray:
    """Return the rows of a plane between those of burned-in text."""
    rows = round(TEXT_ROWS * len(plane))
    return plane[rows : len(plane) - rows]


def _high_and_spread(view: View) -> tuple[float, float]:
    """Return the 95th percentile and the spread of luma between the rows of burned-in text, without single pixels.

    The spread is that of the thumbnail, which averages over more pixels: grain alone has none.
    """
    import cv2
    import numpy as np

    inner, small = _between_text(view.measures.structure), _between_text(view.measures.thumb)
    spread = cv2.cvtColor(np.ascontiguousarray(small).astype(np.float32), cv2.COLOR_BGR2GRAY).std()
    return float(np.percentile(inner, 95)), float(spread)


def _judge(view: View) -> Judged:
    mean, past = min(view.measures.luma_mean_levels, float(_between_text(view.measures.structure).mean())), view.past
    if mean >= SURELY_LIT:
        return Judged(0.0, f"mean luma {mean:.0f} (limit {MEAN_LEVELS if past is None else KNOWN_MEAN_LEVELS:.0f})")
    inner_high, contrast = _high_and_spread(view)
    high = min(view.measures.luma_high_levels, inner_high)
    if past is None:
        detail = f"mean luma {mean:.0f} (limit {MEAN_LEVELS:.0f}), 95th percentile {high:.0f} (limit {HIGH_LEVELS:.0f})"
        return Judged(both(under(mean, MEAN_LEVELS, 0), under(high, HIGH_LEVELS, 0)), detail)
    spread = past.luma_spread_ratio
    limit = UNLIKE_SPREAD if past.layout_correlation < UNLIKE else DARKER_SPREAD if mean < MEAN_LEVELS else SPREAD
    detail = (
        f"mean luma {mean:.0f} (limit {KNOWN_MEAN_LEVELS:.0f}), 95th percentile {high:.0f}"
        f" (limit {KNOWN_HIGH_LEVELS:.0f}), spread of light {spread:.1%} of the usual (limit {limit:.1%})"
    )
    dark = both(under(mean, KNOWN_MEAN_LEVELS, 0), under(high, KNOWN_HIGH_LEVELS, 0))
    empty = both(under(mean, MEAN_LEVELS, 0), under(contrast, NO_CONTRAST_LEVELS, 0))
    return Judged(both(dark, max(under(spread, limit, 0), empty)), detail)


BLACK = Check(
    Fault(
        "picture_black",
        Rung.PICTURE,
        Severity.CRITICAL,
        name=Text("Black picture", "画面全黑"),
        cause=Text(
            "No light reaches the picture: the sensor, the iris or the lens cap.",
            "画面没有光线：传感器故障、光圈未打开或镜头被盖住。",
        ),
        advice=Text(
            "Check lens and iris; at night check the lighting; restart the camera.",
            "检查镜头与光圈；夜间检查补光照明；重启摄像机。",
        ),
    ),
    _judge,
)
