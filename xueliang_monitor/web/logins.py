"""Checks logins against bcrypt hashes. Guesses of strangers keep no known user waiting."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import math
import secrets
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import bcrypt

from xueliang_monitor.web.clients import OWN, network_of
from xueliang_monitor.web.login_pauses import GrowingPauses, Rule
from xueliang_monitor.web.login_queue import STRANGER, LoginQueue, Waiting
from xueliang_monitor.web.token_buckets import TokenBuckets

log = logging.getLogger(__name__)

Key = TypeVar("Key")

MOST_KNOWN = 256
"""How many valid logins, and pairs of name and address, are remembered. A check takes a tenth of a second or more."""

MOST_WRONG = 1024
"""How many wrong logins of users are remembered, so that a program with an old password costs one check."""

BY_ADDRESS = Rule(free=5, first=1.0, longest=300.0)
BY_NAME = Rule(free=20, first=1.0, longest=60.0)
FRESH_SECONDS = 0.5
"""Pause between attempts at a name under attack by addresses that have not failed so far."""

WAITING_EACH = 4
"""Logins of one address that may wait for their check."""

UNKNOWN, UNKNOWN_A_SECOND = 5, 1.0
"""Checks for unknown names, at once and in a second. Further ones take as long, but no processor time."""

REFUSED, REFUSED_A_SECOND = 20, 0.5
"""Attempts during pauses that are answered, at once and in a second. After more, an address is not answered at all."""

SHUNNED_SECONDS = 10.0

RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a login is valid. With `retry_seconds` above 0 it was not checked and may be tried again after that."""

    valid: bool
    retry_seconds: float = 0.0


class Logins:
    """The users, their valid logins so far, and the failures of strangers.

    `users` maps names to hashes and may be replaced. A login that was valid once is valid at once until the user's hash
    changes. Any other is checked, one at a time and in a thread of its own. Failures of an address and at a name cause
    growing pauses, in which nothing is checked. A pause of a name does not concern programs on this machine, nor an
    address from which the name logged in before. Addresses that have not failed take turns by chance.
    """

    def __init__(self, users: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self.users = users
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._valid: OrderedDict[bytes, None] = OrderedDict()
        self._pairs: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._wrong_names: OrderedDict[bytes, None] = OrderedDict()  # those of unknown users, as these may be many
        self._addresses = GrowingPauses(BY_ADDRESS)
        self._networks = GrowingPauses(BY_ADDRESS)  # for their counts only
        self._names = GrowingPauses(BY_NAME)
        self._refusals = TokenBuckets(REFUSED, REFUSED_A_SECOND)
        self._shunned_until: dict[str, float] = {}
        self._fresh_at: dict[str, float] = {}
        self._pending: dict[bytes, asyncio.Future[bool | None]] = {}
        self._queue = LoginQueue(self._failures)
        self._clients: Counter[str] = Counter()
        self._unknown = TokenBuckets(UNKNOWN, UNKNOWN_A_SECOND)
        self._took: deque[float] = deque(maxlen=16)
        self._pretending: dict[str, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._checking: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="login")

    async def check(self, name: str, password: str, client: str) -> Verdict:
        """Return whether a login from an address is valid. An unknown name takes as long as a known one."""
        hashed = self.users.get(name) or next(iter(self.users.values()))
        mark = hmac.digest(self._key, f"{name}\0{hashed}\0{password}".encode(errors="replace"), hashlib.sha256)
        if mark in self._valid and name in self.users:
            self._remember(self._pairs, (name, client), MOST_KNOWN)
            return Verdict(True)
        wrong = self._wrong if name in self.users else self._wrong_names
        if mark in wrong:
            wrong.move_to_end(mark)
            return Verdict(False)
        result = self._pending.get(mark)
        if result is None:
            pause = self._pause(name, client)
            if pause > 0:
                return self._refused(client, pause)
            result = self._wait_for_check(mark, self._waiting(name, password, hashed, client))
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
        if not pause and self._first(name, client) == STRANGER and self._addresses.failures(client, now):
            return self._names.wait(shown, now)
        return pause

    def _first(self, name: str, client: str) -> int:
        if client in OWN:
            return 0
        return 1 if (name, client) in self._pairs else STRANGER

    def _failures(self, client: str) -> int:
        """Return how often an address or a network failed."""
        now = self._clock()
        return max(self._addresses.failures(client, now), self._networks.failures(client, now))

    def _waiting(self, name: str, password: str, hashed: str, client: str) -> Waiting:
        now = self._clock()
        result: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        return Waiting(name, client, password, hashed, self._first(name, client), now, result)

    def _wait_for_check(self, mark: bytes, waiting: Waiting) -> asyncio.Future[bool | None]:
        self._pending[mark] = waiting.result
        self._clients[waiting.client] += 1
        waiting.result.add_done_callback(lambda done: self._learn(done, mark, waiting.name, waiting.client))
        last = self._queue.enter(waiting)
        if last is not None:
            last.result.set_result(None)
        self._woken.set()
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check_all())
        return waiting.result

    def _is_due(self, waiting: Waiting) -> bool:
        """Return whether a login may be checked now: a name under attack has few checks for strangers."""
        if waiting.name in self._pretending:
            return False
        if waiting.first < STRANGER:
            return True
        since = self._clock() - self._fresh_at.get(waiting.name[:128], -math.inf)
        return since >= FRESH_SECONDS or not self._names.wait(waiting.name[:128], self._clock())

    async def _check_all(self) -> None:
        while self._queue:
            for late in self._queue.expired(self._clock()):
                late.result.set_result(None)
            self._woken.clear()
            waiting = self._queue.next(self._is_due)
            if waiting is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FRESH_SECONDS / 10):
                        await self._woken.wait()
                continue
            now = self._clock()
            if waiting.first == STRANGER:
                self._fresh_at = {key: at for key, at in self._fresh_at.items() if now - at < FRESH_SECONDS}
                self._fresh_at[waiting.name[:128]] = now
            if waiting.name in self.users or not self._took or self._unknown.take("", now):
                await self._judge(waiting)
            else:
                self._pretending[waiting.name] = asyncio.create_task(self._pretend(waiting))

    async def _judge(self, waiting: Waiting) -> None:
        """Check a login. One that cannot be checked, as no thread can be started, may be tried again."""
        try:
            waiting.result.set_result(await self._is_valid(waiting))
        except (OSError, RuntimeError, MemoryError):
            log.exception("a login could not be checked")
        finally:
            if not waiting.result.done():
                waiting.result.set_result(None)

    async def _is_valid(self, waiting: Waiting) -> bool:
        began, loop = self._clock(), asyncio.get_running_loop()
        secret = waiting.password.encode(errors="replace")[:72]  # bcrypt uses no more
        try:
            return await loop.run_in_executor(self._thread, bcrypt.checkpw, secret, waiting.hashed.encode())
        except ValueError:  # bcrypt takes no such password
            return False
        finally:
            self._took.append(self._clock() - began)

    async def _pretend(self, waiting: Waiting) -> None:
        """Refuse an unknown name after the time of a check. A flood of such names keeps no other name waiting."""
        await asyncio.sleep(secrets.choice(self._took))
        del self._pretending[waiting.name]
        self._woken.set()
        waiting.result.set_result(False)

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
        self._remember(self._wrong if name in self.users else self._wrong_names, mark, MOST_WRONG)
        now = self._clock()
        self._addresses.failed(client, now)
        self._networks.failed(network_of(client), now)
        self._names.failed(name[:128], now)

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
        for task in self._pretending.values():
            task.cancel()
        self._thread.shutdown(wait=False)
