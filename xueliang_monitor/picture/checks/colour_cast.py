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


def _judge(view: View) -> Judged:
    colours = view.past.colours if view.past is not None else None
    if colours is None:
        return Judged(None, "the usual colours of this camera are not known yet")
    cast = colours.cast_log_ratio
    limit = max(CAST, view.usual.colours.cast_log_ratio.highest(0.0) + ABOVE_USUAL)
    detail = f"the colours are {cast:.2f} off the nearest usual ones (limit {limit:.2f})"
    if view.measures.chroma_levels < MIN_CHROMA_LEVELS:
        return Judged(0.0, f"{detail}, but the picture is grey")
    return Judged(both(over(cast, limit, 2 * limit), over(colours.cast_evenness_ratio, EVENNESS, 1.0)), detail)


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
