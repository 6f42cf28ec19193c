"""What a device sends and the monitor sends back: a control character in it is a fault of the device, not of ours."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable

import pytest

from tests.hostile import SDP, answer
from tests.xml_shapes import envelope
from xueliang_monitor.model import Credentials, OnvifTarget, Rung, Target, Timeouts, Transport
from xueliang_monitor.net.errors import ProtocolError
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import CameraLocks
from xueliang_monitor.probing.capture import record
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.wire import auth
from xueliang_monitor.wire.errors import MalformedResponseError
from xueliang_monitor.wire.messages import MessageParser, Request

LOGIN = Credentials("user", "Kept-Secret.9")
LIMITS = Timeouts(reach=5.0, rtsp=5.0, stream=1.5)
CONTROLS = ("\r", "\0", "\x1b", "\x7f")
TRANSPORT, SESSION = "Transport: RTP/AVP/TCP;interleaved=0-1", "Session: 1"
Play = Callable[[Request, str], bytes]


def _usual(request: Request, *headers: str, body: bytes = SDP) -> bytes:
    if request.method == "DESCRIBE":
        return answer(request, *headers, body=body)
    return answer(request, *((TRANSPORT, SESSION) if request.method == "SETUP" else ()))


def _session(request: Request, odd: str) -> bytes:
    return answer(request, TRANSPORT, f"Session: 1{odd}2;timeout=9") if request.method == "SETUP" else _usual(request)


def _base(request: Request, odd: str) -> bytes:
    return _usual(request, f"Content-Base: rtsp://127.0.0.1/a{odd}b/")


def _location_of_content(request: Request, odd: str) -> bytes:
    return _usual(request, f"Content-Location: rtsp://127.0.0.1/a{odd}b/")


def _track(request: Request, odd: str) -> bytes:
    return _usual(request, body=SDP.replace(b"control:t", f"control:t{odd}u".encode()))


def _whole(request: Request, odd: str) -> bytes:
    control = f"\r\na=control:rtsp://127.0.0.1/a{odd}b\r\nm=".encode()
    track = SDP.replace(b"control:t", b"control:rtsp://127.0.0.1/t")
    return _usual(request, body=track.replace(b"\r\nm=", control))


def _redirection(request: Request, odd: str) -> bytes:
    port = re.search(r":(\d+)/", request.url)
    assert port is not None
    return answer(request, f"Location: rtsp://127.0.0.1:{port[1]}/a{odd}b", status="302 Moved")


def _challenge(request: Request, value: str) -> bytes:
    if request.headers.get("authorization"):
        return _usual(request)
    return answer(request, f"WWW-Authenticate: Digest {value}", status="401 Unauthorized")


PARAMETERS = {
    "realm": 'realm="r{}r", nonce="n"',
    "nonce": 'realm="r", nonce="n{}n"',
    "opaque": 'realm="r", nonce="n", opaque="o{}o"',
}
ECHOED: dict[str, Play] = {
    "session": _session,
    "content-base": _base,
    "content-location": _location_of_content,
    "track": _track,
    "aggregate": _whole,
    "location": _redirection,
    **{
        name: lambda request, odd, value=value: _challenge(request, value.format(odd))
        for name, value in PARAMETERS.items()
    },
}


OTHER_LINES = {("track", "\r"), ("aggregate", "\r")}
"""A line feed in a session description begins another line of it."""


@contextlib.asynccontextmanager
async def _camera(play: Callable[[Request], bytes]) -> AsyncIterator[Target]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = MessageParser()
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for request in parser.feed(data):
                    assert isinstance(request, Request)
                    writer.write(play(request))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Target("odd", "127.0.0.1", port, "/x", LOGIN, listen_seconds=0.0)


@pytest.mark.parametrize(
    ("name", "odd"), [(name, odd) for name in ECHOED for odd in CONTROLS if (name, odd) not in OTHER_LINES]
)
async def test_a_value_with_a_control_character_is_malformed(name: str, odd: str) -> None:
    def play(request: Request) -> bytes:
        assert odd not in request.url
        return ECHOED[name](request, odd)

    async with _camera(play) as target:
        visited, _ = await visit(target, Rung.STREAM, Memory(), timeouts=LIMITS, workers=Workers(1), now=time.time())
        assert [finding.code for finding in visited.seen] == ["rtsp_malformed"], visited
        recorded = await record(target, CameraLocks())
    assert "It ended with" in recorded.about


async def test_a_port_that_does_not_exist_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    def play(request: Request) -> bytes:
        if request.method == "SETUP":
            return answer(request, "Transport: RTP/AVP;unicast;server_port=99998-99999", SESSION)
        return _usual(request)

    async with _camera(play) as target:
        target = Target("odd", target.host, target.port, "/x", LOGIN, listen_seconds=0.0, transport=Transport.UDP)
        visited, _ = await visit(target, Rung.STREAM, Memory(), timeouts=LIMITS, workers=Workers(1), now=time.time())
    assert [finding.code for finding in visited.seen] == ["no_media"], visited
    assert not caplog.records


@pytest.mark.parametrize("odd", [*CONTROLS, "\udcff"], ids=ascii)
@pytest.mark.parametrize("name", PARAMETERS)
def test_no_challenge_with_a_control_character_is_answered(name: str, odd: str) -> None:
    challenge = auth.choose(auth.parse_challenges([f"Digest {PARAMETERS[name].format(odd)}"]))
    assert challenge is not None
    with pytest.raises(ValueError, match="cannot be sent back"):
        auth.authorize(challenge, LOGIN, "POST", "/x", count=1, cnonce="c")


@pytest.mark.parametrize("odd", ["\udcff", "\x01"], ids=ascii)
async def test_an_onvif_challenge_that_cannot_be_answered_is_malformed(odd: str) -> None:
    challenge = f'Digest realm="r", nonce="n{odd}n"'.encode("utf-8", "surrogateescape")
    body = envelope(b"")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"(?i)content-length: *(\d+)", head)
            assert size is not None
            await reader.readexactly(int(size[1]))
            lines = (b"HTTP/1.1 401 Unauthorized", b"WWW-Authenticate: " + challenge, b"Content-Length: %d" % len(body))
            writer.write(b"\r\n".join((*lines, b"", body)))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        onvif = OnvifTarget(port, credentials=LOGIN)
        async with OnvifClient("127.0.0.1", onvif, time.time) as client:
            with pytest.raises((MalformedResponseError, ProtocolError)):
                await client.identity()
