"""How a rung is declared, what it is given, and what it returns."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from xueliang_monitor.model import CheckFailure, Fault, Finding, Rung, RungResult, Target, Text, Timeouts
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.climbed import Climbed
from xueliang_monitor.probing.login_book import VisitLogins
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.process.pauses import Pauses
from xueliang_monitor.process.ranked_turns import Rank
from xueliang_monitor.readings import NO_READINGS, Readings
from xueliang_monitor.wire.device_text import Gate

Progress = Callable[[Rung, RungResult | None], None]
"""Called with a rung when it is begun, without a result, and again with its result."""


@dataclass(frozen=True, slots=True)
class VisitContext:
    """What every rung of a visit is given.

    `memory` is what was remembered before the visit, and `logins` gives leave to try a login. `started_at` is when the
    visit started and `now` returns the present, both in seconds since the epoch. `gate` is the one for the camera's
    texts. `ends_at` is the monotonic second at which a bounded visit ends. `rank` says who comes first where visits
    wait for something of the monitor.
    """

    target: Target
    memory: Memory
    logins: VisitLogins
    timeouts: Timeouts
    workers: Workers
    names: NameResolver
    pauses: Pauses
    started_at: float
    now: Callable[[], float]
    gate: Gate
    ends_at: float | None = None
    progress: Progress | None = None
    rank: Rank = ()


@dataclass(frozen=True, slots=True)
class RungOutcome:
    """What a rung returns that did not fail.

    `value` is for the rungs after it, by its type. `seen` are faults that do not stop the visit; `ruled_out` are codes
    that it could rule out besides those that its probe excludes. `look_again` asks for an early second look at the
    picture. `failures` are errors of our own that cost a part of the rung.
    """

    readings: Readings = NO_READINGS
    seen: tuple[Finding, ...] = ()
    ruled_out: frozenset[str] = frozenset()
    look_again: bool = False
    value: object | None = None
    failures: tuple[CheckFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class Recheck:
    """How soon a camera is visited again while something is undecided; `key` is its name under `rechecks`."""

    key: str
    seconds: float


PICTURE_SHARE_SECONDS = 2.5
"""What the rungs below the picture leave for it in a bounded visit."""

QUICK_RECHECK = Recheck("reach", 2.0)
SLOW_RECHECK = Recheck("picture", 20.0)


def _rtsp_port(target: Target) -> int:
    return target.port


def _at_once(_context: VisitContext) -> AbstractAsyncContextManager[None]:
    return contextlib.nullcontext()


def _always(_target: Target) -> bool:
    return True


def _when_due(_context: VisitContext, _climbed: Climbed, *, due: bool) -> bool:
    return due


class Wanted(Protocol):
    """Says whether a rung beside the ladder is climbed in a visit, given whether it is due."""

    def __call__(self, context: VisitContext, climbed: Climbed, /, *, due: bool) -> bool:
        """Return whether it is climbed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The declaration of a rung. Settings, schedule, judgement, acceptance test, page and metrics are derived from it.

    Attributes:
        rung: its name, as stored, shown and used as a key of the settings.
        title: its name for people.
        summary: what it does, in one sentence.
        faults: what it can see.
        excludes: codes of which only one can stop a visit: seeing one, or passing, rules out the others.
        timed: faults that a starved monitor may wrongly see on a healthy camera.
        timed_out: the fault raised when the time limit expires.
        climb: climbs it within so many seconds; raises `FaultSeen` for the fault that stops the visit.
        prepare: runs before it, takes none of its time and bounds its own; returns a value as `climb` does.
        turn: waits for what it needs of the monitor, and keeps it; the wait takes none of its time.
        interval_seconds: how often it is climbed.
        recheck: how soon it is climbed again while something is undecided.
        timeout_seconds: how long it may take.
        grace_seconds: the extra time that the visit waits for a rung that watches its timeout itself.
        confirmations: how many visits in a row must see one of its faults.
        offline: whether a camera at which it fails is offline.
        beside: None for a rung of the ladder. A rung beside the ladder names the rung that is climbed before it, and
            its failure stops no visit.
        applies: whether a camera has it.
        wanted: whether a rung beside the ladder is climbed in a visit, given whether it is due.
        leaves_seconds: of a bounded visit, the time that it leaves for later rungs.
        after_session: whether the RTSP session is closed before it, as it does not need the camera.
        port: the port of the camera that it talks to.

    """

    rung: Rung
    title: Text
    summary: Text
    faults: tuple[Fault, ...]
    excludes: frozenset[str] = frozenset()
    timed: tuple[Fault, ...] = ()
    timed_out: Fault
    climb: Callable[[VisitContext, Climbed, float], Awaitable[RungOutcome]]
    prepare: Callable[[VisitContext], Awaitable[object]] | None = None
    turn: Callable[[VisitContext], AbstractAsyncContextManager[None]] = _at_once
    interval_seconds: float = 300.0
    recheck: Recheck = SLOW_RECHECK
    timeout_seconds: float
    grace_seconds: float = 0.0
    confirmations: int = 2
    offline: bool = False
    beside: Rung | None = None
    applies: Callable[[Target], bool] = _always
    wanted: Wanted = _when_due
    leaves_seconds: float = 0.0
    after_session: bool = False
    port: Callable[[Target], int] = _rtsp_port
