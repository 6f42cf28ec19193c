"""Asks every check in order; what one hides, the later ones cannot tell."""

from __future__ import annotations

from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.measures import Measures
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Sight, Verdict


def judge(measures: Measures, reference: Reference | None) -> tuple[Verdict, ...]:
    """Return each check's verdict on one picture."""
    verdicts: list[Verdict] = []
    hidden = False
    for check in PICTURE_CHECKS:
        sight, detail = (Sight.UNKNOWN, "") if hidden else check.judge(measures, reference)
        verdicts.append(Verdict(check.fault.code, sight, detail))
        hidden = hidden or (check.hides_others and sight is Sight.SEEN)
    return tuple(verdicts)
