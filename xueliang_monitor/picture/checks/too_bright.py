"""An overexposed picture."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import Measures
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Check, Sight

ABSOLUTE = 0.60
ABOVE_REFERENCE = 0.30


def _judge(measures: Measures, reference: Reference | None) -> tuple[Sight, str]:
    limit = ABSOLUTE
    if reference is not None and reference.learned:
        limit = min(0.9, max(reference.white_limit + ABOVE_REFERENCE, 0.35))
    detail = f"{measures.white:.0%} of the picture is white (limit {limit:.0%})"
    return (Sight.SEEN if measures.white > limit else Sight.RULED_OUT), detail


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
    hides_others=True,
)
