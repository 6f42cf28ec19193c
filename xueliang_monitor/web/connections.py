"""The connections of the page: accepted within limits, so that strangers shut nobody out.

aiohttp limits neither the number of connections nor the time of a request's header by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from xueliang_monitor.web.clients import OWN, Network, group_of, is_trusted
from xueliang_monitor.web.fair_share import FairShare
from xueliang_monitor.web.log_throttle import LogThrottle, ServerErrors
from xueliang_monitor.web.token_buckets import TokenBuckets

log = logging.getLogger(__name__)
errors = logging.getLogger(f"{__name__}.errors")
errors.addFilter(ServerErrors())

EACH = 128
"""Connections of one client. A browser opens six to a server."""

HEADER_SECONDS = 10.0
"""Time from the start of a connection, or from the last answer, to a complete header. An idle connection ends after it.
"""

PATIENT_SECONDS = 3600.0
"""The same for programs on this machine and trusted proxies, which keep connections open."""

HANDSHAKE_SECONDS = 10.0
SEND_SECONDS = 30
"""A connection ends if its client takes no data, or confirms none, for this long."""

OLD_SECONDS = 5.0
"""A client's only connection keeps its place for this long while it is busy, even if all places are taken."""

A_SECOND = 10.0
"""New connections of one client in a second, once it opened `EACH` of them."""

BACKLOG = 4096
"""Connections that the system holds until they are accepted. It drops further ones; their clients wait for seconds."""

ACCEPT_SECONDS = 0.01
"""Time for which connections are accepted before the event loop gets a turn."""

PAUSE_SECONDS = 1.0
"""Pause of accepting while the process lacks descriptors or memory."""

_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def server_of(runner: web.AppRunner) -> web.Server:
    """Return the server of a runner that is set up. Its answer to an odd Expect header needs no error of aiohttp."""
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is not set up")
    handle = server.request_handler

    async def guarded(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "100-continue").lower() != "100-continue":
            return web.Response(status=417, text="Only `Expect: 100-continue` is understood.\n")
        return await handle(request)

    server.request_handler = guarded
    return server


class Connection(web.RequestHandler):
    """One connection. `busy` is set while a request is handled, `lasting` once it was one of a live stream."""

    __slots__ = ("_lost", "busy", "client", "lasting", "setup")

    def __init__(self, server: web.Server, client: str, lost: Callable[[Connection], None], **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self.busy = self.lasting = False
        self.client = client
        self.setup: asyncio.Task[None] | None = None
        self._lost = lost

    def connection_lost(self, exc: BaseException | None) -> None:
        """Free the place of the connection."""
        self._lost(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """End the connection at once, also during its TLS handshake."""
        if self.setup is not None:
            self.setup.cancel()
        if self.transport is not None:
            self.transport.abort()


class Listener:
    """Accepts connections for an aiohttp server, at most `most` at a time."""

    def __init__(
        self,
        server: web.Server,
        *,
        most: int,
        trusted: Sequence[Network] = (),
        tls: ssl.SSLContext | None = None,
        refuses: Callable[[str], bool] = lambda _client: False,
    ) -> None:
        """Prepare to listen. `refuses` tells which clients are not answered at all for now."""
        self._server = server
        self._tls = tls
        self._is_apart = functools.lru_cache(1024)(lambda client: client in OWN or is_trusted(client, trusted))
        self._places: FairShare[Connection] = FairShare(
            most,
            EACH,
            apart=self._is_apart,
            idle=lambda connection: not connection.busy,
            lasting=lambda connection: connection.lasting,
            old_seconds=OLD_SECONDS,
        )
        self._rates = TokenBuckets(EACH, A_SECOND)
        self._refuses = refuses
        self._sockets: list[socket.socket] = []
        self._setups: set[asyncio.Task[None]] = set()
        self._resuming: list[asyncio.TimerHandle] = []
        self._throttle = LogThrottle()

    def __len__(self) -> int:
        return len(self._places)

    @property
    def addresses(self) -> list[Any]:
        """The addresses that are listened on, as `socket.getsockname` returns them."""
        return [each.getsockname() for each in self._sockets]

    async def start(self, host: str, port: int) -> None:
        """Listen on every address of a host.

        Raises:
            OSError: an address cannot be used.

        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, _, _, _, address in dict.fromkeys(found):
                self._sockets.append(_bound(family, address))
        except OSError:
            await self.close()
            raise
        for each in self._sockets:
            each.listen(BACKLOG)
            loop.add_reader(each, self._accept, each)

    async def close(self) -> None:
        """Stop listening. Established connections stay open."""
        loop = asyncio.get_running_loop()
        for handle in self._resuming:
            handle.cancel()
        for each in self._sockets:
            loop.remove_reader(each)
            each.close()
        self._sockets.clear()
        for task in self._setups:
            task.cancel()
        await asyncio.gather(*self._setups, return_exceptions=True)

    def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        began = now = loop.time()
        while now - began < ACCEPT_SECONDS:
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _SHORTAGES:
                    self._pause(listening, error)
                    return
                continue  # the client is gone, or its network failed: accept(2)
            now, client = loop.time(), group_of(address[0])
            apart = self._is_apart(client)
            if apart or (self._rates.take(client, now) and not self._refuses(client)):
                self._place(accepted, client, apart=apart)
            else:
                accepted.close()
                self._log_crowd(client)

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        self._resuming = [handle for handle in self._resuming if not handle.cancelled() and handle.when() > loop.time()]
        self._resuming.append(loop.call_later(PAUSE_SECONDS, loop.add_reader, listening, self._accept, listening))
        if (more := self._throttle.due("shortage")) is not None:
            log.warning("no connection to the page can be accepted: %s; retrying%s", error.strerror, more)

    def _log_crowd(self, client: str) -> None:
        if (more := self._throttle.due("crowded")) is not None:
            log.warning("the page has too many connections, such as from %s; some are closed%s", client, more)

    def _place(self, accepted: socket.socket, client: str, *, apart: bool) -> None:
        """Give a connection a place, or close it."""
        seconds = PATIENT_SECONDS if apart else HEADER_SECONDS
        options = {"keepalive_timeout": seconds, "access_log": None, "auto_decompress": False, "logger": errors}
        connection = Connection(self._server, client, self._free, **options)
        entry = self._places.enter(client, connection)
        if entry.displaced is not None:
            entry.displaced.abort()
        if entry.displaced is not None or not entry.admitted:
            self._log_crowd(client)
        if not entry.admitted:
            accepted.close()
            return
        accepted.setblocking(False)
        if not apart:
            with contextlib.suppress(OSError):
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SEND_SECONDS * 1000)
        connection.setup = asyncio.create_task(self._set_up(accepted, connection))
        self._setups.add(connection.setup)
        connection.setup.add_done_callback(self._setups.discard)

    async def _set_up(self, accepted: socket.socket, connection: Connection) -> None:
        limits = {"ssl_handshake_timeout": HANDSHAKE_SECONDS} if self._tls is not None else {}
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=self._tls, **limits
            )
        except OSError:  # ssl.SSLError is one, too
            self._free(connection)
        except BaseException:
            self._free(connection)
            raise
        finally:
            connection.setup = None

    def _free(self, connection: Connection) -> None:
        self._places.leave(connection.client, connection)


def _bound(family: int, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
