"""Stripes: interference, a failing sensor, flickering light."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import pure
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

LEVELS = {"stripes_wide": 4.0, "stripes_middle": 2.6, "stripes_narrow": 2.0}
TIMES_USUAL = 1.3
UNKNOWN_USUAL = 20.0
PURE = 4.2
STRONG, STRONG_PURE = 1.5, 3.0
"""So many times the limit, stripes need not stand out so much."""

VERY_PURE = 8.0
VERY_PURE_LEVELS = 0.6


def _judge(view: View) -> Judged:
    best, detail = 0.0, ""
    for name, levels in LEVELS.items():
        stripes, usual = view.number(name), view.highest(name, UNKNOWN_USUAL)
        stands_out = view.number(pure(name))
        times = (2.0 if view.young else 1.0) * (VERY_PURE_LEVELS if stands_out >= VERY_PURE else 1.0)
        limit = max(usual + levels * times, TIMES_USUAL * usual)
        least = PURE if stripes < STRONG * limit else STRONG_PURE
        score = both(over(stripes, limit, 2 * limit), over(stands_out, least, 2 * least))
        if score >= best:
            best = score
            detail = (
                f"stripes of {stripes:.1f} levels (limit {limit:.1f}),"
                f" {stands_out:.1f} times what is beside them (limit {least:.1f})"
            )
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
