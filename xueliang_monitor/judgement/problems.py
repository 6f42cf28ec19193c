"""Open problems: one for each cause, with what people say about it. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.model import Severity

_RANKS = {Severity.CRITICAL: 0, Severity.WARNING: 1}


class ProblemKind(enum.StrEnum):
    """What is in trouble; the values are part of stored keys and of the API.

    `OUTAGE` is a camera that is offline, for whatever faults; `FAULT` is one fault of a camera that answers.
    """

    OUTAGE = "outage"
    FAULT = "fault"
    UPLINK = "uplink"
    HOST = "host"
    CREDENTIALS = "credentials"
    MONITOR = "monitor"


@dataclass(frozen=True, slots=True)
class OpenProblem:
    """One confirmed cause of trouble that is not over.

    Attributes:
        kind: what is in trouble.
        subject: the camera, the node of the topology or the login; empty for the monitor itself.
        codes: the faults, of which an outage may have several.
        since: when it was first seen.
        confirmed_at: when it was confirmed.
        detail: what was observed last.
        cameras: how many cameras it takes.

    """

    kind: ProblemKind
    subject: str
    codes: tuple[str, ...]
    since: float
    confirmed_at: float
    detail: str = ""
    cameras: int = 1

    @property
    def key(self) -> str:
        """Its name among all open problems; the same again when it comes back after its end."""
        code = "" if self.kind is ProblemKind.OUTAGE else self.codes[0]
        return f"{self.kind.value}:{self.subject}:{code}"

    @property
    def camera(self) -> str:
        """The camera in trouble; empty if it is not one camera."""
        return self.subject if self.kind in (ProblemKind.OUTAGE, ProblemKind.FAULT) else ""

    @property
    def node(self) -> str:
        """The node of the topology in trouble; empty if it is not one."""
        return self.subject if self.kind in (ProblemKind.UPLINK, ProblemKind.HOST) else ""

    @property
    def login(self) -> str:
        """The login that is refused; empty if that is not the problem."""
        return self.subject if self.kind is ProblemKind.CREDENTIALS else ""

    @property
    def severity(self) -> Severity:
        """The severity of its worst fault."""
        known = (FAULTS[code].severity for code in self.codes if code in FAULTS)
        return min(known, key=_RANKS.__getitem__, default=Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Someone knows of a problem and says so until a time, or until the problem ends.

    Attributes:
        id: its number in the history.
        problem: the key of the problem.
        by: the user who acknowledged it.
        at: when.
        until: when it expires.
        note: what the user wants others to know.
        ended: when a user took it back, or another one replaced it; None otherwise.

    """

    id: int
    problem: str
    by: str
    at: float
    until: float
    note: str = ""
    ended: float | None = None

    def holds(self, problem: OpenProblem, now: float) -> bool:
        """Return whether it is in force for a problem. One that ended and came back is another problem."""
        return (
            self.problem == problem.key and problem.confirmed_at <= self.at and now < self.until and self.ended is None
        )


def parts_of(key: str) -> tuple[ProblemKind | None, str, str]:
    """Return the kind, the subject and the code of a problem's key; the kind is None if it is no key."""
    kind, _, rest = key.partition(":")
    subject, _, code = rest.rpartition(":")
    return (ProblemKind(kind) if kind in set(ProblemKind) else None), subject, code


def problems_of(camera: str, health: Health) -> tuple[OpenProblem, ...]:
    """Return the open problems of a camera: its outage as one, and each fault that does not keep it offline."""
    down, confirmed = health.outage, health.confirmed
    faults = tuple(
        OpenProblem(ProblemKind.FAULT, camera, (known.code,), known.since, known.confirmed_at, known.detail)
        for known in confirmed
        if known.confirmed_at is not None and not (down is not None and known.offline)
    )
    if down is None:
        return faults
    keeping = sorted((known for known in confirmed if known.offline), key=lambda known: known.since)
    codes = tuple(dict.fromkeys((*down.codes, *(known.code for known in keeping))))
    detail = keeping[-1].detail if keeping else ""
    return (OpenProblem(ProblemKind.OUTAGE, camera, codes, down.began, down.confirmed_at, detail), *faults)


def worst_first(problems: Iterable[OpenProblem]) -> list[OpenProblem]:
    """Return problems in the order in which people take them: the most serious first, then the newest."""
    return sorted(problems, key=lambda each: (_RANKS[each.severity], -each.since, each.key))
