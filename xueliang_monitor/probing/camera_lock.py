"""Turns at the cameras' hosts, within this process and with other commands through the state folder.

A host with one camera takes one session at a time, a host with several as many as the settings allow.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.model import Target
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.probing.host_queue import OTHERS, CameraBusyError, HostQueue, Turn, Urgency
from xueliang_monitor.probing.host_state import Channel
from xueliang_monitor.probing.lock_files import LockFiles

__all__ = ["CameraBusyError", "CameraLocks", "HostSessions", "sessions_of"]


@dataclass(frozen=True, slots=True)
class HostSessions:
    """How many cameras a host has, and how many of them are visited at once."""

    channels: int = 1
    sessions: int = 1


_name_of_host = functools.lru_cache(maxsize=65536)(canonical_host)


def sessions_of(targets: Iterable[Target], usual: int, own: Mapping[str, int] | None = None) -> dict[str, HostSessions]:
    """Return the sessions of each host with several cameras, by its canonical name.

    `usual` is the setting for all of them; `own` holds other numbers by address.
    """
    counts: dict[str, int] = {}
    for target in targets:
        name = _name_of_host(target.host)
        counts[name] = counts.get(name, 0) + 1
    numbers = {_name_of_host(host): number for host, number in (own or {}).items()}
    return {
        name: HostSessions(count, max(1, min(count, numbers.get(name, usual))))
        for name, count in counts.items()
        if count > 1
    }


class CameraLocks:
    """Turns, by host.

    `state` is the folder that the daemon and its commands share. Without it, or if it cannot be used, turns hold within
    this process only. `sessions` are those of `sessions_of`; every other host takes one. `others` names the other
    processes that may have a turn. `waiting` is called with what a turn is waited for. `turned` is called with the id
    of a camera when a trouble that its host's cameras share began or ended with its visit.
    """

    def __init__(
        self,
        state: Path | None = None,
        sessions: Mapping[str, HostSessions] | None = None,
        *,
        others: str = OTHERS,
        waiting: Callable[[str], None] | None = None,
        turned: Callable[[str], None] = lambda _camera: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._sessions = dict(sessions or {})
        self._others = others
        self.waiting = waiting
        self._turned = turned
        self._clock = clock
        self._queues: dict[str, HostQueue] = {}

    def allow(self, sessions: Mapping[str, HostSessions]) -> None:
        """Replace the sessions of hosts, at a reload."""
        self._sessions = dict(sessions)
        self._queues = {name: queue for name, queue in self._queues.items() if name in sessions or not queue.idle}
        for name, queue in self._queues.items():
            queue.allow(self._of(name).sessions, self._of(name).channels)

    def _of(self, name: str) -> HostSessions:
        return self._sessions.get(name, HostSessions())

    def queue(self, host: str) -> HostQueue:
        """Return the queue of a host."""
        name = _name_of_host(host)
        if name not in self._queues:
            files = LockFiles(self._state, re.sub(r"[^a-z0-9.-]", "_", name))
            queue = HostQueue(
                host, files, self._clock, lambda channel: self._turned(channel.camera), others=self._others
            )
            queue.allow(self._of(name).sessions, self._of(name).channels)
            self._queues[name] = queue
        return self._queues[name]

    def channels(self, host: str) -> int:
        """Return how many cameras a host has."""
        return self._of(_name_of_host(host)).channels

    def wait_seconds(self, host: str) -> float:
        """Return how long the cameras of a host wait for their turns at present."""
        queue = self._queues.get(_name_of_host(host))
        return 0.0 if queue is None else queue.wait_seconds

    def turn(self, target: Target, urgency: Urgency) -> AbstractAsyncContextManager[Turn]:
        """Wait for a camera's turn, or for a result that it shares, and have it for as long as the context lasts.

        Raises:
            CameraBusyError: other processes used all sessions for a minute.

        """
        return self._turn(target.host, Channel(target.id, target.port), urgency)

    def hold(self, host: str) -> AbstractAsyncContextManager[Turn]:
        """Wait for a turn at a host, and have it for as long as the context lasts.

        Raises:
            CameraBusyError: other processes used all sessions for a minute.

        """
        return self._turn(host, None, Urgency.ASKED)

    def _turn(self, host: str, channel: Channel | None, urgency: Urgency) -> AbstractAsyncContextManager[Turn]:
        queue = self.queue(host)

        def tell() -> None:
            if self.waiting is not None:
                self.waiting(f"waiting: {queue.used('is')}")

        return queue.turn(channel, urgency, tell)
