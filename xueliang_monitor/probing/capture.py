"""Records a camera's RTSP conversation, redacted, so that the test suite can replay that model."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Self

from xueliang_monitor.model import Target, Transport
from xueliang_monitor.net.errors import NetError
from xueliang_monitor.net.login_rules import LoginRules
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.setup import Tracks, playing
from xueliang_monitor.probing.camera_lock import CameraLocks
from xueliang_monitor.wire import tracks
from xueliang_monitor.wire.device_text import NO_SECRETS, Gate
from xueliang_monitor.wire.transcript import Exchange, Transcript, redact

TOTAL_SECONDS = 15.0
MAX_RESPONSE_BYTES = 64 * 1024
_STATUS_LINE = re.compile(rb"RTSP/\d\.\d \d{3} ")
_STATUS_LINE_BYTES = 13


class _Recorded(RtspConnection):
    """A connection that keeps requests and responses up to the media."""

    exchanges: list[Exchange]

    @classmethod
    async def open(cls, host: str, port: int, addresses: tuple[str, ...], gate: Gate = NO_SECRETS) -> Self:
        """Connect; see `RtspConnection`."""
        connection = await super().open(host, port, addresses, gate)
        connection.exchanges = []
        return connection

    def record(self, data: bytes, *, by_camera: bool) -> None:
        """Keep a request, or a part of the response to the last one."""
        if not by_camera:
            self.exchanges.append(Exchange(data, b""))
        elif self.exchanges:
            last = self.exchanges[-1]
            response = last.response + data
            if last.request.startswith(b"TEARDOWN "):
                response = _from_status_line(response)
            self.exchanges[-1] = replace(last, response=response[:MAX_RESPONSE_BYTES])


def _from_status_line(data: bytes) -> bytes:
    """Return a response without the media in front of it, or the end of the media if no response has arrived yet.

    The data may start within an interleaved frame: a camera sends media until it answers TEARDOWN.
    """
    if found := _STATUS_LINE.search(data):
        return data[found.start() :]
    return data[1 - _STATUS_LINE_BYTES :]


def _without_media(exchange: Exchange) -> Exchange:
    """Cut a response at the first interleaved frame (RFC 2326, 10.12)."""
    if exchange.request.startswith(b"TEARDOWN ") and not _STATUS_LINE.match(exchange.response):
        return replace(exchange, response=b"")
    head, gap, rest = exchange.response.partition(b"\r\n\r\n")
    if exchange.request.startswith(b"PLAY") and gap:
        return replace(exchange, response=head + gap)
    return replace(exchange, response=head + gap + (b"" if rest.startswith(b"$") else rest))


async def record(target: Target, locks: CameraLocks, name_servers: tuple[str, ...] = ()) -> Transcript:
    """Send the requests of a visit up to PLAY, and return the redacted conversation.

    Raises:
        NetError: no connection was made, so that nothing was recorded.
        TimeoutError: the conversation did not end within 15 s.
        CameraBusyError: another process has been connected to the camera for too long.
        ShortageError: the monitor lacks a resource, such as a name server that answers.

    """
    async with locks.hold(target.host), asyncio.timeout(TOTAL_SECONDS), NameResolver(name_servers) as names:
        return await _record(target, await names.addresses(target.host))


async def _record(target: Target, addresses: tuple[str, ...]) -> Transcript:
    trouble, expects, gate = "", "", Gate.of_target(target)
    async with await _Recorded.open(target.host, target.port, addresses, gate) as connection:
        try:
            if target.secure:
                await connection.secure(target.tls)
            description = await connection.describe(target.request_url, target.credentials, LoginRules.of(target))
            chosen = tracks.choose(description.session.videos)
            if chosen is None:
                trouble = "no video track with a supported codec"
            else:
                media, _ = chosen
                codec = tracks.CODECS[media.encoding].value
                expects = f"{codec} {description.track(media)} {description.aggregate}"
                async with playing(connection, description, Tracks(media), Transport.TCP):
                    pass
        except NetError as error:
            trouble = str(error)
    exchanges = [_without_media(exchange) for exchange in connection.exchanges]

    def clean(said: bytes) -> bytes:
        return redact(said, target.host, gate)

    about = f"Recorded from a live camera.{f' It ended with: {trouble}' if trouble else ''}"
    return Transcript(
        clean(about.encode()).decode(),
        clean(expects.encode()).decode(),
        tuple(Exchange(clean(exchange.request), clean(exchange.response)) for exchange in exchanges),
    )
