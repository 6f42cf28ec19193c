"""A grey picture by day, where there was colour."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Colours, Comparison
from xueliang_monitor.picture.verdict import Check, Judged, View, under

CHROMA = 0.36
"""Share of the usual colour below which a picture is colourless."""

BELOW_USUAL = 0.6
"""The limit is at most this share of the lowest usual value."""

ALL_GONE = 0.1
"""Below this share no colour is left; the limit is never lower, whatever healthy looks have had."""

MIN_USUAL_LEVELS = 7.0
"""Usual colour below which a loss cannot be told."""

FAINT_LEVELS = 4.5
"""The same if all colour is gone: a low bitrate takes much of faint colours, but not all."""

LEAST_CONTRAST = 0.2
"""Smallest contrast ratio by which is divided: fog takes colour as well."""

DAY_HOURS = (6.5, 18.5)
"""Local hours of day where neither the sun's height nor the camera's past tells. At others grey is healthy."""

MIDDAY_HOURS = (10.0, 15.0)
"""Hours that are day wherever one clock is kept across a continent, in winter too."""

DAY_DEGREES, HIGH_DEGREES = 0.0, 10.0
"""Heights of the sun from which it is day, and from which no camera has a reason for infrared light."""

COLOURED = 0.5
"""Share of the usual colour that every look at an hour of day had on the last days."""

SAME_LIGHT = 0.85
"""Share of the lowest usual brightness below which a picture of unknown hour may be of the night."""

OTHERWISE_LIT = 0.1
"""Drop below the lowest usual layout correlation that shows a lamp beside the lens."""


def _judge(view: View) -> Judged:
    past = view.past
    colours = past.colours if past is not None else None
    if past is None or colours is None:
        return Judged(None, "the usual colours of this camera are not known yet")
    kept = colours.chroma_ratio / min(1.0, max(LEAST_CONTRAST, past.contrast_ratio))
    limit = min(CHROMA, max(ALL_GONE, BELOW_USUAL * view.usual.colours.chroma_ratio.lowest(1.0)))
    detail = f"{kept:.0%} of the usual colour (limit {limit:.0%})"
    if colours.usual_chroma_levels < (MIN_USUAL_LEVELS if kept > ALL_GONE else FAINT_LEVELS):
        return Judged(None, f"{detail}, but there was hardly any")
    if reason := _night(view, past, colours):
        return Judged(None, f"{detail}, but {reason}")
    return Judged(under(kept, limit, 0.0), detail)


def _night(view: View, past: Comparison, colours: Colours) -> str:
    """Return why a grey picture may be one of the night; empty if it cannot be."""
    if view.hour is None:
        if colours.grey and colours.nearest_is_grey:
            return "it is lit as at night"
        brightness = view.measures.luma_mean_levels / (view.usual.frame.luma_mean_levels.lowest(1.0) + 1)
        return "it is as dark as at night" if brightness < SAME_LIGHT else ""
    if not _day(view, view.hour, colours):
        return "it is night"
    # Night falls early by season and place. Infrared light looks as it did the night before, or like nothing before.
    if colours.grey and not _high_day(view, view.hour):
        lowest = view.usual.scene.layout_correlation.lowest(-1.0)
        if colours.nearest_is_grey or past.layout_correlation < lowest - OTHERWISE_LIT:
            return "it is lit as at night"
    return ""


def _day(view: View, hour: float, colours: Colours) -> bool:
    """Whether it is day by the sun's height, by what this hour showed on the last days, or by the clock."""
    if view.sun_degrees is not None:
        return view.sun_degrees >= DAY_DEGREES
    # At the edges of the day the hour of the last days alone knows the season.
    least = view.at_hour.frame.chroma_levels.lowest(-1.0)
    usual = view.usual.frame.chroma_levels.median(0.0)
    return DAY_HOURS[0] <= hour <= DAY_HOURS[1] or (
        not view.first_light
        and least >= COLOURED * usual
        and colours.usual_chroma_levels >= MIN_USUAL_LEVELS
        and least > FAINT_LEVELS
    )


def _high_day(view: View, hour: float) -> bool:
    """Whether the day is so high that no camera turns to infrared light."""
    if view.sun_degrees is not None:
        return view.sun_degrees >= HIGH_DEGREES
    return MIDDAY_HOURS[0] <= hour <= MIDDAY_HOURS[1]


COLOURLESS = Check(
    Fault(
        "picture_colourless",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Picture without colour", "画面黑白"),
        cause=Text(
            "The camera is stuck in night mode, or an analogue line loses the chroma.",
            "摄像机停留在夜间模式，或模拟线路丢失色度信号。",
        ),
        advice=Text(
            "Set day and night to automatic; check the light sensor and the infrared filter.",
            "将日夜模式设为自动；检查光敏电阻与红外滤光片。",
        ),
    ),
    _judge,
)
