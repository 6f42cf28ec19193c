"""Stripes: interference, a failing sensor, flickering light."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, over

LEVELS = {"stripes_wide": 4.0, "stripes_middle": 2.6, "stripes_narrow": 2.0}
TIMES_USUAL = 1.3
UNKNOWN_USUAL = 20.0


def _judge(view: View) -> Judged:
    best, detail = 0.0, ""
    for name, levels in LEVELS.items():
        stripes, usual = view.number(name), view.highest(name, UNKNOWN_USUAL)
        limit = max(usual + levels * (2 if view.young else 1), TIMES_USUAL * usual)
        score = over(stripes, limit, 2 * limit)
        if score >= best:
            best, detail = score, f"stripes of {stripes:.1f} levels (limit {limit:.1f})"
    return Judged(best, detail)


STRIPED = Check(
    Fault(
        "picture_striped",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Stripes in the picture", "画面条纹"),
        Text(
            "Interference on the line, a failing sensor, or light that flickers against the exposure.",
            "线路干扰、传感器故障或照明频闪。",
        ),
        Text(
            "Check earthing and cable; set the mains frequency in the camera.",
            "检查接地与线缆；在摄像机中设置电源频率（50/60 Hz）。",
        ),
    ),
    _judge,
)
