"""A covered view: tape, a bag, a hand, a leaf."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over, under

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
        f" {past.remaining_detail_ratio:.0%} of the detail is left (limit {remaining_limit:.0%})"
    )
    if past.shift_correlation > ELSEWHERE and past.shift_gain > ELSEWHERE_GAIN:
        return Judged(0.0, f"{detail}, but the scene shows elsewhere in the view")
    veiled = _veiled(past, veiled_limit, edges)
    gone = _gone(view, past, edges, remaining_limit)
    return Judged(max(veiled, gone, over(past.hidden_ratio, hidden_limit, 2 * hidden_limit)), detail)


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
    """Return the score of a view that lost its edges and its detail; only a steady view can tell."""
    if not view.steady:
        return 0.0
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
