"""Stripes: interference, a failing sensor, flickering light."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import pure
from xueliang_monitor.picture.verdict import Check, Judged, View, any_of, both, over

LEVELS = {"stripes_wide": 4.0, "stripes_middle": 2.6, "stripes_narrow": 2.0}
TIMES_USUAL = 1.3
UNKNOWN_USUAL = 20.0
PURE = 4.2
STRONG, STRONG_PURE = 1.5, 3.0
"""So many times the limit, stripes need not stand out so much."""

VERY_PURE = 8.0
VERY_PURE_LEVELS = 0.6
LINES = 0.7
UNKNOWN_LINES = 6.0
SLANTING, SLANTING_PURE = 1.2, 7.0
FLICKER, FLICKER_PURE = 0.03, 12.0
"""Levels, and a share of the light; and how far each stands out from the waves beside it."""


def _judge(view: View) -> Judged:
    even = [_even(view, name, levels) for name, levels in LEVELS.items()]
    return any_of(*even, _single_lines(view), _slanting(view), _flicker(view))


def _even(view: View, name: str, levels: float) -> Judged:
    """Judge even stripes along rows or columns."""
    stripes, usual, stands_out = view.number(name), view.highest(name, UNKNOWN_USUAL), view.number(pure(name))
    times = (2.0 if view.young else 1.0) * (VERY_PURE_LEVELS if stands_out >= VERY_PURE else 1.0)
    limit = max(usual + levels * times, TIMES_USUAL * usual)
    least = PURE if stripes < STRONG * limit else STRONG_PURE
    return Judged(
        both(over(stripes, limit, 2 * limit), over(stands_out, least, 2 * least)),
        f"stripes of {stripes:.1f} levels (limit {limit:.1f}),"
        f" {stands_out:.1f} times what is beside them (limit {least:.1f})",
    )


def _single_lines(view: View) -> Judged:
    """Judge rows or columns that are each off by their own."""
    lines, limit = view.number("lines"), view.highest("lines", UNKNOWN_LINES) + LINES * (2.0 if view.young else 1.0)
    return Judged(over(lines, limit, 3 * limit), f"single lines are off by {lines:.1f} levels (limit {limit:.1f})")


def _slanting(view: View) -> Judged:
    """Judge the beat of interference, which slants."""
    beat, stands_out = view.number("beat"), view.number("beat_pure")
    return Judged(
        both(over(beat, SLANTING, 2 * SLANTING), over(stands_out, SLANTING_PURE, 2 * SLANTING_PURE)),
        f"slanting stripes of {beat:.1f} levels (limit {SLANTING}),"
        f" {stands_out:.0f} times what is near them (limit {SLANTING_PURE:.0f})",
    )


def _flicker(view: View) -> Judged:
    """Judge bands of light that the past does not show, as by lamps that flicker against the exposure."""
    past = view.past
    if past is None:
        return Judged(None, "the camera's own light is not known yet")
    bands, stands_out = past.banding, past.banding_pure
    return Judged(
        both(over(bands, FLICKER, 2 * FLICKER), over(stands_out, FLICKER_PURE, 2 * FLICKER_PURE)),
        f"bands of {bands:.1%} of the light (limit {FLICKER:.1%}),"
        f" {stands_out:.0f} times what is beside them (limit {FLICKER_PURE:.0f})",
    )


STRIPED = Check(
    Fault(
        "picture_striped",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Stripes in the picture", "画面条纹"),
        Text(
            "Interference on the line, a failing sensor, or light that flickers against the exposure.",
            "线路干扰、传感器故障或照明频闪。",
        ),
        Text(
            "Check earthing and cable; set the mains frequency in the camera.",
            "检查接地与线缆；在摄像机中设置电源频率（50/60 Hz）。",
        ),
    ),
    _judge,
)
