"""A device on loopback that sends exactly the bytes that a test wants, and counts what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from xueliang_monitor.simulator import soap_messages

IDENTITY = soap_messages.envelope(
    "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>C1</tds:Model>"
    "<tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>42</tds:SerialNumber>"
    "</tds:GetDeviceInformationResponse>"
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; `turn` is its number on its connection."""

    head: bytes
    body: bytes = b""
    turn: int = 1

    @property
    def path(self) -> str:
        """The path of the request line."""
        return self.head.split(b" ", 2)[1].decode()

    def header(self, name: str) -> str:
        """Return the value of a header, or an empty string."""
        for line in self.head.decode("utf-8", "replace").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return ""


Answer = Callable[[Request], bytes | Awaitable[bytes | None] | None]
"""Returns the bytes that are sent; the connection is closed after None, and after bytes if `closes` is set."""


@dataclass(slots=True)
class RawDevice:
    """Serves `answer`; `requests` are those that came, `connections` how many were made, `open_now` how many are."""

    answer: Answer
    closes: bool = False
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            for turn in itertools.count(1):
                head = await reader.readuntil(b"\r\n\r\n")
                request = Request(head)
                body = await reader.readexactly(int(request.header("Content-Length") or 0))
                self.requests.append(request := Request(head, body, turn))
                sent = self.answer(request)
                if isinstance(sent, Awaitable):
                    sent = await sent
                if sent is None:
                    return
                writer.write(sent)
                await writer.drain()
                if self.closes:
                    return
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self.open_now -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def raw_device(
    answer: Answer, *, closes: bool = False, context: ssl.SSLContext | None = None
) -> AsyncIterator[RawDevice]:
    """Serve a device of raw bytes on loopback."""
    device = RawDevice(answer, closes)
    server = await asyncio.start_server(device.serve, "127.0.0.1", 0, ssl=context)
    device.port = server.sockets[0].getsockname()[1]
    try:
        yield device
    finally:
        server.close()


def response(
    body: bytes = IDENTITY, status: str = "200 OK", headers: str = "", *, length: int | str | None = None
) -> bytes:
    """Return a response; `length` is the Content-Length that is written in place of the true one."""
    announced = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {announced}\r\n\r\n".encode() + body
