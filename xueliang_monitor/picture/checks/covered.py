"""A view that something covers: tape, a bag, a hand, a leaf, by its own past where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import Measures
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Check, Sight

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Plane

FLAT_GRADIENT = 0.7
FLAT_SHARE = 0.80
FLAT_LUMA = 110.0
TEXTURED_GRADIENT = 1.5
KEPT_GRADIENT = 0.30
LUMA_CHANGE = 40.0
CHANGED_SHARE = 0.30
TEXTURED_SHARE = 0.25
SAME_SHAPES = 0.8
MIN_SHADE = 4.0


def _absolute(measures: Measures) -> tuple[bool, str]:
    """Say whether nearly all of the view is dark and without any structure."""
    flat = measures.gradients < FLAT_GRADIENT
    share = float(flat.mean())
    dark = bool(share) and float(measures.luma[flat].mean()) < FLAT_LUMA
    return (
        share > FLAT_SHARE and dark,
        f"{share:.0%} of the view is dark and without structure (limit {FLAT_SHARE:.0%})",
    )


def _relative(measures: Measures, reference: Reference) -> tuple[bool | None, str]:
    """Say whether one region of the view lost its structure or changed altogether; None where the scene is flat."""
    import cv2
    import numpy as np

    before = reference.block_gradients()
    textured = before >= TEXTURED_GRADIENT
    if float(textured.mean()) < TEXTURED_SHARE:
        return None, "the scene has too little structure of its own"
    lost = textured & (measures.gradients < KEPT_GRADIENT * before)
    repainted = ~textured & (np.abs(measures.luma - reference.block_luma()) > LUMA_CHANGE)
    _, _, stats, _ = cv2.connectedComponentsWithStats((lost | repainted).astype(np.uint8), connectivity=4)
    largest = float(stats[1:, cv2.CC_STAT_AREA].max()) / lost.size if len(stats) > 1 else 0.0
    share_lost = float(lost.sum()) / float(textured.sum())
    if largest >= CHANGED_SHARE and _same_shapes(measures.luma[lost], reference.block_luma()[lost]):
        return False, "light and shade are where they were: structure is lost, but nothing stands before it"
    detail = f"one region of {largest:.0%} of the view lost its structure (limit {CHANGED_SHARE:.0%})"
    return largest >= CHANGED_SHARE and share_lost >= CHANGED_SHARE, detail


def _same_shapes(now: Plane, before: Plane) -> bool:
    """Say whether light and dark blocks are where they were, as in a picture that is only blurred."""
    import numpy as np

    if now.size < 2 or float(np.std(before)) < MIN_SHADE or float(np.std(now)) < MIN_SHADE:
        return False
    return float(np.corrcoef(now, before)[0, 1]) > SAME_SHAPES


def _judge(measures: Measures, reference: Reference | None) -> tuple[Sight, str]:
    absolute, detail = _absolute(measures)
    if absolute:
        return Sight.SEEN, detail
    if reference is None or not reference.learned:
        return Sight.RULED_OUT, detail
    relative, detail = _relative(measures, reference)
    if relative is None:
        return Sight.RULED_OUT, detail
    return (Sight.SEEN if relative else Sight.RULED_OUT), detail


COVERED = Check(
    Fault(
        "picture_covered",
        Rung.PICTURE,
        Severity.CRITICAL,
        Text("View covered", "画面遮挡"),
        Text(
            "Something hangs or stands before the lens, or it was covered on purpose.",
            "镜头前有物体遮挡，或被人为遮盖。",
        ),
        Text("Look at the camera on site and free its view.", "到现场查看并清除遮挡物。"),
    ),
    _judge,
    hides_others=True,
)
