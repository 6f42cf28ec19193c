"""A limited number of places, shared fairly among clients: whoever holds most gives way first. No I/O."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Entry(Generic[Item]):
    """Whether an item got a place, and the item that lost its place to it."""

    admitted: bool
    displaced: Item | None = None


class FairShare(Generic[Item]):
    """Places for items of clients: `most` in all, and `each` for one client.

    `apart` tells which clients have no limit of their own and never give way. `idle` tells which items may be displaced
    without harm, `lasting` those that go before other busy ones. A busy item stays for `old_seconds` of the `clock` at
    least if its client holds no other.
    """

    def __init__(
        self,
        most: int,
        each: int,
        *,
        apart: Callable[[str], bool] = lambda _client: False,
        idle: Callable[[Item], bool] = lambda _item: False,
        lasting: Callable[[Item], bool] = lambda _item: False,
        old_seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._each = each
        self._apart = apart
        self._idle = idle
        self._lasting = lasting
        self._old_seconds = old_seconds
        self._clock = clock
        self._held: dict[str, dict[Item, None]] = {}
        self._limited: dict[str, None] = {}  # the clients that hold items and are not apart, in order
        self._entered: dict[Item, tuple[str, float]] = {}  # who holds an item since when, the oldest first

    def __len__(self) -> int:
        return len(self._entered)

    def enter(self, client: str, item: Item) -> Entry[Item]:
        """Give an item a place, if necessary that of another one.

        A client that holds its limit, or as much as any other while all places are taken, displaces the oldest of its
        own idle items. Otherwise the client that holds most loses an item: its oldest idle one, or else its oldest, if
        it then still holds as much as the newcomer. If it is none of these, a client without any item displaces the
        oldest idle one of all, or else the oldest lasting or other one that has been there long enough.
        """
        displaced = None
        own = self._held.get(client, {})
        if len(own) >= self._each and not self._apart(client):
            displaced = self._oldest_idle(own)
        elif len(self) < self._most:
            self._add(client, item)
            return Entry(True)
        else:
            displaced = self._surplus(client, own)
            if displaced is None and (not own or self._apart(client)):
                displaced = self._oldest_of_all()
        if displaced is None:
            return Entry(False)
        self.leave(self._entered[displaced][0], displaced)
        self._add(client, item)
        return Entry(True, displaced)

    def _surplus(self, client: str, own: dict[Item, None]) -> Item | None:
        """Return the item that gives way as its client holds more than the newcomer, or is the newcomer."""
        holder = max(self._limited, key=self._held_by, default=client)
        if holder == client or not (self._apart(client) or self._held_by(holder) > len(own)):
            return self._oldest_idle(own)
        pool = self._held[holder]
        displaced = self._oldest_idle(pool)
        if displaced is None and (self._apart(client) or len(pool) > len(own) + 1):
            return next(iter(pool))
        return displaced

    def _oldest_of_all(self) -> Item | None:
        limited = {item: at for item, (client, at) in self._entered.items() if client in self._limited}
        now = self._clock()
        old = [item for item, at in limited.items() if now - at >= self._old_seconds]
        lasting = next((item for item in old if self._lasting(item)), None)
        return self._oldest_idle(limited) or lasting or next(iter(old), None)

    def leave(self, client: str, item: Item) -> None:
        """Free the place of an item; one without a place changes nothing."""
        held = self._held.get(client, {})
        if item in held:
            del held[item], self._entered[item]
            if not held:
                del self._held[client]
                self._limited.pop(client, None)

    def _add(self, client: str, item: Item) -> None:
        if client not in self._held:
            self._held[client] = {}
            if not self._apart(client):
                self._limited[client] = None
        self._held[client][item] = None
        self._entered[item] = client, self._clock()

    def _held_by(self, client: str) -> int:
        return len(self._held[client])

    def _oldest_idle(self, held: Iterable[Item]) -> Item | None:
        return next((item for item in held if self._idle(item)), None)
