"""Pauses between login attempts that grow with every failure. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FORGET_SECONDS = 900.0
"""Failures are forgotten if none follows for this long."""

MOST_KEYS = 4096


@dataclass(frozen=True, slots=True)
class Rule:
    """Less than `free` failures cause no pause. The first pause lasts `first` seconds; each failure more doubles it."""

    free: int
    first: float
    longest: float


class GrowingPauses:
    """The failures by key, such as an address. Moments are monotonic seconds."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def failures(self, key: str, now: float) -> int:
        """Return how many failures of a key are remembered."""
        count, at = self._failures.get(key, (0, now))
        return count if now - at < FORGET_SECONDS else 0

    def wait(self, key: str, now: float) -> float:
        """Return how many seconds a key must wait before its next attempt."""
        beyond = self.failures(key, now) - self._rule.free
        if beyond < 0:
            return 0.0
        pause = min(self._rule.longest, self._rule.first * 2.0 ** min(beyond, 40))
        return max(0.0, self._failures[key][1] + pause - now)

    def failed(self, key: str, now: float) -> None:
        """Record a failure."""
        self._failures[key] = self.failures(key, now) + 1, now
        self._failures.move_to_end(key)
        if len(self._failures) > MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)
