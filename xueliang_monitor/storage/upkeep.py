"""What is done with a history beside writing: what the fleet shows is read, old is forgotten, damage looked for."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from xueliang_monitor.clock import Clock
from xueliang_monitor.configuration.settings import KeepSettings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.availability import WINDOWS, Seconds, day_of, window
from xueliang_monitor.storage.history import History

Result = TypeVar("Result")

AVAILABILITY_SECONDS = 60.0
FORGET_SECONDS = 3600.0
CHECK_SECONDS = 15.0
"""How often the whole file is read for damage."""

CHECK_PAUSES = 200
"""How much longer than a check takes is waited before the next, so that large histories cost no more."""


class InAThread(Protocol):
    """Does what uses the database where it may block."""

    def __call__(self, work: Callable[[], Result], /) -> Awaitable[Result]:
        """Return what `work` returns."""
        ...


class Upkeep:
    """Does each part in its own rhythm, by the monotonic clock."""

    def __init__(self, fleet: Fleet, clock: Clock, keep: KeepSettings) -> None:
        self._fleet = fleet
        self._clock = clock
        self._keep = keep
        self._forgot_at = self._summed_at = -math.inf
        self._checked_at = clock.monotonic()
        self._check_pause = CHECK_SECONDS
        self._version = -1

    def keep(self, keep: KeepSettings) -> None:
        """Take other times for which things are kept; what is too old by them goes soon."""
        self._keep = keep
        self._forgot_at = -math.inf

    def begin_anew(self) -> None:
        """Have everything read again, as the history may be another one."""
        self._version, self._summed_at = -1, -math.inf

    async def turn(self, history: History, in_a_thread: InAThread) -> None:
        """Do what it is time for.

        Raises:
            HistoryError: the history cannot be used.

        """
        await self._follow(history, in_a_thread)
        await self._forget(history, in_a_thread)
        await self._check(history, in_a_thread)

    async def _follow(self, history: History, in_a_thread: InAThread) -> None:
        """Take up maintenance that another process began or ended, and sum availability up now and then."""
        now = self._clock.now()
        version = await in_a_thread(history.version)
        if version != self._version:
            self._fleet.take_windows(tuple(await in_a_thread(lambda: history.windows(now))))
            self._version = version
        moment = self._clock.monotonic()
        if moment - self._summed_at >= AVAILABILITY_SECONDS:
            today = self._fleet.dated_now
            self._fleet.availability, self._fleet.today = await in_a_thread(lambda: _sum(history, today))
            self._summed_at = moment

    async def _forget(self, history: History, in_a_thread: InAThread) -> None:
        now, moment, keep = self._clock.now(), self._clock.monotonic(), self._keep
        if moment - self._forgot_at < FORGET_SECONDS or self._fleet.clock_in_doubt:
            return
        await in_a_thread(lambda: history.forget(day_of(now - keep.days), now - keep.episodes, now - keep.looks))
        if keep == self._keep:  # else there are others since
            self._forgot_at = moment

    async def _check(self, history: History, in_a_thread: InAThread) -> None:
        """Read the whole file now and then, as damage may lie where nobody reads for long."""
        started = self._clock.monotonic()
        if started - self._checked_at < self._check_pause:
            return
        await in_a_thread(history.check)
        self._checked_at = self._clock.monotonic()
        self._check_pause = max(CHECK_SECONDS, CHECK_PAUSES * (self._checked_at - started))


def _sum(history: History, now: float) -> tuple[dict[str, dict[str, float]], Seconds]:
    """Return each camera's availability by window, and how all together were today."""
    oldest, today = day_of(now - (max(WINDOWS.values()) + 1) * 86_400.0), day_of(now)
    seconds = history.seconds(oldest, today)
    by_camera: dict[str, dict[str, float]] = {}
    for camera, days in seconds.items():
        ratios = {name: window(days, count, now).online_ratio for name, count in WINDOWS.items()}
        by_camera[camera] = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    return by_camera, sum((days[today] for days in seconds.values() if today in days), Seconds())
