"""Reports folded into health, and health with the time into what people are shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.model import Report, Rung, State

OWN_ERROR = "check_failed"


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a fault must be seen to count, and ruled out to clear, and after how long nothing is known.

    `at_first_sight` are the codes of which one sight is enough, as looking again would lock the camera or tell
    nothing more; `stale_after` is in seconds.
    """

    confirm: Mapping[Rung, int] = field(
        default_factory=lambda: MappingProxyType(
            {Rung.REACH: 3, Rung.RTSP: 3, Rung.STREAM: 2, Rung.PICTURE: 2, Rung.ONVIF: 2, Rung.MONITOR: 2}
        )
    )
    at_first_sight: frozenset[str] = frozenset({"auth_failed"})
    clear: int = 2
    stale_after: float = 45.0


@dataclass(frozen=True, slots=True)
class FaultState:
    """One fault of one camera: seen, perhaps confirmed, perhaps clearing.

    `found` is the rung whose visit saw it; `offline` says that the rtsp rung was not reached; `streak` and `clears`
    count visits in a row.
    """

    code: str
    detail: str
    found: Rung
    offline: bool
    since: float
    streak: int = 1
    clears: int = 0
    confirmed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """All that is known of one camera's condition. Times are seconds since the epoch."""

    faults: Mapping[str, FaultState] = field(default_factory=lambda: MappingProxyType({}))
    told_online: bool = False
    offline_streak: int = 0
    visited_at: float | None = None
    online_at: float | None = None
    keyframe_at: float | None = None
    state: State = State.UNKNOWN
    state_since: float | None = None

    @property
    def confirmed(self) -> tuple[FaultState, ...]:
        """The faults that count."""
        return tuple(fault for fault in self.faults.values() if fault.confirmed_at is not None)

    @property
    def pending(self) -> frozenset[Rung]:
        """The rungs whose next visits decide something."""
        return frozenset(
            fault.found for fault in self.faults.values() if fault.confirmed_at is None or fault.clears > 0
        )


@dataclass(frozen=True, slots=True)
class Transition:
    """One change worth a line in the log: a fault raised or cleared, or another state (then `code` is the new one)."""

    camera: str
    at: float
    kind: str
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What people are shown of a camera now."""

    state: State
    since: float | None
    online: bool | None
    healthy: bool | None
    cause: str = ""
    faults: tuple[FaultState, ...] = ()


def _confirmations(policy: Policy, code: str, rung: Rung) -> int:
    if code in policy.at_first_sight:
        return 1
    return policy.confirm[Rung.MONITOR if code == OWN_ERROR else rung]


def _see(faults: dict[str, FaultState], report: Report, policy: Policy, offline_streak: int) -> list[Transition]:
    raised = []
    for finding in report.seen:
        known = faults.get(finding.code)
        rung = finding.rung
        offline = report.online is False and rung is not Rung.ONVIF
        if known is None:
            fault = FaultState(finding.code, finding.detail, rung, offline, report.at)
        else:
            fault = replace(
                known, detail=finding.detail, found=rung, offline=offline, streak=known.streak + 1, clears=0
            )
        # Whatever keeps the camera offline adds up, so that alternating causes cannot hide that it is down.
        streak = offline_streak if offline else fault.streak
        if fault.confirmed_at is None and streak >= _confirmations(policy, finding.code, rung):
            fault = replace(fault, confirmed_at=report.at)
            raised.append(Transition(report.camera, report.at, "raised", finding.code, finding.detail))
        faults[finding.code] = fault
    return raised


def _rule_out(faults: dict[str, FaultState], report: Report, policy: Policy) -> list[Transition]:
    cleared = []
    for code in report.ruled_out & faults.keys():
        fault = faults[code]
        if fault.confirmed_at is None:
            del faults[code]
        elif fault.clears + 1 >= policy.clear:
            del faults[code]
            cleared.append(Transition(report.camera, report.at, "cleared", code))
        else:
            faults[code] = replace(fault, clears=fault.clears + 1, streak=0)
    return sorted(cleared, key=lambda transition: transition.code)


def _state(faults: Mapping[str, FaultState], *, told_online: bool) -> State:
    confirmed = [fault for fault in faults.values() if fault.confirmed_at is not None]
    if any(fault.offline for fault in confirmed):
        return State.DOWN
    if not told_online or any(fault.code == OWN_ERROR for fault in confirmed):
        return State.UNKNOWN
    return State.DEGRADED if confirmed else State.UP


def advance(health: Health, report: Report, policy: Policy) -> tuple[Health, tuple[Transition, ...]]:
    """Fold one report into a camera's health; return it with what changed."""
    online_at = report.at if report.online else health.online_at
    keyframe_at = report.keyframe_at or health.keyframe_at
    if not report.seen and not health.faults and health.told_online:
        # Nothing new of a camera in order: by far the most frequent case.
        quiet = Health(health.faults, True, 0, report.at, online_at, keyframe_at, health.state, health.state_since)
        return quiet, ()
    offline_streak = health.offline_streak
    if report.online is not None:
        offline_streak = offline_streak + 1 if report.online is False else 0
    faults = dict(health.faults)
    transitions = _see(faults, report, policy, offline_streak) + _rule_out(faults, report, policy)
    told_online = health.told_online or report.online is True
    state = _state(faults, told_online=told_online)
    since = health.state_since
    if state is not health.state or since is None:
        since = report.at
        transitions.append(Transition(report.camera, report.at, "state", state.value))
    after = Health(
        MappingProxyType(faults), told_online, offline_streak, report.at, online_at, keyframe_at, state, since
    )
    return after, tuple(transitions)


def status(health: Health, now: float, policy: Policy) -> Status:
    """Derive what is shown from facts and now: what is stale is unknown."""
    if health.visited_at is None:
        return Status(State.UNKNOWN, None, None, None, "not_visited")
    faults = tuple(sorted(health.confirmed, key=lambda fault: (fault.since, fault.code)))
    if now - health.visited_at > policy.stale_after:
        return Status(State.UNKNOWN, health.visited_at, None, None, "stale", faults)
    if health.state is State.UNKNOWN:
        cause = OWN_ERROR if OWN_ERROR in health.faults and health.told_online else "not_judged"
        return Status(State.UNKNOWN, health.state_since, None, None, cause, faults)
    online = health.state is not State.DOWN
    return Status(health.state, health.state_since, online, online and not faults, "", faults)
