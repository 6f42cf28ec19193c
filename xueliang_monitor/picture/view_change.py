"""Keeps a camera that was turned from becoming normal by waiting. Pure.

A changed view is a fact: it lasts until somebody turns the camera back or has it relearned. By night, in fog or behind
a crowd a look often cannot tell that the view is another one. Such a look must neither rule the fault out nor teach, or
the new view would become the usual one. So a view that was found moved twice in a row is back only when the edges of
the known view are found again. A view that sags slower than looks can tell is still learned with time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xueliang_monitor.picture.checks.moved import MOVED
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.reference import CERTAIN_LOOKS, Reference, Usual
from xueliang_monitor.picture.verdict import OFF, Sight, Verdict

BACK = 0.7
"""Share of the usual edge correlation from which the known view is found again; less if healthy looks had less.

Chosen by hand: a made view turned by a fifth of its width still has 0.54 of it, one shifted by 3 % 0.66, the right one
in fog 0.80.
"""


def held(
    verdicts: tuple[Verdict, ...],
    compared: Comparison | None,
    reference: Reference | None,
    *,
    limits: Mapping[str, float],
) -> tuple[tuple[Verdict, ...], int]:
    """Return the verdicts, the view's only if it is proven, and how many looks found the view moved since it was right.

    `limits` are the scores from which faults are seen, by code.
    """
    known = reference.moved_looks if reference is not None else 0
    told = next((verdict for verdict in verdicts if verdict.code == MOVED.fault.code), None)
    if told is None or limits.get(MOVED.fault.code, 0.0) >= OFF:
        return verdicts, 0
    if told.sight is Sight.SEEN:
        return verdicts, min(known + 1, CERTAIN_LOOKS)
    if told.sight is Sight.RULED_OUT and (known < CERTAIN_LOOKS or _is_back(compared, reference)):
        return verdicts, 0
    if told.sight is not Sight.RULED_OUT:
        return verdicts, known
    unproven = replace(told, sight=Sight.UNKNOWN)
    return tuple(unproven if verdict is told else verdict for verdict in verdicts), known


def _is_back(compared: Comparison | None, reference: Reference | None) -> bool:
    if compared is None or reference is None:
        return False
    usual = Usual.of(reference.usual).scene.edge_correlation
    return compared.edge_correlation >= min(BACK * usual.median(1.0), usual.lowest(1.0))
