"""Too dark to see by: night without working infrared light, or an iris that is stuck."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, over

MEAN = 35.0
ABSOLUTE = 22.0
SHARE_OF_DARKEST = 0.62
SHAPES = 0.25
KEPT = 0.25
LIKE = 0.6


def _judge(view: View) -> Judged:
    mean = view.number("mean")
    if view.number("middle") < SHAPES:
        return Judged(0.0, f"mean luma {mean:.0f}, but nothing shows at all: covered or black")
    past = view.past
    if past is None:
        return Judged(over(-mean, -ABSOLUTE, -8.0), f"mean luma {mean:.0f} (limit {ABSOLUTE:.0f})")
    usual = view.median("kept", 1.0)
    if view.steady and past.kept < KEPT * usual and past.layout < LIKE:
        return Judged(0.0, f"mean luma {mean:.0f}, but nothing of the scene shows: covered")
    darkest = view.lowest("mean", 255.0)
    limit = min(MEAN, SHARE_OF_DARKEST * darkest)
    detail = f"mean luma {mean:.0f} (limit {limit:.0f}; the darkest healthy one {darkest:.0f})"
    return Judged(over(-mean, -limit, -0.4 * limit), detail)


TOO_DARK = Check(
    Fault(
        "picture_too_dark",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Picture too dark", "画面过暗"),
        Text(
            "The infrared light or the lighting failed, or exposure or iris is stuck.",
            "红外灯或照明故障，或曝光、光圈失控。",
        ),
        Text("Check the infrared light, the lighting and the exposure settings.", "检查红外灯、照明与曝光设置。"),
    ),
    _judge,
)
