"""A frozen picture, also if only the burned-in clock still runs."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import Motion
from xueliang_monitor.picture.verdict import LIMIT, Check, Judged, View, both, over, under

STILL_MOTION_RATIO = 0.012
"""Size of the pictures after the keyframe over its own, below which the encoder saw no change."""

INTRA_RATIO = 0.5
"""The same, above which each picture is coded by itself, as in Motion JPEG: a running clock changes its bytes."""

SAME_LEVELS = 0.10
"""Largest difference of a block from the last picture that still counts as the same picture."""

STILL = 0.92
"""Share of the view without any change within a burst from which the picture is frozen.

Lines of text with a running clock take up to a twentieth; a still scene at a low bitrate had up to 0.69.
"""

REPEATED = 0.95
"""Share of the view that most frames of a burst repeat exactly, from which only the encoder refreshes the picture.

Views with someone in them had up to 0.91 at a low bitrate; a picture that stands, with a clock, 0.98 and more.
"""

REFRESH = 0.4
"""Share of the smallest change between two live looks at this hour, below which a change may be a mere refresh."""

LIVELY_LEVELS = 0.6
"""Smallest change between live looks from which a view is never still."""

GRAIN_LEVELS, GRAIN_KEPT = 0.3, 0.7
"""Noise, and share of the smallest usual noise, from which the grain of a sensor shows and would change in a live view.

A live view in which nothing moves repeats as a frozen one does where a low bitrate takes the grain.
"""


def _judge(view: View) -> Judged:
    motion, ratio = view.measures.motion, view.measures.motion_ratio
    if motion is not None and (ratio is None or ratio >= INTRA_RATIO):
        return _within_burst(view, motion)
    if ratio is not None and ratio >= STILL_MOTION_RATIO:
        return Judged(0.0, f"the pictures after the keyframe are {ratio:.2%} of its size")
    return _since_last(view, still=ratio is not None)


def _within_burst(view: View, motion: Motion) -> Judged:
    """Judge a burst whose pictures' sizes are not known or tell nothing."""
    smallest, score = _smallest_change(view), over(motion.still_ratio, STILL, 1.0)
    detail = f"{motion.still_ratio:.0%} of the view does not change at all (limit {STILL:.0%})"
    if score < LIMIT and motion.repeats_ratio < REPEATED:
        return Judged(score, detail)
    if smallest is not None and smallest < LIVELY_LEVELS and not _shows_grain(view):
        return Judged(None, f"{detail}, but hardly anything changes in this view at other times either")
    if score >= LIMIT:
        if (view.slow_line or view.coarse or view.grainless) and (smallest is None or smallest < LIVELY_LEVELS):
            return Judged(None, f"{detail}, but a low bitrate repeats what hardly changes")
        return Judged(score, detail)
    detail = f"{motion.repeats_ratio:.0%} of the view repeats between refreshes (limit {REPEATED:.0%})"
    if smallest is None:
        return Judged(None, f"{detail}, but it is not known how a live view changes")
    refreshed = motion.change_levels, REFRESH * smallest
    detail = f"{detail}, which change {refreshed[0]:.2f} levels (limit {refreshed[1]:.2f})"
    score = both(over(motion.repeats_ratio, REPEATED, 1.0), under(*refreshed, 0.0))
    return Judged(score if score >= LIMIT else None, detail)


def _since_last(view: View, *, still: bool) -> Judged:
    """Judge the change since the last look; `still` if the encoder saw none after the keyframe."""
    from xueliang_monitor.picture.planes import change_between, previous_structure

    previous = previous_structure(view.reference) if view.reference is not None else None
    if previous is None:
        return Judged(None, "no earlier picture to compare with", suspect=still)
    change = change_between(view.measures.structure, previous)
    smallest = _smallest_change(view) if view.hour_known else None
    limit = SAME_LEVELS if smallest is None else max(SAME_LEVELS, REFRESH * smallest)
    detail = f"apart from a clock, the largest change since the last picture is {change:.2f} levels (limit {limit:.2f})"
    if change <= limit:
        return Judged(1.0 if still and change <= SAME_LEVELS else under(change, limit, 0.0) if still else None, detail)
    if not still or (smallest is not None and change >= smallest):
        return Judged(0.0, detail)
    return Judged(None, detail, suspect=True)


def _shows_grain(view: View) -> bool:
    """Whether the encoder leaves the grain of the sensor, which differs from picture to picture in a live view."""
    usual = view.in_this_light.frame.noise_levels.lowest(0.0)
    return view.measures.noise_levels >= max(GRAIN_LEVELS, GRAIN_KEPT * usual)


def _smallest_change(view: View) -> float | None:
    """Return the smallest change between two live looks, in levels; None if it is not well known."""
    changes = view.in_this_light.between.change_levels
    return None if view.young or not changes.values else changes.lowest(0.0)


FROZEN = Check(
    Fault(
        "picture_frozen",
        Rung.PICTURE,
        Severity.CRITICAL,
        name=Text("Frozen picture", "画面冻结"),
        cause=Text("The camera sends the same picture over and over.", "摄像机反复发送同一画面。"),
        advice=Text(
            "Restart the camera; if it freezes again, update its firmware.", "重启摄像机；若再次冻结，请升级固件。"
        ),
    ),
    _judge,
)
