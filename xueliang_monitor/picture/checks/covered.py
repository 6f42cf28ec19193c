"""A covered view: tape, a bag, a hand, a leaf."""

from __future__ import annotations

import math

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.checks.moved import CRISP, MOVED, in_place, shows_elsewhere
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.verdict import HYSTERESIS, LIMIT, Check, Judged, View, both, over, under

VEILED, VEILED_ABOVE_USUAL = 0.25, 0.12
"""Share of the view in one region without any of the scene, and its excess over the highest usual one."""

HIDDEN, HIDDEN_ABOVE_USUAL = 0.4, 0.2
"""The same for one region of a foreign colour with a pattern of its own. A vehicle takes a third of the view."""

EDGES = 0.38
"""Share of the usual edge correlation below which the scene is gone."""

EDGES_BEHIND = 0.96
"""Share of the usual edge correlation that a veiled view must be below as well."""

DETAIL, REMAINING = 0.6, 0.3
"""Share of the lowest usual best detail, or of the usual remaining detail, below which a view without edges is gone."""

SHARP, SHARP_EDGES, MOST_VEILED = 0.5, 0.5, 0.5
"""A veil needs one of these: sharp detail elsewhere, lost edges, or half of the view.

A view out of focus loses its detail everywhere and keeps its shapes.
"""

ELSEWHERE, ELSEWHERE_GAIN = 0.5, 0.3
"""Correlation after a shift, and its gain, above which the scene shows elsewhere in the view: the camera is turned."""

KEEPS_DETAIL = 0.9
"""Share of the usual remaining detail from which nothing hides a view that is lit otherwise."""

UNEVEN = 0.2
"""Distance in natural logarithms from which the rest of the view is lit otherwise. Beside most covers it has less."""

SLIGHTLY_UNEVEN = 0.1
"""The same for a view that keeps most edges and detail: made covers that do so leave the rest at 0.08 at most."""

NEW_LEVELS, NEW_EDGES = 20.0, 0.85
"""Distance in levels from which a light is wholly new, and share of the usual edges that must show in it.

With all of the detail as well, a sky that turned dark is no cover.
"""

WHOLE, WHOLE_EDGES = 1.05, 0.7
"""Share of the usual detail, and of the usual edges, from which a view in a wholly new light is not half hidden.

A camera that opens up behind a cover of 40 % of its view may have nine tenths of the detail.
"""

MOST_DETAIL = 0.7
"""Share of the usual detail from which a view that keeps its edges may only be lit otherwise.

A cover of a third of the view takes about a third of it, and leaves the rest in its light.
"""

SHAPES_LEFT = 0.1
"""Edge correlation below which detail is not that of the scene: dusk leaves outlines, noise nothing."""

LOST_EDGES, LOST_SHARE, LOST_DETAIL, LOST_BEST = 0.12, 0.5, 0.06, 0.3
"""Edge correlation, its share of the lowest usual one, remaining and best detail below which nothing is left."""

UNKNOWN_DETAIL_LEVELS, UNKNOWN_CONTRAST_LEVELS, UNKNOWN_LUMA_LEVELS = 0.4, 16.0, 110.0
"""Detail, contrast and mean luma that are all lower without a past: dark and without shapes."""


def _judge(view: View) -> Judged:
    past = view.past
    if past is None:
        return _without_past(view)
    usual = view.usual.scene
    veiled_limit = max(VEILED, usual.veiled_ratio.highest(0.0) + VEILED_ABOVE_USUAL)
    hidden_limit = max(HIDDEN, usual.hidden_ratio.highest(0.0) + HIDDEN_ABOVE_USUAL)
    edges = max(0.0, usual.edge_correlation.median(1.0))
    remaining_limit = REMAINING * usual.remaining_detail_ratio.median(1.0)
    detail = (
        f"one region of {past.veiled_ratio:.0%} of the view shows nothing of the scene (limit {veiled_limit:.0%}),"
        f" one of {past.hidden_ratio:.0%} is foreign (limit {hidden_limit:.0%});"
        f" {past.edge_correlation:.0%} of the edges match (limit {EDGES * edges:.0%},"
        f" {EDGES_BEHIND * edges:.0%} beside such a region),"
        f" {past.remaining_detail_ratio:.0%} of the detail is left (limit {remaining_limit:.0%}); the rest is lit by"
        f" {past.scene_light_log_ratio:.2f} unlike a known light"
    )
    if past.shift_correlation > ELSEWHERE and past.shift_gain > ELSEWHERE_GAIN:
        return Judged(0.0, f"{detail}, but the scene shows elsewhere in the view")
    turned = shows_elsewhere(past.pattern) >= LIMIT and (MOVED.judge(view).score or 0.0) >= LIMIT
    crisp = past.crisp_ratio >= CRISP and not in_place(past.pattern)
    if turned or (crisp and past.edge_correlation < EDGES * edges):
        return Judged(0.0, f"{detail}, but what it shows is sharp: another view")
    if _otherwise_lit(view, past, KEEPS_DETAIL * min(1.0, usual.remaining_detail_ratio.median(1.0))):
        return Judged(0.0, f"{detail}, but the view keeps its detail in another light")
    veiled = _veiled(past, veiled_limit, edges)
    gone = _gone(view, past, edges, remaining_limit)
    score = max(veiled, gone, over(past.hidden_ratio, hidden_limit, 2 * hidden_limit))
    if score > LIMIT - HYSTERESIS and _may_be_light(view, past, edges):
        clear = view.first_light and past.edge_correlation >= NEW_EDGES * edges
        return Judged(None, f"{detail}, but the light is not known yet", suspect=not clear)
    return Judged(score, detail)


def _may_be_light(view: View, past: Comparison, edges: float) -> bool:
    """Whether a light that is not known yet may be all that hides the view; `edges` is the usual correlation."""
    kept = past.edge_correlation
    if view.first_light:
        return kept >= NEW_EDGES * edges or _lit_unevenly(past)
    if kept >= NEW_EDGES * edges and past.remaining_detail_ratio >= MOST_DETAIL:
        return SLIGHTLY_UNEVEN < past.scene_light_log_ratio < math.inf
    unlike = past.light_distance_levels > NEW_LEVELS or past.remaining_detail_ratio >= MOST_DETAIL
    return unlike and kept >= WHOLE_EDGES * edges and _lit_unevenly(past)


def _otherwise_lit(view: View, past: Comparison, detail_limit: float) -> bool:
    """Whether the view is only lit otherwise, as at dusk and by lamps: darker in parts, with the detail elsewhere."""
    usual = max(0.0, view.usual.scene.edge_correlation.median(1.0))
    left = min(past.remaining_detail_ratio, past.best_detail_ratio)
    whole = left >= 1 and past.edge_correlation >= NEW_EDGES * usual
    richer = left >= WHOLE and past.edge_correlation >= WHOLE_EDGES * usual
    new = view.first_light or ((whole or richer) and past.light_distance_levels > NEW_LEVELS)
    return (
        (past.scene_light_log_ratio > UNEVEN or new)
        and past.remaining_detail_ratio >= detail_limit
        and past.edge_correlation >= SHAPES_LEFT
    )


def _lit_unevenly(past: Comparison) -> bool:
    """Whether something of the scene shows in focus and is lit otherwise, as in a first night.

    A cover put on during the first day leaves the rest of the view in a light that is known.
    """
    return UNEVEN < past.scene_light_log_ratio < math.inf and past.best_detail_ratio >= SHARP


def _without_past(view: View) -> Judged:
    measures = view.measures
    detail = (
        f"detail of {measures.middle_detail_levels:.2f} levels (limit {UNKNOWN_DETAIL_LEVELS}),"
        f" contrast {measures.contrast_levels:.0f} (limit {UNKNOWN_CONTRAST_LEVELS:.0f})"
    )
    flat = both(
        under(measures.middle_detail_levels, UNKNOWN_DETAIL_LEVELS, 0.0),
        under(measures.contrast_levels, UNKNOWN_CONTRAST_LEVELS, 0.0),
    )
    return Judged(both(flat, under(measures.luma_mean_levels, UNKNOWN_LUMA_LEVELS, 0.0)), detail)


def _veiled(past: Comparison, limit: float, edges: float) -> float:
    """Return the score of one large region that shows nothing of the scene; `edges` is the usual correlation."""
    region, kept = past.veiled_ratio, past.edge_correlation
    behind = both(over(region, limit, 2 * limit), under(kept, EDGES_BEHIND * edges, 0.8 * edges))
    in_focus = over(past.best_detail_ratio, SHARP, 1.0)
    return both(behind, max(in_focus, under(kept, SHARP_EDGES * edges, 0.0), over(region, MOST_VEILED, 1.0)))


def _gone(view: View, past: Comparison, edges: float, remaining_limit: float) -> float:
    """Return the score of a view that lost its edges and its detail; one that is not steady must have lost all."""
    if not view.steady:
        edges_limit = min(LOST_EDGES, LOST_SHARE * view.usual.scene.edge_correlation.lowest(0.0))
        return both(
            under(past.edge_correlation, edges_limit, edges_limit - LOST_EDGES),
            under(past.remaining_detail_ratio, LOST_DETAIL, 0.0),
            under(past.best_detail_ratio, LOST_BEST, 0.0),
        )
    fewest = DETAIL * view.usual.scene.best_detail_ratio.lowest(1.0)
    softer = max(under(past.best_detail_ratio, fewest, 0.0), under(past.remaining_detail_ratio, remaining_limit, 0.0))
    return both(under(past.edge_correlation, EDGES * edges, 0.0), softer)


COVERED = Check(
    Fault(
        "picture_covered",
        Rung.PICTURE,
        Severity.CRITICAL,
        name=Text("View covered", "画面遮挡"),
        cause=Text(
            "Something hangs or stands in front of the lens, or it was covered on purpose.",
            "镜头前有物体遮挡，或镜头被人为遮盖。",
        ),
        advice=Text("Go to the camera and clear its view.", "到现场查看并清除遮挡物。"),
    ),
    _judge,
)
