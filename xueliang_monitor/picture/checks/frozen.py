"""A picture that stands still: the same as at the last visit, while the stream's pictures bring nothing new."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import BLOCKS, Measures
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Check, Sight

STILL_MOTION_RATIO = 0.012
SAME_BLOCKS = 0.10


def _largest_block_difference(measures: Measures, reference: Reference) -> float | None:
    """Return the largest mean difference of a block from the last picture, in levels; None at the first visit."""
    import cv2

    previous = reference.previous_structure()
    if previous is None:
        return None
    difference = cv2.absdiff(measures.structure, previous).astype("float32")
    return float(cv2.resize(difference, BLOCKS, interpolation=cv2.INTER_AREA).max())


def _judge(measures: Measures, reference: Reference | None) -> tuple[Sight, str]:
    """Judge on both kinds of evidence, as a looped replay repeats pictures and a calm scene sends small ones."""
    difference = _largest_block_difference(measures, reference) if reference is not None else None
    still = None if measures.motion_ratio is None else measures.motion_ratio < STILL_MOTION_RATIO
    if still is False:
        return Sight.RULED_OUT, f"the pictures after the keyframe are {measures.motion_ratio:.2%} of its size"
    if difference is None:
        return (Sight.SUSPECT if still else Sight.UNKNOWN), "no earlier picture to compare with"
    detail = f"the largest difference from the last picture is {difference:.2f} levels (limit {SAME_BLOCKS:.2f})"
    if difference > SAME_BLOCKS:
        return (Sight.SUSPECT if still else Sight.RULED_OUT), detail
    return (Sight.SEEN if still else Sight.UNKNOWN), detail


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
