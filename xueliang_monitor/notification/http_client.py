"""Calls of other systems over HTTP: limited in time and bytes, without redirects, cookies and proxies."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import aiohttp

from xueliang_monitor import __version__
from xueliang_monitor.fleet.notification_status import Trouble

CALL_SECONDS = 10.0
"""The longest call, from the lookup of the name to the end of the answer."""


class CallError(Exception):
    """A call failed; its text says why, without the address, which may contain a token.

    Attributes:
        trouble: the kind of failure.
        status: the status of the answer; 0 if there was none.

    """

    def __init__(self, trouble: Trouble, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.trouble = trouble
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `most_bytes` is how much of the answer is read at most."""

    method: str
    url: str = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    most_bytes: int = 0


@contextlib.asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a client that checks certificates and closes each connection after its answer."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=CALL_SECONDS),
        headers={"User-Agent": f"xueliang_monitor/{__version__}"},
    ) as session:
        yield session


async def _start_of(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Return an answer's body.

    Raises:
        CallError: it is larger than allowed.

    """
    read = bytearray()
    while chunk := await response.content.read(most + 1 - len(read)):
        read += chunk
        if len(read) > most:
            raise CallError(Trouble.CONNECTION, f"answered with more than {most} bytes", response.status)
    return bytes(read)


def _reason(error: OSError) -> str:
    """Return why a connection failed, without its address."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else "its name is not known"


async def answer_of(session: aiohttp.ClientSession, call: Call, accepted: frozenset[int] = frozenset()) -> bytes:
    """Return the body of an answer with a status of 2xx, or one of those accepted, for which it is empty.

    Raises:
        CallError: the call failed.

    """
    try:
        async with session.request(
            call.method, call.url, data=call.body, headers=call.headers, allow_redirects=False
        ) as response:
            if response.status in accepted:
                return b""
            if not 200 <= response.status < 300:
                more = "; redirects are not followed" if 300 <= response.status < 400 else ""
                raise CallError(Trouble.STATUS, f"answered with HTTP status {response.status}{more}", response.status)
            return await _start_of(response, call.most_bytes) if call.most_bytes else b""
    except TimeoutError as error:
        raise CallError(Trouble.TIMEOUT, f"did not answer within {CALL_SECONDS:.0f} s") from error
    except aiohttp.ClientSSLError as error:
        raise CallError(Trouble.TLS, "the TLS handshake failed, or its certificate is not trusted") from error
    except aiohttp.ClientConnectorError as error:
        raise CallError(Trouble.CONNECTION, f"cannot be reached: {_reason(error.os_error)}") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise CallError(Trouble.CONNECTION, f"the connection failed: {type(error).__name__}") from error
