"""Turns at a few places, in order of rank: who comes first waits no longer than the one that has the turn."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import AsyncIterator

Rank = tuple[float, ...]
"""Who comes first: the smaller rank; of equal ranks the one that came first."""


class RankedTurns:
    """A semaphore of `places` that lets in by rank and not by arrival."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._numbers = itertools.count()
        self._waiting: list[tuple[Rank, int, asyncio.Future[None]]] = []

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(not future.done() for _, _, future in self._waiting)

    @contextlib.asynccontextmanager
    async def turn(self, rank: Rank = ()) -> AsyncIterator[None]:
        """Wait for a place, and have it for as long as the context lasts."""
        await self._wait(rank)
        try:
            yield
        finally:
            self._give_back()

    async def _wait(self, rank: Rank) -> None:
        if self._free > 0:
            self._free -= 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._numbers), future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._give_back()
            raise

    def _give_back(self) -> None:
        while self._waiting:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)
                return
        self._free += 1
