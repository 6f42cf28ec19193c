"""A black picture: dead sensor, closed iris or shutter."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

MEAN = 10.8
HIGH = 24.0
MEAN_KNOWN = 18.0
HIGH_KNOWN = 40.0
SPREAD_KEPT, DARKER_SPREAD_KEPT, UNLIKE_SPREAD_KEPT = 0.045, 0.065, 0.1
"""Of the usual spread of light, below `MEAN_KNOWN`, below `MEAN`, and where what shows is not laid out as the scene is:
with more of it the scene is dark, but there. It leaves out burned-in text, which is still bright."""

UNLIKE = 0.33
NOTHING = 0.6
"""Contrast in levels, as grain leaves it: a share of what a dark night shows tells nothing."""


def _judge(view: View) -> Judged:
    mean, high = view.number("mean"), view.number("high")
    past = view.past
    if past is not None:
        spread, layout = past.spread_kept, past.layout
        least = UNLIKE_SPREAD_KEPT if layout < UNLIKE else DARKER_SPREAD_KEPT if mean < MEAN else SPREAD_KEPT
        detail = (
            f"mean luma {mean:.0f} (limit {MEAN_KNOWN:.0f}), 95th percentile {high:.0f} (limit {HIGH_KNOWN:.0f}),"
            f" light spreads by {spread:.1%} of what is usual (limit {least:.1%})"
        )
        dark = both(over(-mean, -MEAN_KNOWN, 0), over(-high, -HIGH_KNOWN, 0))
        empty = both(over(-mean, -MEAN, 0), over(-view.number("contrast"), -NOTHING, 0))
        return Judged(both(dark, max(over(-spread, -least, 0), empty)), detail)
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
