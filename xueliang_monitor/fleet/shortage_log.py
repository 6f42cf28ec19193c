"""Logs what the monitor lacks. A shortage affects every camera, so the same one is logged once in a while only."""

from __future__ import annotations

import logging
import math

from xueliang_monitor.clock import SteadyClock
from xueliang_monitor.judgement.health import OWN_ERROR
from xueliang_monitor.model import VisitResult

log = logging.getLogger(__name__)

SHORTAGE_SECONDS = 600.0
"""How often the same shortage is logged."""


class ShortageLog:
    """When each shortage was last logged, by resource, on the steady clock."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._logged_at: dict[str, float] = {}

    def take(self, visited: VisitResult) -> None:
        """Log the shortages of a visit."""
        for resource in visited.shortages:
            if self._clock.monotonic() - self._logged_at.get(resource, -math.inf) >= SHORTAGE_SECONDS:
                self.logged(resource)
                detail = next((result.detail for result in visited.rungs if result.fault == OWN_ERROR), "")
                log.warning("visits have no result because the monitor lacks %s: %s", resource, detail)

    def logged(self, resource: str) -> None:
        """Note that a shortage is logged now, here or in another line."""
        self._logged_at[resource] = self._clock.monotonic()
