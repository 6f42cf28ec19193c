"""A picture that stands still, also where only the burned-in clock runs on."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, over

STILL_MOTION_RATIO = 0.012
SAME_BLOCKS = 0.10
STILL = 0.97
BLOCKS = (16, 9)
CLOCK_BLOCKS = 12


def _block_difference(view: View) -> float | None:
    """Return the mean difference from the last picture, in levels, of the block that changed twelfth most of 144.

    A burned-in clock takes up to ten blocks. None at the first visit.
    """
    import cv2
    import numpy as np

    previous = view.reference.previous_structure() if view.reference is not None else None
    if previous is None:
        return None
    difference = cv2.absdiff(view.measures.structure, previous).astype("float32")
    blocks = cv2.resize(difference, BLOCKS, interpolation=cv2.INTER_AREA)
    return float(np.sort(blocks, axis=None)[-CLOCK_BLOCKS])


def _judge(view: View) -> Judged:
    motion, ratio = view.measures.motion, view.measures.motion_ratio
    if ratio is None and motion is not None:
        detail = f"{motion.still:.0%} of the view does not change at all (limit {STILL:.0%})"
        return Judged(over(motion.still, STILL, 1.0), detail)
    still = None if ratio is None else ratio < STILL_MOTION_RATIO
    if still is False:
        return Judged(0.0, f"the pictures after the keyframe are {ratio:.2%} of its size")
    difference = _block_difference(view)
    if difference is None:
        return Judged(None, "no earlier picture to compare with", suspect=bool(still))
    detail = f"but for a clock, it differs from the last by {difference:.2f} levels at most (limit {SAME_BLOCKS:.2f})"
    if difference > SAME_BLOCKS:
        return Judged(None if still else 0.0, detail, suspect=bool(still))
    return Judged(1.0 if still else None, detail)


FROZEN = Check(
    Fault(
        "picture_frozen",
        Rung.PICTURE,
        Severity.CRITICAL,
        Text("Frozen picture", "画面冻结"),
        Text("The camera sends the same picture over and over.", "摄像机反复发送同一画面。"),
        Text("Restart the camera; if it freezes again, update its firmware.", "重启摄像机；若再次冻结，请升级固件。"),
    ),
    _judge,
)
