"""A picture less sharp than usual for its camera: out of focus, or a wet or misted dome."""

from __future__ import annotations

import math

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.verdict import LIMIT, Check, Judged, View, both, over, under

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

FINE, FINE_BLUR = 0.77, 0.015
"""Share of the usual fineness, and excess of blur over the highest in this light, of a slightly blurred picture.

Fineness is fine over middle detail: exposure, fog and contrast change both alike. Healthy looks have 0.85 and more of
it in 19 of 20 cases, by day and by night; a very slow line has as little as a blurred picture.
"""

FINE_REMAINING, FINE_DETAIL = 0.65, 1.2
"""`REMAINING` of a picture that lost its fineness, and its `DETAIL` as a share of the lowest in this light."""

SMEARED, SMEARED_BLUR, SMEARED_REMAINING, SMEARED_DETAIL = 0.95, 0.07, 0.6, 0.9
"""The same for a picture that lost middle detail as well: a mount that vibrates smears both, in one direction."""

MOST_CONTRAST = 1.2
"""Share of the highest usual contrast above which there is no slight blur: blur adds none, headlights and snow do."""

STRONG, STRONG_LOST = 0.88, 0.4
"""Share of the usual detail that the strongest edges keep in a blurred picture, and share that no light leaves of them.

Slight blur had 0.84 and less. Beside a lorry that fills half of the view they keep all of it, on a very slow line 0.91
and more. In healthy pictures of nine real days, dusk and lamps included, they kept 0.55.
"""

KEPT_FINE, KEPT_STRONG = 0.75, 0.7
"""Share of the usual fineness from which fine detail is not the first that was lost, and `STRONG` of such a picture.

Blur takes fine detail first: slight blur left 0.73 of the fineness at most, or half of the strongest edges. Clouds,
headlights and slow lines left 0.77 to 1.3, with 0.73 to 0.87 of those edges.
"""

LEAST_LEVELS = 0.05
"""Smallest detail by which is divided: a flat picture has no fineness."""


def _judge(view: View) -> Judged:
    past, blur = view.past, view.measures.blur_ratio
    if past is None:
        return Judged(None, "the usual sharpness of this camera is not known yet")
    if past.detailed_ratio < (STEADY_DETAILED if view.steady else DETAILED):
        return Judged(None, f"only {past.detailed_ratio:.0%} of the view has detail to lose")
    kept = past.best_detail_ratio
    limit = min(HIGHEST_LIMIT, view.usual.frame.blur_ratio.highest(1.0) + ABOVE_USUAL)
    usual = view.usual.scene.best_detail_ratio.lowest(1.0)
    contrast = _contrast(past)
    share = kept / max(usual, LEAST_BEST) / contrast
    fineness = _fineness(view)
    detail = (
        f"blur {blur:.2f} (limit {limit:.2f}), {kept:.0%} of the usual detail (limit {DETAIL * usual:.0%}),"
        f" {fineness:.0%} of the usual fineness (limit {FINE:.0%})"
    )
    softer = both(over(blur, limit, limit + 0.15), under(share, DETAIL, 0.3))
    lost = both(under(share, LITTLE_DETAIL, 0.0), over(blur, limit - NEARLY_AS_BLURRED, limit + 0.1))
    usual_remaining = view.usual.scene.remaining_detail_ratio.median(1.0)
    remaining = past.remaining_detail_ratio / max(usual_remaining, LEAST_REMAINING) / contrast
    strong = _strong(past)
    left = (STRONG, 0.6) if fineness < KEPT_FINE else (KEPT_STRONG, 0.4)
    slight = both(_slight(view, past, fineness, remaining), under(1.0 if strong is None else strong, *left))
    most = under(0.0 if strong is None else strong, *left)
    everywhere = strong is not None and strong < STRONG_LOST and not view.first_light
    uneven = UNEVEN < past.scene_light_log_ratio < math.inf and not everywhere
    if (blur > limit or slight >= LIMIT) and uneven:
        return Judged(None, f"{detail}, but the light is not known yet")
    if (blur > limit or slight >= LIMIT) and view.coarse and strong is not None and strong >= STRONG_LOST:
        return Judged(None, f"{detail}, but the picture has the blocks of a low bitrate, or none of its grain")
    if past.detailed_ratio < WELL_DETAILED:
        return Judged(max(both(max(softer, lost), most), slight), detail)
    detail = f"{detail}, {remaining:.0%} of all detail (limit {REMAINING:.0%})"
    fine = both(over(blur, limit, limit + 0.15), under(remaining, REMAINING, 0.0), under(share, MOST_DETAIL, 0.3))
    return Judged(max(both(max(softer, lost, fine), most), slight), detail)


def _slight(view: View, past: Comparison, fineness: float, remaining: float) -> float:
    """Return the score of slight blur beside what this light has shown. `remaining` is a share of the usual detail."""
    blur, usual = view.measures.blur_ratio, view.in_this_light
    most = usual.frame.blur_ratio.highest(1.0)
    share = past.best_detail_ratio / max(usual.scene.best_detail_ratio.lowest(1.0), LEAST_BEST) / _contrast(past)
    less_fine = both(
        under(fineness, FINE, 0.5),
        over(blur, most + FINE_BLUR, most + FINE_BLUR + 0.1),
        under(remaining, FINE_REMAINING, 0.0),
        under(share, FINE_DETAIL, 0.5),
    )
    smeared = both(
        under(fineness, SMEARED, 0.7),
        over(blur, most + SMEARED_BLUR, most + SMEARED_BLUR + 0.15),
        under(remaining, SMEARED_REMAINING, 0.0),
        under(share, SMEARED_DETAIL, 0.3),
    )
    contrast = MOST_CONTRAST * max(1.0, usual.scene.contrast_ratio.highest(1.0))
    return both(max(less_fine, smeared), under(past.contrast_ratio, contrast, 0.8 * contrast))


def _contrast(past: Comparison) -> float:
    """Return the contrast that is left: a lower one, as at dusk or in fog, lowers the detail as well."""
    return min(1.0, max(LEAST_CONTRAST, past.contrast_ratio))


def _strong(past: Comparison) -> float | None:
    """Return the share of the usual detail that the strongest edges keep, beside the contrast that is left."""
    return None if past.strong_detail_ratio is None else past.strong_detail_ratio / _contrast(past)


def _fineness(view: View) -> float:
    """Return fine over middle detail, as a share of what is usual in this light."""
    now, usual = view.measures, view.in_this_light.frame
    usually = usual.fine_detail_levels.median(0.0) / max(LEAST_LEVELS, usual.middle_detail_levels.median(0.0))
    return now.fine_detail_levels / max(LEAST_LEVELS, now.middle_detail_levels) / max(LEAST_LEVELS, usually)


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
