"""Dirt before the lens: spray, drops, mud, webs."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.verdict import HYSTERESIS, LIMIT, TEXTURED, Check, Judged, View, any_of, both, over

LOST_APART = 0.025
TIMES_USUAL = 2.0
CLEAR = 0.75
STILL_KEPT = 0.35
SPOTS, SPOTS_KEPT = 0.03, 0.2
STILL = 0.4
YOUNG = 1.5
"""Times the limit, while it is not known well what is usual."""

SURE = 0.75
"""The score from which on a single picture, in which nobody is seen to walk on, is enough."""


def _judge(view: View) -> Judged:
    past = view.past
    if past is None:
        return Judged(None, "the camera's own view is not known yet")
    judged = any_of(_losses(view, past), _patches(view, past))
    if view.measures.motion is None and judged.score is not None and LIMIT - HYSTERESIS < judged.score < SURE:
        return Judged(None, f"{judged.detail}, but one picture does not tell dirt from what passes")
    return judged


def _losses(view: View, past: Comparison) -> Judged:
    """Judge how much detail is gone in patches all over the view."""
    if min(view.textured, past.detailed) < TEXTURED:
        return Judged(None, f"only {view.textured:.0%} of the view has a pattern to lose")
    lost = past.lost_apart
    limit = max(LOST_APART, TIMES_USUAL * view.median("lost_apart", 0.0)) * (YOUNG if view.young else 1.0)
    detail = f"all over the view {lost:.1%} of the detail is in patches that lost most of theirs (limit {limit:.1%})"
    # Where everything is softer it is out of focus, not dirty.
    clear = over(past.detail_kept_best, CLEAR, 0.95)
    usual = view.median("kept", 1.0)
    there = over(past.kept, STILL_KEPT * usual, 2 * STILL_KEPT * usual)
    return Judged(both(over(lost, limit, 3 * limit), clear, there), detail)


def _patches(view: View, past: Comparison) -> Judged:
    """Judge patches of another colour or lightness all over the view, with the scene between them."""
    spots, still = past.spots, past.still
    if still < STILL:
        return Judged(None, f"only {still:.0%} of the view is still, so that dirt is not told from what passes")
    limit = (view.highest("spots", 0.05) + SPOTS) * (YOUNG if view.young else 1.0)
    detail = f"all over the view {spots:.1%} of it are patches that never looked so (limit {limit:.1%})"
    usual = view.median("kept", 1.0)
    there = over(past.kept, SPOTS_KEPT * usual, 2 * SPOTS_KEPT * usual)
    return Judged(both(over(spots, limit, 3 * limit), there), detail)


DIRTY = Check(
    Fault(
        "picture_dirty",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Dirty lens", "镜头脏污"),
        Text("Spray, drops, mud or webs on the dome.", "球罩上有喷漆、水滴、泥污或蛛网。"),
        Text("Clean the dome; clear webs away.", "清洁球罩，清除蛛网。"),
    ),
    _judge,
)
