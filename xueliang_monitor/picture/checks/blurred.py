"""A picture less sharp than usual for its camera: out of focus, or a wet or misted dome."""

from __future__ import annotations

import math

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over, under

ABOVE_USUAL = 0.04
"""How far the blur effect must exceed the highest usual one."""

HIGHEST_LIMIT = 0.95
"""The limit of the blur effect is never higher."""

DETAIL = 0.72
"""Share of the usual detail below which a picture that is also blurred is out of focus."""

LITTLE_DETAIL = 0.50
"""Share of the usual detail below which nearly as much blur as usual is enough."""

NEARLY_AS_BLURRED = 0.10
"""How far below the limit the blur effect may be where little detail is left."""

DETAILED, STEADY_DETAILED = 0.10, 0.06
"""Smallest share of cells with detail to lose for which blur can be judged; the second is for steady views."""

WELL_DETAILED = 0.36
"""Share of cells with detail from which all of the detail is judged together as well."""

REMAINING, MOST_DETAIL = 0.52, 0.85
"""In a well detailed view: share of the usual remaining detail, and of the best detail, below which it is blurred."""

UNEVEN = 0.2
"""Distance in natural logarithms from every known light from which a low sun may glare. Blur leaves it at 0.14."""

LEAST_REMAINING, LEAST_BEST, LEAST_CONTRAST = 0.05, 0.3, 0.4
"""Smallest usual values by which is divided, so that a share stays bounded."""


def _judge(view: View) -> Judged:
    past, blur = view.past, view.measures.blur_ratio
    if past is None:
        return Judged(None, "the usual sharpness of this camera is not known yet")
    if past.detailed_ratio < (STEADY_DETAILED if view.steady else DETAILED):
        return Judged(None, f"only {past.detailed_ratio:.0%} of the view has detail to lose")
    kept = past.best_detail_ratio
    limit = min(HIGHEST_LIMIT, view.usual.frame.blur_ratio.highest(1.0) + ABOVE_USUAL)
    usual = view.usual.scene.best_detail_ratio.lowest(1.0)
    # Lower contrast, as at dusk or in fog, lowers the detail as well.
    contrast = min(1.0, max(LEAST_CONTRAST, past.contrast_ratio))
    share = kept / max(usual, LEAST_BEST) / contrast
    detail = f"blur {blur:.2f} (limit {limit:.2f}), {kept:.0%} of the usual detail (limit {DETAIL * usual:.0%})"
    softer = both(over(blur, limit, limit + 0.15), under(share, DETAIL, 0.3))
    lost = both(under(share, LITTLE_DETAIL, 0.0), over(blur, limit - NEARLY_AS_BLURRED, limit + 0.1))
    if blur > limit and UNEVEN < past.scene_light_log_ratio < math.inf:
        return Judged(None, f"{detail}, but the light is not known yet")
    if past.detailed_ratio < WELL_DETAILED:
        return Judged(max(softer, lost), detail)
    usual_remaining = view.usual.scene.remaining_detail_ratio.median(1.0)
    remaining = past.remaining_detail_ratio / max(usual_remaining, LEAST_REMAINING) / contrast
    detail = f"{detail}, {remaining:.0%} of all detail (limit {REMAINING:.0%})"
    fine = both(over(blur, limit, limit + 0.15), under(remaining, REMAINING, 0.0), under(share, MOST_DETAIL, 0.3))
    return Judged(max(softer, lost, fine), detail)


BLURRED = Check(
    Fault(
        "picture_blurred",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Blurred picture", "对焦不准（失焦）"),
        cause=Text("The lens is out of focus, or the dome is dirty or wet.", "镜头失焦，或球罩脏污、结露。"),
        advice=Text("Clean the dome and focus the lens again.", "清洁球罩并重新对焦。"),
    ),
    _judge,
)
