"""An HTTP client for one camera: one connection, responses of limited size, errors as `NetError`."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from xueliang_monitor import __version__
from xueliang_monitor.net.connect_errors import connect_error
from xueliang_monitor.net.errors import ClosedError, NetError, ProtocolError
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.net.tls import tls_context, tls_error
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


class HttpConnection:
    """Sends requests to one camera, one at a time over one connection; use as an async context manager.

    `addresses` are those of the host, if they were looked up before.
    """

    def __init__(
        self, host: str, port: int, *, secure: bool = False, tls: str = "verify", addresses: tuple[str, ...] = ()
    ) -> None:
        self._where = f"{host}:{port}"
        self._base = f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        self._tls = tls if secure else ""
        self._addresses = addresses
        self._session: aiohttp.ClientSession | None = None
        self._responded = False

    async def __aenter__(self) -> Self:
        """Return the client; nothing is sent yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            context: ssl.SSLContext | bool = tls_context(self._tls) if self._tls else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
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

    def url(self, path: str) -> str:
        """Return the URL of a path at the camera's host and port."""
        return self._base + (path if path.startswith("/") else f"/{path}")

    async def request(
        self, method: str, path: str, *, headers: dict[str, str], content: bytes | None, limit: int
    ) -> HttpResponse:
        """Send one request and read at most `limit` + 1 bytes of the response; redirections are not followed.

        Some cameras close the connection after a response without announcing it; the request is then sent once more.

        Raises:
            NetError: there is no response.
            ShortageError: the request could not be sent.

        """
        reused, self._responded = self._responded, False
        try:
            response = await self._request(method, path, headers, content, limit=limit)
        except ClosedError:
            if not reused:
                raise
            response = await self._request(method, path, headers, content, limit=limit)
        self._responded = True
        return response

    async def _request(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None, *, limit: int
    ) -> HttpResponse:
        loop = asyncio.get_running_loop()
        session = self._open()
        started = loop.time()
        try:
            async with session.request(
                method, URL(self.url(path), encoded=True), data=content, headers=headers, allow_redirects=False
            ) as response:
                seconds = loop.time() - started
                received = bytearray()
                async for chunk in response.content.iter_any():
                    received += chunk
                    if len(received) > limit:
                        break
                return HttpResponse(response.status, bytes(received[: limit + 1]), response.headers, seconds)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._translate(error) from error

    def _translate(self, error: Exception) -> NetError | ShortageError:
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
            reason = getattr(error, "reason", "") or getattr(getattr(error, "os_error", None), "reason", "")
            return lacking_descriptors() or tls_error(self._where, reason or type(error).__name__)
        if isinstance(error, aiohttp.ClientConnectorError):
            return connect_error(error.os_error, self._where)
        if short := shortage_of(error):
            return short
        if isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL | ValueError):
            return ProtocolError(f"{self._where} does not speak HTTP")
        if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
            return ClosedError(f"{self._where} closed the connection before the response")
        return ProtocolError(f"{self._where} does not speak HTTP ({type(error).__name__})")
