"""Keeps what a visit or a look changed of its camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xueliang_monitor.fleet.counted_time import CountedTime
from xueliang_monitor.fleet.pending import PendingChanges
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.debounce import advance
from xueliang_monitor.judgement.health import Health, Policy
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import VisitResult
from xueliang_monitor.probing.memory import Memory


class KeptResults:
    """Writes results into the `entries` of the fleet; `notify` is called with the transitions."""

    def __init__(
        self,
        entries: dict[str, Entry],
        pending: PendingChanges,
        time: CountedTime,
        notify: Callable[[tuple[Transition, ...]], None],
    ) -> None:
        self._entries = entries
        self._pending = pending
        self._time = time
        self._notify = notify

    def take_look(
        self, visited: VisitResult, learned: Callable[[Memory], Memory], policy: Policy, *, suspended: bool
    ) -> Health:
        """Judge the look at the picture of a visit, and keep it; return the camera's new health."""
        self.count_time(visited)
        entry = self._entries[visited.camera]
        health, transitions = advance(entry.health, visited, policy, suspended=suspended)
        self.keep(visited, health, learned(entry.memory), transitions)
        return health

    def count_time(self, visited: VisitResult) -> None:
        """Count the time of a camera up to a visit or a look."""
        entry = self._entries[visited.camera]
        self._time.count(entry, visited.at)
        self._entries[visited.camera] = replace(entry, counted_until=visited.at)
        self._pending.touch(visited.camera)

    def keep(self, visited: VisitResult, health: Health, memory: Memory, transitions: tuple[Transition, ...]) -> None:
        """Keep the result of a visit or a look, and the camera's health and memory after it."""
        entry = self._entries[visited.camera]
        raised = [item.code for item in transitions if item.kind is TransitionKind.RAISED and item.camera]
        kept_at = self._pending.sample(visited, kept_at=entry.look_kept_at)
        self._entries[visited.camera] = entry.after(visited, raised, health=health, memory=memory, look_kept_at=kept_at)
        labels = self._entries[visited.camera].labels
        relabelled = labels is not entry.labels and labels.values != entry.labels.values
        if transitions or relabelled or memory.login != entry.memory.login:
            self._pending.change((visited.camera,))
        if transitions:
            self._notify(transitions)
