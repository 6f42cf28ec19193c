"""A picture less sharp than the camera's own: out of focus, or a dome that is wet or misted."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

ABOVE_USUAL = 0.04
DETAIL_KEPT = 0.72
LITTLE_KEPT = 0.50
DETAILED = 0.10


def _judge(view: View) -> Judged:
    kept, blur = view.against("detail_kept_best"), view.number("blur")
    if kept is None:
        return Judged(None, "the camera's own sharpness is not known yet")
    if view.compared["detailed"] < DETAILED:
        return Judged(None, f"only {view.compared['detailed']:.0%} of the view has detail to lose")
    limit = min(0.95, view.highest("blur", 1.0) + ABOVE_USUAL)
    usual = view.lowest("detail_kept_best", 1.0)
    # Where contrast as a whole is less, as at dusk or in fog, so is detail.
    share = kept / max(usual, 0.3) / min(1.0, max(0.4, view.compared["contrast_kept"]))
    detail = f"blur {blur:.2f} (limit {limit:.2f}), {kept:.0%} of the usual detail (limit {DETAIL_KEPT * usual:.0%})"
    softer = both(over(blur, limit, limit + 0.15), over(-share, -DETAIL_KEPT, -0.3))
    return Judged(max(softer, both(over(-share, -LITTLE_KEPT, 0.0), over(blur, limit - 0.10, limit + 0.1))), detail)


BLURRED = Check(
    Fault(
        "picture_blurred",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Blurred picture", "画面模糊"),
        Text("The focus was lost, or the dome is dirty or wet.", "焦距失准，或球罩脏污、结露。"),
        Text("Clean the dome and focus the lens again.", "清洁球罩并重新对焦。"),
    ),
    _judge,
)
