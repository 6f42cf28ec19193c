"""Time as everything here reads it: handed in, so that a simulated day runs in seconds."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

EARLIEST = 1_767_225_600.0
"""2026-01-01 UTC: this program did not exist before, so a clock that shows less is wrong."""

BOOT_VARIABLE = "XUELIANG_BOOT_ID"

STEP_SECONDS = 1.0
"""A wall clock that is off by more than this was set; less is drift, which is taken over without a word."""


class Clock(Protocol):
    """Two readings of one moment, both in seconds."""

    def now(self) -> float:
        """Return seconds since the Unix epoch, for what people read."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for what is scheduled."""
        ...

    @property
    def boot(self) -> str:
        """What monotonic seconds count from: those of one boot of a machine can be compared over restarts."""
        ...


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Both readings of a clock at one moment, and the boot of the machine that the monotonic one belongs to."""

    boot: str
    monotonic: float
    wall: float

    @classmethod
    def of(cls, clock: Clock) -> ClockReading:
        """Read a clock."""
        return cls(clock.boot, clock.monotonic(), clock.now())

    def step_until(self, clock: Clock) -> float | None:
        """Return by how many seconds the wall clock was set since; None where the machine was booted meanwhile."""
        if self.boot != clock.boot or not self.boot:
            return None
        return clock.now() - self.wall - (clock.monotonic() - self.monotonic)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since the machine was started, those in which it was suspended included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    @property
    def boot(self) -> str:
        """The kernel's random name of this boot; empty where it tells none."""
        return _boot()


@functools.cache
def _boot() -> str:
    """Return the name of this boot: as the service's unit gives it, whose sandbox hides the kernel's file."""
    if given := os.environ.get(BOOT_VARIABLE):
        return given.replace("-", "")
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip().replace("-", "")
    except (OSError, UnicodeDecodeError):
        return ""


class SteadyClock:
    """Seconds since the epoch that advance with the monotonic clock, whatever happens to the wall clock.

    Everything that is judged is judged on this clock, so that a wall clock that is set (by NTP, by hand, after a start
    in 1970) makes no camera stale, no fault longer or shorter, and no login held for years. `step` follows the wall
    clock; whoever keeps moments of this clock moves them by as much.

    Attributes:
        shifted: by how many seconds this clock was moved in all since it was made.
        guessed: whether it has yet to see a wall clock that shows a time that can be.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.shifted = 0.0
        self.guessed = self.impossible
        self._ahead = max(clock.now(), EARLIEST) - clock.monotonic()

    def now(self) -> float:
        """Return seconds since the epoch, as of the last step."""
        return self._clock.monotonic() + self._ahead

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return self._clock.monotonic()

    @property
    def boot(self) -> str:
        """The boot of the machine."""
        return self._clock.boot

    @property
    def impossible(self) -> bool:
        """Whether the wall clock shows a time that cannot be."""
        return self._clock.now() < EARLIEST

    def step(self) -> float:
        """Follow the wall clock; return by how many seconds this clock was moved for that, 0 where it was not set."""
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
    """A clock that moves only when told to; `wall` is how far its wall clock is off its monotonic one."""

    seconds: float = 1_790_000_000.0
    wall: float = 0.0

    def now(self) -> float:
        """Return the seconds last set, as the wall clock shows them."""
        return self.seconds + self.wall

    def monotonic(self) -> float:
        """Return the seconds last set."""
        return self.seconds

    @property
    def boot(self) -> str:
        """The one boot that there is."""
        return "manual"

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self.seconds += seconds
