"""A view that something covers: tape, a bag, a hand, a leaf."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

SOFT = 0.15
ABOVE_USUAL = 0.08
KEPT = 0.38
DETAIL = 0.6
BLOB = 0.5
ABSOLUTE_DETAIL = 0.4
ABSOLUTE_CONTRAST = 16.0
ABSOLUTE_LUMA = 110.0


def _judge(view: View) -> Judged:
    soft, best = view.against("soft"), view.against("detail_kept_best")
    shapes, contrast, mean = view.number("middle"), view.number("contrast"), view.number("mean")
    if soft is None or best is None:
        detail = (
            f"detail of {shapes:.2f} levels (limit {ABSOLUTE_DETAIL}), contrast {contrast:.0f}"
            f" (limit {ABSOLUTE_CONTRAST:.0f})"
        )
        flat = both(over(-shapes, -ABSOLUTE_DETAIL, 0.0), over(-contrast, -ABSOLUTE_CONTRAST, 0.0))
        return Judged(both(flat, over(-mean, -ABSOLUTE_LUMA, 0.0)), detail)
    limit = max(SOFT, view.highest("soft", 0.0) + ABOVE_USUAL)
    kept, fewest = KEPT * view.median("kept", 1.0), DETAIL * view.lowest("detail_kept_best", 1.0)
    blob = view.compared["blob"]
    detail = (
        f"one region of {soft:.0%} of the view lost pattern and detail (limit {limit:.0%});"
        f" {view.compared['kept']:.0%} of the edges fit (limit {kept:.0%})"
    )
    gone = both(over(-view.compared["kept"], -kept, 0.0), over(-best, -fewest, 0.0))
    painted = both(over(blob, max(BLOB, view.highest("blob", 0.0) + 0.2), 0.9), over(-best, -1.2 * fewest, 0.0))
    return Judged(max(over(soft, limit, 2 * limit), gone, painted), detail)


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
