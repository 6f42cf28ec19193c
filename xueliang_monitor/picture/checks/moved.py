"""A camera that was knocked or turned and shows another view."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Comparison, OwnPattern
from xueliang_monitor.picture.verdict import LIMIT, TEXTURED, Check, Judged, View, both, over, under

SHIFT = 0.03
"""Shift, as a share of the width, from which a camera is moved."""

SMALL_SHIFT, STILL_SHIFT = 0.022, 0.01
"""The smaller shift that is enough where no healthy look has seemed to shift by more than the second.

Healthy looks of 19 cameras seemed to shift by 0.010 at most.
"""

TURN_DEGREES = 2.4
"""Turn from which a camera is moved. Shift and turn add up, each as a share of its limit."""

GAIN = 0.12
"""Gain in correlation that proves the shift."""

YOUNG_GAIN = 0.25
"""Usual gain assumed while the usual values are not well known."""

GAIN_OF_USUAL = 0.5
"""Share of the highest usual gain that is added to the limit."""

FIT = 0.36
"""Correlation after the shift from which it is the same scene."""

UNRELATED_LOWEST, UNRELATED_HIGHEST = 0.2, 0.3
"""Range of the edge correlation below which it is another scene; within it a third of the lowest usual value."""

RICH_DETAIL, CRISP = 0.7, 0.55
"""Best detail, or sharpest detail, that another scene must have: a cover has less of both."""

FOREIGN, OWN = 0.1, 0.1
"""Share of the view with a sharp pattern that was never there, and largest share of all sharp pattern that was.

A cover is out of focus, and what it leaves free is where it was.
"""

MOST_FOREIGN, OWN_LEFT, OTHER_LEVELS = 0.6, 0.05, 20.0
"""Share of the view with a sharp foreign pattern, largest share with its own, and distance from every known light, from
which it is another scene, whatever the past shows. A crowd before a bare wall had 0.49, dirt 0.64 in a near light.
"""

DARK_PAST_LEVELS = 60.0
"""Mean luma below which a past is bare because it is dark: lamps that go on then show what was always there."""


def _judge(view: View) -> Judged:
    past = view.past
    if past is None:
        return Judged(None, "the usual view of this camera is not known yet")
    other = _another_scene(view, past)
    if other.score is not None and other.score >= LIMIT:
        return other
    if view.textured_ratio < TEXTURED:
        return Judged(None, f"only {view.textured_ratio:.0%} of the view has a pattern to find again")
    still = not view.young and view.usual.scene.shift_ratio.highest(SHIFT) <= STILL_SHIFT
    limit = SMALL_SHIFT if still else SHIFT
    detail = (
        f"shifted by {past.shift_ratio:.1%} of the width and turned by {past.turn_degrees:.1f} degrees"
        f" (limits {limit:.1%} and {TURN_DEGREES}, or shares of both)"
    )
    far = over(past.shift_ratio / limit + past.turn_degrees / TURN_DEGREES, 1.0, 2.0)
    gain = _usual_gain(view)
    found = both(
        far,
        over(past.shift_gain, GAIN + GAIN_OF_USUAL * gain, 0.4 + gain),
        over(past.shift_correlation, FIT, 0.6),
    )
    if view.steady and not view.young and past.detailed_ratio >= TEXTURED:
        lowest = _unrelated_limit(view)
        if past.edge_correlation < lowest:
            detail = (
                f"only {past.edge_correlation:.0%} of the edges match (limit {lowest:.0%}),"
                f" with {past.best_detail_ratio:.0%} of the usual detail"
            )
            unrelated = _unrelated(past, lowest)
            if view.first_light and found < LIMIT <= unrelated:
                return Judged(None, f"{detail}, but the light of this hour is not known yet")
            found = max(found, unrelated)
    return Judged(found, detail)


def _another_scene(view: View, past: Comparison) -> Judged:
    """Judge a view that is full of the sharp pattern of another scene, whether the past was bare or changed much."""
    pattern = past.pattern
    detail = (
        f"{pattern.foreign_ratio:.0%} of the view is sharp and was never there (limit {MOST_FOREIGN:.0%}),"
        f" {pattern.own_ratio:.0%} is as it was (limit {OWN_LEFT:.0%})"
    )
    dark = view.usual.frame.luma_mean_levels.highest(0.0) < DARK_PAST_LEVELS
    if view.young or view.first_light or dark:
        return Judged(None, f"{detail}, but too little is known of the view")
    return Judged(
        both(
            over(pattern.foreign_ratio, MOST_FOREIGN, 0.9),
            under(pattern.own_ratio, OWN_LEFT, 0.0),
            under(past.edge_correlation, UNRELATED_LOWEST, 0.0),
            over(past.light_distance_levels, OTHER_LEVELS, 2 * OTHER_LEVELS),
        ),
        detail,
    )


def _usual_gain(view: View) -> float:
    """Return the highest usual gain of views that seemed to move while healthy."""
    usual = view.usual.scene
    gain = usual.shift_gain.highest(0.0) if usual.shift_ratio.highest(0.0) > SHIFT else 0.0
    return max(gain, YOUNG_GAIN) if view.young else gain


def _unrelated_limit(view: View) -> float:
    lowest = view.usual.scene.edge_correlation.lowest(0.0)
    return min(UNRELATED_HIGHEST, max(UNRELATED_LOWEST, lowest / 3))


def _unrelated(past: Comparison, limit: float) -> float:
    """Return the score of a camera turned so far that nothing of the old view is left, with detail of its own."""
    if in_place(past.pattern):
        return 0.0
    crisp = max(over(past.crisp_ratio, CRISP, 1.0), shows_elsewhere(past.pattern))
    detail = max(over(past.best_detail_ratio, RICH_DETAIL, 1.5), crisp)
    return both(under(past.edge_correlation, limit, 0.0), detail)


def in_place(pattern: OwnPattern) -> bool:
    """Whether most of what is sharp in a view is that of the past: something hides the rest."""
    return pattern.own_ratio >= max(OWN, pattern.foreign_ratio)


def shows_elsewhere(pattern: OwnPattern) -> float:
    """Return the score of a view whose sharp pattern is hardly anywhere that of the past."""
    foreign, own = pattern.foreign_ratio, pattern.own_ratio
    return both(over(foreign, FOREIGN, 3 * FOREIGN), under(own, OWN * (foreign + own), 0.0))


MOVED = Check(
    Fault(
        "picture_moved",
        Rung.PICTURE,
        Severity.CRITICAL,
        name=Text("Camera turned", "场景变更（视角偏移）"),
        cause=Text("The camera was knocked or turned, or its bracket gave way.", "摄像机被碰撞、转动，或支架松脱。"),
        advice=Text(
            "Restore the view; if it was turned on purpose, run: xueliang picture relearn CAMERA.",
            "恢复原视角；若为有意调整，请执行 xueliang picture relearn CAMERA。",
        ),
    ),
    _judge,
)
