"""A colour cast: the infrared filter is stuck, or the white balance is wrong."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

CAST = 0.15
"""Distance from the nearest usual colours, in natural logarithms of ratios, from which there is a cast."""

ABOVE_USUAL = 0.10
"""How far the cast must exceed the highest usual one."""

EVENNESS = 0.4
"""How evenly a cast must cover the view: an object in front of the lens is coloured too, but does not tint the rest."""

MIN_CHROMA_LEVELS = 4.0
"""Below this a picture is grey and has no cast."""

WARM, MOST_WARM = 0.9, 0.6
"""Likeness to the tint of a low sun or a lamp, and the largest cast of either: a sunset is no fault."""

SLIGHT = 1.4
"""Multiple of the limit up to which a cast is no fault while the sun is low: white balance follows the light late."""

HIGH_SUN_DEGREES, HIGH_SUN_HOURS = 25.0, (10.0, 15.0)
"""Height of the sun, and hours where it is not known, at which light is not warm."""

TWILIGHT_DEGREES, DAY_HOURS = 3.0, (7.5, 17.0)
"""Height of the sun below which the blue sky alone may light a view, and hours at which it does not, if not known."""


def _judge(view: View) -> Judged:
    colours = view.past.colours if view.past is not None else None
    if colours is None:
        return Judged(None, "the usual colours of this camera are not known yet")
    cast = colours.cast_log_ratio
    limit = max(CAST, view.usual.colours.cast_log_ratio.highest(0.0) + ABOVE_USUAL)
    detail = f"the colours are {cast:.2f} off the nearest usual ones (limit {limit:.2f})"
    if view.measures.chroma_levels < MIN_CHROMA_LEVELS:
        return Judged(0.0, f"{detail}, but the picture is grey")
    natural = _low_sun(view) if colours.warmth_ratio >= WARM else _twilight(view) and colours.warmth_ratio <= -WARM
    slight = _low_sun(view) and cast <= SLIGHT * limit
    if limit < cast and (slight or (natural and cast <= MOST_WARM)):
        return Judged(None, f"{detail}, but a low sun, lamps or the sky of twilight tint a view so")
    # A low sun and lamps tint what they shine on; a wrong white balance leaves the light as it is.
    if cast > limit and view.otherwise_lit:
        return Judged(None, f"{detail}, but the light is not known yet")
    return Judged(both(over(cast, limit, 2 * limit), over(colours.cast_evenness_ratio, EVENNESS, 1.0)), detail)


def _low_sun(view: View) -> bool:
    """Whether light outside may be warm now; not if the hour is not known."""
    if view.sun_degrees is not None:
        return view.sun_degrees < HIGH_SUN_DEGREES
    return view.hour is not None and not HIGH_SUN_HOURS[0] <= view.hour <= HIGH_SUN_HOURS[1]


def _twilight(view: View) -> bool:
    """Whether the sky alone may light the view now, and tint it blue; not if the hour is not known."""
    if view.sun_degrees is not None:
        return view.sun_degrees < TWILIGHT_DEGREES
    return view.hour is not None and not DAY_HOURS[0] <= view.hour <= DAY_HOURS[1]


COLOUR_CAST = Check(
    Fault(
        "picture_colour_cast",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Colour cast", "画面偏色"),
        cause=Text(
            "The infrared-cut filter is stuck, or the white balance is wrong.", "红外滤光片卡滞，或白平衡失效。"
        ),
        advice=Text(
            "Switch day and night by hand; set white balance to automatic; replace the filter.",
            "手动切换日夜模式；将白平衡设为自动；更换滤光片。",
        ),
    ),
    _judge,
)
