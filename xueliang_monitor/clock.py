"""Clocks. Every part gets its clock passed in, so that a simulated day runs in seconds."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

EARLIEST = 1_767_225_600.0
"""2026-01-01 UTC. This program did not exist before, so an earlier time is wrong."""

BOOT_VARIABLE = "XUELIANG_BOOT_ID"
"""The environment variable by which the service passes the boot id; its sandbox hides the kernel's file."""

STEP_SECONDS = 1.0
"""A wall clock that deviates by more than this was set. A smaller deviation is drift and is ignored."""


class Clock(Protocol):
    """A wall clock and a monotonic clock, both in seconds."""

    def now(self) -> float:
        """Return seconds since the Unix epoch, for times that people read."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for scheduling."""
        ...

    @property
    def boot(self) -> str:
        """The id of the machine's boot. Monotonic seconds of the same boot are comparable across restarts."""
        ...


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Both readings of a clock at one moment, and the boot id of the monotonic one."""

    boot: str
    monotonic: float
    wall: float

    @classmethod
    def of(cls, clock: Clock) -> ClockReading:
        """Read a clock."""
        return cls(clock.boot, clock.monotonic(), clock.now())

    def step_until(self, clock: Clock) -> float | None:
        """Return by how many seconds the wall clock was set since this reading; None after a reboot."""
        if self.boot != clock.boot or not self.boot:
            return None
        return clock.now() - self.wall - (clock.monotonic() - self.monotonic)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since the machine was booted, including suspension."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    @property
    def boot(self) -> str:
        """The kernel's random id of this boot; empty if it cannot be read."""
        return _boot()


@functools.cache
def _boot() -> str:
    """Return the boot id from the environment, or else from the kernel."""
    if given := os.environ.get(BOOT_VARIABLE):
        return given.replace("-", "")
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip().replace("-", "")
    except (OSError, UnicodeDecodeError):
        return ""


class FastClock:
    """A clock that runs `speed` times as fast as the machine's, for simulated days.

    Attributes:
        speed: the seconds that pass in one second of the machine.
        began: what it showed at its start, in seconds since the epoch; by default the true time.

    """

    def __init__(self, speed: float, began: float | None = None, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.speed = speed
        self.began = self._clock.now() if began is None else began
        self._from = self._clock.monotonic()

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self.began + self._passed()

    def monotonic(self) -> float:
        """Return seconds that run as fast as those of `now`."""
        return self._from + self._passed()

    @property
    def boot(self) -> str:
        """Empty: moments of this clock are comparable with those of no other one."""
        return ""

    def _passed(self) -> float:
        return (self._clock.monotonic() - self._from) * self.speed


def machine_seconds(clock: Clock, seconds: float) -> float:
    """Return how many seconds of the machine pass while `seconds` pass on a clock."""
    return seconds / (clock.speed if isinstance(clock, FastClock | SteadyClock) else 1.0)


class SteadyClock:
    """Seconds since the epoch that advance with the monotonic clock, even when the wall clock is set.

    All judgement uses this clock. A wall clock that is set (by NTP, by hand, after a boot in 1970) therefore makes no
    camera stale, no fault longer or shorter, and no login back-off years long. `step` follows the wall clock; stored
    times of this clock must be shifted by the step it returns.

    Attributes:
        shifted: the sum of all steps since the start, in seconds.
        guessed: whether the wall clock has shown only impossible times so far.
        speed: the seconds that pass in one second of the machine: 1 but for a `FastClock`.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.speed: float = clock.speed if isinstance(clock, FastClock | SteadyClock) else 1.0
        self.shifted = 0.0
        self.guessed = self.impossible
        self._ahead = max(clock.now(), EARLIEST) - clock.monotonic()

    def now(self) -> float:
        """Return seconds since the epoch, continued from the last step."""
        return self._clock.monotonic() + self._ahead

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return self._clock.monotonic()

    @property
    def boot(self) -> str:
        """The id of the machine's boot."""
        return self._clock.boot

    @property
    def impossible(self) -> bool:
        """Whether the wall clock shows a time before this program existed."""
        return self._clock.now() < EARLIEST

    def step(self) -> float:
        """Follow the wall clock; return by how many seconds it was set, 0 if it was not."""
        wall = self._clock.now()
        off = wall - self.now()
        if wall < EARLIEST or abs(off) <= STEP_SECONDS:
            return 0.0
        self._ahead += off
        self.shifted += off
        self.guessed = False
        return off


@dataclass(slots=True)
class ManualClock:
    """A clock that moves only by `advance`; `wall` is its wall clock minus its monotonic clock."""

    seconds: float = 1_790_000_000.0
    wall: float = 0.0

    def now(self) -> float:
        """Return the time of the wall clock."""
        return self.seconds + self.wall

    def monotonic(self) -> float:
        """Return the monotonic time."""
        return self.seconds

    @property
    def boot(self) -> str:
        """A fixed boot id."""
        return "manual"

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self.seconds += seconds
