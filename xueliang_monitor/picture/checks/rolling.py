"""A picture that rolls: synchronisation is lost."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import LIMIT, Check, Judged, View, both, over

ROLL = 0.025
GAIN = 0.25
STILL_KEPT = 0.7
LITTLE_KEPT = 0.3
LITTLE_KEPT_GAIN = 0.16
UNEVEN = 0.03
UNEVEN_SHARE = 0.45
"""Of the speed: the gap between two pictures rolls along, so that a part of the view seems to go another way."""


def _judge(view: View) -> Judged:
    motion = view.measures.motion
    if motion is None:
        return Judged(None, "a burst of pictures is needed")
    speed = abs(motion.roll)
    detail = f"from picture to picture it rolls by {speed:.1%} of its height (limit {ROLL:.1%})"
    even = motion.roll_spread <= max(UNEVEN, UNEVEN_SHARE * speed)
    kept, usual = view.past.kept if view.past is not None else None, view.median("kept", 1.0)
    gain = LITTLE_KEPT_GAIN if kept is not None and view.steady and kept < LITTLE_KEPT * usual else GAIN
    score = both(over(speed, ROLL, 2 * ROLL), over(motion.roll_gain, gain, 2 * gain), float(even))
    if score >= LIMIT and kept is not None and kept > STILL_KEPT * usual:
        return Judged(None, f"{detail}, but the view is where it was")
    return Judged(score, detail)


ROLLING = Check(
    Fault(
        "picture_rolling",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Rolling picture", "画面滚动"),
        Text("An analogue line without synchronisation, or a damaged sensor.", "模拟信号失去同步，或传感器损坏。"),
        Text(
            "Check cable, termination and power of the analogue camera; restart it.",
            "检查模拟摄像机的线缆、终端电阻与供电；重启摄像机。",
        ),
    ),
    _judge,
)
