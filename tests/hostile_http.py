"""Hostile HTTP servers, by the bytes that each sends as the answer to any request."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Iterable

from tests.xml_shapes import document
from xueliang_monitor.wire import soap

OK = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(bytes(4_000_000))
CHALLENGES = (b"WWW-Authenticate: Digest " + b'a="b",' * 1300 + b"\r\n") * 100
FLOODS: dict[str, Iterable[bytes]] = {
    "chunks-of-one-byte": (OK, b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 200_000, b"0\r\n\r\n"),
    "continue-again-and-again": (b"HTTP/1.1 100 Continue\r\n\r\n" * 40_000,),
    "many-answers": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 20_000,),
    "headers-without-end": (OK, b"a: b\r\n" * 200_000),
    "long-headers": (OK, (b"a: " + b"b" * 8000 + b"\r\n") * 200),
    "folded-header": (OK, b"a: b\r\n", b" c\r\n" * 20_000, b"\r\n"),
    "cookies": (OK, (b"Set-Cookie: " + b"a=b; " * 1600 + b"\r\n") * 100, b"Content-Length: 0\r\n\r\n"),
    "cookies-with-backslashes": (OK, (b'Set-Cookie: a="' + b"\\" * 8000 + b"\r\n") * 100, b"Content-Length: 0\r\n\r\n"),
    "challenges": (b"HTTP/1.1 401 Unauthorized\r\n", CHALLENGES, b"Content-Length: 0\r\n\r\n"),
    "spaces-in-a-challenge": (
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest a=b" + b" " * 8000 + b"@\r\nContent-Length: 0\r\n\r\n",
    ),
    "no-status-line": (b"HTTP/1.1 " * 100_000,),
    "zeros": (bytes(2_000_000),),
    "no-chunks": (OK, b"Transfer-Encoding: chunked\r\n\r\n", b"g" * 900_000),
    "envelopes-without-end": (OK, b"\r\n", b"<Envelope></Envelope" * 50_000),
    "lengths": (OK, b"Content-Length: 1\r\n" * 900, b"Content-Length: " + b"1," * 4000 + b"\r\n\r\n"),
    "compressed": (OK, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB),
    "trailers": (OK, b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 200_000),
}


def answer(content: bytes) -> tuple[bytes, ...]:
    """Return an answer of status 200."""
    return OK, b"Content-Type: application/soap+xml\r\nContent-Length: %d\r\n\r\n" % len(content), content


DOCUMENTS = (
    "punycode", "siblings", "undeclared-prefixes", "undefined-entities", "same-attributes", "half-utf-16", "depth",
    "namespaces-not-found", "envelope-ends",
)  # fmt: skip
ANSWERS: dict[str, Iterable[bytes]] = {
    **FLOODS,
    **{name: answer(document(name, soap.MAX_RESPONSE_BYTES)) for name in DOCUMENTS},
    **{f"small-{name}": answer(document(name, soap.MAX_BYTES_AT_ONCE)) for name in DOCUMENTS},
}


async def serve(parts: Iterable[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the parts as the answer to the first request, and close the connection."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            for start in range(0, len(part), 65536):
                writer.write(part[start : start + 65536])
                await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def sending(parts: Iterable[bytes]) -> AsyncIterator[int]:
    """Serve the parts as the answer to every request; yield the port."""
    server = await asyncio.start_server(lambda reader, writer: serve(parts, reader, writer), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
