"""The order in which logins are checked: names by turns, and within a name those first who failed least. No I/O."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from xueliang_monitor.web.clients import network_of

WAITING_NAME = 16
"""Logins with one name that may wait. Logins of known users, and of programs on this machine, are not counted."""

STRANGER = 2
"""The rank of a client that is not known."""

LONGEST_SECONDS = 3.0
"""Time after which a waiting login is given up; its client may try again."""


@dataclass(eq=False, frozen=True, slots=True)
class Waiting:
    """A login that waits for its check since a moment in monotonic seconds.

    `first` is 0 for a program on this machine, 1 for an address from which the name logged in before, and `STRANGER`
    otherwise. The `result` is None if the login was not checked.
    """

    name: str
    client: str
    password: str = field(repr=False)
    hashed: str = field(repr=False)
    first: int
    since: float
    result: asyncio.Future[bool | None]


class LoginQueue:
    """The logins that wait. Who is known comes first; others wait by name, so that each name gets its turn.

    `failures` counts those of an address or a network. Within a name, networks that failed little and wait with few
    logins come first.
    """

    def __init__(self, failures: Callable[[str], int], chance: Callable[[], float] = random.random) -> None:
        self._failures = failures
        self._chance = chance
        self._known: list[Waiting] = []
        self._names: OrderedDict[str, list[Waiting]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._known or self._names)

    def enter(self, login: Waiting) -> Waiting | None:
        """Let a login wait; return the one that gives way to it, which may be itself."""
        if login.first < STRANGER:
            self._known.append(login)
            return None
        waiting = self._names.setdefault(login.name, [])
        waiting.append(login)
        if len(waiting) <= WAITING_NAME:
            return None
        last = max(waiting, key=self._ranks(waiting).__getitem__)
        waiting.remove(last)
        return last

    def expired(self, now: float) -> list[Waiting]:
        """Remove and return the logins that waited too long."""
        late = [login for waiting in self._names.values() for login in waiting if now - login.since >= LONGEST_SECONDS]
        for login in late:
            self._remove(login)
        return late

    def next(self, is_due: Callable[[Waiting], bool]) -> Waiting | None:
        """Remove and return the login that is checked next; None if none is due.

        Among equals chance decides. Neither the first nor the last of a flood is then favoured.
        """
        for login in sorted(self._known, key=lambda login: login.first):
            if is_due(login):
                self._known.remove(login)
                return login
        for name, waiting in self._names.items():
            login = min(waiting, key=self._ranks(waiting).__getitem__)
            if is_due(login):
                self._names.move_to_end(name)
                self._remove(login)
                return login
        return None

    def _ranks(self, waiting: list[Waiting]) -> dict[Waiting, tuple[int, int, float]]:
        """Return the order of logins with one name."""
        crowd = Counter(key for login in waiting for key in (network_of(login.client), login.client))
        attempts = {key: count + self._failures(key) for key, count in crowd.items()}
        return {
            login: (attempts[network_of(login.client)], attempts[login.client], self._chance()) for login in waiting
        }

    def _remove(self, login: Waiting) -> None:
        waiting = self._names[login.name]
        waiting.remove(login)
        if not waiting:
            del self._names[login.name]
