"""The status of each camera: its health and now, with what hides it, its maintenance and the turns at its host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.fleet_credentials import FleetCredentials
from xueliang_monitor.fleet.fleet_network import FleetNetwork
from xueliang_monitor.fleet.monitor_status import MonitorStatus
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.health import Health, Policy
from xueliang_monitor.judgement.maintenance import Window, covering
from xueliang_monitor.judgement.status import CameraStatus, status

TURNS_MISSED = 3
"""A camera that waits for its turn at its host is stale after so many waits more, as after so many missed visits."""


class Rules(Protocol):
    """What may be replaced at any time: how visits are judged, the maintenance, and the seconds until a turn."""

    policy: Policy
    windows: tuple[Window, ...]
    turn_wait: Callable[[Camera], float]


class Statuses:
    """Derives the status of a camera from its entry and what the fleet knows beside it."""

    def __init__(
        self, rules: Rules, network: FleetNetwork, credentials: FleetCredentials, monitor: MonitorStatus
    ) -> None:
        self._rules = rules
        self._network = network
        self._credentials = credentials
        self._monitor = monitor

    def of(self, entry: Entry, now: float) -> CameraStatus:
        """Return the status of a camera. The time in which the monitor itself did not run does not make it stale."""
        health = entry.health
        if entry.restored_at is not None and health.visited_at is not None:
            health = replace(health, visited_at=max(health.visited_at, entry.restored_at))
        if health.visited_at is not None and (stopped := self._monitor.pauses.stopped_within(now - health.visited_at)):
            health = replace(health, visited_at=health.visited_at + stopped)
        window = self.maintenance(entry, now)
        return status(
            health,
            now,
            self._policy_for(entry.camera, health, now),
            hidden=self._network.causes.hidden(entry.camera.id),
            maintenance=window.began if window else None,
            credentials_refused=self._credentials.affects(entry.camera.id),
        )

    def _policy_for(self, camera: Camera, health: Health, now: float) -> Policy:
        """Return the policy with more time until a camera is stale, if it waits for its turn at a slow host."""
        policy = self._rules.policy
        if health.visited_at is None or now - health.visited_at <= policy.stale_after:
            return policy
        return replace(policy, stale_after=policy.stale_after + TURNS_MISSED * self._rules.turn_wait(camera))

    def maintenance(self, entry: Entry, now: float) -> Window | None:
        """Return the maintenance window that covers a camera; None if none does."""
        if not self._rules.windows:
            return None
        camera = entry.camera
        return covering(
            self._rules.windows, now, camera=camera.id, site=camera.site, path=self._network.path_of(camera)
        )
