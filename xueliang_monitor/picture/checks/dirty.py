"""Dirt before the lens: spray, drops, mud, webs."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import TEXTURED, Check, Judged, View, both, over

LOST_APART = 0.025
TIMES_USUAL = 2.0
CLEAR = 0.75
STILL_KEPT = 0.35
YOUNG = 1.5
"""Of the limit, while it is not known well what is usual."""


def _judge(view: View) -> Judged:
    lost, best = view.against("lost_apart"), view.against("detail_kept_best")
    if lost is None or best is None:
        return Judged(None, "the camera's own view is not known yet")
    if min(view.textured, view.compared["detailed"]) < TEXTURED:
        return Judged(None, f"only {view.textured:.0%} of the view has a pattern to lose")
    limit = max(LOST_APART, TIMES_USUAL * view.median("lost_apart", 0.0)) * (YOUNG if view.young else 1.0)
    detail = f"all over the view {lost:.1%} of the detail is in patches that lost most of theirs (limit {limit:.1%})"
    # Where everything is softer it is out of focus, not dirty.
    clear = over(best, CLEAR, 0.95)
    usual = view.median("kept", 1.0)
    there = over(view.compared["kept"], STILL_KEPT * usual, 2 * STILL_KEPT * usual)
    return Judged(both(over(lost, limit, 3 * limit), clear, there), detail)


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
