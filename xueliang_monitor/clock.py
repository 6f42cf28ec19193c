"""Time as everything here reads it: handed in, so that a simulated day runs in seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Two readings of one moment, both in seconds."""

    def now(self) -> float:
        """Return seconds since the Unix epoch, for what people read."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for what is scheduled."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


@dataclass(slots=True)
class ManualClock:
    """A clock that moves only when told to."""

    seconds: float = 1_700_000_000.0

    def now(self) -> float:
        """Return the seconds last set."""
        return self.seconds

    def monotonic(self) -> float:
        """Return the seconds last set."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self.seconds += seconds
