"""A picture less sharp than the camera's own: out of focus, or a dome that is wet or misted."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

ABOVE_USUAL = 0.04
DETAIL_KEPT = 0.72
LITTLE_KEPT = 0.50
DETAILED, STEADY_DETAILED = 0.10, 0.06
WELL_DETAILED = 0.36
LEFT = 0.52
LEAST_LEFT = 0.05
MOST_KEPT = 0.85
"""Where there is much detail, a little less of each and half of all of it tells as much."""


def _judge(view: View) -> Judged:
    past, blur = view.past, view.number("blur")
    if past is None:
        return Judged(None, "the camera's own sharpness is not known yet")
    if past.detailed < (STEADY_DETAILED if view.steady else DETAILED):
        return Judged(None, f"only {past.detailed:.0%} of the view has detail to lose")
    kept = past.detail_kept_best
    limit = min(0.95, view.highest("blur", 1.0) + ABOVE_USUAL)
    usual = view.lowest("detail_kept_best", 1.0)
    # Where contrast as a whole is less, as at dusk or in fog, so is detail.
    contrast = min(1.0, max(0.4, past.contrast_kept))
    share = kept / max(usual, 0.3) / contrast
    detail = f"blur {blur:.2f} (limit {limit:.2f}), {kept:.0%} of the usual detail (limit {DETAIL_KEPT * usual:.0%})"
    softer = both(over(blur, limit, limit + 0.15), over(-share, -DETAIL_KEPT, -0.3))
    lost = both(over(-share, -LITTLE_KEPT, 0.0), over(blur, limit - 0.10, limit + 0.1))
    if past.detailed < WELL_DETAILED:
        return Judged(max(softer, lost), detail)
    left = past.detail_left / max(view.median("detail_left", 1.0), LEAST_LEFT) / contrast
    detail = f"{detail}, {left:.0%} of it in all (limit {LEFT:.0%})"
    fine = both(over(blur, limit, limit + 0.15), over(-left, -LEFT, 0.0), over(-share, -MOST_KEPT, -0.3))
    return Judged(max(softer, lost, fine), detail)


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
