"""Costly answers: made in a thread, one at a time, shared by all who ask for the same, and kept for a moment."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from xueliang_monitor.web.threads import in_thread

Result = TypeVar("Result")
Begin = Callable[[], Awaitable[Callable[[], Result]]]
"""Collects what is needed on the event loop, and returns the function that makes the answer in a thread."""

MOST_WAITING = 8
"""Different answers that may be asked for at the same time, by all clients together."""


MOST_REST_SECONDS = 5.0
"""Longest pause between two answers. A thread at work slows the rest of the daemon down."""


class BusyError(Exception):
    """The client's last answer is still being made, or too many answers are waited for."""


class SharedWork(Generic[Result]):
    """Answers by key. Each is made once, however many ask for it, and kept for `keep_seconds` after that.

    `kept` is how many finished answers are held. A client may wait for `each` answers that nobody else asked for first;
    without a client's name there is no such limit. After an answer, no other is made for `rest` times as long as it
    took.
    """

    def __init__(
        self,
        keep_seconds: float,
        kept: int,
        *,
        each: int = 1,
        rest: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_seconds = keep_seconds
        self._most_kept = kept
        self._each = each
        self._rest = rest
        self._clock = clock
        self._finished: OrderedDict[Hashable, tuple[float, Result]] = OrderedDict()
        self._running: dict[Hashable, asyncio.Task[Result]] = {}
        self._clients: Counter[str] = Counter()
        self._one_at_a_time = asyncio.Lock()
        self._rest_until = 0.0

    async def get(self, key: Hashable, begin: Begin[Result], client: str = "") -> Result:
        """Return the answer of a key, which `begin` starts to make if no recent one is kept.

        Raises:
            BusyError: the client or all clients together wait for too many answers.

        """
        known = self._finished.get(key)
        if known is not None and 0 <= self._clock() - known[0] < self._keep_seconds:
            return known[1]
        task = self._running.get(key)
        if task is None:
            if len(self._running) >= MOST_WAITING or (client and self._clients[client] >= self._each):
                raise BusyError
            task = self._running[key] = asyncio.create_task(self._made(key, begin))
            self._clients[client] += 1
            task.add_done_callback(lambda ended: self._ended(ended, key, client))
        return await asyncio.shield(task)  # an asker who leaves does not take the answer from the others

    async def _made(self, key: Hashable, begin: Begin[Result]) -> Result:
        async with self._one_at_a_time:
            await asyncio.sleep(self._rest_until - self._clock())
            began = self._clock()
            made = await in_thread(await begin())
            ended = self._clock()
            self._rest_until = ended + min(MOST_REST_SECONDS, self._rest * (ended - began))
        self._finished[key] = (self._clock(), made)
        self._finished.move_to_end(key)
        while len(self._finished) > self._most_kept:
            self._finished.popitem(last=False)
        return made

    def _ended(self, task: asyncio.Task[Result], key: Hashable, client: str) -> None:
        del self._running[key]
        self._clients[client] -= 1
        self._clients += Counter()  # forgets clients without a task
        if not task.cancelled():
            task.exception()  # those who asked have it; without them, nobody misses it

    async def close(self) -> None:
        """Stop waiting for answers that are being made."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
