"""A shaking picture: a loose mast or bracket, or strong wind."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over, under

SHIFT = 0.0045
"""Shift from picture to picture, as a share of the width, from which the picture shakes."""

RESPONSE = 0.2
"""Response of the phase correlation from which the shift is certain."""

GAIN = 0.12
"""Share of the change that the shift must explain."""

DRIFT = 0.7
"""Drift below which the motion comes back, as a shake does and a passing vehicle does not."""


def _judge(view: View) -> Judged:
    motion = view.measures.motion
    if motion is None:
        return Judged(None, "a burst of pictures is needed")
    shift = motion.shift_ratio
    detail = f"from picture to picture it shifts by {shift:.2%} of its width (limit {SHIFT:.2%})"
    sure = both(over(motion.shift_response, RESPONSE, 2 * RESPONSE), over(motion.shift_gain, GAIN, 3 * GAIN))
    return Judged(both(over(shift, SHIFT, 2 * SHIFT), sure, under(motion.drift_ratio, DRIFT, 0.0)), detail)


SHAKING = Check(
    Fault(
        "picture_shaking",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Shaking picture", "画面抖动"),
        cause=Text("Wind, traffic, or a loose mast or bracket.", "大风、车辆震动，或立杆、支架松动。"),
        advice=Text("Tighten bracket and mast; switch on image stabilisation.", "紧固支架与立杆；开启防抖。"),
    ),
    _judge,
)
