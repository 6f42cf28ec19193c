"""Collects what a visit has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.model import CheckFailure, FaultSeen, Finding, Rung, RungResult
from xueliang_monitor.probing.climbed import Climbed
from xueliang_monitor.probing.rung import Probe, RungOutcome
from xueliang_monitor.probing.rungs.picture import CHECK_FAILED
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.readings import NO_READINGS, Readings
from xueliang_monitor.wire.device_text import Gate


@dataclass(slots=True)
class Findings:
    """The visit result in the making; `stopped_at` is the rung of the ladder that failed.

    Whatever a rung found is taken here, so here every text passes the camera's gate.
    """

    gate: Gate
    rungs: list[RungResult] = field(default_factory=list)
    seen: list[Finding] = field(default_factory=list)
    ruled_out: set[str] = field(default_factory=set)
    readings: Readings = NO_READINGS
    shortages: list[str] = field(default_factory=list)
    failures: list[CheckFailure] = field(default_factory=list)
    look_again: bool = False
    stopped_at: Rung | None = None
    _values: dict[type, object] = field(default_factory=dict)

    @classmethod
    def after(cls, climbed: Climbed, gate: Gate) -> Findings:
        """Return findings that begin with what earlier rungs left, and hold nothing else of them."""
        return cls(gate, _values=dict(climbed.values))

    @property
    def climbed(self) -> Climbed:
        """What the next rung is given of those before it."""
        return Climbed(MappingProxyType(dict(self._values)), frozenset(finding.code for finding in self.seen))

    def keep(self, value: object | None) -> None:
        """Take a value for the rungs to come."""
        if value is not None:
            self._values[type(value)] = value

    def passed(self, probe: Probe, outcome: RungOutcome, seconds: float) -> None:
        """Take the outcome of a rung that did not fail."""
        first = outcome.seen[0] if outcome.seen else None
        code, detail = (first.code, self.gate.message(first.detail)) if first else (None, "")
        self.rungs.append(RungResult(probe.rung, first is None, seconds, fault=code, detail=detail))
        for finding in outcome.seen:
            self.seen.append(replace(finding, detail=self.gate.message(finding.detail), rung=probe.rung))
        self.ruled_out.update(probe.excludes, outcome.ruled_out)
        self.readings = self.readings.updated(self._shown(outcome.readings))
        self.failures += outcome.failures
        self.look_again = self.look_again or outcome.look_again
        self.keep(outcome.value)

    def failed(self, probe: Probe, fault: FaultSeen, seconds: float) -> None:
        """Take the fault at which a rung failed."""
        code = fault.fault.code
        if probe.beside is None:
            self.stopped_at = self.stopped_at or probe.rung
        detail = self.gate.message(fault.detail)
        self.rungs.append(RungResult(probe.rung, False, seconds, fault=code, detail=detail))
        self.seen.append(Finding(code, detail, probe.rung, fault.reason))
        if code in probe.excludes:
            self.ruled_out |= probe.excludes - {code}
        self.readings = self.readings.updated(self._shown(fault.readings))
        self.failures += fault.failures

    def _shown(self, readings: Readings) -> Readings:
        """Return readings whose texts have passed the gate."""
        if readings is NO_READINGS:
            return readings
        texts = readings.texts()
        changed = {name: safe for name, value in texts if (safe := self.gate.message(value)) != value}
        return replace(readings, **changed) if changed else readings  # type: ignore[arg-type]

    def lacked(self, probe: Probe, short: ShortageError, seconds: float) -> None:
        """Take a shortage of the monitor's own. It says nothing about the camera."""
        self.shortages.append(short.resource.value)
        self.failed(probe, FaultSeen(CHECK_FAILED, str(short)), seconds)
