"""An overexposed picture."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.checks.moved import shows_elsewhere
from xueliang_monitor.picture.verdict import LIMIT, Check, Judged, View, both, over

WHITE, HIGHEST_WHITE = 0.60, 0.9
"""Share of overexposed pixels that is a fault without a past, and the highest limit with one."""

ABOVE_USUAL, ABOVE_USUAL_AT_STEP = 0.15, 0.22
"""Excess over the highest usual share of overexposed pixels; the second where an exposure step may lift the mean."""

STEP, NO_STEP = 1.2, 1.05
"""Multiples of the highest usual mean luma: a step of half a stop lifts it by up to 1.17 and clips a bright view more.

Below the second, the view is exposed as ever: a white sky alone is overexposed.
"""

WASHED_OUT_LEVELS = 165.0
"""Mean luma below which a picture is never washed out."""

TIMES_BRIGHTEST = 1.44
"""Multiple of the highest usual mean luma that is washed out. Exposure that changes by 40 % at once is healthy."""

CONTRAST = 0.75
"""Share of the usual contrast that a washed-out picture keeps: fog is bright as well, but flat."""

EDGES = 0.5
"""Share of the usual edge correlation that it keeps: something in front of the lens does not show the scene."""

NEAR_EDGES = 0.4
"""Share of the usual edge correlation below which an infrared lamp lights something near, not the scene."""

MORE_WHITE = 0.08
"""Excess of overexposed pixels that is too bright by day if the mean luma is lifted by more than a step as well.

Both are above the highest that this light has shown: an iris that stays open lifts the whole view and clips a part of
it. A low sun or lightning on its own does not reach both.
"""

DAY_LEVELS = 70.0
"""Usual mean luma below which it is night, when headlights brighten the whole view."""

ALL_WHITE = 0.98
"""Share of overexposed pixels from which no shape of anything near is left either: then it is the exposure."""


def _judge(view: View) -> Judged:
    past, usual = view.past, view.in_this_light.frame
    white, mean = view.measures.white_ratio, view.measures.luma_mean_levels
    highest = usual.luma_mean_levels.highest(255.0)
    above = ABOVE_USUAL if mean >= STEP * highest else ABOVE_USUAL_AT_STEP
    limit = WHITE if past is None else min(HIGHEST_WHITE, usual.white_ratio.highest(0.0) + above)
    brightest = max(WASHED_OUT_LEVELS, TIMES_BRIGHTEST * highest)
    detail = (
        f"{white:.0%} of the picture is overexposed (limit {limit:.0%}), mean luma {mean:.0f} (limit {brightest:.0f})"
    )
    overexposed = over(white, limit, limit + 0.3)
    if past is None:
        return Judged(overexposed, detail)
    usual_edges = view.usual.scene.edge_correlation.median(1.0)
    if view.infrared and white < ALL_WHITE and past.edge_correlation < NEAR_EDGES * usual_edges:
        return Judged(0.0, f"{detail}, but the infrared lamp lights something near: covered or turned")
    if white < ALL_WHITE and shows_elsewhere(past.pattern) >= LIMIT:
        return Judged(0.0, f"{detail}, but what it shows is sharp: another view")
    there = over(past.edge_correlation, EDGES * usual_edges, 1.0)
    overexposed = both(overexposed, over(mean, NO_STEP * highest, STEP * highest)) if white < ALL_WHITE else overexposed
    washed_out = both(over(mean, brightest, 1.3 * brightest), over(past.contrast_ratio, CONTRAST, 1.2))
    return Judged(max(overexposed, both(max(washed_out, _open(view)), there)), detail)


def _open(view: View) -> float:
    """Return the score of an iris that stays open by day: lighter all over, and more of the view is overexposed."""
    white, mean = view.measures.white_ratio, view.measures.luma_mean_levels
    most_white = view.in_this_light.frame.white_ratio.highest(1.0) + MORE_WHITE
    highest = view.in_this_light.frame.luma_mean_levels.highest(255.0)
    if highest < DAY_LEVELS:
        return 0.0
    return both(over(white, most_white, most_white + 0.2), over(mean, STEP * highest, 1.4 * STEP * highest))


TOO_BRIGHT = Check(
    Fault(
        "picture_too_bright",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Picture too bright", "画面过亮"),
        cause=Text("Exposure or iris is stuck, or a lamp shines into the lens.", "曝光或光圈失控，或强光直射镜头。"),
        advice=Text(
            "Check exposure settings and iris; turn the camera away from the lamp.",
            "检查曝光设置与光圈；调整角度避开强光源。",
        ),
    ),
    _judge,
)
