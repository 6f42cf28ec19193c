"""Checks logins against bcrypt hashes. Guesses of strangers keep no known user waiting."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import bcrypt

from xueliang_monitor.web.login_pauses import GrowingPauses, Rule
from xueliang_monitor.web.token_buckets import TokenBuckets

Key = TypeVar("Key")

MOST_KNOWN = 256
"""How many valid logins, and pairs of name and address, are remembered. A check takes a tenth of a second or more."""

MOST_WRONG = 1024
"""How many wrong logins are remembered, so that a program with an old password costs one check."""

BY_ADDRESS = Rule(free=5, first=1.0, longest=300.0)
BY_NAME = Rule(free=20, first=1.0, longest=60.0)
FRESH_SECONDS = 0.5
"""Pause between attempts at a name under attack by addresses that have not failed so far."""

WAITING = 64
"""Logins that may wait for their check."""

WAITING_EACH = 4
"""Logins of one address that may wait for their check."""

REFUSED, REFUSED_A_SECOND = 20, 0.5
"""Attempts during pauses that are answered, at once and in a second. After more, an address is not answered at all."""

SHUNNED_SECONDS = 10.0

RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a login is valid. With `retry_seconds` above 0 it was not checked and may be tried again after that."""

    valid: bool
    retry_seconds: float = 0.0


@dataclass(eq=False, frozen=True, slots=True)
class _Waiting:
    """A login that waits for its check; the lowest rank comes first."""

    rank: tuple[bool, int]
    password: str = field(repr=False)
    hashed: str = field(repr=False)
    result: asyncio.Future[bool | None]


class Logins:
    """The users, their valid logins so far, and the failures of strangers.

    `users` maps names to hashes and may be replaced. A login that was valid once is valid at once until the user's hash
    changes. Any other is checked, one at a time and in a thread of its own. Failures of an address and at a name cause
    growing pauses, in which nothing is checked. A pause of a name does not concern an address from which the name
    logged in before, and hardly one that has not failed.
    """

    def __init__(self, users: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self.users = users
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._valid: OrderedDict[bytes, None] = OrderedDict()
        self._pairs: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._addresses = GrowingPauses(BY_ADDRESS)
        self._names = GrowingPauses(BY_NAME)
        self._refusals = TokenBuckets(REFUSED, REFUSED_A_SECOND)
        self._shunned_until: dict[str, float] = {}
        self._fresh_at: dict[str, float] = {}
        self._pending: dict[bytes, asyncio.Future[bool | None]] = {}
        self._queue: list[_Waiting] = []
        self._newest = True
        self._clients: Counter[str] = Counter()
        self._checking: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="login")

    async def check(self, name: str, password: str, client: str) -> Verdict:
        """Return whether a login from an address is valid. An unknown name takes as long as a known one."""
        hashed = self.users.get(name) or next(iter(self.users.values()))
        mark = hmac.digest(self._key, f"{name}\0{hashed}\0{password}".encode(errors="replace"), hashlib.sha256)
        if mark in self._valid and name in self.users:
            self._remember(self._pairs, (name, client), MOST_KNOWN)
            return Verdict(True)
        if mark in self._wrong:
            self._wrong.move_to_end(mark)
            return Verdict(False)
        result = self._pending.get(mark)
        if result is None:
            pause = self._pause(name, client)
            if pause > 0:
                return self._refused(client, pause)
            rank = self._rank(name, client)
            if len(self._queue) >= WAITING and not self._displace(rank):
                return self._refused(client, RETRY_SECONDS)
            result = self._wait_for_check(mark, name, client, _Waiting(rank, password, hashed, self._future()))
        valid = await asyncio.shield(result)
        return Verdict(False, RETRY_SECONDS) if valid is None else Verdict(valid and name in self.users)

    def shuns(self, client: str) -> bool:
        """Return whether an address only guesses: it attempts much during pauses, and nobody logged in from there."""
        if self._clock() >= self._shunned_until.get(client, -math.inf):
            return False
        return all(known != client for _, known in self._pairs)

    def _refused(self, client: str, pause: float) -> Verdict:
        """Return the verdict for an attempt during a pause."""
        now = self._clock()
        if not self._refusals.take(client, now):
            kept = {key: until for key, until in self._shunned_until.items() if until > now}
            self._shunned_until = kept | {client: now + SHUNNED_SECONDS}
        return Verdict(False, pause)

    def _pause(self, name: str, client: str) -> float:
        """Return how long this address must wait before its next attempt at this name."""
        now, shown = self._clock(), name[:128]
        if self._clients[client] >= WAITING_EACH:
            return RETRY_SECONDS
        pause = self._addresses.wait(client, now)
        if pause or (name, client) in self._pairs or not self._names.wait(shown, now):
            return pause
        if self._addresses.failures(client, now):
            return self._names.wait(shown, now)
        since = now - self._fresh_at.get(shown, -math.inf)
        if since < FRESH_SECONDS:
            return FRESH_SECONDS - since
        self._fresh_at = {key: at for key, at in self._fresh_at.items() if now - at < FRESH_SECONDS} | {shown: now}
        return 0.0

    def _rank(self, name: str, client: str) -> tuple[bool, int]:
        """Return when a login is checked: known pairs first, then by the attempts of the address."""
        attempts = self._addresses.failures(client, self._clock()) + self._clients[client]
        return (name, client) not in self._pairs, attempts

    def _displace(self, rank: tuple[bool, int]) -> bool:
        """Give up the check that would come last, if `rank` comes before it; return whether that was so."""
        last = max(self._queue, key=lambda waiting: waiting.rank)
        if last.rank <= rank:
            return False
        self._queue.remove(last)
        last.result.set_result(None)
        return True

    @staticmethod
    def _future() -> asyncio.Future[bool | None]:
        return asyncio.get_running_loop().create_future()

    def _wait_for_check(self, mark: bytes, name: str, client: str, waiting: _Waiting) -> asyncio.Future[bool | None]:
        self._queue.append(waiting)
        self._pending[mark] = waiting.result
        self._clients[client] += 1
        waiting.result.add_done_callback(lambda done: self._learn(done, mark, name, client))
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check_all())
        return waiting.result

    def _next(self) -> _Waiting:
        """Take a login of the lowest rank, by turns the oldest and the newest.

        Nobody who came before a flood, or comes after its beginning, then waits for the whole of it.
        """
        self._newest = not self._newest
        waiting = min(reversed(self._queue) if self._newest else self._queue, key=lambda waiting: waiting.rank)
        self._queue.remove(waiting)
        return waiting

    async def _check_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            waiting = self._next()
            secret = waiting.password.encode(errors="replace")[:72]  # bcrypt uses no more
            try:
                valid = await loop.run_in_executor(self._thread, bcrypt.checkpw, secret, waiting.hashed.encode())
            except ValueError:  # bcrypt takes no such password
                valid = False
            waiting.result.set_result(valid)

    def _learn(self, done: asyncio.Future[bool | None], mark: bytes, name: str, client: str) -> None:
        del self._pending[mark]
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]
        if done.result() is None:
            return
        if done.result() and name in self.users:
            self._remember(self._valid, mark, MOST_KNOWN)
            self._remember(self._pairs, (name, client), MOST_KNOWN)
            self._addresses.succeeded(client)
            return
        self._remember(self._wrong, mark, MOST_WRONG)
        self._addresses.failed(client, self._clock())
        self._names.failed(name[:128], self._clock())

    @staticmethod
    def _remember(kept: OrderedDict[Key, None], key: Key, most: int) -> None:
        kept[key] = None
        kept.move_to_end(key)
        if len(kept) > most:
            kept.popitem(last=False)

    def close(self) -> None:
        """Stop checking."""
        if self._checking is not None:
            self._checking.cancel()
        self._thread.shutdown(wait=False)
