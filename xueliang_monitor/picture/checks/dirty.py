"""Dirt on the dome: spray, drops, mud, webs."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.verdict import HYSTERESIS, LIMIT, TEXTURED, Check, Judged, View, any_of, both, over

SCATTERED_LOSS, TIMES_USUAL = 0.025, 2.0
"""Scattered loss of detail that is dirt, and the smallest multiple of the usual loss."""

CLEAR = 0.75
"""Best detail from which the rest of the view is in focus: if everything is softer, it is not dirt."""

LOSS_EDGES = 0.35
"""Share of the usual edge correlation that must remain where detail is lost."""

SPOTS, USUAL_SPOTS = 0.03, 0.05
"""Excess over the highest usual share of spots that is dirt, and that usual share while none is known."""

SPOTS_EDGES = 0.2
"""Share of the usual edge correlation that must remain between spots."""

STILL = 0.4
"""Smallest still share of the view for which spots can be told from passers-by."""

YOUNG_FACTOR = 1.5
"""Factor of the limits while the usual values are not well known."""

SURE = 0.75
"""Score from which a single picture is enough. Below, a burst must show that nobody walks through."""


def _judge(view: View) -> Judged:
    past = view.past
    if past is None:
        return Judged(None, "the usual view of this camera is not known yet")
    judged = any_of(_losses(view, past), _patches(view, past))
    if view.measures.motion is None and judged.score is not None and LIMIT - HYSTERESIS < judged.score < SURE:
        return Judged(None, f"{judged.detail}, but one picture cannot tell dirt from passers-by")
    return judged


def _losses(view: View, past: Comparison) -> Judged:
    """Judge how much detail is lost in patches all over the view."""
    if min(view.textured_ratio, past.detailed_ratio) < TEXTURED:
        return Judged(None, f"only {view.textured_ratio:.0%} of the view has a pattern to lose")
    usual = view.usual.scene
    lost = past.scattered_loss_ratio
    limit = max(SCATTERED_LOSS, TIMES_USUAL * usual.scattered_loss_ratio.median(0.0)) * _factor(view)
    detail = f"{lost:.1%} of the detail is lost in patches all over the view (limit {limit:.1%})"
    clear = over(past.best_detail_ratio, CLEAR, 0.95)
    edges = LOSS_EDGES * usual.edge_correlation.median(1.0)
    there = over(past.edge_correlation, edges, 2 * edges)
    return Judged(both(over(lost, limit, 3 * limit), clear, there), detail)


def _patches(view: View, past: Comparison) -> Judged:
    """Judge patches of another colour or lightness all over the view, with the scene between them."""
    if past.still_ratio < STILL:
        return Judged(None, f"only {past.still_ratio:.0%} of the view is still, too little to tell dirt from motion")
    usual = view.usual.scene
    spots = past.spots_ratio
    limit = (usual.spots_ratio.highest(USUAL_SPOTS) + SPOTS) * _factor(view)
    detail = f"{spots:.1%} of the view is in patches that never looked so (limit {limit:.1%})"
    edges = SPOTS_EDGES * usual.edge_correlation.median(1.0)
    there = over(past.edge_correlation, edges, 2 * edges)
    return Judged(both(over(spots, limit, 3 * limit), there), detail)


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
