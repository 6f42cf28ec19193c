"""Writes what the fleet learns to the history: what happened at once, the rest every few seconds, in a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from xueliang_monitor.availability import WINDOWS, Seconds, day_of, window
from xueliang_monitor.clock import Clock
from xueliang_monitor.config import KeepSettings
from xueliang_monitor.fleet import Fleet
from xueliang_monitor.health import Transition
from xueliang_monitor.history import History, HistoryError
from xueliang_monitor.stored import Changes

log = logging.getLogger(__name__)
Result = TypeVar("Result")

FLUSH_SECONDS = 5.0
EVERY_SECONDS = 300.0
"""How often what is known of every camera is written, not only of those of which something happened."""

LOOK_SECONDS = 1.0
AVAILABILITY_SECONDS = 60.0
FORGET_SECONDS = 3600.0
MAX_UNWRITTEN = 1000
"""Batches kept while the database cannot be written; beyond that the oldest is given up."""


class Recorder:
    """The one writer of a history."""

    def __init__(self, history: History, fleet: Fleet, clock: Clock, keep: KeepSettings) -> None:
        self._history = history
        self._fleet = fleet
        self._clock = clock
        self._keep = keep
        self._wake = asyncio.Event()
        self._unwritten: list[Changes] = []
        self._forgot_at = self._flushed_at = self._summed_at = 0.0
        self._all_at = clock.monotonic()
        self._version = -1
        self._readable = True
        fleet.watch(self._notice)

    def _notice(self, transitions: tuple[Transition, ...]) -> None:
        if transitions:
            self._wake.set()

    async def run(self) -> None:
        """Write until cancelled, and once more then."""
        try:
            while True:
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                now = self._clock.monotonic()
                if self._wake.is_set() or now - self._flushed_at >= FLUSH_SECONDS:
                    self._wake.clear()
                    self._flushed_at = now
                    await self.flush()
                try:
                    await self._follow()
                    await self._forget()
                except HistoryError as error:
                    self._fail(error)
                    self._readable = False
                else:
                    self._readable = True
        finally:
            self._gather(every=True)
            self._write()
            self._history.close()

    def _gather(self, *, every: bool = False) -> None:
        now = self._clock.monotonic()
        every = every or now - self._all_at >= EVERY_SECONDS
        if every:
            self._all_at = now
        changes = self._fleet.collect(every=every)
        if changes != Changes():
            self._unwritten = [*self._unwritten, changes][-MAX_UNWRITTEN:]

    async def flush(self) -> None:
        """Write what there is; what cannot be written is tried again the next time."""
        self._gather()
        await self._in_a_thread(self._write)

    async def _in_a_thread(self, work: Callable[[], Result]) -> Result:
        """Do what uses the database; when cancelled, wait for it, as that is used from one thread at a time."""
        working = asyncio.create_task(asyncio.to_thread(work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise

    def _write(self) -> None:
        try:
            while self._unwritten:
                self._history.write(self._unwritten[0])
                self._unwritten.pop(0)
        except HistoryError as error:
            self._fail(error)
            return
        if not self._readable:
            return
        if not self._fleet.history_ok:
            log.info("the history can be used again")
        self._fleet.history_ok = True

    def _fail(self, error: HistoryError) -> None:
        """Say the first of several failures in a row; all others would say the same."""
        if self._fleet.history_ok:
            log.error("%s; monitoring goes on, and it is tried again", error)
        self._fleet.history_ok = False

    async def _follow(self) -> None:
        """Take up maintenance that another process began or ended, and sum availability up now and then."""
        now = self._clock.now()
        version = await self._in_a_thread(self._history.version)
        if version != self._version:
            self._fleet.take_windows(tuple(await self._in_a_thread(lambda: self._history.windows(now))))
            self._version = version
        if now - self._summed_at >= AVAILABILITY_SECONDS:
            self._fleet.availability, self._fleet.today = await self._in_a_thread(lambda: self._sum(now))
            self._summed_at = now

    def _sum(self, now: float) -> tuple[dict[str, dict[str, float]], Seconds]:
        """Return each camera's availability by window, and how all together were today."""
        oldest, today = day_of(now - (max(WINDOWS.values()) + 1) * 86_400.0), day_of(now)
        seconds = self._history.seconds(oldest, today)
        by_camera = {
            camera: {
                name: ratio
                for name, count in WINDOWS.items()
                if (ratio := window(days, count, now).online_ratio) is not None
            }
            for camera, days in seconds.items()
        }
        return by_camera, sum((days[today] for days in seconds.values() if today in days), Seconds())

    async def _forget(self) -> None:
        now = self._clock.now()
        if now - self._forgot_at < FORGET_SECONDS:
            return
        self._forgot_at = now
        oldest = day_of(now - self._keep.days)
        looks = now - self._keep.looks
        await self._in_a_thread(lambda: self._history.forget(oldest, now - self._keep.episodes, looks))
