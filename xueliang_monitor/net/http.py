"""An HTTP client for one camera: one connection, responses of limited size, errors as `NetError`."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from xueliang_monitor import __version__
from xueliang_monitor.net.connect_errors import connect_error
from xueliang_monitor.net.errors import ClosedError, NetError, ProtocolError, ReusedConnectionError
from xueliang_monitor.net.irregular_http import CameraResponseHandler, UnreadableAnswerError
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.net.tls import tls_context
from xueliang_monitor.net.tls_errors import CLOSED, reason_of, tls_error
from xueliang_monitor.process.shortage import ShortageError, lacking_descriptors, shortage_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RECEIVE_BYTES = 16 * 1024
"""The number of bytes that are parsed at once. The worst case, responses of status 100 without end, takes 10 ms."""

MAX_CONNECTION_BYTES = 4 * 1024 * 1024
"""What a connection may receive: four of the largest responses, and over ten times as much as cameras send."""

_HEADERS = {"User-Agent": f"xueliang-monitor/{__version__}", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response: at most one byte more content than the limit; `seconds` is the time to the first byte."""

    status: int
    content: bytes
    headers: CIMultiDictProxy[str] = field(default_factory=lambda: CIMultiDictProxy(CIMultiDict()))
    seconds: float = 0.0


class _Resolver(AbstractResolver):
    """Returns the given addresses of the host; looks them up if none are given."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - each address has its own family
    ) -> list[ResolveResult]:
        if not self._addresses:
            async with NameResolver() as names:
                self._addresses = await names.addresses(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class _Socket(socket.socket):
    """Receives little at once, and not more than a camera sends.

    asyncio asks for 256 KiB, which aiohttp would parse in one step. A connection seems to be closed after
    `MAX_CONNECTION_BYTES`, because aiohttp reads responses of status 100 and chunks of one byte without end.
    """

    def __init__(self, family: int, kind: int, protocol: int) -> None:
        super().__init__(family, kind, protocol)
        self._left = MAX_CONNECTION_BYTES

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(min(size, RECEIVE_BYTES, max(0, self._left)), flags)
        self._left -= len(data)
        return data

    def recv_into(self, buffer: WriteableBuffer, size: int = 0, flags: int = 0, /) -> int:
        size = size or memoryview(buffer).nbytes
        if self._left <= 0:
            return 0
        received = super().recv_into(buffer, min(size, RECEIVE_BYTES), flags)
        self._left -= received
        return received


def _open_socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    return _Socket(family, kind, protocol)


class _Connector(aiohttp.TCPConnector):
    """Makes connections of `CameraResponseHandler`; `largest_body` returns what may be read of the next body."""

    def __init__(self, largest_body: Callable[[], int], **options: Any) -> None:
        super().__init__(**options)
        # aiohttp has no public way to name the protocol of a connection. A change would fail every test of ONVIF.
        self._factory: functools.partial[Any] = functools.partial(
            CameraResponseHandler, asyncio.get_running_loop(), largest_body
        )


class HttpConnection:
    """Sends requests to one camera, one at a time over one connection; use as an async context manager.

    `addresses` are those of the host, if they were looked up before.
    """

    def __init__(
        self, host: str, port: int, *, secure: bool = False, tls: str = "verify", addresses: tuple[str, ...] = ()
    ) -> None:
        self._host = host
        self.port = port
        self.secure = secure
        self.where = f"{host}:{port}"
        self._base = f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        self._tls = tls
        self._addresses = addresses
        self._session: aiohttp.ClientSession | None = None
        self._responded = self._closes_unannounced = False
        self._limit = 0

    async def __aenter__(self) -> Self:
        """Return the client; nothing is sent yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; the next request opens another."""
        session, self._session, self._responded = self._session, None, False
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            context: ssl.SSLContext | bool = tls_context(self._tls) if self.secure else True
            self._session = aiohttp.ClientSession(
                connector=_Connector(
                    lambda: self._limit,
                    limit=1,
                    ssl=context,
                    resolver=_Resolver(self._addresses),
                    use_dns_cache=False,
                    socket_factory=_open_socket,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None),
                headers=_HEADERS,
            )
        return self._session

    def at(self, port: int, *, secure: bool) -> HttpConnection:
        """Return a connection to another port of the same host."""
        return HttpConnection(self._host, port, secure=secure, tls=self._tls, addresses=self._addresses)

    def url(self, path: str) -> str:
        """Return the URL of a path at the camera's host and port."""
        return self._base + (path if path.startswith("/") else f"/{path}")

    async def request(
        self, method: str, path: str, *, headers: dict[str, str], content: bytes | None, limit: int
    ) -> HttpResponse:
        """Send one request and read at most `limit` + 1 bytes of the response; redirections are not followed.

        Nothing is sent twice, because a login must not be.

        Raises:
            ReusedConnectionError: the connection was used before, and there is no response. Some cameras close the
                connection after a response without announcing it; the request may be written anew and sent again.
            NetError: there is no response.
            ShortageError: the request could not be sent.

        """
        reused, self._responded = self._responded, False
        loop = asyncio.get_running_loop()
        self._limit = limit
        session = self._open()
        started = loop.time()
        try:
            async with session.request(
                method, URL(self.url(path), encoded=True), data=content, headers=headers, allow_redirects=False
            ) as response:
                seconds = loop.time() - started
                received = await response.content.read()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            translated = self._translate(error)
            if reused and isinstance(translated, ClosedError):
                self._closes_unannounced = True
                raise ReusedConnectionError(str(translated)) from error
            raise translated from error
        self._responded = True
        if self._closes_unannounced:  # no request is lost on a connection that is about to end
            await self.close()
        return HttpResponse(response.status, received, response.headers, seconds)

    def _translate(self, error: Exception) -> NetError | ShortageError:
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
            return lacking_descriptors() or tls_error(self.where, reason_of(error), self._tls)
        if isinstance(error, aiohttp.ClientConnectorError):
            if self.secure and isinstance(error.os_error, ConnectionResetError):
                return tls_error(self.where, CLOSED, self._tls)
            return connect_error(error.os_error, self.where)
        if short := shortage_of(error):
            return short
        if isinstance(error, UnreadableAnswerError):
            return (ClosedError if error.is_cut else ProtocolError)(f"{self.where} {error}")
        if isinstance(error, aiohttp.InvalidURL | ValueError):
            return ProtocolError(f"{self.where}: the path cannot be requested over HTTP")
        if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
            return ClosedError(f"{self.where} closed the connection before the response")
        return ProtocolError(f"{self.where}: the HTTP response cannot be used ({type(error).__name__})")
