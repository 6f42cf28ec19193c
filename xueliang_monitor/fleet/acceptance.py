"""Accepts on the page what a camera became: its changed facts are expected from then on, and their faults end. Pure."""

from __future__ import annotations

from dataclasses import replace

from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.debounce import withdrawn
from xueliang_monitor.judgement.transition import Transition, TransitionKind


def accepted(entry: Entry, shown: str, now: float) -> tuple[Entry, tuple[Transition, ...]] | None:
    """Return a camera after a person accepted what it is, with the faults that end; None if it is not as `shown`.

    A fault whose cause is not among what is known of the camera is confirmed again by the next visits.
    """
    if not shown or str(entry.memory.observed) != shown:
        return None
    health, cleared = entry.health, []
    for code, fault in entry.health.faults.items():
        if code in FAULTS and FAULTS[code].changed_fact:
            health = withdrawn(health, code, now)
            if fault.confirmed_at is not None:
                cleared.append(Transition(entry.camera.id, now, TransitionKind.CLEARED, code, since=fault.since))
    memory = entry.memory.after_acceptance(entry.camera.target, now)
    return replace(entry, memory=memory, health=health), tuple(cleared)
