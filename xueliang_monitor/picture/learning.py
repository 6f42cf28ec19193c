"""Learns a camera's past from a set of healthy pictures at once, as at commissioning or from a corpus."""

from __future__ import annotations

from collections.abc import Sequence

from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.measures import Measures
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.remembering import remember

FOLDS = 3
"""Parts into which the pictures are divided; each is compared with what the others teach."""

MIN_FOR_FOLDS = 6
"""Pictures from which they are divided: two a part."""


def learn(looks: Sequence[Measures], hours: Sequence[float | None] = ()) -> Reference | None:
    """Return what healthy looks in time order teach, each at its local hour if known; None without any.

    Each third is compared with what the others teach, which shows how far healthy looks differ from the past.
    """
    compared: list[Comparison | None] = [None for _ in looks]
    if len(looks) >= MIN_FOR_FOLDS:
        for fold in range(FOLDS):
            others = _taught([each for number, each in enumerate(looks) if number % FOLDS != fold])
            for number in range(fold, len(looks), FOLDS):
                compared[number] = compare(looks[number], others)
    return _taught(looks, compared, hours)


def _taught(
    looks: Sequence[Measures], compared: Sequence[Comparison | None] = (), hours: Sequence[float | None] = ()
) -> Reference | None:
    reference: Reference | None = None
    for number, measures in enumerate(looks):
        found = compared[number] if compared else None
        hour = hours[number] if hours else None
        reference = remember(reference, measures, found, healthy=True, hour=hour)
    return reference
