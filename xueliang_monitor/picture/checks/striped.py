"""Stripes: interference, a failing sensor, flickering light."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.checks.moved import shows_elsewhere
from xueliang_monitor.picture.measures import StripeBand
from xueliang_monitor.picture.reference import RecentValues
from xueliang_monitor.picture.verdict import LIMIT, Check, Judged, View, any_of, both, over

BAND_LEVELS = (3.0, 2.0, 1.5)
"""Excess over the highest usual amplitude of wide, middle and narrow stripes."""

TIMES_USUAL = 1.3
"""Smallest multiple of the highest usual amplitude."""

UNKNOWN_LEVELS = 20.0
"""Highest usual amplitude while none is known."""

YOUNG_FACTOR = 2.0
"""Factor of the excess while the usual values are not well known."""

PROMINENCE = (10.0, 5.0, 4.2)
"""Prominence from which a wide, middle or narrow wave is even stripes and not an edge of the scene.

A crowd and vehicles had up to 8.3 of wide waves and 3.9 of others.
"""

STRONG, STRONG_FACTOR = 2.0, 0.85
"""With so many times the limit, the prominence may be smaller by this factor."""

VERY_PROMINENT, VERY_PROMINENT_FACTOR = 12.0, 0.6
"""With so much prominence, the excess may be smaller by this factor."""

LINE_LEVELS, UNKNOWN_LINE_LEVELS = 0.7, 6.0
"""Excess over the highest usual offset of single lines, and that offset while none is known."""

ELSEWHERE_FACTOR = 2.0
"""Factor of the limit of single lines where another view shows."""

SLANTING_LEVELS, SLANTING_PROMINENCE = 1.2, 4.5
"""Amplitude and prominence of slanting stripes. Scenes without a regular pattern had a prominence of 1.7 at most."""

UNKNOWN_SLANTING_PROMINENCE, TIMES_USUAL_SLANTING = 4.0, 2.0
"""Highest usual prominence while none is known, and the multiple of it that is a fault: a fence slants too.

A real building site by night had 3.3, and 5.2 when the day came.
"""

BANDING, BANDING_PROMINENCE = 0.03, 12.0
"""Amplitude, as a share of the light, and prominence of bands that the past does not show."""

BANDING_EVENNESS = 0.45
"""How evenly such bands must cross the view: lamps by night and the edge of something dark do not."""

BAR_LEVELS, BAR_FIT, BAR_EVENNESS = 2.0, 0.82, 0.82
"""Change by a bar that travels, the share of the change that it explains, and its fit in the parts across.

A passing lorry that changes the exposure and a cloud's shadow had at most 0.79 of the last.
"""

STRONG_BAR_LEVELS, STRONG_BAR = 8.0, 0.74
"""Change from which less fit and evenness will do: what moves in the view, and white and black, explain the rest.

People and vehicles that changed the rows as much had an evenness of 0.71 at most.
"""


def _judge(view: View) -> Judged:
    return any_of(_single_lines(view), _flicker(view), _bar(view), judge_waves(view))


def judge_waves(view: View) -> Judged:
    """Judge even waves, straight or slanting: fine ones count as noise and as smears as well."""
    usual = (each.levels for each in view.usual.frame.stripes)
    bands = zip(view.measures.stripes, usual, zip(BAND_LEVELS, PROMINENCE, strict=True), strict=True)
    even = [_even(view, stripes, recent, limits) for stripes, recent, limits in bands]
    return any_of(*even, _slanting(view))


def _even(view: View, stripes: StripeBand[float], recent: RecentValues, limits: tuple[float, float]) -> Judged:
    """Judge even stripes along rows or columns in one band of frequencies, by excess in levels and by prominence."""
    levels, prominence = limits
    usual = recent.highest(UNKNOWN_LEVELS)
    factor = _factor(view) * (VERY_PROMINENT_FACTOR if stripes.prominence >= VERY_PROMINENT else 1.0)
    limit = max(usual + levels * factor, TIMES_USUAL * usual)
    least = prominence * (STRONG_FACTOR if stripes.levels >= STRONG * limit else 1.0)
    return Judged(
        both(over(stripes.levels, limit, 2 * limit), over(stripes.prominence, least, 2 * least)),
        f"stripes of {stripes.levels:.1f} levels (limit {limit:.1f}),"
        f" {stripes.prominence:.1f} times the waves beside them (limit {least:.1f})",
    )


def _single_lines(view: View) -> Judged:
    """Judge rows or columns that are each off by their own amount."""
    lines = view.measures.line_offset_levels
    limit = view.usual.frame.line_offset_levels.highest(UNKNOWN_LINE_LEVELS) + LINE_LEVELS * _factor(view)
    if view.past is not None and shows_elsewhere(view.past.pattern) >= LIMIT:
        limit *= ELSEWHERE_FACTOR  # another view has other edges
    return Judged(over(lines, limit, 3 * limit), f"single lines are off by {lines:.1f} levels (limit {limit:.1f})")


def _slanting(view: View) -> Judged:
    """Judge slanting stripes, the beat of interference."""
    levels, prominence = view.measures.slanting_stripes
    strong = over(levels, SLANTING_LEVELS, 2 * SLANTING_LEVELS)
    usual = view.usual.frame.slanting_stripes_prominence.highest(UNKNOWN_SLANTING_PROMINENCE)
    if view.first_light:
        usual = max(usual, UNKNOWN_SLANTING_PROMINENCE)  # the light shows what the dark hid
    limit = max(SLANTING_PROMINENCE, TIMES_USUAL_SLANTING * usual)
    return Judged(
        both(strong, over(prominence, limit, 2 * limit)),
        f"slanting stripes of {levels:.1f} levels (limit {SLANTING_LEVELS}),"
        f" {prominence:.1f} times the waves near them (limit {limit:.1f})",
    )


def _flicker(view: View) -> Judged:
    """Judge bands of light that the past does not show: lamps that flicker against the exposure."""
    past = view.past
    if past is None:
        return Judged(None, "the usual light of this camera is not known yet")
    bands, prominence = past.banding_ratio, past.banding_prominence
    strong = both(over(bands, BANDING, 2 * BANDING), over(prominence, BANDING_PROMINENCE, 2 * BANDING_PROMINENCE))
    return Judged(
        both(strong, over(past.banding_evenness_ratio, BANDING_EVENNESS, 0.9)),
        f"bands of {bands:.1%} of the light (limit {BANDING:.1%}),"
        f" {prominence:.0f} times the waves beside them (limit {BANDING_PROMINENCE:.0f}),"
        f" {past.banding_evenness_ratio:.0%} even (limit {BANDING_EVENNESS:.0%})",
    )


def _bar(view: View) -> Judged:
    """Judge a broad bar that travels through the pictures of a burst, as mains hum does."""
    motion = view.measures.motion
    if motion is None:
        return Judged(None, "a burst of pictures is needed")
    bar = motion.bar
    fit, evenness = (STRONG_BAR, STRONG_BAR) if bar.levels >= STRONG_BAR_LEVELS else (BAR_FIT, BAR_EVENNESS)
    evenly = both(over(bar.fit_ratio, fit, 1.0), over(bar.evenness_ratio, evenness, 1.0))
    return Judged(
        both(over(bar.levels, BAR_LEVELS, 2 * BAR_LEVELS), evenly),
        f"a bar that travels changes the rows by {bar.levels:.1f} levels (limit {BAR_LEVELS}); it explains"
        f" {bar.fit_ratio:.0%} of the change (limit {fit:.0%}) and is {bar.evenness_ratio:.0%} even"
        f" (limit {evenness:.0%})",
    )


def _factor(view: View) -> float:
    return YOUNG_FACTOR if view.young else 1.0


STRIPED = Check(
    Fault(
        "picture_striped",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Stripes in the picture", "条纹干扰"),
        cause=Text(
            "Interference on the line, a failing sensor, or light that flickers against the exposure.",
            "线路干扰、传感器故障，或照明频闪。",
        ),
        advice=Text(
            "Check earthing and cable; set the mains frequency in the camera.",
            "检查接地与线缆；在摄像机中设置电源频率（50/60 Hz）。",
        ),
    ),
    _judge,
)
