"""Which failed logins are logged: a few each minute, with a count of the others. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_SECONDS = 60.0

MOST_LINES = 5
"""Lines in a minute, each about another address."""

MOST_COUNTED = 10_000
"""Addresses that are told apart when they are counted."""


class LoginLog:
    """Counts failed logins, of which any number may come from any number of addresses."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._written: set[str] = set()
        self._left_out = 0
        self._addresses: set[str] = set()

    def due(self, client: str) -> str | None:
        """Return what to append to the line about a failed login, or None if the line is to be left out."""
        now = self._clock()
        if now - self._since >= EVERY_SECONDS:
            self._since = now
            self._written.clear()
        if client in self._written or len(self._written) >= MOST_LINES:
            self._left_out += 1
            if len(self._addresses) < MOST_COUNTED:
                self._addresses.add(client)
            return None
        self._written.add(client)
        if not self._left_out:
            return ""
        some = f"{len(self._addresses)}{' or more' if len(self._addresses) >= MOST_COUNTED else ''}"
        more = f" ({self._left_out} more since the last such line; number of addresses: {some})"
        self._left_out = 0
        self._addresses.clear()
        return more
