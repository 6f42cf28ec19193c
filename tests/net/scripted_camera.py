"""A camera on loopback that answers as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from xueliang_monitor.wire.messages import MessageParser, Request, serialize_response

SDP = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
CLOSE, RESET = b"<close>", b"<reset>"
"""As an answer, or at its end: the camera closes or resets the connection."""

Answer = Callable[["ScriptedCamera", Request], bytes]


def reply(request: Request, *headers: tuple[str, str], status: str = "200 OK", body: bytes = b"") -> bytes:
    """Return a response in order."""
    number, _, reason = status.partition(" ")
    return serialize_response(int(number), reason, (("CSeq", request.headers.get("cseq")), *headers), body)


def regular(request: Request) -> bytes:
    """Answer as a camera in order does, without a login and without media."""
    match request.method:
        case "DESCRIBE":
            return reply(request, ("Content-Type", "application/sdp"), body=SDP)
        case "SETUP":
            return reply(
                request, ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"), ("Session", "7"), status="200 OK"
            )
        case _:
            return reply(request)


@dataclass
class ScriptedCamera:
    """What a test sees of the camera: its port, all requests, and how many connections there were."""

    answer: Answer
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    on_connection: int = 0
    """How many requests came over the connection of the request that is answered."""

    def methods(self) -> list[str]:
        """Return the methods of all requests."""
        return [request.method for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        parser, count = MessageParser(), 0
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for request in parser.feed(data):
                    assert isinstance(request, Request)
                    self.requests.append(request)
                    count += 1
                    self.on_connection = count
                    told = self.answer(self, request)
                    writer.write(told.removesuffix(CLOSE).removesuffix(RESET))
                    await writer.drain()
                    if told.endswith(RESET):
                        reset(writer)
                    if told.endswith((CLOSE, RESET)):
                        writer.close()
                        return
        writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Have the connection reset when it is closed."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.asynccontextmanager
async def scripted(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedCamera]:
    """Run a camera on a free port of 127.0.0.1."""
    camera = ScriptedCamera(answer)
    server = await asyncio.start_server(camera.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        camera.port = server.sockets[0].getsockname()[1]
        yield camera
