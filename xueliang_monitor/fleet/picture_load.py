"""Looks at the load of pictures now and then: what waits, what is learned, and whether the monitor is overloaded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from xueliang_monitor.clock import Clock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.monitor_status import PictureStatus
from xueliang_monitor.fleet.picture_queue import PictureQueue
from xueliang_monitor.judgement.overload import PictureDemand

LOOK_SECONDS = 15.0
"""How often the load is looked at."""


class PictureLoad:
    """Writes the load of `queue` into the status of the monitor; `interval` returns that of pictures."""

    def __init__(self, fleet: Fleet, queue: PictureQueue, clock: Clock, interval: Callable[[], float]) -> None:
        self._fleet = fleet
        self._queue = queue
        self._clock = clock
        self._interval = interval

    def measure(self) -> None:
        """Look at the load once."""
        state = self._queue.state(self._clock.monotonic())
        shown = [entry for entry, status in self._fleet.pairs() if status.online]
        demand = PictureDemand(
            len(shown),
            self._interval(),
            state.oldest_seconds,
            state.look_seconds,
            self._queue.workers,
            state.fetch_seconds,
            self._queue.fetches,
        )
        self._fleet.monitor.pictures = PictureStatus(
            learning=sum(entry.memory.reference is None or not entry.memory.reference.learned for entry in shown),
            shown=len(shown),
            waiting={purpose.name.lower(): count for purpose, count in state.waiting.items()},
            held_seconds=demand.held_seconds,
        )
        self._fleet.take_demand(demand)

    async def run(self) -> None:
        """Look at the load until cancelled."""
        while True:
            self.measure()
            await asyncio.sleep(LOOK_SECONDS)
