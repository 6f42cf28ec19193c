"""Noise: a dying sensor, far too much gain, or interference on an analogue line."""

from __future__ import annotations

import math

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.checks.striped import judge_waves
from xueliang_monitor.picture.hours import highest_anchor, looks_at
from xueliang_monitor.picture.measures import NOISE
from xueliang_monitor.picture.verdict import HOUR_LOOKS, LIMIT, Check, Judged, View, both, over

NOISE_LEVELS, TIMES_USUAL = 2.0, 1.7
"""Noise that is never a fault, and the multiple of the highest usual noise that is one."""

KNOWN_LIGHT_LEVELS, KNOWN_LIGHT_NOISE_LEVELS = 12.0, 1.2
"""Distance up to which a light that is no darker than usual is known, and noise that is never a fault in it.

Rain, snow and low bitrates had up to 0.75 there.
"""

DIM, DIM_NOISE_LEVELS = 0.7, 3.0
"""Share of the brightest usual picture below which the gain is high, and noise that is never a fault then."""

UNKNOWN_NOISE_LEVELS = 8.0
"""Highest usual noise while none is known."""

TIMES_ANCHOR = 2.5
"""Multiple of the noise of the noisiest hour, as it was over months, that is a fault: a sensor gets worse slowly."""

NEW_LIGHT_LEVELS, DARKER = 20.0, 0.8
"""Distance from every known light, and share of the usual brightness, beyond which no noise is usual yet.

A night without infrared light is noisy by nature, as the gain is high. The first one is not measured by the day.
"""

IMPULSES = 0.01
"""Excess over the highest usual share of impulses that is snow."""

UNKNOWN_IMPULSES = 0.06
"""Highest usual share of impulses while none is known."""

SNOW_NOISE_LEVELS = 1.5
"""Noise that snow must have as well: fine patterns of the scene have impulses without noise."""

COLOUR_NOISE_LEVELS, TIMES_USUAL_COLOUR, OTHER_LIGHT_COLOUR = 0.6, 1.8, 2.0
"""Coloured noise that is never a fault, multiple of the highest usual one that is one, and factor of both if it is dim
or the light is not known.

A noise filter leaves coloured noise where it takes that of luma. Healthy pictures of 16 cameras had up to 0.42, a late
dusk 0.71.
"""


def _judge(view: View) -> Judged:
    noise, impulses = view.measures.noise_levels, view.measures.impulses_ratio
    usual = view.usual.frame
    least = _least_noise(view)
    limit = max(least, TIMES_USUAL * _usual_noise(view))
    anchor = highest_anchor(view.reference.hours, NOISE) if view.reference is not None else None
    if anchor is not None:
        limit = min(limit, max(least, TIMES_ANCHOR * max(anchor, _unknown_noise(view))))
    spots = max(IMPULSES, usual.impulses_ratio.highest(UNKNOWN_IMPULSES) + IMPULSES)
    detail = (
        f"noise of {noise:.1f} levels (limit {limit:.1f}), {impulses:.1%} of the pixels stand out (limit {spots:.1%})"
    )
    snow = both(over(impulses, spots, 3 * spots), over(noise, SNOW_NOISE_LEVELS, 3.0))
    score = max(over(noise, limit, 2 * limit), snow)
    coloured, most = view.measures.colour_noise_levels, _most_colour_noise(view)
    if coloured > most:
        detail = f"{detail}, coloured noise of {coloured:.1f} levels (limit {most:.1f})"
    score = max(score, over(coloured, most, 2 * most))
    if score >= LIMIT and (judge_waves(view).score or 0.0) >= LIMIT:
        return Judged(None, f"{detail}, but stripes cross the whole picture")
    return Judged(score, detail)


def _least_noise(view: View) -> float:
    """Return the noise that is never a fault in this light."""
    mean, usual, past = view.measures.luma_mean_levels, view.usual.frame.luma_mean_levels, view.past
    if past is None:
        return NOISE_LEVELS
    if mean < DIM * usual.highest(0.0):
        return DIM_NOISE_LEVELS
    known = past.light_distance_levels <= KNOWN_LIGHT_LEVELS and mean >= DARKER * usual.median(0.0)
    return KNOWN_LIGHT_NOISE_LEVELS if known and not view.young else NOISE_LEVELS


def _most_colour_noise(view: View) -> float:
    """Return the limit of coloured noise; infinite where it is not known what is usual.

    Memory files of earlier versions know their hours without it.
    """
    here = view.in_this_light.frame.colour_noise_levels
    if view.past is None or not here.values or _unknown_noise(view) > 0:
        return math.inf
    usual = view.usual.frame.colour_noise_levels.highest(0.0)
    dim = view.measures.luma_mean_levels < DIM * view.usual.frame.luma_mean_levels.highest(0.0)
    other = dim or view.past.light_distance_levels > KNOWN_LIGHT_LEVELS
    return max(COLOUR_NOISE_LEVELS, TIMES_USUAL_COLOUR * usual) * (OTHER_LIGHT_COLOUR if other else 1.0)


def _usual_noise(view: View) -> float:
    """Return the highest usual noise: that of this hour on the last days where it is known, else of the last day."""
    recent, hour = view.usual.frame, view.at_hour.frame
    known = hour.noise_levels.highest(-1.0) if _hour_is_known(view) else -1.0
    bright = view.measures.luma_mean_levels >= DARKER * hour.luma_mean_levels.lowest(0.0)
    usual = known if known >= 0 and bright else recent.noise_levels.highest(UNKNOWN_NOISE_LEVELS)
    return max(usual, _unknown_noise(view))


def _hour_is_known(view: View) -> bool:
    """Whether enough looks showed what this hour usually has: one quiet night is not yet usual."""
    known = view.reference
    if known is None or view.hour is None:
        return False
    return looks_at(known.hours, NOISE, view.hour) >= HOUR_LOOKS


def _unknown_noise(view: View) -> float:
    """Return the noise to assume in a light that was never seen; 0 in a known one."""
    past = view.past
    if past is None:
        return 0.0
    mean, usual = view.measures.luma_mean_levels, view.usual.frame.luma_mean_levels
    dark = mean < DARKER * usual.lowest(0.0)
    dim = past.light_distance_levels > NEW_LIGHT_LEVELS and mean < DARKER * usual.median(0.0)
    return UNKNOWN_NOISE_LEVELS if dark or dim else 0.0


NOISY = Check(
    Fault(
        "picture_noisy",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Noisy picture", "雪花噪声"),
        cause=Text(
            "Too little light with high gain, a dying sensor, or interference on an analogue line.",
            "光线不足且增益过高、传感器老化，或模拟线路受干扰。",
        ),
        advice=Text("Check lighting and gain; then cable and sensor.", "检查照明与增益；再检查线缆与传感器。"),
    ),
    _judge,
)
