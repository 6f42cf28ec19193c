"""The transitions that raised or close what is open. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xueliang_monitor.fleet.monitor_status import MonitorFault
from xueliang_monitor.fleet.root_causes import RootCauses
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.topology import ROOT


def open_transitions(
    entries: Mapping[str, Entry], root_causes: RootCauses, monitor_faults: Iterable[MonitorFault]
) -> tuple[Transition, ...]:
    """Return the raising of every confirmed fault of a camera, every dead node and every fault of the monitor."""
    raised = TransitionKind.RAISED
    cameras = (
        Transition(name, fault.confirmed_at, raised, fault.code, detail=fault.detail, since=fault.since)
        for name, entry in entries.items()
        for fault in entry.health.confirmed
        if fault.confirmed_at is not None
    )
    dead = (
        Transition("", down.since, raised, down.code, uplink=down.name, since=down.since)
        for down in root_causes.downs.values()
        if down.name != ROOT
    )
    own = (
        Transition("", each.since, raised, each.code, detail=each.detail, since=each.since) for each in monitor_faults
    )
    return (*cameras, *dead, *own)


def closing_transitions(camera: str, health: Health, now: float) -> tuple[Transition, ...]:
    """Return the clearing of every confirmed fault of a camera that is no longer watched."""
    cleared = TransitionKind.CLEARED
    return tuple(Transition(camera, now, cleared, fault.code, since=fault.since) for fault in health.confirmed)


def attributed_transitions(
    before: Mapping[str, Entry], after: Mapping[str, Entry], login: str, now: float
) -> tuple[Transition, ...]:
    """Return the withdrawal of the confirmed faults that cameras no longer have, as their login is the cause."""
    kind = TransitionKind.ATTRIBUTED
    withdrawn = [
        Transition(
            name,
            now,
            kind,
            fault.code,
            detail=f"credentials {login} are refused by many devices",
            since=fault.since,
            login=login,
        )
        for name, entry in after.items()
        for fault in before[name].health.confirmed
        if fault.code not in entry.health.faults
    ]
    turned = [
        Transition(name, now, TransitionKind.STATE, entry.health.state.value)
        for name, entry in after.items()
        if entry.health.state is not before[name].health.state
    ]
    return (*withdrawn, *turned)
