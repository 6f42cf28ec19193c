"""A colour cast: the infrared filter is stuck, or white balance is lost."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

CAST = 0.15
ABOVE_USUAL = 0.10
EVEN = 0.4
MIN_CHROMA = 4.0


def _judge(view: View) -> Judged:
    colours = view.past.colours if view.past is not None else None
    if colours is None:
        return Judged(None, "the camera's own colours are not known yet")
    cast = colours.cast
    limit = max(CAST, view.highest("cast", 0.0) + ABOVE_USUAL)
    detail = f"colours are {cast:.2f} off the nearest usual ones (limit {limit:.2f})"
    if view.number("chroma") < MIN_CHROMA:
        return Judged(0.0, f"{detail}, but the picture is grey")
    # What hangs before the lens has a colour too, but does not tint the rest.
    return Judged(both(over(cast, limit, 2 * limit), over(colours.cast_even, EVEN, 1.0)), detail)


COLOUR_CAST = Check(
    Fault(
        "picture_colour_cast",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Colour cast", "画面偏色"),
        Text("The infrared-cut filter is stuck, or white balance is lost.", "红外滤光片卡滞或白平衡失效。"),
        Text(
            "Switch day and night by hand; set white balance to automatic; replace the filter.",
            "手动切换日夜模式；白平衡设为自动；更换滤光片。",
        ),
    ),
    _judge,
)
