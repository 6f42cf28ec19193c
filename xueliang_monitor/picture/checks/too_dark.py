"""A picture too dark to see by: night without working infrared light, or a stuck iris."""

from __future__ import annotations

import math

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.verdict import (
    HYSTERESIS,
    LIMIT,
    NEW_LIGHT_LEVELS,
    Check,
    Judged,
    View,
    any_of,
    both,
    over,
    under,
)

MEAN_LEVELS = 35.0
"""Mean luma above which a picture is too dark only if all of it is darker than its hour ever was."""

SHARE_OF_DARKEST = 0.62
"""Share of the lowest usual mean luma below which a picture is too dark. From a prototype on other cameras."""

UNKNOWN_MEAN_LEVELS, UNKNOWN_FULL_LEVELS = 22.0, 8.0
"""Mean luma below which a picture is too dark without a past, and at which the score is 1."""

SHAPES_LEVELS = 0.25
"""Detail below which nothing shows at all: the view is covered or black."""

EDGES, LAYOUT = 0.25, 0.6
"""A steady view is covered, not dark, below both: this share of the usual edge correlation, this layout correlation."""

DIMMED, DIMMED_MEAN_LEVELS = 0.5, 80.0
"""How much darker than a known light an evenly darker view is too dark, in natural logarithms, and its highest mean.

Exposure that changes by 40 % at once (0.34) is healthy. A technician sees well in anything lighter than that mean.
"""

DIMMED_EDGES = 0.6
"""Share of the usual edge correlation that such a view keeps."""


def _judge(view: View) -> Judged:
    mean = view.measures.luma_mean_levels
    if view.measures.middle_detail_levels < SHAPES_LEVELS:
        return Judged(0.0, f"mean luma {mean:.0f}, but nothing shows at all: covered or black")
    past = view.past
    if past is None:
        score = under(mean, UNKNOWN_MEAN_LEVELS, UNKNOWN_FULL_LEVELS)
        return Judged(score, f"mean luma {mean:.0f} (limit {UNKNOWN_MEAN_LEVELS:.0f})")
    usual = view.usual.scene.edge_correlation.median(1.0)
    if view.steady and past.edge_correlation < EDGES * usual and past.layout_correlation < LAYOUT:
        return Judged(0.0, f"mean luma {mean:.0f}, but nothing of the scene shows: covered")
    darkest = view.in_this_light.frame.luma_mean_levels.lowest(255.0)
    limit = min(MEAN_LEVELS, SHARE_OF_DARKEST * darkest)
    detail = f"mean luma {mean:.0f} (limit {limit:.0f}; the darkest healthy picture of this hour {darkest:.0f})"
    return any_of(Judged(under(mean, limit, 0.4 * limit), detail), _dimmed(view, past))


def _dimmed(view: View, past: Comparison) -> Judged:
    """Judge a view in which all is darker by the same factor than in a known light, and that no known light is like."""
    mean, dimmed = view.measures.luma_mean_levels, past.dimming_log_ratio
    detail = (
        f"all of the view is darker than in a known light by a factor of {math.exp(dimmed):.1f}"
        f" (limit {math.exp(DIMMED):.1f}), mean luma {mean:.0f} (limit {DIMMED_MEAN_LEVELS:.0f})"
    )
    if past.light_distance_levels <= NEW_LIGHT_LEVELS:
        return Judged(0.0, f"{detail}, but this light is known")
    edges = DIMMED_EDGES * view.usual.scene.edge_correlation.median(1.0)
    score = both(
        over(dimmed, DIMMED, 2 * DIMMED),
        under(mean, DIMMED_MEAN_LEVELS, 0.0),
        over(past.edge_correlation, edges, 1.0),
    )
    # Without an hour, all that the last day has shown must be lighter, and it must not be dusk.
    known = not view.young and not _gain_is_up(view) if view.hour is None else view.hour_known
    if not known and score > LIMIT - HYSTERESIS:
        return Judged(None, f"{detail}, but the light of this hour is not known yet")
    darkest = view.in_this_light.frame.luma_mean_levels.lowest(255.0)
    if known and mean > SHARE_OF_DARKEST * darkest:
        return Judged(0.0, f"{detail}, but healthy pictures of this hour have {darkest:.0f}")
    return Judged(score, detail)


def _gain_is_up(view: View) -> bool:
    """Whether there is more grain than ever, as at dusk: too short an exposure darkens the grain as well."""
    now, usual = view.measures, view.usual.frame
    luma, colour = usual.noise_levels.highest(0.0), usual.colour_noise_levels.highest(0.0)
    return now.noise_levels > luma or now.colour_noise_levels > colour


TOO_DARK = Check(
    Fault(
        "picture_too_dark",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Picture too dark", "画面过暗"),
        cause=Text(
            "The infrared light or the lighting failed, or exposure or iris is stuck.",
            "红外灯或照明故障，或曝光、光圈失控。",
        ),
        advice=Text(
            "Check the infrared light, the lighting and the exposure settings.", "检查红外灯、照明与曝光设置。"
        ),
    ),
    _judge,
)
