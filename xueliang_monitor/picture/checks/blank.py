"""A one-colour screen, as an encoder sends it that gets no signal."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, over

UNIFORM = 0.90
ABOVE_USUAL = 0.08
MIN_LUMA = 45.0
MIN_CHROMA = 30.0
WHITE = 0.6


def _judge(view: View) -> Judged:
    uniform = view.number("uniform")
    limit = min(0.985, max(UNIFORM, view.highest("uniform", 0.0) + ABOVE_USUAL))
    detail = f"{uniform:.0%} of the picture is of one colour (limit {limit:.0%})"
    # A dark grey one is a lens under tape rather than a test screen, a white one too much light.
    screen = view.number("mean") >= MIN_LUMA or view.number("chroma") >= MIN_CHROMA
    if not screen or (view.number("white") > WHITE and view.number("chroma") < MIN_CHROMA):
        return Judged(0.0, detail)
    if view.past is not None and view.past.kept > 0.3:
        return Judged(0.0, f"{detail}, but the scene still shows")
    return Judged(over(uniform, limit, 1.0 + 1e-6), detail)


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
)
