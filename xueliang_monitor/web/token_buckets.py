"""How often a client may do something: a token bucket for each client. No I/O."""

from __future__ import annotations

from collections import OrderedDict

MOST_CLIENTS = 4096


class TokenBuckets:
    """Lets a client do something `burst` times, and then `rate` times in a second. Moments are monotonic seconds."""

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, now: float) -> bool:
        """Return whether a client may do it once more, and count it if so."""
        tokens, at = self._buckets.get(client, (self._burst, now))
        tokens = min(self._burst, tokens + self._rate * (now - at))
        allowed = tokens >= 1.0
        self._buckets[client] = tokens - allowed, now
        self._buckets.move_to_end(client)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return allowed
