"""A picture less sharp than the camera's own: out of focus, or a dirty dome."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import Measures
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Check, Sight

ABOVE_REFERENCE = 0.06
DETAIL_KEPT = 0.55


def _judge(measures: Measures, reference: Reference | None) -> tuple[Sight, str]:
    if reference is None or not reference.learned:
        return Sight.UNKNOWN, "the camera's own sharpness is not known yet"
    limit = min(0.95, reference.blur_limit + ABOVE_REFERENCE)
    kept = measures.detail / reference.detail_median if reference.detail_median else 1.0
    detail = f"blur {measures.blur:.2f} (limit {limit:.2f}), {kept:.0%} of the usual detail (limit {DETAIL_KEPT:.0%})"
    return (Sight.SEEN if measures.blur > limit and kept < DETAIL_KEPT else Sight.RULED_OUT), detail


BLURRED = Check(
    Fault(
        "picture_blurred",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Blurred picture", "画面模糊"),
        Text("The focus was lost, or the dome is dirty or wet.", "焦距失准，或球罩脏污、结露。"),
        Text("Clean the dome and focus the lens again.", "清洁球罩并重新对焦。"),
    ),
    _judge,
)
