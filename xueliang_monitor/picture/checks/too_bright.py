"""An overexposed picture."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

ABSOLUTE = 0.60
ABOVE_USUAL = 0.15
WASHED_OUT = 165.0
TIMES_BRIGHTEST = 1.44
"""Exposure that changes by 40 % at once is in order."""

CONTRAST = 0.75
KEPT = 0.5


def _judge(view: View) -> Judged:
    white = view.number("white")
    limit = min(0.9, view.highest("white", 0.0) + ABOVE_USUAL) if view.past is not None else ABSOLUTE
    mean, brightest = view.number("mean"), max(WASHED_OUT, TIMES_BRIGHTEST * view.highest("mean", 255.0))
    detail = (
        f"{white:.0%} of the picture is overexposed (limit {limit:.0%}), mean luma {mean:.0f} (limit {brightest:.0f})"
    )
    overexposed = over(white, limit, limit + 0.3)
    past = view.past
    if past is None:
        return Judged(overexposed, detail)
    # Fog is bright as well, but flat, and what hangs before the lens does not show the scene.
    scene = both(over(past.contrast_kept, CONTRAST, 1.2), over(past.kept, KEPT * view.median("kept", 1.0), 1.0))
    return Judged(max(overexposed, both(over(mean, brightest, 1.3 * brightest), scene)), detail)


TOO_BRIGHT = Check(
    Fault(
        "picture_too_bright",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Picture too bright", "画面过亮"),
        Text("Exposure or iris is stuck, or a lamp shines into the lens.", "曝光或光圈失控，或强光直射镜头。"),
        Text(
            "Check exposure settings and iris; turn the camera away from the lamp.", "检查曝光设置与光圈；避开强光源。"
        ),
    ),
    _judge,
)
