"""A damaged picture: smears, mosaic, blocks of green or grey."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.measures import STRIPE_BANDS, pure
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

FLAT_CELLS = 0.02
SMEARED = 0.006
DRAWN_OUT = 0.025
STEPS = 0.2
SOME_STEPS = 0.06
UNKNOWN_STEPS = 0.5
VEILED = 0.25
EVEN, STRIPES = 10.0, 4.0
"""How far stripes stand out, and of how many levels they are, that are none of a damaged picture's."""


def _judge(view: View) -> Judged:
    flat = view.number("flat_cells") - view.highest("flat_cells", 0.0)
    smeared = view.number("smeared") - view.highest("smeared", 0.01)
    drawn = view.number("smeared_rows") - view.highest("smeared_rows", 0.1)
    steps = view.number("grid_steps") - max(0.0, view.highest("grid_steps", 0.1))
    detail = (
        f"{flat:.1%} more grey or green cells than usual (limit {FLAT_CELLS:.1%}), {smeared:.1%} more smears"
        f" (limit {SMEARED:.1%}), {drawn:.1%} more in rows drawn out (limit {DRAWN_OUT:.1%}),"
        f" steps between blocks {steps:.2f} higher (limit {STEPS})"
    )
    past = view.past
    if past is None:
        return Judged(over(view.number("grid_steps"), UNKNOWN_STEPS, 2 * UNKNOWN_STEPS), detail)
    lost = over(drawn, DRAWN_OUT, 3 * DRAWN_OUT)
    if flat < FLAT_CELLS and past.veiled > VEILED:
        return Judged(lost, f"{detail}, but something hides {past.veiled:.0%} of the view")
    if any(view.number(pure(name)) >= EVEN and view.number(name) >= STRIPES for name in STRIPE_BANDS):
        return Judged(0.0, f"{detail}, but stripes go through the whole picture")
    # Fog, a wall and a bag are flat too, but their borders do not lie on the grid.
    spoiled = max(over(flat, FLAT_CELLS, 3 * FLAT_CELLS), over(smeared, SMEARED, 4 * SMEARED))
    gridded = both(spoiled, over(steps, SOME_STEPS, 4 * SOME_STEPS))
    return Judged(max(gridded, over(steps, STEPS, 3 * STEPS), lost), detail)


CORRUPTED = Check(
    Fault(
        "picture_corrupted",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Damaged picture", "画面损坏"),
        Text("Packets are lost on the way, or the encoder or its memory is damaged.", "传输丢包，或编码器、内存损坏。"),
        Text(
            "Check the line for loss; restart the camera; update its firmware.", "检查线路丢包；重启摄像机；升级固件。"
        ),
    ),
    _judge,
    comes_and_goes=True,
)
