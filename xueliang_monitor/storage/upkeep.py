"""Regular work on the history: read what others wrote, sum up availability, delete old data, look for damage."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from xueliang_monitor.clock import Clock
from xueliang_monitor.configuration.settings import KeepSettings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.availability import WINDOWS, AvailabilitySeconds, day_of, window
from xueliang_monitor.probing.login_book import FORGET_SECONDS as FORGET_LOGIN_SECONDS
from xueliang_monitor.storage.history import History

Result = TypeVar("Result")

AVAILABILITY_SECONDS = 60.0
FORGET_SECONDS = 3600.0
CHECK_SECONDS = 15.0
"""The shortest time between two checks of the whole file for damage."""

CHECK_PAUSES = 200
"""The pause after a check, as a multiple of its duration, so that checks of large histories cost no more."""


class InAThread(Protocol):
    """Runs blocking work on the database in a thread."""

    def __call__(self, work: Callable[[], Result], /) -> Awaitable[Result]:
        """Return the result of `work`."""
        ...


class Upkeep:
    """Runs each task at its own interval, by the monotonic clock."""

    def __init__(self, fleet: Fleet, clock: Clock, keep: KeepSettings) -> None:
        self._fleet = fleet
        self._clock = clock
        self._keep = keep
        self._forgot_at = self._summed_at = -math.inf
        self._checked_at = clock.monotonic()
        self._check_pause = CHECK_SECONDS
        self._version = -1

    def keep(self, keep: KeepSettings) -> None:
        """Replace the retention times; older data is deleted soon."""
        self._keep = keep
        self._forgot_at = -math.inf

    def reset(self) -> None:
        """Read everything again, because the history may be another one."""
        self._version, self._summed_at = -1, -math.inf

    async def turn(self, history: History, in_a_thread: InAThread) -> None:
        """Run the tasks that are due.

        Raises:
            HistoryError: the history cannot be used.

        """
        await self._follow(history, in_a_thread)
        await self._forget(history, in_a_thread)
        await self._check(history, in_a_thread)

    async def _follow(self, history: History, in_a_thread: InAThread) -> None:
        """Read what another process changed (maintenance, acknowledgements), and availability at its interval."""
        now = self._clock.now()
        version = await in_a_thread(history.version)
        if version != self._version:
            self._fleet.take_windows(tuple(await in_a_thread(lambda: history.windows(now))))
            self._fleet.acknowledged.take(tuple(await in_a_thread(lambda: history.acknowledgements(now))))
            self._version = version
        moment = self._clock.monotonic()
        if moment - self._summed_at >= AVAILABILITY_SECONDS:
            now = self._fleet.dated_now
            day = day_of(now)
            taken = self._fleet.today.taken(day)  # all of it is written now
            self._fleet.availability, stored = await in_a_thread(lambda: _sum(history, now))
            self._fleet.today.read(day, stored, taken)
            self._summed_at = moment

    async def _forget(self, history: History, in_a_thread: InAThread) -> None:
        now, moment, keep = self._clock.now(), self._clock.monotonic(), self._keep
        if moment - self._forgot_at < FORGET_SECONDS or self._fleet.clock_in_doubt:
            return
        await in_a_thread(
            lambda: history.forget(
                day_of(now - keep.days), now - keep.episodes, now - keep.looks, now - FORGET_LOGIN_SECONDS
            )
        )
        if keep == self._keep:  # otherwise the retention times changed meanwhile
            self._forgot_at = moment

    async def _check(self, history: History, in_a_thread: InAThread) -> None:
        """Read the whole file at an interval, to find damage in parts that are rarely read."""
        started = self._clock.monotonic()
        if started - self._checked_at < self._check_pause:
            return
        await in_a_thread(history.check)
        self._checked_at = self._clock.monotonic()
        self._check_pause = max(CHECK_SECONDS, CHECK_PAUSES * (self._checked_at - started))


def _sum(history: History, now: float) -> tuple[dict[str, dict[str, float]], AvailabilitySeconds]:
    """Return each camera's availability by window, and the total of all cameras today."""
    oldest, today = day_of(now - (max(WINDOWS.values()) + 1) * 86_400.0), day_of(now)
    seconds = history.seconds(oldest, today)
    by_camera: dict[str, dict[str, float]] = {}
    for camera, days in seconds.items():
        ratios = {name: window(days, count, now).online_ratio for name, count in WINDOWS.items()}
        by_camera[camera] = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    return by_camera, sum((days[today] for days in seconds.values() if today in days), AvailabilitySeconds())
