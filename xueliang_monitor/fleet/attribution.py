"""Withdraws the alarms of cameras that turned out to be lost with a node of the topology. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from xueliang_monitor.fleet.root_causes import Observation
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.debounce import attributed_to_node
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.judgement.transition import Transition, TransitionKind


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The changed entries by camera, the withdrawn alarms, and the outages that were part of a node's."""

    entries: Mapping[str, Entry]
    transitions: tuple[Transition, ...]
    outages: tuple[tuple[str, Outage], ...]


def withdrawal(entries: Mapping[str, Entry], seen: Observation, now: float) -> Withdrawal:
    """Return what becomes of the cameras that were lost with a node."""
    changed: dict[str, Entry] = {}
    transitions: list[Transition] = []
    outages: list[tuple[str, Outage]] = []
    for name, down in seen.attributed.items():
        entry = entries.get(name)
        if entry is None:
            continue
        health, faults = attributed_to_node(entry.health, down.since, now)
        if health is entry.health:
            continue
        changed[name] = replace(entry, health=health)
        if entry.health.outage is not None and health.outage is None:
            outages.append((name, entry.health.outage))
        transitions += (
            Transition(
                name,
                now,
                TransitionKind.ATTRIBUTED,
                fault.code,
                detail=f"lost with {seen.shown(down.name)}",
                uplink=down.name,
                since=fault.since,
            )
            for fault in faults
        )
    return Withdrawal(changed, tuple(transitions), tuple(outages))
