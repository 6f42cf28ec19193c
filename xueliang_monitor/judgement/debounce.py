"""Applies the result of a visit to a camera's health: confirmation, clearing, flapping, outages. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from xueliang_monitor.judgement.health import FLAPPING, OWN_ERROR, OWN_TIMES, FaultState, Health, Outage, Policy
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Rung, State, VisitResult
from xueliang_monitor.probing.rungs import BESIDE_RUNGS, OFFLINE_RUNGS


def _confirmations(policy: Policy, code: str, rung: Rung) -> int:
    if code in policy.at_first_sight:
        return 1
    if code != OWN_ERROR:
        return policy.confirm[rung]
    return OWN_TIMES if rung in OFFLINE_RUNGS else policy.confirm[Rung.MONITOR]


def _see(
    faults: dict[str, FaultState],
    visited: VisitResult,
    policy: Policy,
    offline_streak: int,
    *,
    hold: bool,
    in_outage: bool,
) -> list[Transition]:
    raised = []
    for finding in visited.seen:
        known = faults.get(finding.code)
        rung = finding.rung
        offline = visited.online is False and rung not in BESIDE_RUNGS
        if known is None:
            fault = FaultState(
                finding.code, finding.detail, rung, offline=offline, since=visited.at, reason=finding.reason
            )
        else:
            fault = replace(
                known,
                detail=finding.detail,
                reason=finding.reason,
                found=rung,
                offline=offline,
                streak=known.streak + 1,
                clears=0,
            )
        # All faults that keep the camera offline add up. Alternating causes must not hide that it is down.
        streak, needed = offline_streak if offline else fault.streak, _confirmations(policy, finding.code, rung)
        # A camera that is down already failed often enough. Another fault needs a second look: a node may be its cause.
        held = offline and (hold or (in_outage and fault.streak < min(needed, policy.clear)))
        if fault.confirmed_at is None and not held and streak >= needed:
            fault = replace(fault, confirmed_at=visited.at)
            raised.append(
                Transition(
                    visited.camera,
                    visited.at,
                    TransitionKind.RAISED,
                    finding.code,
                    detail=finding.detail,
                    since=fault.since,
                )
            )
        faults[finding.code] = fault
    return raised


def _ruled_out(faults: Mapping[str, FaultState], visited: VisitResult) -> frozenset[str]:
    """Return the codes that a visit rules out.

    An error of the monitor is ruled out once the rung that it occurred at has a result. What kept the camera offline is
    ruled out once it is online, also a fault that may be found higher too, such as a session limit.
    """
    over = {
        fault.code for fault in faults.values() if visited.online and fault.offline and fault.found in OFFLINE_RUNGS
    }
    own = faults.get(OWN_ERROR)
    if own is not None and any(result.rung == own.found and result.fault != OWN_ERROR for result in visited.rungs):
        over.add(OWN_ERROR)
    return visited.ruled_out | (over - {finding.code for finding in visited.seen})


def _rule_out(faults: dict[str, FaultState], visited: VisitResult, policy: Policy) -> list[Transition]:
    cleared = []
    for code in _ruled_out(faults, visited) & faults.keys():
        fault = faults[code]
        if fault.confirmed_at is None:
            del faults[code]
        elif fault.clears + 1 >= policy.clear:
            del faults[code]
            cleared.append(Transition(visited.camera, visited.at, TransitionKind.CLEARED, code, since=fault.since))
        else:
            faults[code] = replace(fault, clears=fault.clears + 1, streak=0)
    return sorted(cleared, key=lambda transition: transition.code)


def _count_visit(
    health: Health, visited: VisitResult, policy: Policy, *, offline_streak: int, online_streak: int
) -> Health:
    """Return the health with updated streaks, `lost` and `turns`."""
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
    """Raise or clear flapping, with hysteresis. Flapping replaces the faults that keep the camera offline."""
    if FLAPPING.code in faults:
        if len(health.turns) > policy.flaps // 2:
            return []
        over = faults.pop(FLAPPING.code)
        return [Transition(visited.camera, visited.at, TransitionKind.CLEARED, FLAPPING.code, since=over.since)]
    if len(health.turns) <= policy.flaps:
        return []
    detail = f"went offline or came back {len(health.turns)} times within {policy.flap_window / 60:.0f} min"
    faults[FLAPPING.code] = FaultState(
        FLAPPING.code, detail, Rung.FLEET, offline=False, since=health.turns[0], confirmed_at=visited.at
    )
    cleared = [fault for fault in faults.values() if fault.offline and fault.confirmed_at is not None]
    for fault in cleared:
        del faults[fault.code]
    return [
        Transition(
            visited.camera, visited.at, TransitionKind.RAISED, FLAPPING.code, detail=detail, since=health.turns[0]
        ),
        *(
            Transition(visited.camera, visited.at, TransitionKind.CLEARED, fault.code, since=fault.since)
            for fault in cleared
        ),
    ]


def _outage(health: Health, faults: Mapping[str, FaultState], visited: VisitResult) -> Outage | None:
    """Return the open outage after a visit. It lasts until the camera is online again, whatever its causes."""
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


def _state(faults: Mapping[str, FaultState], outage: Outage | None, *, ever_online: bool) -> State:
    confirmed = [fault for fault in faults.values() if fault.confirmed_at is not None]
    if FLAPPING.code in faults:
        return State.DEGRADED
    if outage is not None:
        return State.DOWN
    if not ever_online or any(fault.code == OWN_ERROR for fault in confirmed):
        return State.UNKNOWN
    return State.DEGRADED if confirmed else State.UP


def advance(
    health: Health, visited: VisitResult, policy: Policy, *, hold: bool = False, suspended: bool = False
) -> tuple[Health, tuple[Transition, ...]]:
    """Apply one visit result to a camera's health; return the new health and the transitions.

    `hold` delays the confirmation of faults that keep the camera offline, while its neighbours are still being visited.
    `suspended` applies the result without judging it, as behind a dead uplink or in maintenance. Unconfirmed faults are
    then dropped.
    """
    nothing_to_judge = not (visited.seen or health.faults or health.lost or health.outage) and health.told_online
    health = replace(
        health,
        offline_streak=0 if nothing_to_judge else health.offline_streak,
        offline_since=None if nothing_to_judge else health.offline_since,
        visited_at=visited.at,
        online_at=visited.at if visited.online else health.online_at,
        keyframe_at=visited.keyframe_at or health.keyframe_at,
    )
    if nothing_to_judge:  # by far the most frequent case
        return health, ()
    if suspended:
        return replace(settled(health), told_online=health.told_online or visited.online is True), ()
    offline_streak, online_streak = health.offline_streak, health.online_streak
    if visited.online is not None:
        offline_streak, online_streak = (0, online_streak + 1) if visited.online else (offline_streak + 1, 0)
    health = _count_visit(health, visited, policy, offline_streak=offline_streak, online_streak=online_streak)
    faults = dict(health.faults)
    hold = hold or health.flapping or len(health.turns) > policy.flaps
    transitions = _see(faults, visited, policy, offline_streak, hold=hold, in_outage=health.outage is not None)
    transitions += _rule_out(faults, visited, policy) + _flap(faults, health, visited, policy)
    ever_online = health.told_online or visited.online is True
    outage = _outage(health, faults, visited)
    state = _state(faults, outage, ever_online=ever_online)
    since = health.state_since
    if state is not health.state or since is None:
        since = visited.at
        transitions.append(Transition(visited.camera, visited.at, TransitionKind.STATE, state.value))
    after = replace(
        health,
        faults=MappingProxyType(faults),
        told_online=ever_online,
        state=state,
        state_since=since,
        outage=outage,
    )
    return after, tuple(transitions)


def settled(health: Health) -> Health:
    """Return the health without unconfirmed faults and streaks, because the visits in a row were interrupted."""
    confirmed = {
        code: replace(fault, clears=0) for code, fault in health.faults.items() if fault.confirmed_at is not None
    }
    return replace(health, faults=MappingProxyType(confirmed), offline_streak=0, offline_since=None, online_streak=0)


def restored(health: Health, now: float, known_codes: Collection[str]) -> tuple[Health, tuple[FaultState, ...]]:
    """Return stored health to continue from, and the faults removed from it.

    Times in the future become `now`. Unconfirmed faults, and faults that this version does not know, are removed. An
    offline camera gets an outage if the version that stored it knew none.
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
    state = _state(faults, outage, ever_online=health.told_online)
    since = health.state_since if state is health.state else now
    after = replace(health, faults=MappingProxyType(faults), outage=outage, state=state, state_since=since)
    return after, unknown


def attributed_to_node(health: Health, since: float, at: float) -> tuple[Health, tuple[FaultState, ...]]:
    """Return the health without the faults that kept the camera offline since a time, as their cause lies elsewhere.

    Return also those of them that were confirmed. An outage that began earlier stays with the camera, with what it had
    then.
    """
    caused = {code: fault for code, fault in health.faults.items() if fault.offline and fault.since >= since}
    confirmed = tuple(fault for fault in caused.values() if fault.confirmed_at is not None)
    own = any(
        fault.offline and fault.confirmed_at is not None for fault in health.faults.values() if fault.code not in caused
    )
    if not caused:
        return health, ()
    outage = health.outage
    if own or (outage is not None and outage.began < since):
        faults = {code: fault for code, fault in health.faults.items() if code not in caused}
        if outage is not None:
            codes = tuple(code for code in outage.codes if code not in {fault.code for fault in confirmed})
            outage = replace(outage, codes=codes or outage.codes)
        return replace(health, faults=MappingProxyType(faults), outage=outage), confirmed
    faults = {code: fault for code, fault in health.faults.items() if code not in caused}
    state = _state(faults, None, ever_online=health.told_online)
    changed = at if state is not health.state else health.state_since
    turns = health.turns[:-1] if health.lost else health.turns
    after = replace(
        health, faults=MappingProxyType(faults), outage=None, lost=False, turns=turns, state=state, state_since=changed
    )
    return settled(after), confirmed


def withdrawn(health: Health, code: str, at: float) -> Health:
    """Return the health without a fault that turned out not to be caused by the camera."""
    faults = {known: fault for known, fault in health.faults.items() if known != code}
    state = _state(faults, health.outage, ever_online=health.told_online)
    since = health.state_since if state is health.state else at
    return replace(health, faults=MappingProxyType(faults), state=state, state_since=since)


def attributed_to_login(health: Health, code: str, at: float) -> Health:
    """Return the health as it was before a fault that kept the camera offline, as another cause was found for it.

    The outage ends, unless another confirmed fault keeps the camera offline.
    """
    faults = {known: fault for known, fault in health.faults.items() if known != code}
    outage = health.outage if any(item.offline and item.confirmed_at is not None for item in faults.values()) else None
    state = _state(faults, outage, ever_online=health.told_online)
    return replace(
        health,
        faults=MappingProxyType(faults),
        outage=outage,
        lost=health.lost and outage is not None,
        turns=health.turns[:-1] if health.lost and outage is None else health.turns,
        offline_streak=0,
        offline_since=None,
        state=state,
        state_since=health.state_since if state is health.state else at,
    )
