"""A one-colour screen, as an encoder sends it that gets no signal."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import Measures
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Check, Sight

UNIFORM = 0.90
MIN_LUMA = 60.0
MIN_SATURATION = 60.0


def _judge(measures: Measures, _reference: Reference | None) -> tuple[Sight, str]:
    detail = f"{measures.uniform:.0%} of the picture is of one colour (limit {UNIFORM:.0%})"
    # A dark grey one is a lens under tape rather than a test screen: left to `picture_covered`.
    screen = measures.mean >= MIN_LUMA or measures.saturation >= MIN_SATURATION
    return (Sight.SEEN if measures.uniform > UNIFORM and screen else Sight.RULED_OUT), detail


BLANK = Check(
    Fault(
        "picture_blank",
        Rung.PICTURE,
        Severity.CRITICAL,
        Text("One-colour picture", "画面单色"),
        Text("The encoder gets no signal from the sensor.", "编码器未收到传感器信号。"),
        Text(
            "Restart the camera; check the sensor's cable, or the analogue input of an encoder.",
            "重启摄像机；检查传感器排线或编码器的模拟输入。",
        ),
    ),
    _judge,
    hides_others=True,
)
