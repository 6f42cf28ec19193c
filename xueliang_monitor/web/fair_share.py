"""A limited number of places, shared fairly among clients: whoever holds most gives way first. No I/O."""

from __future__ import annotations

from collections.abc import Callable
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
    without harm.
    """

    def __init__(
        self,
        most: int,
        each: int,
        *,
        apart: Callable[[str], bool] = lambda _client: False,
        idle: Callable[[Item], bool] = lambda _item: False,
    ) -> None:
        self._most = most
        self._each = each
        self._apart = apart
        self._idle = idle
        self._held: dict[str, dict[Item, None]] = {}
        self._limited: set[str] = set()  # the clients that hold items and are not apart
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, client: str, item: Item) -> Entry[Item]:
        """Give an item a place, if necessary that of another one.

        A client that holds its limit, or as much as any other while all places are taken, displaces the oldest of its
        own idle items. Otherwise the client that holds most loses an item: its oldest idle one, or else its oldest, if
        it then still holds as much as the newcomer.
        """
        own = self._held.get(client, {})
        if len(own) >= self._each and not self._apart(client):
            displaced, holder = self._oldest_idle(own), client
        elif self._count < self._most:
            self._add(client, item)
            return Entry(True)
        else:
            holder = max(self._limited, key=self._held_by, default=client)
            if holder != client and (self._apart(client) or self._held_by(holder) > len(own)):
                pool = self._held[holder]
                displaced = self._oldest_idle(pool)
                if displaced is None and (self._apart(client) or len(pool) > len(own) + 1):
                    displaced = next(iter(pool))
            else:
                displaced, holder = self._oldest_idle(own), client
        if displaced is None:
            return Entry(False)
        self.leave(holder, displaced)
        self._add(client, item)
        return Entry(True, displaced)

    def leave(self, client: str, item: Item) -> None:
        """Free the place of an item; one without a place changes nothing."""
        held = self._held.get(client, {})
        if item in held:
            del held[item]
            self._count -= 1
            if not held:
                del self._held[client]
                self._limited.discard(client)

    def _add(self, client: str, item: Item) -> None:
        if client not in self._held:
            self._held[client] = {}
            if not self._apart(client):
                self._limited.add(client)
        self._held[client][item] = None
        self._count += 1

    def _held_by(self, client: str) -> int:
        return len(self._held[client])

    def _oldest_idle(self, held: dict[Item, None]) -> Item | None:
        return next((item for item in held if self._idle(item)), None)
