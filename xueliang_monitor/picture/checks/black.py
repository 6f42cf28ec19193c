"""A black picture: dead sensor, closed iris or shutter."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import Measures
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Check, Sight

MEAN = 14.0
HIGH = 32.0


def _judge(measures: Measures, _reference: Reference | None) -> tuple[Sight, str]:
    detail = f"mean luma {measures.mean:.0f} (limit {MEAN:.0f}), 95th percentile {measures.high:.0f} (limit {HIGH:.0f})"
    black = measures.mean < MEAN and measures.high < HIGH
    return (Sight.SEEN if black else Sight.RULED_OUT), detail


BLACK = Check(
    Fault(
        "picture_black",
        Rung.PICTURE,
        Severity.CRITICAL,
        Text("Black picture", "画面全黑"),
        Text(
            "The sensor, the iris or the lens cap: no light reaches the picture.",
            "传感器、光圈或镜头盖故障：画面没有光线。",
        ),
        Text(
            "Look at lens and iris; at night check the lighting; restart the camera.",
            "检查镜头与光圈；夜间检查照明；重启摄像机。",
        ),
    ),
    _judge,
    hides_others=True,
)
