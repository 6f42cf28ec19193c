"""Too little contrast: fog, haze, a film or dew on the dome."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over, under

CONTRAST, BELOW_USUAL = 0.72, 0.80
"""Share of the usual contrast below which it is low, and the largest share of the lowest usual value.

The first is from a prototype on other cameras.
"""

DETAIL = 0.70
"""Share of the usual detail that low contrast must fall below as well."""

LIFTED_LEVELS = 8
"""Levels by which black must be above its highest usual value: a veil of light lifts it, a dark scene does not."""

EDGES = 0.36
"""Share of the usual edge correlation that must remain: the scene still shows."""

VEILED, VEILED_EDGES = 0.5, 0.75
"""With more of the view hidden, and fewer of the usual edges, something is in front of the lens."""

THICK_LIFTED_LEVELS, THICK_REMAINING = 20, 0.68
"""Lifted black and remaining detail that show thick fog. Near things stay sharp in it, so other limits apply."""

THICK_BELOW_USUAL, THICK_DETAIL = 0.95, 0.92
"""`BELOW_USUAL` and `DETAIL` in thick fog."""


def _judge(view: View) -> Judged:
    past = view.past
    if past is None:
        return Judged(None, "the usual contrast of this camera is not known yet")
    usual = view.usual.scene
    contrast, detail_ratio = past.contrast_ratio, past.best_detail_ratio
    lifted = view.measures.luma_low_levels - view.usual.frame.luma_low_levels.highest(0.0)
    thick = lifted >= THICK_LIFTED_LEVELS and past.remaining_detail_ratio <= THICK_REMAINING
    limit = min(CONTRAST, (THICK_BELOW_USUAL if thick else BELOW_USUAL) * usual.contrast_ratio.lowest(1.0))
    most = THICK_DETAIL if thick else DETAIL
    detail = (
        f"{contrast:.0%} of the usual contrast (limit {limit:.0%}), {detail_ratio:.0%} of the detail"
        f" (limit {most:.0%}), black lifted by {lifted:.0f} levels (limit {LIFTED_LEVELS})"
    )
    if lifted <= LIFTED_LEVELS:
        return Judged(0.0, f"{detail}, but black is still black")
    edges = usual.edge_correlation.median(1.0)
    if past.veiled_ratio > VEILED and past.edge_correlation < VEILED_EDGES * edges:
        return Judged(0.0, f"{detail}, but something hides {past.veiled_ratio:.0%} of the view")
    there = over(past.edge_correlation, EDGES * edges, 1.0)
    return Judged(both(under(contrast, limit, 0.5 * limit), under(detail_ratio, most, 0.3), there), detail)


LOW_CONTRAST = Check(
    Fault(
        "picture_low_contrast",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Low contrast", "画面对比度低"),
        cause=Text("Fog or haze, or a film, dew or frost on the dome.", "雾霾天气，或球罩上有膜状污渍、结露、结霜。"),
        advice=Text(
            "If it stays after the fog: clean the dome, check heating and seal.",
            "若雾散后仍存在：清洁球罩，检查加热与密封。",
        ),
    ),
    _judge,
)
