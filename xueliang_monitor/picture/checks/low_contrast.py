"""Too little contrast: fog, haze, a film or dew on the dome."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.comparison import Comparison, Haze
from xueliang_monitor.picture.verdict import Check, Judged, View, any_of, both, over, under

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

FAR_GONE, FAR_LIGHTER = 0.28, 0.35
"""Share of the patterns that fog hides altogether, and how much lighter these blocks get beside the others.

Fog over a dark road raises the contrast of a view; it takes the pattern of what is far, in a light grey.
"""

NEAR_SEEN, NEAR_CONTRAST = 0.1, 0.8
"""Share of the patterns that must still show, and share of their usual contrast below which these are in fog as well.

What hides a part of the view leaves the rest as it was.
"""

FOG_COLOUR = 0.15
"""Distance from grey above which it is not fog that hides the far patterns."""

FOG_DETAIL = 0.55
"""Share of the usual detail that must be left at most: at dawn a sky in another light may look like fog."""

SCATTERED, SCATTERED_LITTLE = 0.6, 0.52
"""Share of the usual contrast that near patterns have in scattered light; the second where the view keeps its contrast.

Fog over lamps, or over a dark road, leaves the contrast of the whole view. Healthy looks of 17 cameras had 0.65 and
more, at dusk 0.59.
"""

KEPT, MOST_KEPT = 0.85, 1.25
"""Share of the usual contrast from which a view keeps it, and from which it is another light: fog adds none."""

SCATTERED_SEEN, SCATTERED_DETAIL = 0.15, 0.7
"""Share of the patterns that must still show, and share of the usual detail that is left at most in scattered light."""

LEAST_CONTRAST = 0.05
"""Smallest contrast by which is divided."""

IN_FOCUS = 0.75
"""Best detail over the contrast of the patterns: scattered light takes both alike, blur takes the detail first."""


def _judge(view: View) -> Judged:
    past = view.past
    if past is None:
        return Judged(None, "the usual contrast of this camera is not known yet")
    return any_of(_veil(view, past), _fog(past, past.haze), _scattered(past, past.haze))


def _scattered(past: Comparison, haze: Haze) -> Judged:
    """Judge light that fog, a bag or a film scatters into near patterns, by day and by night.

    Its share of the light is lost for their contrast, whatever the exposure.
    """
    limit = SCATTERED if past.contrast_ratio < KEPT else SCATTERED_LITTLE
    detail = (
        f"near patterns have {haze.contrast_ratio:.0%} of their usual contrast (limit {limit:.0%}),"
        f" {past.remaining_detail_ratio:.0%} of the detail is left (limit {SCATTERED_DETAIL:.0%})"
    )
    focus = past.best_detail_ratio / max(haze.contrast_ratio, LEAST_CONTRAST)
    there = both(
        over(haze.seen_ratio, SCATTERED_SEEN, 2 * SCATTERED_SEEN),
        over(focus, IN_FOCUS, 1.0),
        under(past.contrast_ratio, MOST_KEPT, 1.0),
    )
    lost = both(under(haze.contrast_ratio, limit, 0.3), under(past.remaining_detail_ratio, SCATTERED_DETAIL, 0.3))
    return Judged(both(there, lost), detail)


def _fog(past: Comparison, haze: Haze) -> Judged:
    """Judge fog: far patterns are gone in a light grey, near ones are weaker, whatever the contrast of the view."""
    detail = (
        f"nothing is left of {haze.gone_ratio:.0%} of the patterns (limit {FAR_GONE:.0%}), the others have"
        f" {haze.contrast_ratio:.0%} of their contrast (limit {NEAR_CONTRAST:.0%})"
    )
    far = both(
        over(haze.gone_ratio, FAR_GONE, 2 * FAR_GONE),
        over(haze.lighter_log_ratio, FAR_LIGHTER, 2 * FAR_LIGHTER),
        under(haze.colour_log_ratio, FOG_COLOUR, 0.0),
    )
    near = both(over(haze.seen_ratio, NEAR_SEEN, 3 * NEAR_SEEN), under(haze.contrast_ratio, NEAR_CONTRAST, 0.4))
    return Judged(both(far, near, under(past.remaining_detail_ratio, FOG_DETAIL, 0.1)), detail)


def _veil(view: View, past: Comparison) -> Judged:
    """Judge an even veil over the whole view, as of thin fog or of a film on the dome."""
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
