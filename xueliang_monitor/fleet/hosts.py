"""The hosts of the cameras: their turns, which of their cameras are visited together, and which hosts are slow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.model import Target
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.probing.camera_lock import CameraLocks, HostSessions
from xueliang_monitor.probing.host_queue import HostQueue, Turn, Urgency

log = logging.getLogger(__name__)

MAX_WAIT_SECONDS = 600.0
"""By how much a slow host may delay the moment at which its cameras become stale."""


class Hosts:
    """The turns of all cameras.

    `hurry` visits cameras at once. It is called with the other cameras of a host when a trouble that they share begins
    or ends.
    """

    def __init__(self, state: Path, hurry: Callable[[Iterable[str]], None]) -> None:
        self._locks = CameraLocks(state, others="another command", turned=self._turned)
        self._hurry = hurry
        self._targets: dict[str, Target] = {}
        self._together: dict[str, tuple[str, ...]] = {}
        self._slow: set[str] = set()

    def take(self, cameras: Iterable[Camera], sessions: Mapping[str, HostSessions]) -> None:
        """Take the cameras under watch, and the sessions of their hosts."""
        self._targets = {camera.id: camera.target for camera in cameras}
        found: dict[str, list[str]] = {}
        for name, target in self._targets.items():
            host = canonical_host(target.host)
            if host in sessions:
                found.setdefault(host, []).append(name)
        self._together = {host: tuple(names) for host, names in found.items()}
        self._locks.allow(sessions)

    def turn(self, target: Target, urgency: Urgency) -> AbstractAsyncContextManager[Turn]:
        """Wait for a camera's turn; see `CameraLocks.turn`."""
        return self._locks.turn(target, urgency)

    def hasten(self, target: Target) -> None:
        """Let a camera that waits for its turn have the next one, as a person asked for it."""
        self.queue(target).hasten(target.id)

    def queue(self, target: Target) -> HostQueue:
        """Return the queue of a camera's host."""
        return self._locks.queue(target.host)

    def wait_seconds(self, target: Target) -> float:
        """Return how long the cameras of a camera's host wait for their turns at present."""
        return min(MAX_WAIT_SECONDS, self._locks.wait_seconds(target.host))

    def _turned(self, camera: str) -> None:
        target = self._targets.get(camera)
        if target is not None:
            others = self._together.get(canonical_host(target.host), ())
            self._hurry(name for name in others if name != camera)

    def note_speed(self, target: Target, interval_seconds: float) -> None:
        """Log once that the cameras of a host wait for their turns longer than the interval of their visits."""
        queue = self.queue(target)
        if queue.channels < 2:
            return
        waited = queue.wait_seconds
        if waited > interval_seconds and queue.host not in self._slow:
            self._slow.add(queue.host)
            log.warning(
                "recorder %s: its %d channels take %.0f s a round with %d sessions; raise its sessions "
                "(recorder_sessions) if it can serve more",
                queue.host,
                queue.channels,
                interval_seconds + waited,
                queue.sessions,
            )
        elif waited < interval_seconds / 2:
            self._slow.discard(queue.host)
