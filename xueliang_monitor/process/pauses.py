"""Pauses of this process: it was stopped, suspended with its machine, or starved of processor time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

TICK_SECONDS = 0.25
"""The interval of heartbeats."""

NOTICED_SECONDS = 0.05
"""A heartbeat late by less than this is normal for a busy event loop."""

STOPPED_SECONDS = 5.0
"""A pause this long is a stop, not a busy machine."""

MAX_PAUSES = 512
MAX_STOPS = 64


def boot_seconds() -> float:
    """Return seconds since the machine was booted, including suspension."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Pause:
    """A period in which the process did not run, in seconds of the clock of `Pauses`."""

    began: float
    ended: float

    def within(self, since: float, until: float) -> float:
        """Return the seconds of the pause between two times."""
        return max(0.0, min(self.ended, until) - max(self.began, since))


class Pauses:
    """The pauses found between heartbeats. `clock` must run while the machine is suspended.

    Without calls of `tick` no pause is found. `total_seconds` is the sum of all stops.
    """

    def __init__(self, clock: Callable[[], float] = boot_seconds) -> None:
        self._clock = clock
        self._ticked: float | None = None
        self._pauses: deque[Pause] = deque(maxlen=MAX_PAUSES)
        self._stops: deque[Pause] = deque(maxlen=MAX_STOPS)
        self.total_seconds = 0.0

    def now(self) -> float:
        """Return the current time of the clock, for `lost_since`."""
        return self._clock()

    def tick(self) -> float:
        """Record a heartbeat, due every `TICK_SECONDS`; return how many seconds late it is."""
        now = self._clock()
        late = self._open_pause(now)
        self._ticked = now
        if late is None or late.ended - late.began < NOTICED_SECONDS:
            return 0.0
        seconds = late.ended - late.began
        self._pauses.append(late)
        if seconds >= STOPPED_SECONDS:
            self._stops.append(late)
            self.total_seconds += seconds
        return seconds

    def _open_pause(self, now: float) -> Pause | None:
        """Return the pause since the last heartbeat was due; None if it is not overdue."""
        if self._ticked is None or now <= self._ticked + TICK_SECONDS:
            return None
        return Pause(self._ticked + TICK_SECONDS, now)

    def lost_since(self, moment: float) -> float:
        """Return the seconds of pauses since a time, including the current pause."""
        return self._lost(self._pauses, moment, self._clock())

    def stopped_within(self, seconds: float) -> float:
        """Return for how many of the last `seconds` the process was stopped."""
        if not self._stops and self._ticked is None:
            return 0.0
        now = self._clock()
        return self._lost(self._stops, now - seconds, now, least=STOPPED_SECONDS)

    def _lost(self, pauses: deque[Pause], since: float, now: float, least: float = 0.0) -> float:
        lost = 0.0
        for pause in reversed(pauses):
            if pause.ended <= since:
                break
            lost += pause.within(since, now)
        running = self._open_pause(now)
        if running is not None and running.ended - running.began >= least:
            lost += running.within(since, now)
        return lost

    async def watch(self, on_tick: Callable[[float], None] = lambda _late: None) -> None:
        """Record heartbeats until cancelled; call `on_tick` with the lateness of each in seconds."""
        self.tick()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            on_tick(self.tick())

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Record heartbeats while the context lasts."""
        task = asyncio.create_task(self.watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
