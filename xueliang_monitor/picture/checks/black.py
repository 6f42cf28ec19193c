"""A black picture: dead sensor, closed iris or shutter."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

MEAN = 10.8
HIGH = 24.0


def _judge(view: View) -> Judged:
    mean, high = view.number("mean"), view.number("high")
    detail = f"mean luma {mean:.0f} (limit {MEAN:.0f}), 95th percentile {high:.0f} (limit {HIGH:.0f})"
    return Judged(both(over(-mean, -MEAN, 0), over(-high, -HIGH, 0)), detail)


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
)
