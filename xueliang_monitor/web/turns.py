"""How many requests of one client are handled at the same time; further ones wait for their turn."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

AT_ONCE = 6
"""As many connections as a browser opens to a server."""


class Turns:
    """The requests that are handled, by client."""

    def __init__(self) -> None:
        self._clients: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @contextlib.asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait until fewer than `AT_ONCE` requests of a client are handled; the context is one more."""
        turns, users = self._clients.get(client) or (asyncio.Semaphore(AT_ONCE), 0)
        self._clients[client] = turns, users + 1
        try:
            async with turns:
                yield
        finally:
            users = self._clients[client][1] - 1
            if users:
                self._clients[client] = turns, users
            else:
                del self._clients[client]
