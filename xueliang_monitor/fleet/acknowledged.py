"""What people acknowledged, and the open problems of a fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from xueliang_monitor.fleet.fleet_credentials import FleetCredentials
from xueliang_monitor.fleet.monitor_status import MonitorFault
from xueliang_monitor.fleet.root_causes import Uplink
from xueliang_monitor.fleet.snapshot import CredentialsTrouble, Entry
from xueliang_monitor.judgement.credentials import CREDENTIALS_REFUSED
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem, ProblemKind, parts_of, problems_of
from xueliang_monitor.judgement.root_causes import HOST_DOWN, UPLINK_DOWN
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.topology import NodeKind

InForce = tuple[tuple[OpenProblem, Acknowledgement], ...]
"""Open problems with the acknowledgement in force."""


def problems_of_causes(
    uplinks: Iterable[Uplink], refused: Iterable[CredentialsTrouble], own: Iterable[MonitorFault]
) -> Iterator[OpenProblem]:
    """Yield the open problems that are not of one camera: dead nodes, refused logins, faults of the monitor."""
    for node in uplinks:
        if node.down_since is not None:
            is_host = node.kind is NodeKind.HOST
            kind, code = (ProblemKind.HOST, HOST_DOWN.code) if is_host else (ProblemKind.UPLINK, UPLINK_DOWN.code)
            yield OpenProblem(kind, node.name, (code,), node.down_since, node.down_since, cameras=len(node.lost))
    for login in refused:
        code = CREDENTIALS_REFUSED.code
        kind = ProblemKind.CREDENTIALS
        yield OpenProblem(kind, login.name, (code,), login.since, login.since, login.detail, login.cameras)
    for known in own:
        yield OpenProblem(ProblemKind.MONITOR, "", (known.code,), known.since, known.since, known.detail, cameras=0)


class Watched(Protocol):
    """What the open problems are taken from."""

    credentials: FleetCredentials

    @property
    def now(self) -> float:
        """The current time in seconds since the epoch."""
        ...

    @property
    def isolated(self) -> bool:
        """Whether the monitor itself is cut off, so that nothing is known of nodes."""
        ...

    @property
    def uplinks(self) -> tuple[Uplink, ...]:
        """The nodes of the topology."""
        ...

    @property
    def monitor_faults(self) -> tuple[MonitorFault, ...]:
        """The faults of the monitor itself."""
        ...


class Acknowledged:
    """The acknowledgements that are known; `tell` is called with the transitions of each change."""

    def __init__(self, watched: Watched, tell: Callable[[tuple[Transition, ...]], None]) -> None:
        self._watched = watched
        self._tell = tell
        self._by_problem: dict[str, list[Acknowledgement]] = {}
        self._known: tuple[Acknowledgement, ...] | None = None

    @property
    def ready(self) -> bool:
        """Whether the acknowledgements of the history were read."""
        return self._known is not None

    @property
    def known(self) -> tuple[Acknowledgement, ...]:
        """All acknowledgements that have not expired, oldest first."""
        return self._known or ()

    def take(self, fresh: tuple[Acknowledgement, ...]) -> None:
        """Replace the acknowledgements by those of the history; the first ones were told before the start."""
        if fresh == self._known:
            return
        before, self._known = self._known, fresh
        self._by_problem = {}
        for each in fresh:
            self._by_problem.setdefault(each.problem, []).append(each)
        self._tell(() if before is None else tuple(self._changes(before, fresh)))

    def _changes(self, before: tuple[Acknowledgement, ...], fresh: tuple[Acknowledgement, ...]) -> Iterator[Transition]:
        told = {each.id: each for each in before}
        held = {each.problem for each in fresh if each.ended is None}
        for each in fresh:
            if each.id not in told and each.ended is None:
                note = f": {each.note}" if each.note else ""
                detail = f"{each.by}, until {iso_utc(each.until)}{note}"
                yield _transition(TransitionKind.ACKNOWLEDGED, each, self._watched.now, detail)
            elif each.id in told and told[each.id].ended is None and each.problem not in held:
                yield _transition(TransitionKind.RELEASED, each, self._watched.now, "")

    def of(self, problem: OpenProblem, now: float) -> Acknowledgement | None:
        """Return the acknowledgement in force for a problem; the latest if there are several."""
        holding = (each for each in reversed(self._by_problem.get(problem.key, ())) if each.holds(problem, now))
        return next(holding, None)

    def causes(self) -> Iterator[OpenProblem]:
        """Return the open problems that are not of one camera."""
        watched = self._watched
        nodes = () if watched.isolated else watched.uplinks
        return problems_of_causes(nodes, watched.credentials.troubles, watched.monitor_faults)

    def in_force(self, entries: Mapping[str, Entry]) -> InForce:
        """Return the open problems that are acknowledged, with the acknowledgement."""
        if not self._by_problem:
            return ()
        others = {problem.key: problem for problem in self.causes()}
        found = [others.get(key) or self.open_of(key, entries) for key in self._by_problem]
        known = ((problem, self.of(problem, self._watched.now)) for problem in found if problem is not None)
        return tuple((problem, who) for problem, who in known if who is not None)

    @staticmethod
    def open_of(key: str, entries: Mapping[str, Entry]) -> OpenProblem | None:
        """Return the open problem of a camera by its key; None if there is none."""
        _, camera, _ = parts_of(key)
        entry = entries.get(camera)
        found = problems_of(camera, entry.health) if entry is not None else ()
        return next((problem for problem in found if problem.key == key), None)

    def of_camera(self, entry: Entry, now: float) -> tuple[tuple[OpenProblem, Acknowledgement | None], ...]:
        """Return the open problems of a camera, each with its acknowledgement."""
        if not entry.health.confirmed and entry.health.outage is None:
            return ()
        found = problems_of(entry.camera.id, entry.health)
        return tuple((problem, self.of(problem, now)) for problem in found)


def _transition(kind: TransitionKind, known: Acknowledgement, now: float, detail: str) -> Transition:
    of, subject, code = parts_of(known.problem)
    made = Transition("", now, kind, code, detail=detail)
    if of in (ProblemKind.UPLINK, ProblemKind.HOST):
        return replace(made, uplink=subject)
    return replace(made, login=subject) if of is ProblemKind.CREDENTIALS else replace(made, camera=subject)
