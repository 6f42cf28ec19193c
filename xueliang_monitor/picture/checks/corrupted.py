"""A damaged picture: smears, mosaic, blocks of green or grey."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.checks.striped import STRIPED
from xueliang_monitor.picture.measures import Damage, Motion
from xueliang_monitor.picture.verdict import COARSE, LIMIT, USUAL_STEPS, Check, Judged, View, any_of, both, over

FLAT_CELLS = 0.02
"""Excess over the usual share of single-coloured grey or green cells."""

SMEARED = 0.006
"""Excess over the usual share of smeared pixels."""

SMEARED_ROWS = 0.025
"""Excess over the usual share of rows drawn out to the right edge, as a decoder shows a lost slice."""

STEPS = 0.25
"""Excess over the usual steps between blocks that is damage by itself. Video that was cut off had 0.27 and more."""

REMAINING = 0.75
"""Share of the usual detail below which a low bitrate may have taken detail and grain. Mosaic stands beside both."""

SLOW_FACTOR = 2.0
"""Factor of the limits of steps on a slow line, where healthy pictures had steps of up to 0.5. Mosaic has 3 or more."""

SOME_STEPS, SMEARED_STEPS = 0.06, 0.2
"""Excess that must accompany flat cells, and smears: the borders of fog, a wall or a bag do not lie on the grid.

A low bitrate makes smears with steps of up to 0.15.
"""

SOME_STEPS_AFTER = 0.35
"""The same in the pictures after the keyframe, where a low bitrate makes steps of its own."""

LOST_ROWS = 0.075
"""Share of the height in rows that are smooth in one picture of a burst and show the scene in another.

So a decoder conceals a lost slice.
"""

OFFSET_LEVELS = 30.0
"""Jump of the light or of a colour, over the whole width, from which what follows in a picture of a burst is damaged.

A bus that filled the width had 27.
"""

UNKNOWN_STEPS = 1.1
"""Steps between blocks that are damage without a past. Mosaic has 3 and more. A healthy picture has up to 0.15. One
that the camera enlarged shows the blocks of its source, up to 1.0."""

USUAL_SMEARED, USUAL_SMEARED_ROWS = 0.01, 0.1
"""Highest usual values while none are known."""

VEILED = 0.25
"""Share of the view behind something above which smears and steps are not damage."""

STRIPES_PROMINENCE, STRIPES_LEVELS = 10.0, 4.0
"""Stripes this prominent and this strong make steps of their own: the picture is striped, not damaged."""

COLUMNS = 0.6
"""Likeness of new columns over the height from which the columns of the sensor fail.

Made damage and healthy pictures had 0.35 at most, most columns that failed 0.8 and more.
"""

CUT_OFF, COARSE_CUT_OFF = 0.04, 0.25
"""Excess over the usual share of the height that is missing up from the lower edge; the second where a low bitrate
leaves plain ground without any grain, as it did on up to 0.2 of the height."""

VOID_CELLS = 0.02
"""Excess over the usual share of cells without luma and chroma, which is damage by itself."""


def _judge(view: View) -> Judged:
    """Judge every picture of a burst: damage comes between keyframes too, and the next keyframe clears it."""
    motion = view.measures.motion
    first = _damaged(view, view.measures.damage)
    if motion is None or view.past is None:
        return first
    after = [_damaged(view, damage, after=True) for damage in motion.damages]
    if (STRIPED.judge(view).score or 0.0) >= LIMIT:  # stripes that wander differ from picture to picture as well
        return any_of(first, *after)
    return any_of(first, *after, _lost_rows(motion), _offset(motion))


def _offset(motion: Motion) -> Judged:
    """Judge rows that are lighter, darker or of another colour, from one row on and over the whole width."""
    return Judged(
        over(motion.offset_levels, OFFSET_LEVELS, 2 * OFFSET_LEVELS),
        f"from one row on, a picture of the burst is off by {motion.offset_levels:.0f} levels over the whole width"
        f" (limit {OFFSET_LEVELS:.0f})",
    )


def _lost_rows(motion: Motion) -> Judged:
    """Judge rows without anything in one picture of the burst that show the scene in another."""
    lost = motion.lost_rows_ratio
    return Judged(
        over(lost, LOST_ROWS, 3 * LOST_ROWS),
        f"{lost:.1%} of the height is smooth in one picture of the burst and not in another (limit {LOST_ROWS:.1%})",
    )


def _slow(view: View) -> bool:
    """Whether a low bitrate may have made blocks: it takes the faint detail, or grain and detail of the whole view."""
    left = view.past.remaining_detail_ratio if view.past is not None else 1.0
    return view.slow_line or (view.grainless and left < REMAINING)


def _gridded(view: View, flat: float, smeared: float, steps: float, *, after: bool) -> float:
    """Return the score of flat cells or smears that steps between blocks accompany, all above the usual."""
    coarse = after or _slow(view)
    for_flat = SOME_STEPS_AFTER if coarse else SOME_STEPS
    for_smears = (SOME_STEPS_AFTER if coarse else SMEARED_STEPS) * (SLOW_FACTOR if _slow(view) else 1.0)
    return max(
        both(over(flat, FLAT_CELLS, 3 * FLAT_CELLS), over(steps, for_flat, 2 * for_flat + 0.12)),
        both(over(smeared, SMEARED, 4 * SMEARED), over(steps, for_smears, 2 * for_smears + 0.12)),
    )


def _damaged(view: View, damage: Damage[float], *, after: bool = False) -> Judged:
    """Judge the damage of one picture of a burst; where it stands out is told by the first picture.

    A picture `after` the keyframe may have the blocks of a low bitrate where the keyframe has none.
    """
    usual = view.usual.frame
    flat = damage.flat_cells_ratio - usual.flat_cells_ratio.highest(0.0)
    smeared = damage.smeared_ratio - usual.smeared_ratio.highest(USUAL_SMEARED)
    rows = damage.smeared_rows_ratio - usual.smeared_rows_ratio.highest(USUAL_SMEARED_ROWS)
    steps = damage.grid_steps_ratio - max(0.0, usual.grid_steps_ratio.highest(USUAL_STEPS))
    cut_off = damage.cut_off_ratio - usual.cut_off_ratio.highest(1.0)
    void = damage.void_cells_ratio - usual.void_cells_ratio.highest(0.0)
    limit = SLOW_FACTOR * STEPS if _slow(view) else STEPS
    most = COARSE_CUT_OFF if steps > COARSE else CUT_OFF
    detail = (
        f"above the usual: {flat:.1%} grey or green cells (limit {FLAT_CELLS:.1%}), {void:.1%} without any data"
        f" (limit {VOID_CELLS:.1%}), {smeared:.1%} smears (limit {SMEARED:.1%}), {rows:.1%} drawn-out rows"
        f" (limit {SMEARED_ROWS:.1%}),"
        f" steps between blocks {steps:.2f} (limit {limit:.2f}), {max(0.0, cut_off):.0%} cut off (limit {most:.0%})"
    )
    past = view.past
    if past is None:
        return Judged(over(damage.grid_steps_ratio, UNKNOWN_STEPS, 2 * UNKNOWN_STEPS), detail)
    lost = max(
        over(rows, SMEARED_ROWS, 3 * SMEARED_ROWS),
        over(cut_off, most, most + 2 * CUT_OFF),
        over(void, VOID_CELLS, 3 * VOID_CELLS),
    )
    if flat < FLAT_CELLS and past.veiled_ratio > VEILED:
        return Judged(lost, f"{detail}, but something hides {past.veiled_ratio:.0%} of the view")
    stripes = *view.measures.stripes, view.measures.slanting_stripes
    columns = past.columns_correlation >= COLUMNS
    if columns or any(each.prominence >= STRIPES_PROMINENCE and each.levels >= STRIPES_LEVELS for each in stripes):
        return Judged(over(void, VOID_CELLS, 3 * VOID_CELLS), f"{detail}, but stripes cross the whole picture")
    blocks = 0.0 if after else over(steps, limit, 3 * limit)
    return Judged(max(_gridded(view, flat, smeared, steps, after=after), blocks, lost), detail)


CORRUPTED = Check(
    Fault(
        "picture_corrupted",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Damaged picture", "花屏/马赛克"),
        cause=Text(
            "Packets are lost on the way, or the encoder or its memory is damaged.", "传输丢包，或编码器、内存损坏。"
        ),
        advice=Text(
            "Check the line for loss; restart the camera; update its firmware.", "检查线路丢包；重启摄像机；升级固件。"
        ),
    ),
    _judge,
    intermittent=True,
)
