"""One client of a simulated camera: answers its requests, sends it the clip in real time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import re
import secrets
import struct
from typing import TYPE_CHECKING

from xueliang_monitor.simulator.clips import RATE, Clip, Picture
from xueliang_monitor.wire import auth
from xueliang_monitor.wire.errors import WireError
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import MessageParser, Request, serialize_interleaved, serialize_response

if TYPE_CHECKING:
    from xueliang_monitor.simulator.camera import SimulatedCamera

REALM = "xueliang-simulator"
_REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found", 453: "Not Enough Bandwidth", 454: "Session Not Found"}
_ENCODINGS = {Codec.H264: ("H264", 96), Codec.H265: ("H265", 96), Codec.MJPEG: ("JPEG", 26)}


def _thin(picture: Picture, codec: Codec) -> bool:
    """Say whether a picture may go to a client that is to get no keyframe."""
    return codec is not Codec.MJPEG and not picture.keyframe


class ClientSession:
    """The server's side of one RTSP connection."""

    def __init__(self, camera: SimulatedCamera, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._camera = camera
        self._reader = reader
        self._writer = writer
        self._nonce = secrets.token_hex(16)
        self._session = ""
        self._channel = 0
        self._player: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until the client or a fault ends the connection."""
        parser = MessageParser()
        try:
            while data := await self._reader.read(65536):
                for event in parser.feed(data):
                    if isinstance(event, Request) and not await self._serve(event):
                        return
        except (OSError, WireError):
            return
        finally:
            await self._end_session()

    async def _end_session(self) -> None:
        if self._session:
            self._session = ""
            self._camera.open_sessions -= 1
        if self._player is not None:
            self._player.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await self._player
            self._player = None

    async def _serve(self, request: Request) -> bool:
        behaviour = self._camera.behaviour
        if not behaviour.answering:
            return True
        if behaviour.hang_up:
            return False
        if behaviour.garbage:
            self._writer.write(random.Random(request.url).randbytes(200).replace(b"$", b"%"))
            await self._writer.drain()
            return True
        if behaviour.answer_delay:
            await asyncio.sleep(behaviour.answer_delay)
        await self._answer(request)
        return True

    async def _answer(self, request: Request) -> None:
        if request.method == "OPTIONS":
            self._reply(request, 200, ("Public", "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"))
        elif not self._authorized(request):
            challenge = f'realm="{REALM}", nonce="{self._nonce}"'
            extra = ', algorithm=SHA-256, qop="auth"'
            self._reply(
                request, 401, ("WWW-Authenticate", f"Digest {challenge}{extra if self._camera.strong_digest else ''}")
            )
        else:
            handler = {
                "DESCRIBE": self._describe,
                "SETUP": self._setup,
                "PLAY": self._play,
                "TEARDOWN": self._teardown,
                "GET_PARAMETER": self._keep_alive,
            }.get(request.method)
            if handler is None:
                self._reply(request, 501)
            else:
                await handler(request)
        await self._writer.drain()

    def _authorized(self, request: Request) -> bool:
        value = request.headers.get("authorization")
        if not value:
            return False
        credentials = self._camera.credentials
        good = not self._camera.behaviour.password_changed and auth.verify(
            value, credentials, request.method, REALM, self._nonce
        )
        if not good:
            self._camera.refused_logins += 1
        return good

    def _reply(self, request: Request, status: int, *headers: tuple[str, str], body: bytes = b"") -> None:
        sequence = ("CSeq", request.headers.get("cseq", "0"))
        reason = _REASONS.get(status, "Error")
        self._writer.write(serialize_response(status, reason, (sequence, *headers), body))

    async def _describe(self, request: Request) -> None:
        behaviour = self._camera.behaviour
        if behaviour.refuse_describe or not self._camera.serves(request.url):
            self._reply(request, behaviour.refuse_describe or 404)
            return
        clip = self._camera.clip()
        encoding, payload_type = _ENCODINGS[clip.codec]
        lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*"]
        lines.append(f"m=video 0 RTP/AVP {payload_type}")
        lines.append(f"a=rtpmap:{payload_type} {behaviour.encoding or encoding}/90000")
        if clip.format_parameters:
            lines.append(f"a=fmtp:{payload_type} {clip.format_parameters}")
        lines += ["a=control:track1", ""]
        self._reply(
            request,
            200,
            ("Content-Base", request.url.rstrip("/") + "/"),
            ("Content-Type", "application/sdp"),
            body="\r\n".join(lines).encode(),
        )

    async def _setup(self, request: Request) -> None:
        if self._camera.behaviour.refuse_setup:
            self._reply(request, self._camera.behaviour.refuse_setup)
            return
        match = re.search(r"interleaved=(\d+)", request.headers.get("transport"))
        if match is None:
            self._reply(request, 461)
            return
        self._channel = int(match[1])
        if not self._session:
            self._session = secrets.token_urlsafe(9)
            self._camera.open_sessions += 1
            self._camera.sessions_served += 1
        transport = f"RTP/AVP/TCP;unicast;interleaved={self._channel}-{self._channel + 1}"
        self._reply(request, 200, ("Transport", transport), ("Session", f"{self._session};timeout=60"))

    async def _play(self, request: Request) -> None:
        if not self._session:
            self._reply(request, 454)
            return
        self._reply(request, 200, ("Session", self._session), ("Range", "npt=0.000-"))
        if self._player is None and self._camera.behaviour.media:
            self._player = asyncio.create_task(self._send_clip())

    async def _teardown(self, request: Request) -> None:
        self._reply(request, 200)
        self._camera.teardowns += 1
        await self._end_session()

    async def _keep_alive(self, request: Request) -> None:
        self._reply(request, 200, ("Session", self._session))

    async def _send_clip(self) -> None:
        """Send pictures at their rate, from the live position or, as most cameras do, from its keyframe."""
        loop = asyncio.get_running_loop()
        clip = self._camera.clip()
        index = int(loop.time() * RATE) % len(clip.pictures)
        if self._camera.keyframe_at_play:
            index = clip.keyframe_at_or_before(index)
        sequence, started, sent = random.randrange(0x10000), loop.time(), 0
        chance, asked = random.Random(self._session), self._camera.keyframe_requests
        for number in itertools.count():
            current = self._camera.clip()
            if current is not clip:
                clip, index = current, 0
            if asked != self._camera.keyframe_requests:
                asked, index = self._camera.keyframe_requests, clip.keyframe_at_or_before(index)
            picture = clip.pictures[index]
            index = (index + 1) % len(clip.pictures)
            behaviour = self._camera.behaviour
            if behaviour.keyframes or _thin(picture, clip.codec):
                for packet in self._packets(clip, picture, number, sequence):
                    sequence = (sequence + 1) & 0xFFFF
                    if behaviour.loss and chance.random() < behaviour.loss:
                        continue
                    if behaviour.reset_after_packets is not None and sent >= behaviour.reset_after_packets:
                        self._writer.transport.abort()
                        return
                    self._writer.write(serialize_interleaved(self._channel, packet))
                    sent += 1
                await self._writer.drain()
            await asyncio.sleep(max(0.0, started + (number + 1) / RATE - loop.time()))

    def _packets(self, clip: Clip, picture: Picture, number: int, sequence: int) -> list[bytes]:
        payload_type = _ENCODINGS[clip.codec][1]
        timestamp = (number * 90000 // RATE) & 0xFFFFFFFF
        last = len(picture.payloads) - 1
        packets = []
        for offset, payload in enumerate(picture.payloads):
            if self._camera.behaviour.damaged:
                payload = _damage(payload, 4 if clip.codec is Codec.MJPEG else 12)
            marker = 0x80 if offset == last else 0
            header = struct.pack(
                "!BBHII", 0x80, marker | payload_type, (sequence + offset) & 0xFFFF, timestamp, self._camera.ssrc
            )
            packets.append(header + payload)
        return packets


def _damage(payload: bytes, kept: int) -> bytes:
    """Keep the payload's own headers, and put nonsense in place of the picture."""
    kept = min(len(payload), kept)
    return payload[:kept] + bytes((value * 7 + 13) & 0xFF for value in range(len(payload) - kept))
