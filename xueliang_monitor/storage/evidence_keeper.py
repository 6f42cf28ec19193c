"""Keeps an evidence picture of each confirmed picture fault, and deletes those that are expired or forbidden."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

from xueliang_monitor.clock import Clock
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.model import Rung, VisitResult
from xueliang_monitor.storage import evidence

log = logging.getLogger(__name__)

FORGET_SECONDS = 3600.0
"""How often expired evidence pictures are deleted."""

FUTURE_SECONDS = 86_400.0
"""An evidence picture dated further in the future was kept while the clock was wrong."""


class EvidenceKeeper:
    """The evidence pictures of an installation; `installation` returns the one in force."""

    def __init__(self, installation: Callable[[], Installation], fleet: Fleet, clock: Clock) -> None:
        self._installation = installation
        self._fleet = fleet
        self._clock = clock

    async def keep(self, visited: VisitResult, before: Health, after: Health) -> None:
        """Keep a small copy of the picture if this visit confirmed a picture fault."""
        known = {fault.code for fault in before.confirmed}
        seen = {finding.code for finding in visited.seen if finding.rung == Rung.PICTURE}
        fresh = [fault.code for fault in after.confirmed if fault.code in seen - known]
        if not fresh or not self._fleet.entry(visited.camera).camera.target.picture.evidence:
            return
        item = evidence.Evidence(visited.camera, visited.at, fresh[0])
        try:
            await asyncio.to_thread(evidence.keep, self._installation().settings.state, item, visited.evidence)
        except (OSError, RuntimeError) as error:
            log.error("camera %s: the evidence picture cannot be stored: %s", visited.camera, error)  # noqa: TRY400

    async def forget(self) -> None:
        """Delete expired evidence pictures, and all pictures of cameras that may not have any.

        Raises:
            OSError: the folder cannot be read.
            RuntimeError: no thread can be started.

        """
        installation = self._installation()
        settings, cameras = installation.settings, installation.inventory.known
        forbidden = frozenset(camera.id for camera in cameras if not camera.target.picture.evidence)
        count = await asyncio.to_thread(evidence.forget, settings.state, math.inf, forbidden)
        if count:
            log.info("%d evidence pictures deleted because the settings or camera files forbid them", count)
        now = self._clock.now()
        oldest = now - settings.keep.evidence
        await asyncio.to_thread(evidence.forget, settings.state, oldest, after=now + FUTURE_SECONDS)

    async def run(self) -> None:
        """Delete expired evidence pictures at an interval, independently of the history."""
        while True:
            await self.forget()
            await asyncio.sleep(FORGET_SECONDS)
