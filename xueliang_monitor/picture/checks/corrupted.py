"""A damaged picture: smears, mosaic, blocks of green or grey."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

FLAT_CELLS = 0.02
"""Excess over the usual share of single-coloured grey or green cells."""

SMEARED = 0.006
"""Excess over the usual share of smeared pixels."""

SMEARED_ROWS = 0.025
"""Excess over the usual share of rows drawn out to the right edge, as a decoder shows a lost slice."""

STEPS = 0.2
"""Excess over the usual steps between blocks that is damage by itself."""

SOME_STEPS = 0.06
"""Excess that must accompany flat cells or smears: the borders of fog, a wall or a bag do not lie on the grid."""

UNKNOWN_STEPS = 0.5
"""Steps between blocks that are damage without a past."""

USUAL_SMEARED, USUAL_SMEARED_ROWS, USUAL_STEPS = 0.01, 0.1, 0.1
"""Highest usual values while none are known."""

VEILED = 0.25
"""Share of the view behind something above which smears and steps are not damage."""

STRIPES_PROMINENCE, STRIPES_LEVELS = 10.0, 4.0
"""Stripes this prominent and this strong make steps of their own: the picture is striped, not damaged."""


def _judge(view: View) -> Judged:
    measures, usual = view.measures, view.usual.frame
    flat = measures.flat_cells_ratio - usual.flat_cells_ratio.highest(0.0)
    smeared = measures.smeared_ratio - usual.smeared_ratio.highest(USUAL_SMEARED)
    rows = measures.smeared_rows_ratio - usual.smeared_rows_ratio.highest(USUAL_SMEARED_ROWS)
    steps = measures.grid_steps_ratio - max(0.0, usual.grid_steps_ratio.highest(USUAL_STEPS))
    detail = (
        f"above the usual: {flat:.1%} grey or green cells (limit {FLAT_CELLS:.1%}), {smeared:.1%} smears"
        f" (limit {SMEARED:.1%}), {rows:.1%} drawn-out rows (limit {SMEARED_ROWS:.1%}),"
        f" steps between blocks {steps:.2f} (limit {STEPS})"
    )
    past = view.past
    if past is None:
        return Judged(over(measures.grid_steps_ratio, UNKNOWN_STEPS, 2 * UNKNOWN_STEPS), detail)
    lost = over(rows, SMEARED_ROWS, 3 * SMEARED_ROWS)
    if flat < FLAT_CELLS and past.veiled_ratio > VEILED:
        return Judged(lost, f"{detail}, but something hides {past.veiled_ratio:.0%} of the view")
    if any(each.prominence >= STRIPES_PROMINENCE and each.levels >= STRIPES_LEVELS for each in measures.stripes):
        return Judged(0.0, f"{detail}, but stripes cross the whole picture")
    spoiled = max(over(flat, FLAT_CELLS, 3 * FLAT_CELLS), over(smeared, SMEARED, 4 * SMEARED))
    gridded = both(spoiled, over(steps, SOME_STEPS, 4 * SOME_STEPS))
    return Judged(max(gridded, over(steps, STEPS, 3 * STEPS), lost), detail)


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
