"""The cameras' clocks in relation to the monitor's: faults caused by a wrong monitor clock. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.debounce import withdrawn
from xueliang_monitor.judgement.own_clock import OwnClock
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.probing.device_changes import CLOCK_DRIFT


def without_drift_faults(
    entries: Mapping[str, Entry], own_clock: OwnClock, now: float
) -> tuple[dict[str, Entry], tuple[Transition, ...]]:
    """Withdraw the clock drift of cameras that agree with most others; return the changed entries and transitions."""
    changed: dict[str, Entry] = {}
    cleared: list[Transition] = []
    for name, entry in entries.items():
        fault = entry.health.faults.get(CLOCK_DRIFT.code)
        if fault is None or not own_clock.agrees(name):
            continue
        changed[name] = replace(entry, health=withdrawn(entry.health, fault.code, now))
        if fault.confirmed_at is not None:
            cleared.append(Transition(name, now, TransitionKind.CLEARED, fault.code, since=fault.since))
    return changed, tuple(cleared)


def cameras_with_a_clock(entries: Mapping[str, Entry]) -> int:
    """Count the cameras whose clock can be read over ONVIF."""
    return sum(entry.camera.target.onvif is not None for entry in entries.values())
