"""The monitor's own condition: how its event loop, history, reloads, page and visits are doing."""

from __future__ import annotations

import bisect
import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.configuration.strict_yaml import Problem
from xueliang_monitor.fleet.changes import ChangeKind
from xueliang_monitor.fleet.notification_status import NotificationStatus
from xueliang_monitor.judgement.overload import MONITOR_OVERLOADED, Overload
from xueliang_monitor.model import Rung, VisitResult
from xueliang_monitor.picture.failures import Failures
from xueliang_monitor.probing.rungs import PROBES
from xueliang_monitor.process.pauses import Pauses

DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATENESS_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
OVERDUE_BOUNDS = (1.0, 5.0, 15.0, 60.0, 150.0, 300.0, 600.0, 1800.0)
WAIT_BOUNDS = (0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0)


@dataclass(slots=True)
class Histogram:
    """Counts by upper bound, and the sum of all values."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.total += value

    def copy(self) -> Histogram:
        """Return an independent copy."""
        return Histogram(self.bounds, list(self.counts), self.total)


@dataclass(frozen=True, slots=True)
class MonitorFault:
    """A confirmed fault of the monitor itself: its code, when it began, and what was observed."""

    code: str
    since: float
    detail: str


def overloaded(load: Overload) -> tuple[MonitorFault, ...]:
    """Return the fault of the monitor's load while it is overloaded."""
    return () if load.since is None else (MonitorFault(MONITOR_OVERLOADED.code, load.since, load.detail),)


def _rung_histograms() -> dict[Rung, Histogram]:
    return {probe.rung: Histogram(DURATION_BOUNDS) for probe in PROBES}


class VisitOutcome(enum.StrEnum):
    """How a visit ended; the values are metric labels. `ERROR` is an error of the monitor."""

    OK = "ok"
    FAULT = "fault"
    ERROR = "error"


@dataclass(slots=True)
class VisitCounts:
    """Counts over all visits since the start; written by the fleet with each visit.

    Attributes:
        rung_seconds: how long each rung took.
        lateness: seconds by which visits started late, without the wait for their turns.
        overdue: seconds by which streams and pictures were fetched later than they were due.
        waits: seconds for which visits waited for their turn at the camera's host.
        results: visits by outcome.
        shortages: visits without a result because the monitor lacked a resource, by resource.
        failures: errors of the monitor in picture checks.

    """

    rung_seconds: dict[Rung, Histogram] = field(default_factory=_rung_histograms)
    lateness: Histogram = field(default_factory=lambda: Histogram(LATENESS_BOUNDS))
    overdue: Histogram = field(default_factory=lambda: Histogram(OVERDUE_BOUNDS))
    waits: Histogram = field(default_factory=lambda: Histogram(WAIT_BOUNDS))
    results: Counter[VisitOutcome] = field(default_factory=Counter)
    shortages: Counter[str] = field(default_factory=Counter)
    failures: Failures = field(default_factory=Failures)

    def add(self, visited: VisitResult, lateness: float, *, overdue: float | None = None, more: bool = False) -> None:
        """Count one visit, which started `lateness` seconds late; with `more`, its outcome when its look is added."""
        self.lateness.observe(lateness)
        if overdue is not None:
            self.overdue.observe(overdue)
        self._add(visited)
        if not more:
            self.results[VisitOutcome.FAULT if visited.seen else VisitOutcome.OK] += 1

    def add_look(self, visited: VisitResult, *, seen: bool) -> None:
        """Count the look of a visit that is counted already, and the visit's outcome; `seen` if it saw a fault."""
        self._add(visited)
        self.results[VisitOutcome.FAULT if seen or visited.seen else VisitOutcome.OK] += 1

    def _add(self, visited: VisitResult) -> None:
        for result in visited.rungs:
            self.rung_seconds[result.rung].observe(result.seconds)
        self.shortages.update(visited.shortages)
        self.failures.take(visited.camera, visited.failures)

    def add_error(self) -> None:
        """Count a visit that raised an exception instead of returning a result."""
        self.results[VisitOutcome.ERROR] += 1

    def copy(self) -> VisitCounts:
        """Return an independent copy."""
        histograms = {rung: histogram.copy() for rung, histogram in self.rung_seconds.items()}
        return VisitCounts(
            histograms,
            self.lateness.copy(),
            self.overdue.copy(),
            self.waits.copy(),
            results=self.results.copy(),
            shortages=self.shortages.copy(),
            failures=self.failures.copy(),
        )


@dataclass(slots=True)
class HistoryStatus:
    """The condition of the history; written by the recorder.

    Attributes:
        ok: whether the history can be written and read.
        damaged: damaged histories put aside since the start.
        lost: changes that were never written, by kind.

    """

    ok: bool = True
    damaged: int = 0
    lost: Counter[ChangeKind] = field(default_factory=Counter)


@dataclass(slots=True)
class ReloadStatus:
    """The result of the last reload; written by the daemon.

    Attributes:
        succeeded: whether the settings were read without error.
        succeeded_at: when they were last read without error.
        problems: errors in settings and camera files.

    """

    succeeded: bool = True
    succeeded_at: float = 0.0
    problems: tuple[Problem, ...] = ()

    def record(self, now: float, *, ok: bool, problems: tuple[Problem, ...]) -> None:
        """Record a reload: whether it succeeded, and the errors found."""
        self.succeeded, self.problems = ok, problems
        if ok:
            self.succeeded_at = now

    @property
    def invalid_files(self) -> int:
        """The number of files with an error."""
        return len({problem.file for problem in self.problems})


@dataclass(frozen=True, slots=True)
class PictureStatus:
    """The load of pictures.

    Attributes:
        learning: cameras online whose usual view is not known yet.
        shown: cameras online.
        waiting: cameras whose stream or picture is due and waits, by purpose.
        held_seconds: the shortest interval at which all pictures can be judged.

    """

    learning: int = 0
    shown: int = 0
    waiting: Mapping[str, int] = field(default_factory=dict)
    held_seconds: float = 0.0


@dataclass(slots=True)
class MonitorStatus:
    """The monitor's own condition. Each part of the daemon writes its own fields; metrics and page read a copy.

    Attributes:
        loop_lag_seconds: how late the event loop last woke; written by the daemon.
        pauses: when the process did not run; written by the daemon.
        decoder_restarts: picture workers that died or were killed; written by the daemon.
        task_restarts: background tasks restarted after a failure, by task; written by the daemon.
        reload: the last reload; written by the daemon.
        history: the condition of the history; written by the recorder.
        visits: counts over all visits; written by the fleet.
        pictures: the load of pictures; written by the daemon.
        notifications: the systems that are told of problems; written by those who tell them.
        certificate_ends_at: when the page's certificate expires, None without TLS; written by the web server.
        page_url: the page's address; written by the web server.

    """

    loop_lag_seconds: float = 0.0
    pauses: Pauses = field(default_factory=Pauses)
    decoder_restarts: int = 0
    task_restarts: Counter[str] = field(default_factory=Counter)
    reload: ReloadStatus = field(default_factory=ReloadStatus)
    history: HistoryStatus = field(default_factory=HistoryStatus)
    visits: VisitCounts = field(default_factory=VisitCounts)
    pictures: PictureStatus = field(default_factory=PictureStatus)
    notifications: NotificationStatus = field(default_factory=NotificationStatus)
    certificate_ends_at: float | None = None
    page_url: str = ""

    def copy(self) -> MonitorStatus:
        """Return a copy that keeps its values; only `pauses` is shared."""
        return replace(
            self,
            task_restarts=self.task_restarts.copy(),
            reload=replace(self.reload),
            history=replace(self.history, lost=self.history.lost.copy()),
            visits=self.visits.copy(),
            notifications=self.notifications.copy(),
        )
