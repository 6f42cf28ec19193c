"""One RTSP connection to a simulated camera: answers requests and starts the stream."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import secrets
from dataclasses import dataclass
from typing import Protocol

from xueliang_monitor.simulator.behaviour import SpentNonce
from xueliang_monitor.simulator.camera_state import CameraState
from xueliang_monitor.simulator.player import PAYLOAD_TYPES, ConnectionLost, Player
from xueliang_monitor.simulator.transports import Outlet, outlet
from xueliang_monitor.wire import auth
from xueliang_monitor.wire.errors import WireError
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import MessageParser, Request, serialize_response

REALM = "xueliang-simulator"
SOUND_TRACK = "track2"
_REASONS = {
    200: "OK",
    302: "Moved Temporarily",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    461: "Unsupported Transport",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}
ENCODINGS = {Codec.H264: "H264", Codec.H265: "H265", Codec.MJPEG: "JPEG"}
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
_CHALLENGES = {
    "digest": ('Digest realm="{realm}", nonce="{nonce}"',),
    "sha-256": ('Digest realm="{realm}", nonce="{nonce}", algorithm=SHA-256, qop="auth"',),
    "md5-sess": ('Digest realm="{realm}", nonce="{nonce}", algorithm=MD5-sess, qop="auth,auth-int"',),
    "basic": ('Basic realm="{realm}"',),
    "all": (
        'Basic realm="{realm}"',
        'Digest realm="{realm}", nonce="{nonce}", algorithm=MD5, qop="auth"',
        'Digest realm="{realm}", nonce="{nonce}", algorithm=SHA-256, qop="auth"',
    ),
}
"""The WWW-Authenticate headers by `CameraState.login_kind`."""

LOGIN_KINDS = tuple(_CHALLENGES)


class LoginState(enum.Enum):
    """The state of the login of one request. SPENT means that only the nonce must be renewed."""

    VALID = enum.auto()
    SPENT = enum.auto()
    MISSING_OR_WRONG = enum.auto()


@dataclass(slots=True)
class SessionLimit:
    """How many sessions a device serves at once, over all its channels and ports; None means without limit."""

    most: int | None = None
    open: int = 0

    @property
    def reached(self) -> bool:
        """Whether a further session is refused with status 453."""
        return self.most is not None and self.open >= self.most


class Served(Protocol):
    """What is behind a port: one camera, or the channels of a recorder."""

    channels: list[CameraState]
    limit: SessionLimit

    def channel_of(self, url: str) -> CameraState:
        """Return the channel that a URL names."""
        ...


class ClientSession:
    """The server side of one RTSP connection. Each request is for the channel that its URL names.

    After SETUP, the connection belongs to the channel that was set up.
    """

    def __init__(self, served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._served = served
        self._camera = served.channels[0]
        self._asked = len(served.channels) == 1
        self._reader = reader
        self._writer = writer
        self._nonce = secrets.token_hex(16)
        self._nonce_uses = 0
        self._login = ""
        self._session = ""
        self._outlet: Outlet | None = None
        self._sound: Outlet | None = None
        self._player: asyncio.Task[None] | None = None

    @property
    def camera(self) -> CameraState | None:
        """The channel that the last request was for; None if it is not known yet."""
        return self._camera if self._asked else None

    async def run(self) -> None:
        """Serve until the client or a fault ends the connection."""
        parser = MessageParser()
        try:
            while data := await self._reader.read(65536):
                for event in parser.feed(data):
                    if isinstance(event, Request) and not await self._serve(event):
                        return
                if parser.foreign.skipped:
                    return  # a client that speaks TLS, or no RTSP at all
        except (OSError, WireError):
            return
        finally:
            await self._end_session()

    async def _end_session(self) -> None:
        if self._session:
            self._session = ""
            self._camera.open_sessions -= 1
            self._served.limit.open -= 1
        if self._player is not None:
            self._player.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await self._player
            self._player = None
        for each in (self._outlet, self._sound):
            if each is not None:
                each.close()
        self._outlet = self._sound = None

    async def _serve(self, request: Request) -> bool:
        if not self._session:
            self._camera, self._asked = self._served.channel_of(request.url), True
        behaviour = self._camera.behaviour
        if not (behaviour.answering and behaviour.accepting):
            return True
        if behaviour.hang_up or not behaviour.listening:
            return False
        if behaviour.rtsp_reply is not None:
            self._writer.write(behaviour.rtsp_reply(request))
            await self._writer.drain()
            return True
        if behaviour.answer_delay:
            await asyncio.sleep(behaviour.answer_delay)
        return await self._answer(request)

    async def _answer(self, request: Request) -> bool:
        """Answer; return whether the connection stays open."""
        behaviour = self._camera.behaviour
        if request.method == "OPTIONS":
            self._reply(request, 200, ("Public", _METHODS))
        elif (login := self._login_state(request)) is not LoginState.VALID:
            self._challenge(request, spent=login is LoginState.SPENT)
            if behaviour.closing_after_challenge:
                self._camera.kept_nonces.append(self._nonce)
                await self._writer.drain()
                return False
        elif status := behaviour.refuse.get(request.method):
            location = (("Location", behaviour.location),) if behaviour.location else ()
            self._reply(request, status, *location, reason=behaviour.reason)
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
        return True

    def _challenge(self, request: Request, *, spent: bool) -> None:
        behaviour = self._camera.behaviour
        if spent and behaviour.spent_nonce is SpentNonce.FORBIDDEN:
            self._reply(request, 403)
            return
        offers = _CHALLENGES[behaviour.login_kind or self._camera.login_kind]
        stale = ", stale=true" if spent and behaviour.spent_nonce is SpentNonce.STALE else ""
        values = [offer.format(realm=REALM, nonce=self._nonce) + stale for offer in offers]
        self._reply(request, 401, *(("WWW-Authenticate", value) for value in values))

    def _login_state(self, request: Request) -> LoginState:
        value = request.headers.get("authorization")
        if not value:
            return LoginState.MISSING_OR_WRONG
        camera = self._camera
        used = self._nonce_of(value, request.method)
        valid = used is not None and not camera.behaviour.password_changed
        if valid and camera.refuse_logins:
            camera.refuse_logins -= 1
            valid = False
        if not valid:
            camera.refused_logins += 1
            return LoginState.MISSING_OR_WRONG
        self._nonce_uses += 1
        lives = camera.behaviour.nonce_lives or camera.nonce_lives
        if lives and self._nonce_uses > lives:
            if used is not None and used in camera.kept_nonces:
                camera.kept_nonces.remove(used)
            self._nonce, self._nonce_uses = secrets.token_hex(16), 0
            return LoginState.SPENT
        return LoginState.VALID

    def _nonce_of(self, authorization: str, method: str) -> str | None:
        """Return the nonce with which a login is correct: that of this connection, or one that the camera keeps."""
        camera = self._camera
        for nonce in (self._nonce, *camera.kept_nonces):
            if auth.verify(authorization, camera.credentials, method=method, realm=REALM, nonce=nonce):
                return nonce
        return None

    def _reply(
        self, request: Request, status: int, *headers: tuple[str, str], body: bytes = b"", reason: str = ""
    ) -> None:
        sequence = ("CSeq", request.headers.get("cseq", "0"))
        reason = reason or _REASONS.get(status, "Error")
        said = serialize_response(status, reason, (sequence, *headers), body)
        for reply_filter in self._camera.behaviour.reply_filters:
            said = reply_filter(request, said)
        self._writer.write(said)

    async def _describe(self, request: Request) -> None:
        if not self._camera.serves(request.url):
            self._reply(request, 404)
            return
        clip = self._camera.clip()
        encoding, payload_type = self._camera.behaviour.encoding or ENCODINGS[clip.codec], PAYLOAD_TYPES[clip.codec]
        lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*"]
        lines += [f"m=video 0 RTP/AVP {payload_type}", f"a=rtpmap:{payload_type} {encoding}/90000"]
        if clip.format_parameters:
            lines.append(f"a=fmtp:{payload_type} {clip.format_parameters}")
        lines += ["a=control:track1", ""]
        if self._camera.behaviour.sound:
            lines[-1:] = ["m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", f"a=control:{SOUND_TRACK}", ""]
        description = "\r\n".join(lines)
        for description_filter in self._camera.behaviour.description_filters:
            description = description_filter(description)
        headers = (
            ("Content-Base", request.url.rstrip("/") + "/"),
            ("Content-Type", "application/sdp"),
            ("Public", _METHODS),
        )
        self._reply(request, 200, *headers, body=description.encode())

    async def _setup(self, request: Request) -> None:
        chosen = outlet(request.headers.get("transport"), self._writer, self._camera.behaviour)
        if request.url.rstrip("/").endswith(f"/{SOUND_TRACK}"):
            self._sound = chosen
        else:
            self._outlet = chosen
        if chosen is None:
            self._reply(request, 461)
            return
        if not self._session:
            if self._served.limit.reached:
                self._reply(request, 453)
                return
            self._session = secrets.token_urlsafe(9)
            self._served.limit.open += 1
            self._camera.open_sessions += 1
            self._camera.sessions_served += 1
        timeout = self._camera.session_seconds
        self._reply(request, 200, ("Transport", chosen.header), ("Session", f"{self._session};timeout={timeout}"))

    async def _play(self, request: Request) -> None:
        if not self._session or self._outlet is None:
            self._reply(request, 454)
            return
        self._reply(request, 200, ("Session", self._session), ("Range", "npt=0.000-"))
        behaviour = self._camera.behaviour
        silent = not behaviour.media or (behaviour.needs_sound and self._sound is None)
        if self._player is None and not silent:
            self._player = asyncio.create_task(self._send(Player(self._camera, self._outlet, self._session)))

    async def _send(self, player: Player) -> None:
        try:
            await player.run()
        except ConnectionLost:
            self._writer.transport.abort()

    async def _teardown(self, request: Request) -> None:
        self._reply(request, 200)
        self._camera.teardowns += 1
        await self._end_session()

    async def _keep_alive(self, request: Request) -> None:
        self._camera.kept_alive += 1
        self._reply(request, 200, ("Session", self._session))
