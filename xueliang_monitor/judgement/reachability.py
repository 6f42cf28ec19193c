"""Whether a visit reached its camera, and since when each camera is lost. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

from xueliang_monitor.model import Rung, VisitResult
from xueliang_monitor.probing.rungs.picture import CHECK_FAILED
from xueliang_monitor.probing.rungs.reach import CONNECT_TIMEOUT, CONNECTION_REFUSED, HOST_UNREACHABLE
from xueliang_monitor.probing.rungs.rtsp import (
    CONNECTION_CLOSED,
    RTSP_MALFORMED,
    RTSP_TIMEOUT,
    SERVER_ERROR,
    TLS_FAILED,
)

UNREACHABLE = frozenset({HOST_UNREACHABLE.code, CONNECT_TIMEOUT.code})
"""Faults of a camera that may be behind a dead uplink: nothing answers at all."""

UNSERVED = frozenset(
    fault.code
    for fault in (CONNECTION_REFUSED, RTSP_TIMEOUT, CONNECTION_CLOSED, RTSP_MALFORMED, SERVER_ERROR, TLS_FAILED)
)
"""Faults of a camera whose host may serve none of its channels, although the network reaches the host."""


NO_RTSP_ANSWER = UNSERVED | {CHECK_FAILED.code}
"""Faults of the RTSP rung without an answer of the host. A refused login or an unknown path is an answer."""


class Answer(enum.Enum):
    """What a visit got.

    `SERVED`: the host answered RTSP. `REACHED`: the network reaches the host, and nobody asked for more. `UNSERVED`:
    the host did not answer RTSP as it should. `LOST`: nothing answered at all.
    """

    SERVED = enum.auto()
    REACHED = enum.auto()
    UNSERVED = enum.auto()
    LOST = enum.auto()


def answer_of(visited: VisitResult) -> Answer | None:
    """Return what a visit got; None if it cannot tell, as after an error of the monitor."""
    if visited.seen:
        codes = {finding.code for finding in visited.seen}
        if codes & UNREACHABLE:
            return Answer.LOST
        if codes & UNSERVED:
            return Answer.UNSERVED
    if not any(result.rung == Rung.REACH and result.ok for result in visited.rungs):
        return None
    spoke = any(result.rung == Rung.RTSP and result.fault not in NO_RTSP_ANSWER for result in visited.rungs)
    return Answer.SERVED if spoke else Answer.REACHED


@dataclass(frozen=True, slots=True)
class Member:
    """What is known of the way to one camera.

    Attributes:
        at: when it was last visited with an answer, or without one that it should have given.
        lost_at: since when nothing answers; None while something does.
        unserved_at: since when its host does not serve it, reachable or not; None while it does.
        streak: visits in a row that were not served.
        told: whether the last visit could tell.

    """

    at: float
    lost_at: float | None = None
    unserved_at: float | None = None
    streak: int = 0
    told: bool = True

    def moved(self, change: Callable[[float], float]) -> Member:
        """Return a copy with `change` applied to every time."""
        lost = None if self.lost_at is None else change(self.lost_at)
        unserved = None if self.unserved_at is None else change(self.unserved_at)
        return replace(self, at=change(self.at), lost_at=lost, unserved_at=unserved)


def after(before: Member | None, answer: Answer | None, at: float) -> Member | None:
    """Return a member after a visit that started at `at`; None if nothing is known of it yet."""
    if answer is None:
        return None if before is None else replace(before, told=False)
    if answer is Answer.SERVED:
        return Member(at)
    if answer is Answer.REACHED:
        return Member(at) if before is None else replace(before, at=at, lost_at=None, told=True)
    unserved = before.unserved_at if before is not None and before.unserved_at is not None else at
    streak = 1 if before is None else before.streak + 1
    if answer is Answer.UNSERVED:
        return Member(at, None, unserved, streak)
    lost = before.lost_at if before is not None and before.lost_at is not None else at
    return Member(at, lost, unserved, streak)
