"""What is known of names: addresses for as long as their TTL says, and longer while no name server answers. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

MIN_TTL_SECONDS = 1.0
MAX_TTL_SECONDS = 3600.0
NEGATIVE_SECONDS = 15.0
"""How long a name is taken as unknown: shorter than a round of visits, as names are put right by hand."""

FAILURE_SECONDS = 10.0
"""How long a name server that gave no answer is not asked again for the same name (RFC 8767, 5)."""

STALE_SECONDS = 86_400.0
"""How long after its TTL an address is used while no name server answers (RFC 8767, 5: one to three days)."""

MAX_NAMES = 20_000


@dataclass(frozen=True, slots=True)
class CachedName:
    """What is known of one name; without `addresses` it has none. Moments are in monotonic seconds."""

    addresses: tuple[str, ...] = ()
    fresh_until: float = 0.0
    stale_until: float = 0.0
    failed_until: float = 0.0
    failure: str = ""


class NameCache:
    """Answers of name servers by name, at most `MAX_NAMES`; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[str, CachedName] = OrderedDict()

    def fresh(self, name: str) -> tuple[str, ...] | None:
        """Return a name's addresses, empty where it is known to have none; None where it is to be looked up."""
        known = self._known.get(name)
        return known.addresses if known is not None and self._clock() < known.fresh_until else None

    def stale(self, name: str) -> tuple[str, ...]:
        """Return addresses whose TTL is over but which may stand in for an answer; empty where there are none."""
        known = self._known.get(name)
        return known.addresses if known is not None and self._clock() < known.stale_until else ()

    def failure(self, name: str) -> str:
        """Return why the last look-up of a name failed, where it is too early for the next; empty else."""
        known = self._known.get(name)
        return known.failure if known is not None and self._clock() < known.failed_until else ""

    def keep(self, name: str, addresses: tuple[str, ...], ttl_seconds: float = 0.0) -> None:
        """Keep an answer; without addresses, that the name has none."""
        now = self._clock()
        if addresses:
            fresh_until = now + min(MAX_TTL_SECONDS, max(MIN_TTL_SECONDS, ttl_seconds))
            self._put(name, CachedName(addresses, fresh_until, fresh_until + STALE_SECONDS))
        else:
            self._put(name, CachedName((), now + NEGATIVE_SECONDS))

    def fail(self, name: str, why: str) -> None:
        """Note that no name server answered; what was known of the name stays."""
        known = self._known.get(name) or CachedName()
        self._put(name, replace(known, failed_until=self._clock() + FAILURE_SECONDS, failure=why))

    def forget_failures(self) -> None:
        """Ask again at once for every name, as other name servers are asked from now on."""
        for name, known in self._known.items():
            self._known[name] = replace(known, failed_until=0.0, failure="")

    def _put(self, name: str, known: CachedName) -> None:
        self._known[name] = known
        self._known.move_to_end(name)
        while len(self._known) > MAX_NAMES:
            self._known.popitem(last=False)
