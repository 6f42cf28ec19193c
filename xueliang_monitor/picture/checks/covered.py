"""A view that something covers: tape, a bag, a hand, a leaf."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

VEILED = 0.25
ABOVE_USUAL = 0.12
HIDDEN, HIDDEN_ABOVE_USUAL = 0.4, 0.2
"""Of the view, by what has a pattern of its own: a vehicle takes a third."""

KEPT = 0.38
SOME_KEPT = 0.96
ELSEWHERE = 0.5
ELSEWHERE_GAIN = 0.3
DETAIL = 0.6
LEFT = 0.3
SHARP = 0.5
MOST = 0.5
ABSOLUTE_DETAIL = 0.4
ABSOLUTE_CONTRAST = 16.0
ABSOLUTE_LUMA = 110.0


def _judge(view: View) -> Judged:
    past = view.past
    shapes, contrast, mean = view.number("middle"), view.number("contrast"), view.number("mean")
    if past is None:
        detail = (
            f"detail of {shapes:.2f} levels (limit {ABSOLUTE_DETAIL}), contrast {contrast:.0f}"
            f" (limit {ABSOLUTE_CONTRAST:.0f})"
        )
        flat = both(over(-shapes, -ABSOLUTE_DETAIL, 0.0), over(-contrast, -ABSOLUTE_CONTRAST, 0.0))
        return Judged(both(flat, over(-mean, -ABSOLUTE_LUMA, 0.0)), detail)
    limit = max(VEILED, view.highest("veiled", 0.0) + ABOVE_USUAL)
    usual = max(0.0, view.median("kept", 1.0))
    left, little = past.detail_left, LEFT * view.median("detail_left", 1.0)
    best, fewest = past.detail_kept_best, DETAIL * view.lowest("detail_kept_best", 1.0)
    veiled, kept = past.veiled, past.kept
    most = max(HIDDEN, view.highest("hidden", 0.0) + HIDDEN_ABOVE_USUAL)
    detail = (
        f"one region of {veiled:.0%} of the view shows nothing of the scene (limit {limit:.0%}),"
        f" one of {past.hidden:.0%} is foreign (limit {most:.0%});"
        f" {kept:.0%} of the edges fit (limit {KEPT * usual:.0%}, or {SOME_KEPT * usual:.0%} behind such a region),"
        f" {left:.0%} of the detail is left (limit {little:.0%})"
    )
    # One that fits elsewhere is turned.
    found_elsewhere = past.moved_fit > ELSEWHERE and past.moved_gain > ELSEWHERE_GAIN
    if found_elsewhere:
        return Judged(0.0, f"{detail}, but the scene shows elsewhere in the view")
    # A view that seldom fits its own past tells nothing when it does not.
    softer = max(over(-best, -fewest, 0.0), over(-left, -little, 0.0))
    gone = 0.0 if not view.steady else both(over(-kept, -KEPT * usual, 0.0), softer)
    behind = both(over(veiled, limit, 2 * limit), over(-kept, -SOME_KEPT * usual, -0.8 * usual))
    # Out of focus, a view loses its detail everywhere and keeps its shapes.
    behind = both(behind, max(over(best, SHARP, 1.0), over(-kept, -SHARP * usual, 0.0), over(veiled, MOST, 1.0)))
    return Judged(max(behind, gone, over(past.hidden, most, 2 * most)), detail)


COVERED = Check(
    Fault(
        "picture_covered",
        Rung.PICTURE,
        Severity.CRITICAL,
        Text("View covered", "画面遮挡"),
        Text(
            "Something hangs or stands before the lens, or it was covered on purpose.",
            "镜头前有物体遮挡，或被人为遮盖。",
        ),
        Text("Look at the camera on site and free its view.", "到现场查看并清除遮挡物。"),
    ),
    _judge,
)
