"""Resolves host names to addresses: asynchronous, with a cache, and one lookup of a name at a time."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import aiodns
import pycares

from xueliang_monitor.net.errors import NameUnresolvedError
from xueliang_monitor.net.host_validation import check_host
from xueliang_monitor.net.name_cache import NameCache
from xueliang_monitor.process.shortage import Resource, ShortageError, lacking_descriptors, shortage_of

LOOKUP_SECONDS = 5.0
"""How long a lookup may take, including retries."""

STALE_AFTER_SECONDS = 1.8
"""How long to wait for a lookup before an expired address is used (RFC 8767, 5)."""

TRY_SECONDS = 1.5
TRIES = 3
RESOLV_CONF = Path("/etc/resolv.conf")

_NO_SUCH_NAME = frozenset({aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA, aiodns.error.ARES_EBADNAME})
_OWN_SERVER = ("127.0.0.1",)
"""The name server if none is configured (resolv.conf(5))."""

_FAILURES = {
    aiodns.error.ARES_ETIMEOUT: "does not answer",
    aiodns.error.ARES_ESERVFAIL: "answers that it failed (SERVFAIL)",
    aiodns.error.ARES_EREFUSED: "refuses to answer (REFUSED)",
    aiodns.error.ARES_ECONNREFUSED: "cannot be reached",
}
_SILENT = frozenset(_FAILURES[code] for code in (aiodns.error.ARES_ETIMEOUT, aiodns.error.ARES_ECONNREFUSED))
_CHANGED = frozenset({aiodns.error.ARES_ECANCELLED, aiodns.error.ARES_EDESTRUCTION})
"""The lookup was cancelled because the name servers changed; the new ones are queried."""

CHANGES = 3
"""How often one lookup is started for that reason."""


def _servers(text: str) -> tuple[str, ...]:
    """Return the first three name servers of a resolv.conf (resolv.conf(5))."""
    words = [line.split() for line in text.splitlines()]
    return tuple(line[1] for line in words if len(line) > 1 and line[0] == "nameserver")[:3]


@functools.lru_cache(maxsize=16_384)
def _as_address(host: str) -> str | None:
    """Return an IP address as it is written usually; None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


class NameResolver:
    """A resolver that uses /etc/hosts and name servers; use as an async context manager, or `close` it.

    `name_servers` are addresses, with a port if it is not 53. Without them, those of `resolv_conf` are queried; the
    file is read again when it changes. `clock` returns monotonic seconds.
    """

    def __init__(
        self,
        name_servers: tuple[str, ...] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        resolv_conf: Path = RESOLV_CONF,
    ) -> None:
        self.cache = NameCache(clock)
        self._configured = name_servers
        self._name_servers = name_servers
        self._resolv_conf = resolv_conf
        self._file_identity: tuple[int, int, int] | None = None
        self._resolver: aiodns.DNSResolver | None = None
        self._running: dict[str, asyncio.Task[tuple[str, ...] | None]] = {}
        self._clock = clock
        self._unanswered_since: float | None = None
        self._answered_at = clock()
        self._failure = ""

    async def __aenter__(self) -> Self:
        """Return the resolver; nothing is open before the first lookup."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel the lookups in progress."""
        await self.close()

    async def close(self) -> None:
        """Cancel the lookups in progress and close the sockets."""
        running, self._running = tuple(self._running.values()), {}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        resolver, self._resolver = self._resolver, None
        if resolver is not None:
            await resolver.close()

    async def addresses(self, host: str, seconds: float = LOOKUP_SECONDS) -> tuple[str, ...]:
        """Return the addresses of a host within `seconds`, the preferred one first; an IP address is returned as it is.

        Raises:
            NameUnresolvedError: the name has no address, or is not a valid host name.
            ShortageError: no name server responds, and the cache has no address.

        """
        if (address := _as_address(host)) is not None:
            return (address,)
        try:
            name = check_host(host).lower().rstrip(".")
        except ValueError as error:
            raise NameUnresolvedError(f"{host}: {error}") from error
        await self._follow_resolv_conf()
        known = self.cache.fresh(name)
        if known is None:
            known = await self._look_up(name, seconds)
        if not known:
            raise NameUnresolvedError(f"the name {host} has no address, according to the name server")
        return known

    @staticmethod
    def is_address(host: str) -> bool:
        """Return whether a host is an address, which need not be looked up."""
        return _as_address(host) is not None

    def last_addresses(self, host: str) -> tuple[str, ...]:
        """Return the last known addresses of a host, however old; an address is returned as it is."""
        return (host,) if self.is_address(host) else self.cache.last(host.lower().rstrip("."))

    def usable(self, name: str) -> bool:
        """Return whether the cache has an address of a name that may be used now."""
        name = name.lower().rstrip(".")
        return bool(self.cache.fresh(name) or self.cache.stale(name))

    @property
    def unanswered_seconds(self) -> float:
        """For how long all lookups have failed because of the name servers; 0 after an answer."""
        return 0.0 if self._unanswered_since is None else self._clock() - self._unanswered_since

    @property
    def silence(self) -> str:
        """What is wrong with the name servers, in one sentence, while lookups fail."""
        servers = ", ".join(self._name_servers[:3])
        if not servers:
            return "the monitor has no name server to look up its cameras"
        if self._failure in _SILENT:
            return f"no name server answers ({servers})"
        return f"no name server can look up names: {servers} {self._failure}"

    async def _look_up(self, name: str, seconds: float) -> tuple[str, ...]:
        """Wait for a lookup; return expired addresses if it takes too long."""
        stale = self.cache.stale(name)
        if not self.cache.failure(name):
            task = self._running.get(name)
            if task is None:
                task = self._running[name] = asyncio.create_task(self._query(name), name=f"lookup of {name}")
                task.add_done_callback(lambda _: self._running.pop(name, None))
            await asyncio.wait([task], timeout=min(STALE_AFTER_SECONDS, seconds) if stale else seconds)
            if task.done() and not task.cancelled():
                known = task.result()
                if known is not None:
                    return known
        if stale:
            return stale
        why = self.cache.failure(name) or self._unanswered("does not answer", name)
        raise lacking_descriptors() or ShortageError(Resource.NAME_SERVER, why)

    async def _query(self, name: str) -> tuple[str, ...] | None:
        """Query a name and cache the result; return its addresses, or None if no name server could answer."""
        began, code = self._clock(), aiodns.error.ARES_ETIMEOUT
        for _ in range(CHANGES):
            try:
                async with asyncio.timeout(LOOKUP_SECONDS):
                    found = await self._dns().getaddrinfo(name, socket.AF_UNSPEC, type=socket.SOCK_STREAM)
            except TimeoutError:
                break
            except aiodns.error.DNSError as error:
                code = error.args[0]
                if code in _NO_SUCH_NAME:
                    self._note_answer()
                    self.cache.keep(name, ())
                    return ()
                if code not in _CHANGED:
                    break
            except (OSError, RuntimeError, MemoryError, pycares.AresError) as error:
                short = shortage_of(error, starting=True) or lacking_descriptors()
                self.cache.fail(name, str(short or f"names cannot be looked up: {type(error).__name__}: {error}"))
                return None
            else:
                addresses = tuple(dict.fromkeys(node.addr[0].decode("ascii") for node in found.nodes))
                self._note_answer()
                self.cache.keep(name, addresses, min((node.ttl for node in found.nodes), default=0))
                return addresses
        failure = _FAILURES.get(code, f"gives no usable answer (c-ares error {code})")
        if self._unanswered_since is None:
            self._unanswered_since = max(began, self._answered_at)
        self._failure = failure
        self.cache.fail(name, self._unanswered(failure, name))
        return None

    def _note_answer(self) -> None:
        self._unanswered_since, self._answered_at = None, self._clock()

    def _unanswered(self, failure: str, name: str) -> str:
        where = "name_servers in the settings" if self._configured else str(self._resolv_conf)
        servers = ", ".join(self._name_servers[:3])
        if servers:
            problem = f"the name server {servers} {failure} for {name}"
        else:
            problem = f"there is no name server to look up {name}"
        return f"{problem}; check it and {where}, or write the camera's IP address in its file"

    def _dns(self) -> aiodns.DNSResolver:
        if self._resolver is None:
            self._resolver = aiodns.DNSResolver(self._name_servers or _OWN_SERVER, timeout=TRY_SECONDS, tries=TRIES)
        return self._resolver

    async def _follow_resolv_conf(self) -> None:
        """Use the name servers of the file if it changed; lookups in progress are started again."""
        if self._configured:
            return
        try:
            stat = self._resolv_conf.stat()
            identity = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            servers = (
                () if identity == self._file_identity else _servers(self._resolv_conf.read_text("ascii", "replace"))
            )
        except FileNotFoundError:
            identity, servers = (0, 0, 0), ()
        except OSError:
            return  # the file cannot be read now, for example for lack of descriptors: keep the last content
        if identity == self._file_identity:
            return
        self._file_identity, self._name_servers = identity, servers
        self.cache.forget_failures()
        self._note_answer()
        resolver, self._resolver = self._resolver, None
        if resolver is not None:
            await resolver.close()
