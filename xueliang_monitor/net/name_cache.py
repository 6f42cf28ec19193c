"""A cache of host names: addresses for their TTL, and longer while no name server responds (RFC 8767). Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

MIN_TTL_SECONDS = 1.0
MAX_TTL_SECONDS = 3600.0
NEGATIVE_SECONDS = 15.0
"""How long a negative answer is kept. It is shorter than a round of visits, so that a corrected name works soon."""

FAILURE_SECONDS = 10.0
"""How long a name is not queried again after no name server responded (RFC 8767, 5)."""

STALE_SECONDS = 86_400.0
"""How long after its TTL an address is used while no name server responds (RFC 8767, 5: one to three days)."""

MAX_NAMES = 20_000


@dataclass(frozen=True, slots=True)
class CachedName:
    """The entry of one name. Empty `addresses` mean that the name has none. Times are monotonic seconds."""

    addresses: tuple[str, ...] = ()
    fresh_until: float = 0.0
    stale_until: float = 0.0
    failed_until: float = 0.0
    failure: str = ""


class NameCache:
    """Answers of name servers by name, at most `MAX_NAMES`; `clock` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[str, CachedName] = OrderedDict()

    def fresh(self, name: str) -> tuple[str, ...] | None:
        """Return the addresses of a name, empty if it has none, or None if it must be looked up."""
        known = self._known.get(name)
        return known.addresses if known is not None and self._clock() < known.fresh_until else None

    def stale(self, name: str) -> tuple[str, ...]:
        """Return the expired addresses that may be used while no name server responds, or an empty tuple."""
        known = self._known.get(name)
        return known.addresses if known is not None and self._clock() < known.stale_until else ()

    def last(self, name: str) -> tuple[str, ...]:
        """Return the last known addresses of a name, however old, or an empty tuple."""
        known = self._known.get(name)
        return known.addresses if known is not None else ()

    def failure(self, name: str) -> str:
        """Return why the last lookup of a name failed while it is too early for another, otherwise an empty string."""
        known = self._known.get(name)
        return known.failure if known is not None and self._clock() < known.failed_until else ""

    def keep(self, name: str, addresses: tuple[str, ...], ttl_seconds: float = 0.0) -> None:
        """Store an answer; without addresses it is negative."""
        now = self._clock()
        if addresses:
            fresh_until = now + min(MAX_TTL_SECONDS, max(MIN_TTL_SECONDS, ttl_seconds))
            self._put(name, CachedName(addresses, fresh_until, fresh_until + STALE_SECONDS))
        else:
            self._put(name, CachedName((), now + NEGATIVE_SECONDS))

    def fail(self, name: str, why: str) -> None:
        """Record that no name server responded; the addresses of the name are kept."""
        known = self._known.get(name) or CachedName()
        self._put(name, replace(known, failed_until=self._clock() + FAILURE_SECONDS, failure=why))

    def forget_failures(self) -> None:
        """Allow a lookup of every name at once, after the name servers have changed."""
        for name, known in self._known.items():
            self._known[name] = replace(known, failed_until=0.0, failure="")

    def _put(self, name: str, known: CachedName) -> None:
        self._known[name] = known
        self._known.move_to_end(name)
        while len(self._known) > MAX_NAMES:
            self._known.popitem(last=False)
