"""Too little contrast: fog, a film on the dome, haze, dew."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

CONTRAST = 0.72
BELOW_USUAL = 0.80
DETAIL = 0.70
LIFTED = 8
KEPT = 0.36
VEILED, FITS = 0.5, 0.75
THICK = 20
THICK_BELOW_USUAL = 0.95
THICK_DETAIL = 0.92
THICK_LEFT = 0.68
"""Where black is lifted so far, less of the other signs is enough: near things stay sharp in fog."""


def _judge(view: View) -> Judged:
    past = view.past
    if past is None:
        return Judged(None, "the camera's own contrast is not known yet")
    contrast, detail_kept = past.contrast_kept, past.detail_kept_best
    lifted = view.number("low") - view.highest("low", 0.0)
    thick = lifted >= THICK and past.detail_left <= THICK_LEFT
    limit = min(CONTRAST, (THICK_BELOW_USUAL if thick else BELOW_USUAL) * view.lowest("contrast_kept", 1.0))
    most = THICK_DETAIL if thick else DETAIL
    detail = (
        f"{contrast:.0%} of the usual contrast (limit {limit:.0%}), {detail_kept:.0%} of the detail (limit {most:.0%}),"
        f" black lifted by {lifted:.0f} levels (limit {LIFTED})"
    )
    if lifted <= LIFTED:
        return Judged(0.0, f"{detail}, but black is still black")
    kept, usual = past.kept, view.median("kept", 1.0)
    if past.veiled > VEILED and kept < FITS * usual:
        return Judged(0.0, f"{detail}, but something hides {past.veiled:.0%} of the view")
    there = over(kept, KEPT * usual, 1.0)
    return Judged(both(over(-contrast, -limit, -0.5 * limit), over(-detail_kept, -most, -0.3), there), detail)


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
