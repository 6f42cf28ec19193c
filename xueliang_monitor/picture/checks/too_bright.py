"""An overexposed picture."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, over

ABSOLUTE = 0.60
ABOVE_USUAL = 0.15


def _judge(view: View) -> Judged:
    white = view.number("white")
    limit = min(0.9, view.highest("white", 0.0) + ABOVE_USUAL) if view.learned else ABSOLUTE
    detail = f"{white:.0%} of the picture is overexposed (limit {limit:.0%})"
    return Judged(over(white, limit, limit + 0.3), detail)


TOO_BRIGHT = Check(
    Fault(
        "picture_too_bright",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Picture too bright", "画面过亮"),
        Text("Exposure or iris is stuck, or a lamp shines into the lens.", "曝光或光圈失控，或强光直射镜头。"),
        Text(
            "Check exposure settings and iris; turn the camera away from the lamp.", "检查曝光设置与光圈；避开强光源。"
        ),
    ),
    _judge,
)
