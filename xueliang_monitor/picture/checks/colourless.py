"""Grey by day, where there was colour."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, over

KEPT = 0.36
BELOW_USUAL = 0.6
MIN_USUAL_CHROMA = 7.0
DAY = (6.5, 18.5)
MIDDAY = (10.0, 15.0)
"""Hours that are day wherever one clock is kept across a continent, in winter too."""

ALL_GONE = 0.1
"""With less than this nothing is left, whatever healthy looks have had."""

FAINT_CHROMA = 4.5
"""Enough where nothing is left of it: a low bitrate takes much of faint colours, but not all."""

SAME_LIGHT = 0.85
OTHERWISE_LIT = 0.1
"""How much worse than ever light and dark fit the past where a lamp beside the lens lights the view."""


def _judge(view: View) -> Judged:
    past = view.past
    colours = past.colours if past is not None else None
    if past is None or colours is None:
        return Judged(None, "the camera's own colours are not known yet")
    kept = colours.chroma_kept / min(1.0, max(0.2, past.contrast_kept))  # fog takes colour too
    limit = min(KEPT, max(ALL_GONE, BELOW_USUAL * view.lowest("chroma_kept", 1.0)))
    detail = f"{kept:.0%} of the usual colour (limit {limit:.0%})"
    if colours.chroma_usual < (MIN_USUAL_CHROMA if kept > ALL_GONE else FAINT_CHROMA):
        return Judged(None, f"{detail}, but there was hardly any")
    if view.hour is not None and not DAY[0] <= view.hour <= DAY[1]:
        return Judged(None, f"{detail}, but it is night")
    # Night falls early by season and place; infrared light then looks as it did the night before, or as nothing before.
    if colours.grey and (view.hour is None or not MIDDAY[0] <= view.hour <= MIDDAY[1]):
        otherwise_lit = view.hour is not None and past.layout < view.lowest("layout", -1.0) - OTHERWISE_LIT
        if colours.like_grey or otherwise_lit:
            return Judged(None, f"{detail}, but it is lit as by night")
    # In infrared light by night the picture is grey and of another light than by day.
    darker = view.number("mean") / (view.lowest("mean", 1.0) + 1)
    if view.hour is None and darker < SAME_LIGHT:
        return Judged(None, f"{detail}, but it is dark as by night")
    return Judged(over(-kept, -limit, 0.0), detail)


COLOURLESS = Check(
    Fault(
        "picture_colourless",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Picture without colour", "画面无色彩"),
        Text(
            "The camera is stuck in night mode, or its chroma is lost on an analogue line.",
            "摄像机停留在夜间模式，或模拟线路丢失色度。",
        ),
        Text(
            "Set day and night to automatic; check the light sensor and the infrared filter.",
            "日夜模式设为自动；检查光敏电阻与红外滤光片。",
        ),
    ),
    _judge,
)
