"""A colour cast: the infrared filter is stuck, or the white balance is wrong."""

from __future__ import annotations

import math

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Colours
from xueliang_monitor.picture.reference import RecentValues
from xueliang_monitor.picture.verdict import LIMIT, Check, Judged, View, any_of, both, over, under

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

MILD_SUN_DEGREES, MILD_SUN_HOURS = 15.0, (8.0, 16.5)
"""The same where this hour has been seen on the last days: then the tint of its sun is known."""

TWILIGHT_DEGREES, DAY_HOURS = 3.0, (7.5, 17.0)
"""Height of the sun below which the blue sky alone may light a view, and hours at which it does not, if not known."""

LIT_CAST = 0.11
"""Distance from the lights in which the view is lit as it is now. A white balance that is off by a tenth is 0.14 off.

The colours of other hours are no excuse: a warm picture at noon is not that of lamps.
"""

OUTSIDE, MOST_OUTSIDE = 0.07, 0.2
"""Distance from all colours that this hour has shown: their range, within these limits. Some white balance swings."""

LIT_EVENNESS, LIT_KNOWN, LIT_KNOWN_AT_NOON = 0.7, 0.1, 0.2
"""How even such a cast must be, and the most that its light may differ from a known one, in natural logarithms.

The last is for a high sun, when clouds change the light and nothing tints it. A gain of a channel tints every part
alike: on a building site, 8 days had 0.68 and less wherever the light was known.
"""

VIVID, MOST_LIKE_A_LIGHT, VIVID_EVENNESS = 0.25, 0.5, 0.7
"""A cast of this size that is as little like the tint of a light, and as even, is a fault in any light.

Daylight, lamps and twilight are warm or cold; none makes a whole view green or magenta. 9 days had 0.05 of that.
"""

BLUE = 0.5
"""Size of an even cold cast by day that is a fault in any light: shade and clouds have half of it, twilight more."""

EXCHANGED, GREEN_KEPT, EDGES_KEPT = -0.3, 0.2, 0.5
"""Correlation of red over blue with every known light below which the two are exchanged, and that of green above it.

Exchanged colours had -0.3 to -0.9 and 0.25 to 0.9. Of 9 days, with dusk and lamps, the lowest was -0.08. The last is
the share of the usual edge correlation that is left: another view has other colours.
"""


def _judge(view: View) -> Judged:
    exchanged = _exchanged(view)
    if (exchanged.score or 0.0) >= LIMIT:
        return exchanged
    foreign, unbalanced = _foreign(view), _unbalanced(view)
    if foreign.score is None and (unbalanced.score or 0.0) < LIMIT:
        return foreign
    return any_of(foreign, unbalanced)


def _exchanged(view: View) -> Judged:
    """Judge whether red and blue are exchanged: what was red is blue. A view that is nearly grey has no cast then."""
    past = view.past
    colours = past.colours if past is not None else None
    if past is None or colours is None or colours.grey:
        return Judged(None, "the usual colours are not known yet, or the picture is grey")
    likeness, edges = colours.red_blue_correlation, EDGES_KEPT * view.usual.scene.edge_correlation.median(1.0)
    return Judged(
        both(
            under(likeness, EXCHANGED, 2 * EXCHANGED),
            over(colours.green_correlation, GREEN_KEPT, 2 * GREEN_KEPT),
            over(past.edge_correlation, edges, 1.0),
        ),
        f"red and blue lie where they did by {likeness:.2f} (limit {EXCHANGED:.2f}); below, they are exchanged",
    )


def _unbalanced(view: View) -> Judged:
    """Judge a slight cast beside what this light and this hour usually show: the white balance is off."""
    past, usual = view.past, view.in_this_light.colours
    colours = past.colours if past is not None else None
    if past is None or colours is None or not usual.red_log_ratio.values:
        return Judged(None, "the usual colours of this hour are not known yet")
    cast = colours.lit_cast_log_ratio
    pairs = (colours.red_log_ratio, usual.red_log_ratio), (colours.blue_log_ratio, usual.blue_log_ratio)
    outside = math.hypot(*(_outside(value, shown) for value, shown in pairs))
    swing = math.hypot(*(shown.highest(value) - shown.lowest(value) for value, shown in pairs))
    limit = min(MOST_OUTSIDE, max(OUTSIDE, swing))
    detail = (
        f"the colours are {cast:.2f} off those usual in this light (limit {LIT_CAST:.2f}) and {outside:.2f} outside of"
        f" those of this hour (limit {limit:.2f})"
    )
    if view.measures.chroma_levels < MIN_CHROMA_LEVELS:
        return Judged(0.0, f"{detail}, but the picture is grey")
    off = both(over(cast, LIT_CAST, 2 * LIT_CAST), over(outside, limit, 2 * limit))
    if off >= LIMIT and abs(colours.lit_warmth_ratio) >= WARM and _low_sun(view, hour_known=view.hour_known):
        return Judged(None, f"{detail}, but a low sun, lamps or the sky of twilight tint a view so")
    noon = (view.hour is not None or view.sun_degrees is not None) and not _low_sun(view)
    if off >= LIMIT and not noon and not view.hours_around_known:
        return Judged(None, f"{detail}, but the light of the hours around is not known yet")
    known = under(past.scene_light_log_ratio, LIT_KNOWN_AT_NOON if noon else LIT_KNOWN, 0.0)
    return Judged(both(off, over(colours.lit_evenness_ratio, LIT_EVENNESS, 1.0), known), detail)


def _outside(value: float, usual: RecentValues) -> float:
    """Return how far a value is outside of the range of the usual ones."""
    return max(0.0, value - usual.highest(value), usual.lowest(value) - value)


def _foreign(view: View) -> Judged:
    """Judge a cast that no light has, of whatever hour."""
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
    if cast > limit and view.otherwise_lit and not _of_no_light(view, colours):
        return Judged(None, f"{detail}, but the light is not known yet")
    return Judged(both(over(cast, limit, 2 * limit), over(colours.cast_evenness_ratio, EVENNESS, 1.0)), detail)


def _of_no_light(view: View, colours: Colours) -> bool:
    """Whether no light tints a whole view so: green, magenta, or deep blue by day."""
    if colours.cast_evenness_ratio < VIVID_EVENNESS:
        return False
    if abs(colours.warmth_ratio) < MOST_LIKE_A_LIGHT:
        return colours.cast_log_ratio > VIVID
    by_day = (view.hour is not None or view.sun_degrees is not None) and not _twilight(view)
    return by_day and colours.warmth_ratio < 0 and colours.cast_log_ratio > BLUE


def _low_sun(view: View, *, hour_known: bool = False) -> bool:
    """Whether light outside may be warm now; not if the hour is not known.

    `hour_known`: the colours are compared with those that this hour showed on the last days.
    """
    if view.sun_degrees is not None:
        return view.sun_degrees < (MILD_SUN_DEGREES if hour_known else HIGH_SUN_DEGREES)
    first, last = MILD_SUN_HOURS if hour_known else HIGH_SUN_HOURS
    return view.hour is not None and not first <= view.hour <= last


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
