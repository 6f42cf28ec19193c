"""A frozen picture, also if only the burned-in clock still runs."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, over

STILL_MOTION_RATIO = 0.012
"""Size of the pictures after the keyframe over its own, below which the encoder saw no change."""

SAME_LEVELS = 0.10
"""Largest difference of a block from the last picture that still counts as the same picture."""

STILL = 0.92
"""Share of the view without any change within a burst from which the picture is frozen.

Lines of text with a running clock take up to a twentieth; a still scene at a low bitrate had up to 0.69.
"""

BLOCKS = (16, 9)
"""Columns and rows of the blocks in which a picture is compared with the last one."""

CLOCK_BLOCKS = 12
"""The block compared is the one with the twelfth largest change: a burned-in clock takes up to ten blocks."""


def _block_difference(view: View) -> float | None:
    """Return the mean difference from the last picture in levels, in the block that changed twelfth most of 144.

    None before the first picture.
    """
    import cv2
    import numpy as np

    from xueliang_monitor.picture.planes import previous_structure

    previous = previous_structure(view.reference) if view.reference is not None else None
    if previous is None:
        return None
    difference = cv2.absdiff(view.measures.structure, previous).astype("float32")
    blocks = cv2.resize(difference, BLOCKS, interpolation=cv2.INTER_AREA)
    return float(np.sort(blocks, axis=None)[-CLOCK_BLOCKS])


def _judge(view: View) -> Judged:
    motion, ratio = view.measures.motion, view.measures.motion_ratio
    if ratio is None and motion is not None:
        detail = f"{motion.still_ratio:.0%} of the view does not change at all (limit {STILL:.0%})"
        if motion.still_ratio >= STILL and (view.slow_line or view.coarse or view.grainless):
            return Judged(None, f"{detail}, but a low bitrate repeats what hardly changes")
        return Judged(over(motion.still_ratio, STILL, 1.0), detail)
    still = None if ratio is None else ratio < STILL_MOTION_RATIO
    if still is False:
        return Judged(0.0, f"the pictures after the keyframe are {ratio:.2%} of its size")
    difference = _block_difference(view)
    if difference is None:
        return Judged(None, "no earlier picture to compare with", suspect=bool(still))
    detail = (
        f"apart from a clock, the largest change since the last picture is {difference:.2f} levels"
        f" (limit {SAME_LEVELS:.2f})"
    )
    if difference > SAME_LEVELS:
        return Judged(None if still else 0.0, detail, suspect=bool(still))
    return Judged(1.0 if still else None, detail)


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
