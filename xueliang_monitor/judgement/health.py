"""Reports folded into health, and health with the time into what people are shown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.model import Fault, Rung, Severity, State, Text, VisitResult
from xueliang_monitor.probing.rungs import BESIDE_RUNGS, OFFLINE_RUNGS, PROBES
from xueliang_monitor.probing.rungs.picture import PICTURE

OWN_ERROR = "check_failed"
OWN_TIMES = 10
"""Visits in a row, 2 s apart, that come to nothing at the first rungs before a camera's state is taken as unknown."""

FLAPPING = Fault(
    "flapping",
    Rung.FLEET,
    Severity.WARNING,
    Text("Comes and goes", "频繁通断"),
    Text(
        "The camera is lost and back again and again: a loose cable, a weak radio link, too little power.",
        "摄像机反复掉线与恢复：接头松动、无线链路弱或供电不足。",
    ),
    Text("Check connectors, radio link, PoE budget and power supply.", "检查接头、无线链路、PoE 功率与供电。"),
)


CONFIRM: Mapping[str, int] = MappingProxyType(
    {**{probe.rung: probe.confirmations for probe in PROBES}, Rung.MONITOR: PICTURE.confirmations}
)
"""How many visits in a row must see a fault, by the rung that saw it. Errors of our own count as the picture's do."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a fault must be seen to count, and ruled out to clear, and after how long nothing is known.

    `at_first_sight` are the codes of which one sight is enough, as looking again would lock the camera or tell
    nothing more; `stale_after` is in seconds. A camera that was lost or came back more than `flaps` times within
    `flap_window` seconds is flapping, until it did so at most half as often. Clocks may be off by `clock_drift`
    seconds.
    """

    confirm: Mapping[str, int] = field(default_factory=lambda: CONFIRM)
    at_first_sight: frozenset[str] = frozenset({"auth_failed"})
    clear: int = 2
    stale_after: float = 45.0
    flaps: int = 6
    flap_window: float = 3600.0
    clock_drift: float = 5.0


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

    def moved(self, change: Callable[[float], float]) -> FaultState:
        """Return the same with every moment changed."""
        confirmed = None if self.confirmed_at is None else change(self.confirmed_at)
        return replace(self, since=change(self.since), confirmed_at=confirmed)


@dataclass(frozen=True, slots=True)
class Outage:
    """One time that a camera was offline, whatever the causes were that were seen meanwhile.

    `key` names it among the camera's outages for good, also when a clock that was wrong is set right; `began` is when
    the first visit failed; `codes` are the faults that kept the camera offline, in the order in which they counted.
    """

    key: int
    began: float
    confirmed_at: float
    codes: tuple[str, ...]
    ended: float | None = None

    def joined(self, later: Outage) -> Outage:
        """Return this and a later one that turned out to be the same."""
        return replace(self, codes=(*self.codes, *(code for code in later.codes if code not in self.codes)))

    def moved(self, change: Callable[[float], float]) -> Outage:
        """Return the same with every moment changed."""
        ended = None if self.ended is None else change(self.ended)
        return replace(self, began=change(self.began), confirmed_at=change(self.confirmed_at), ended=ended)


@dataclass(frozen=True, slots=True)
class Health:
    """All that is known of one camera's condition. Times are seconds since the epoch.

    `lost` says whether it is offline by the count of visits alone, whatever is held back or suspended; `turns` are the
    moments at which that changed, within the policy's window. `offline_since` is when the streak of offline visits
    began; `outage` is the one that lasts, if any.
    """

    faults: Mapping[str, FaultState] = field(default_factory=lambda: MappingProxyType({}))
    told_online: bool = False
    offline_streak: int = 0
    offline_since: float | None = None
    online_streak: int = 0
    lost: bool = False
    turns: tuple[float, ...] = ()
    visited_at: float | None = None
    online_at: float | None = None
    keyframe_at: float | None = None
    state: State = State.UNKNOWN
    state_since: float | None = None
    outage: Outage | None = None

    def moved(self, change: Callable[[float], float]) -> Health:
        """Return the same with every moment changed, as when the clock that gave them was wrong."""

        def moment(known: float | None) -> float | None:
            return None if known is None else change(known)

        return replace(
            self,
            faults=MappingProxyType({code: fault.moved(change) for code, fault in self.faults.items()}),
            turns=tuple(change(turn) for turn in self.turns),
            visited_at=moment(self.visited_at),
            online_at=moment(self.online_at),
            keyframe_at=moment(self.keyframe_at),
            state_since=moment(self.state_since),
            offline_since=moment(self.offline_since),
            outage=self.outage.moved(change) if self.outage else None,
        )

    @property
    def confirmed(self) -> tuple[FaultState, ...]:
        """The faults that count."""
        return tuple(fault for fault in self.faults.values() if fault.confirmed_at is not None)

    @property
    def pending(self) -> frozenset[Rung]:
        """The rungs whose next visits decide something."""
        return frozenset(
            fault.found for fault in self.faults.values() if fault.confirmed_at is None or fault.clears > 0
        ) - {Rung.FLEET}

    @property
    def flapping(self) -> bool:
        """Whether it comes and goes."""
        return FLAPPING.code in self.faults


@dataclass(frozen=True, slots=True)
class Transition:
    """One change worth a line in the log: a fault raised or cleared, or another state (then `code` is the new one).

    An uplink's has its name as `uplink` and no camera; the monitor's own has neither. `since` is when a fault was first
    seen.
    """

    camera: str
    at: float
    kind: str
    code: str
    detail: str = ""
    uplink: str = ""
    since: float | None = None

    def moved(self, change: Callable[[float], float]) -> Transition:
        """Return the same with every moment changed."""
        return replace(self, at=change(self.at), since=None if self.since is None else change(self.since))

    @property
    def change(self) -> str:
        """What happened, of uplinks too: raised, cleared, or state."""
        return {"down": "raised", "up": "cleared"}[self.code] if self.uplink else self.kind

    @property
    def fault(self) -> str:
        """The fault's code in the catalogue, that of a dead uplink included."""
        return "uplink_down" if self.uplink else self.code


@dataclass(frozen=True, slots=True)
class CameraStatus:
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
    if code != OWN_ERROR:
        return policy.confirm[rung]
    return OWN_TIMES if rung in OFFLINE_RUNGS else policy.confirm[Rung.MONITOR]


def _see(
    faults: dict[str, FaultState], visited: VisitResult, policy: Policy, offline_streak: int, *, hold: bool
) -> list[Transition]:
    raised = []
    for finding in visited.seen:
        known = faults.get(finding.code)
        rung = finding.rung
        offline = visited.online is False and rung not in BESIDE_RUNGS
        if known is None:
            fault = FaultState(finding.code, finding.detail, rung, offline, visited.at)
        else:
            fault = replace(
                known, detail=finding.detail, found=rung, offline=offline, streak=known.streak + 1, clears=0
            )
        # Whatever keeps the camera offline adds up, so that alternating causes cannot hide that it is down.
        streak = offline_streak if offline else fault.streak
        held = hold and offline
        if fault.confirmed_at is None and not held and streak >= _confirmations(policy, finding.code, rung):
            fault = replace(fault, confirmed_at=visited.at)
            raised.append(
                Transition(visited.camera, visited.at, "raised", finding.code, finding.detail, since=fault.since)
            )
        faults[finding.code] = fault
    return raised


def _ruled_out(faults: Mapping[str, FaultState], visited: VisitResult) -> frozenset[str]:
    """Return the codes that a report rules out: our own error too, once the rung it was seen at came to a verdict."""
    own = faults.get(OWN_ERROR)
    if own is None or not any(result.rung == own.found and result.fault != OWN_ERROR for result in visited.rungs):
        return visited.ruled_out
    return visited.ruled_out | ({OWN_ERROR} - {finding.code for finding in visited.seen})


def _rule_out(faults: dict[str, FaultState], visited: VisitResult, policy: Policy) -> list[Transition]:
    cleared = []
    for code in _ruled_out(faults, visited) & faults.keys():
        fault = faults[code]
        if fault.confirmed_at is None:
            del faults[code]
        elif fault.clears + 1 >= policy.clear:
            del faults[code]
            cleared.append(Transition(visited.camera, visited.at, "cleared", code, since=fault.since))
        else:
            faults[code] = replace(fault, clears=fault.clears + 1, streak=0)
    return sorted(cleared, key=lambda transition: transition.code)


def _turn(health: Health, visited: VisitResult, policy: Policy, offline_streak: int, online_streak: int) -> Health:
    """Return the health with whether the camera is lost by the count of visits, and when that changed lately."""
    lost = health.lost
    if not lost and offline_streak >= policy.confirm[Rung.REACH]:
        lost = True
    elif lost and online_streak >= policy.clear:
        lost = False
    turns = tuple(moment for moment in health.turns if visited.at - moment <= policy.flap_window)
    if lost is not health.lost:
        turns = (*turns, visited.at)
    since = (health.offline_since or visited.at) if offline_streak else None
    return replace(
        health,
        lost=lost,
        turns=turns,
        offline_streak=offline_streak,
        offline_since=since,
        online_streak=online_streak,
    )


def _flap(faults: dict[str, FaultState], health: Health, visited: VisitResult, policy: Policy) -> list[Transition]:
    """Raise or clear flapping, with hysteresis."""
    if FLAPPING.code in faults:
        if len(health.turns) > policy.flaps // 2:
            return []
        over = faults.pop(FLAPPING.code)
        return [Transition(visited.camera, visited.at, "cleared", FLAPPING.code, since=over.since)]
    if len(health.turns) <= policy.flaps:
        return []
    detail = f"lost or back {len(health.turns)} times within {policy.flap_window / 60:.0f} min"
    faults[FLAPPING.code] = FaultState(
        FLAPPING.code, detail, Rung.FLEET, False, health.turns[0], confirmed_at=visited.at
    )
    cleared = [fault for fault in faults.values() if fault.offline and fault.confirmed_at is not None]
    for fault in cleared:
        del faults[fault.code]
    return [
        Transition(visited.camera, visited.at, "raised", FLAPPING.code, detail, since=health.turns[0]),
        *(Transition(visited.camera, visited.at, "cleared", fault.code, since=fault.since) for fault in cleared),
    ]


def _outage(health: Health, faults: Mapping[str, FaultState], visited: VisitResult) -> Outage | None:
    """Return the outage that lasts after a visit: one until the camera is online again, whatever its causes."""
    offline = [fault for fault in faults.values() if fault.offline and fault.confirmed_at is not None]
    known = health.outage
    if FLAPPING.code in faults:
        return None
    if not offline:
        return None if visited.online else known
    codes = tuple(fault.code for fault in sorted(offline, key=lambda fault: (fault.since, fault.code)))
    if known is None:
        began = min(fault.since for fault in offline)
        began = began if health.offline_since is None else min(began, health.offline_since)
        return Outage(int(began * 1000), began, visited.at, codes)
    return replace(known, codes=(*known.codes, *(code for code in codes if code not in known.codes)))


def _state(faults: Mapping[str, FaultState], outage: Outage | None, *, told_online: bool) -> State:
    confirmed = [fault for fault in faults.values() if fault.confirmed_at is not None]
    if FLAPPING.code in faults:
        return State.DEGRADED
    if outage is not None:
        return State.DOWN
    if not told_online or any(fault.code == OWN_ERROR for fault in confirmed):
        return State.UNKNOWN
    return State.DEGRADED if confirmed else State.UP


def advance(
    health: Health, visited: VisitResult, policy: Policy, *, hold: bool = False, suspended: bool = False
) -> tuple[Health, tuple[Transition, ...]]:
    """Fold one report into a camera's health; return it with what changed.

    `hold` keeps what makes it offline from counting yet, as its neighbours are still asked. `suspended` takes the
    report without judging, as behind a dead uplink or in maintenance; what was not confirmed is then forgotten.
    """
    online_at = visited.at if visited.online else health.online_at
    keyframe_at = visited.keyframe_at or health.keyframe_at
    in_order = not (visited.seen or health.faults or health.lost or health.outage) and health.told_online
    if in_order:  # by far the most frequent case
        after = replace(
            health,
            offline_streak=0,
            offline_since=None,
            visited_at=visited.at,
            online_at=online_at,
            keyframe_at=keyframe_at,
        )
        return after, ()
    if suspended:
        return _take_unjudged(health, visited, online_at, keyframe_at), ()
    streaks = health.offline_streak, health.online_streak
    if visited.online is not None:
        streaks = (streaks[0] + 1, 0) if visited.online is False else (0, streaks[1] + 1)
    health = _turn(health, visited, policy, *streaks)
    faults = dict(health.faults)
    transitions = _see(
        faults, visited, policy, streaks[0], hold=hold or health.flapping or len(health.turns) > policy.flaps
    )
    transitions += _rule_out(faults, visited, policy) + _flap(faults, health, visited, policy)
    told_online = health.told_online or visited.online is True
    outage = _outage(health, faults, visited)
    state = _state(faults, outage, told_online=told_online)
    since = health.state_since
    if state is not health.state or since is None:
        since = visited.at
        transitions.append(Transition(visited.camera, visited.at, "state", state.value))
    after = replace(
        health,
        faults=MappingProxyType(faults),
        told_online=told_online,
        visited_at=visited.at,
        online_at=online_at,
        keyframe_at=keyframe_at,
        state=state,
        state_since=since,
        outage=outage,
    )
    return after, tuple(transitions)


def settled(health: Health) -> Health:
    """Return the health without what was not decided yet: what was interrupted is not in a row."""
    confirmed = {
        code: replace(fault, clears=0) for code, fault in health.faults.items() if fault.confirmed_at is not None
    }
    return replace(health, faults=MappingProxyType(confirmed), offline_streak=0, offline_since=None, online_streak=0)


def restored(health: Health, now: float, known_codes: Collection[str]) -> tuple[Health, tuple[FaultState, ...]]:
    """Return stored health as it can be gone on with, and the faults that it no longer holds.

    No moment lies in the future; what was not decided is forgotten, and so is a fault that this version does not know.
    An offline camera of a version that knew no outages is given one.
    """
    health = settled(health.moved(lambda moment: min(moment, now)))
    unknown = tuple(fault for code, fault in health.faults.items() if code not in known_codes)
    faults = {code: fault for code, fault in health.faults.items() if code in known_codes}
    offline = [fault for fault in faults.values() if fault.offline]
    outage = health.outage
    if outage is None and offline and FLAPPING.code not in faults:
        began = min(fault.since for fault in offline)
        confirmed_at = min(fault.confirmed_at or began for fault in offline)
        outage = Outage(int(began * 1000), began, confirmed_at, tuple(fault.code for fault in offline))
    state = _state(faults, outage, told_online=health.told_online)
    since = health.state_since if state is health.state else now
    after = replace(health, faults=MappingProxyType(faults), outage=outage, state=state, state_since=since)
    return after, unknown


def withdrawn(health: Health, code: str, at: float) -> Health:
    """Return the health without a fault that turned out not to be the camera's."""
    faults = {known: fault for known, fault in health.faults.items() if known != code}
    state = _state(faults, health.outage, told_online=health.told_online)
    since = health.state_since if state is health.state else at
    return replace(health, faults=MappingProxyType(faults), state=state, state_since=since)


def _take_unjudged(health: Health, visited: VisitResult, online_at: float | None, keyframe_at: float | None) -> Health:
    return replace(
        settled(health),
        told_online=health.told_online or visited.online is True,
        visited_at=visited.at,
        online_at=online_at,
        keyframe_at=keyframe_at,
    )


def status(
    health: Health, now: float, policy: Policy, *, uplink_down: float | None = None, maintenance: float | None = None
) -> CameraStatus:
    """Derive what is shown from facts and now: what is stale is unknown, and so is what is behind a dead uplink.

    `uplink_down` and `maintenance` say since when the camera's uplink is down, and since when it is in maintenance.
    """
    if maintenance is not None:
        return CameraStatus(State.MAINTENANCE, maintenance, None, None, "maintenance")
    if health.visited_at is None:
        return CameraStatus(State.UNKNOWN, None, None, None, "not_visited")
    faults = tuple(sorted(health.confirmed, key=lambda fault: (fault.since, fault.code)))
    if now - health.visited_at > policy.stale_after:
        return CameraStatus(State.UNKNOWN, health.visited_at, None, None, "stale", faults)
    if uplink_down is not None and health.state is not State.DOWN:
        return CameraStatus(State.UNKNOWN, uplink_down, None, None, "uplink_down", faults)
    if health.state is State.UNKNOWN:
        cause = OWN_ERROR if OWN_ERROR in health.faults and health.told_online else "not_judged"
        return CameraStatus(State.UNKNOWN, health.state_since, None, None, cause, faults)
    online = health.state is not State.DOWN
    return CameraStatus(health.state, health.state_since, online, online and not faults, "", faults)
