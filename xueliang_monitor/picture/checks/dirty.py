"""Dirt on the dome: spray, drops, mud, webs."""

from __future__ import annotations

import math

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.reference import RecentValues
from xueliang_monitor.picture.verdict import (
    FAINT,
    HYSTERESIS,
    LIMIT,
    NEW_LIGHT_LEVELS,
    OTHER_LIGHT,
    TEXTURED,
    Check,
    Judged,
    View,
    any_of,
    both,
    over,
)

SCATTERED_LOSS, TIMES_USUAL = 0.025, 1.5
"""Scattered loss of detail that is dirt, and the smallest multiple of the usual loss.

What stands beside a lorry or in a crowd, and is hidden too, was up to 0.025 of it. Made dirt had 0.03 and more.
"""

HIDDEN = 0.25
"""Share of the view behind one thing, as a lorry, beside which dirt cannot be told.

It is the limit of a cover. What hides less, and stays, is told as dirt, which is better than not at all.
"""

CLEAR, DETAILED = 0.8, 0.10
"""Best detail from which the rest of the view is in focus, and the share of cells with detail that tells it.

If everything is softer, it is not dirt.
"""

LOSS_EDGES = 0.35
"""Share of the usual edge correlation that must remain where detail is lost."""

SPOTS, USUAL_SPOTS = 0.025, 0.04
"""Excess over the usual share of soft patches that is dirt, and that usual share while none is known."""

SPOTS_EDGES, LAYOUT = 0.2, 0.7
"""Share of the usual edge correlation, or correlation of light and dark areas, that must remain between patches."""

SELDOM = 1 / 3
"""Share of the looks whose values are not usual: a lorry beside the lens, or light that was not yet known."""

GLARE = 0.25
"""Distance in natural logarithms from every known light beyond which a low sun or dusk may take the detail."""

BROUGHT_OUT = 1.2
"""Share of the usual detail above which a low sun brings out more of it. Then one picture cannot tell dirt from light.

On a building site the dawns had 1.3 to 1.8 of it.
"""

YOUNG_FACTOR = 1.5
"""Factor of the limits while the usual values are not well known."""

SURE = 0.75
"""Score from which a single picture is enough, and a picture at an hour that was not seen yet.

Below, a burst must show that nobody walks through. At a new hour, dirt itself changes the light of the view.
"""


def _judge(view: View) -> Judged:
    past = view.past
    if past is None:
        return Judged(None, "the usual view of this camera is not known yet")
    losses, patches = _losses(view, past), _patches(view, past)
    first_night = view.infrared and view.hour is not None and not view.hours_around_known
    if first_night or (view.first_light and past.scene_light_log_ratio > OTHER_LIGHT):
        return Judged(None, f"{patches.detail}, but the light of this hour is not known yet")
    if losses.score is not None and losses.score > LIMIT - HYSTERESIS and GLARE < past.scene_light_log_ratio < math.inf:
        losses = Judged(None, f"{losses.detail}, but the light is not known yet")
    if patches.score is not None and patches.score > LIMIT - HYSTERESIS and _only_lit(view, past):
        patches = Judged(None, f"{patches.detail}, but the light is not known yet")
        losses = losses if losses.score is not None and losses.score >= LIMIT else patches
    judged = any_of(losses, patches)
    doubt = _doubt(view, past, judged.score) if judged.score is not None and judged.score > LIMIT - HYSTERESIS else ""
    return Judged(None, f"{judged.detail}, but {doubt}") if doubt else judged


def _doubt(view: View, past: Comparison, score: float) -> str:
    """Return why something else may look like dirt of this score; empty if nothing does."""
    if view.slow_line:
        return f"only {past.faint_detail_ratio:.0%} of the faint detail is left (limit {FAINT:.0%}), as on a slow line"
    if view.coarse:
        return "the picture has the blocks of a low bitrate, or none of its grain"
    if past.veiled_ratio > HIDDEN:
        return f"one thing hides {past.veiled_ratio:.0%} of the view (limit {HIDDEN:.0%})"
    if view.first_light and score < SURE:
        return "the light of this hour is not known yet"
    if view.measures.motion is None and score < SURE:
        return "one picture cannot tell dirt from passers-by"
    return ""


def _losses(view: View, past: Comparison) -> Judged:
    """Judge how much detail is lost in patches all over the view."""
    if min(view.textured_ratio, past.detailed_ratio) < TEXTURED:
        return Judged(None, f"only {past.detailed_ratio:.0%} of the view has a pattern to lose")
    usual = view.usual.scene
    lost = past.scattered_loss_ratio
    limit = max(SCATTERED_LOSS, TIMES_USUAL * _usually(usual.scattered_loss_ratio, 0.0)) * _factor(view)
    detail = f"{lost:.1%} of the detail is lost in patches all over the view (limit {limit:.1%})"
    edges = LOSS_EDGES * usual.edge_correlation.median(1.0)
    there = over(past.edge_correlation, edges, 2 * edges)
    return Judged(both(over(lost, limit, 3 * limit), _clear(past), there), detail)


def _patches(view: View, past: Comparison) -> Judged:
    """Judge soft patches of another colour or lightness, or without detail, with the scene between them."""
    usual = view.usual.scene
    spots = past.spots_ratio
    limit = (_usually(usual.spots_ratio, USUAL_SPOTS) + SPOTS) * _factor(view)
    detail = f"{spots:.1%} of the view is in soft patches that never looked so (limit {limit:.1%})"
    edges = SPOTS_EDGES * usual.edge_correlation.median(1.0)
    there = max(over(past.edge_correlation, edges, 2 * edges), over(past.layout_correlation, LAYOUT, 1.0))
    return Judged(both(over(spots, limit, 3 * limit), _clear(past), there), detail)


def _clear(past: Comparison) -> float:
    """Return the score of a view that is in focus beside the patches."""
    return over(past.best_detail_ratio, CLEAR, 0.95) if past.detailed_ratio >= DETAILED else 1.0


def _only_lit(view: View, past: Comparison) -> bool:
    """Whether patches may be those of a light that is not known yet, as clouds are that one picture shows standing."""
    if view.measures.motion is None:
        new = past.light_distance_levels > NEW_LIGHT_LEVELS
        return view.otherwise_lit or new or past.remaining_detail_ratio > BROUGHT_OUT
    return GLARE < past.scene_light_log_ratio < math.inf


def _usually(known: RecentValues, default: float) -> float:
    """Return the highest value that is no exception, `default` if none is known."""
    values = sorted(known.values, reverse=True)
    return values[int(SELDOM * len(values))] if values else default


def _factor(view: View) -> float:
    return YOUNG_FACTOR if view.young else 1.0


DIRTY = Check(
    Fault(
        "picture_dirty",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Dirty lens", "镜头脏污"),
        cause=Text("Spray, drops, mud or webs on the dome.", "球罩上有喷漆、水滴、泥污或蛛网。"),
        advice=Text("Clean the dome and clear webs away.", "清洁球罩，清除蛛网。"),
    ),
    _judge,
)
