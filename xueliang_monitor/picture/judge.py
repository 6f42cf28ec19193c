"""Runs every check in order. A fault that hides others leaves them unknown; a check that fails costs itself alone."""

from __future__ import annotations

from collections.abc import Mapping

from xueliang_monitor.model import NO_NUMBERS, CheckFailure
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.verdict import LIMIT, Sight, Verdict, View


def judge(view: View, limits: Mapping[str, float] = NO_NUMBERS) -> tuple[Verdict, ...]:
    """Return each check's verdict on one picture; `limits` are the scores from which faults are seen, by code."""
    verdicts: list[Verdict] = []
    hidden = False
    for check in PICTURE_CHECKS:
        if hidden:
            verdicts.append(Verdict(check.fault.code, Sight.UNKNOWN))
            continue
        try:
            judged = check.judge(view)
        except MemoryError:
            raise  # it concerns the whole process, not this check
        except Exception as error:  # noqa: BLE001 - the other checks can still tell something
            failure = CheckFailure.of(check.fault.code, error)
            verdicts.append(Verdict(check.fault.code, Sight.UNKNOWN, failure=failure))
            continue
        sight = judged.sight(limits.get(check.fault.code, LIMIT))
        verdicts.append(Verdict(check.fault.code, sight, judged.detail, judged.score))
        hidden = check.hides_others and sight is Sight.SEEN
    return tuple(verdicts)
