"""Dirt before the lens: spray, drops, mud, webs."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import TEXTURED, Check, Judged, View, both, over

SPOTS = 0.10
ABOVE_USUAL = 0.07
KEPT = 0.75
STILL_KEPT = 0.35
SCATTERED = 0.115
SCATTERED_MORE = 0.05
SPREAD = 0.6
YOUNG = 1.5
"""Of the limit, while it is not known well what is usual."""


def _judge(view: View) -> Judged:
    spots, best = view.against("spots"), view.against("detail_kept_best")
    if spots is None or best is None:
        return Judged(None, "the camera's own view is not known yet")
    if min(view.textured, view.compared["detailed"]) < TEXTURED:
        return Judged(None, f"only {view.textured:.0%} of the view has a pattern to lose")
    times = YOUNG if view.young else 1.0
    spread = view.compared["spread"]
    limit = max(SPOTS, view.highest("spots", 0.0) + ABOVE_USUAL) * times
    scattered, few = view.compared["scattered"], max(SCATTERED, view.highest("scattered", 0.0) + SCATTERED_MORE) * times
    detail = (
        f"{spots:.0%} of the textured view lost its detail (limit {limit:.0%}),"
        f" {scattered:.0%} in patches apart (limit {few:.0%}), over {spread:.0%} of the view (limit {SPREAD:.0%})"
    )
    # Where everything is softer it is out of focus, not dirty; where one region is lost it is covered.
    clear = over(best, 0.75, 0.95)
    usual = view.median("kept", 1.0)
    same = over(view.compared["kept"], KEPT * usual, usual)
    spotted = both(over(spots, limit, 2 * limit), same)
    patched = max(spotted, over(scattered, few, 2 * few))
    there = over(view.compared["kept"], STILL_KEPT * usual, 2 * STILL_KEPT * usual)
    return Judged(both(patched, over(spread, SPREAD, 0.9), clear, there), detail)


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
