"""A one-colour screen, as an encoder sends it when it gets no signal."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, over

UNIFORM = 0.90
"""Share of the picture in one colour from which it is blank; low enough for text such as NO SIGNAL.

From a prototype on other cameras.
"""

ABOVE_USUAL = 0.08
"""How far the share must exceed the highest usual one: walls and skies are plain as well."""

HIGHEST_LIMIT = 0.985
"""The limit is never higher, so that an entirely plain picture is always found."""

FULL = 1.0 + 1e-6
"""The share that scores 1: just above all of the picture, so that the highest limit still leaves a slope."""

MIN_LUMA_LEVELS, MIN_CHROMA_LEVELS = 45.0, 30.0
"""A test screen has this much light or colour; a plain dark grey picture is a covered lens."""

WHITE = 0.6
"""Share of overexposed pixels above which a plain picture without colour is overexposed, not blank."""

SCENE_SHOWS = 0.3
"""Correlation of edges with the past above which the scene still shows."""


def _judge(view: View) -> Judged:
    measures = view.measures
    limit = min(HIGHEST_LIMIT, max(UNIFORM, view.usual.frame.uniform_ratio.highest(0.0) + ABOVE_USUAL))
    detail = f"{measures.uniform_ratio:.0%} of the picture has one colour (limit {limit:.0%})"
    coloured = measures.chroma_levels >= MIN_CHROMA_LEVELS
    screen = measures.luma_mean_levels >= MIN_LUMA_LEVELS or coloured
    if not screen or (measures.white_ratio > WHITE and not coloured):
        return Judged(0.0, detail)
    if view.past is not None and view.past.edge_correlation > SCENE_SHOWS:
        return Judged(0.0, f"{detail}, but the scene still shows")
    return Judged(over(measures.uniform_ratio, limit, FULL), detail)


BLANK = Check(
    Fault(
        "picture_blank",
        Rung.PICTURE,
        Severity.CRITICAL,
        name=Text("No signal (one-colour picture)", "无信号（纯色画面）"),
        cause=Text("The encoder gets no signal from the sensor.", "编码器未收到传感器信号。"),
        advice=Text(
            "Restart the camera; check the sensor's cable, or the analogue input of an encoder.",
            "重启摄像机；检查传感器排线或编码器的模拟输入。",
        ),
    ),
    _judge,
)
