"""Too little contrast: fog, a film on the dome, haze, dew."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

CONTRAST = 0.72
BELOW_USUAL = 0.80
DETAIL = 0.70
KEPT = 0.42


def _judge(view: View) -> Judged:
    contrast, detail_kept = view.against("contrast_kept"), view.against("detail_kept_best")
    if contrast is None or detail_kept is None:
        return Judged(None, "the camera's own contrast is not known yet")
    limit = min(CONTRAST, BELOW_USUAL * view.lowest("contrast_kept", 1.0))
    detail = (
        f"{contrast:.0%} of the usual contrast (limit {limit:.0%}), {detail_kept:.0%} of the detail"
        f" (limit {DETAIL:.0%})"
    )
    lifted = view.number("low") > view.highest("low", 0.0) + 8
    if not lifted:
        return Judged(0.0, f"{detail}, but black is still black")
    there = over(view.compared["kept"], KEPT * view.median("kept", 1.0), 1.0)
    return Judged(both(over(-contrast, -limit, -0.5 * limit), over(-detail_kept, -DETAIL, -0.3), there), detail)


LOW_CONTRAST = Check(
    Fault(
        "picture_low_contrast",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Low contrast", "画面对比度低"),
        Text("Fog or haze, or a film, dew or frost on the dome.", "雾霾天气，或球罩有膜状污渍、结露、结霜。"),
        Text(
            "If it stays after the fog: clean the dome, check heating and seal.",
            "若雾散后仍存在：清洁球罩，检查加热与密封。",
        ),
    ),
    _judge,
)
