"""Asks every check in order; what one hides, the later ones cannot tell."""

from __future__ import annotations

from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.verdict import Sight, Verdict, View


def judge(view: View) -> tuple[Verdict, ...]:
    """Return each check's verdict on one picture."""
    verdicts: list[Verdict] = []
    hidden = False
    for check in PICTURE_CHECKS:
        if hidden:
            verdicts.append(Verdict(check.fault.code, Sight.UNKNOWN))
            continue
        judged = check.judge(view)
        verdicts.append(Verdict(check.fault.code, judged.sight, judged.detail, judged.score))
        hidden = check.hides_others and judged.sight is Sight.SEEN
    return tuple(verdicts)
