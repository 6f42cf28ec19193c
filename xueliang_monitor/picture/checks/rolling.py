"""A rolling picture: vertical synchronisation is lost."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.checks.corrupted import VOID_CELLS
from xueliang_monitor.picture.measures import Motion
from xueliang_monitor.picture.verdict import LIMIT, Check, Judged, View, both, over

ROLL = 0.025
"""Roll from picture to picture, as a share of the height, from which the picture rolls."""

GAIN = 0.25
"""Gain in correlation that proves the roll."""

FEW_EDGES, FEW_EDGES_GAIN = 0.3, 0.16
"""Below this share of the usual edge correlation, a steady view needs the smaller gain only."""

UNEVEN, UNEVEN_SHARE = 0.03, 0.45
"""Largest range of the roll over the pairs, as a share of the height and of the speed; the larger one applies.

The gap between two pictures rolls along, so that part of the view seems to move the other way.
"""

STILL_EDGES = 0.7
"""Share of the usual edge correlation above which the view is where it was, and nothing can be told."""

WRAPS = 0.25
"""Least correlation of the rows that come in at one edge with those that left at the other.

A dome that is tilted shows something else there. The dark gap between two pictures hides a part of them.
"""

SLOW_ROLL, SLOW_WRAPS, SLOW_SPREAD, SLOW_GAIN = 0.018, 0.45, 0.01, 0.15
"""Roll that is enough at an even pace if the rows that come in are those that left; largest range over the pairs, gain.

Shaken views had a range of 0.028 and more. Of two rows of 90, a tilted view shows such a likeness by chance only.
"""

SLIP = 0.04
"""Largest roll in a burst, as a share of the height, from which a picture that holds and slips is rolling."""


def _judge(view: View) -> Judged:
    motion = view.measures.motion
    if motion is None:
        return Judged(None, "a burst of pictures is needed")
    if max(damage.void_cells_ratio for damage in (view.measures.damage, *motion.damages)) >= VOID_CELLS:
        return Judged(None, "data is missing in a picture of the burst")
    slip = Judged(
        over(motion.slip_ratio, SLIP, 2 * SLIP),
        f"in a burst it slips by up to {motion.slip_ratio:.1%} of its height and wraps around (limit {SLIP:.1%})",
    )
    return slip if slip.score is not None and slip.score >= LIMIT else _steady_roll(view, motion)


def _steady_roll(view: View, motion: Motion) -> Judged:
    """Judge a roll at an even pace, of which the gap between two pictures may hide where it wraps around."""
    speed = abs(motion.roll_ratio)
    even = motion.roll_spread_ratio <= max(UNEVEN, UNEVEN_SHARE * speed)
    wraps = motion.roll_wrap_correlation >= WRAPS
    edges = view.past.edge_correlation if view.past is not None else None
    usual = view.usual.scene.edge_correlation.median(1.0)
    slow = motion.roll_wrap_correlation >= SLOW_WRAPS and motion.roll_spread_ratio <= SLOW_SPREAD
    limit = SLOW_ROLL if slow else ROLL
    detail = f"from picture to picture it rolls by {speed:.1%} of its height (limit {limit:.1%})"
    gain = FEW_EDGES_GAIN if edges is not None and view.steady and edges < FEW_EDGES * usual else GAIN
    gain = min(gain, SLOW_GAIN) if slow else gain
    score = both(over(speed, limit, 2 * limit), over(motion.roll_gain, gain, 2 * gain), float(even and wraps))
    if score >= LIMIT and edges is not None and edges > STILL_EDGES * usual:
        return Judged(None, f"{detail}, but the view is where it was")
    return Judged(score, detail)


ROLLING = Check(
    Fault(
        "picture_rolling",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Rolling picture", "画面滚屏"),
        cause=Text(
            "An analogue line without synchronisation, or a damaged sensor.", "模拟信号失去同步，或传感器损坏。"
        ),
        advice=Text(
            "Check cable, termination and power of the analogue camera; restart it.",
            "检查模拟摄像机的线缆、终端电阻与供电；重启摄像机。",
        ),
    ),
    _judge,
)
