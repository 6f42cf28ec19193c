"""A picture that shakes: the mast or the bracket is loose, or strong wind."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

SHIFT = 0.0045
RESPONSE = 0.2
GAIN = 0.12
DRIFT = 0.7


def _judge(view: View) -> Judged:
    motion = view.measures.motion
    if motion is None:
        return Judged(None, "a burst of pictures is needed")
    detail = f"pictures stand {motion.shift:.2%} of the width beside one another (limit {SHIFT:.2%})"
    sure = both(over(motion.shift_response, RESPONSE, 2 * RESPONSE), over(motion.shift_gain, GAIN, 3 * GAIN))
    return Judged(both(over(motion.shift, SHIFT, 2 * SHIFT), sure, over(-motion.drift, -DRIFT, 0.0)), detail)


SHAKING = Check(
    Fault(
        "picture_shaking",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Shaking picture", "画面抖动"),
        Text("Wind, traffic, or a loose mast or bracket.", "大风、车辆震动，或立杆、支架松动。"),
        Text("Tighten bracket and mast; switch stabilisation on.", "紧固支架与立杆；开启防抖。"),
    ),
    _judge,
)
