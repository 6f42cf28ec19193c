"""An RTSP client for one visit: connect, log in, describe, play over the same connection, always tear down."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from xueliang_monitor import __version__
from xueliang_monitor.model import Credentials
from xueliang_monitor.net.address import connect_error, resolve
from xueliang_monitor.net.errors import ClosedError, LoginError, ProtocolError, StatusError
from xueliang_monitor.wire import auth, sdp
from xueliang_monitor.wire.errors import MalformedDescriptionError, MalformedMessageError, UnsupportedChallengeError
from xueliang_monitor.wire.messages import InterleavedFrame, MessageParser, Response, serialize_request

READ_BYTES = 64 * 1024
MAX_BYTES_BEFORE_ANSWER = 4 * 1024 * 1024
MAX_STREAM_BYTES = 64 * 1024 * 1024
TEARDOWN_SECONDS = 0.5
_USER_AGENT = f"xueliang-monitor/{__version__}"


@dataclass(frozen=True, slots=True)
class Description:
    """What DESCRIBE told, and the URL that its relative controls are meant from."""

    session: sdp.SessionDescription
    base: str
    server: str


class RtspConnection:
    """One connection to a camera (RFC 2326); use as an async context manager, which tears the session down."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = MessageParser()
        self._responses: list[Response] = []
        self._frames: list[InterleavedFrame] = []
        self._sequence = 0
        self._session = ""
        self._session_url = ""
        self._setup_number: int | None = None
        self._challenge: auth.Challenge | None = None
        self._nonce_uses = 0
        self._credentials: Credentials | None = None
        self.login_tried = False
        self.login_accepted = False

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect by TCP.

        Raises:
            ConnectError: no connection could be made.

        """
        address = await resolve(host)
        try:
            reader, writer = await asyncio.open_connection(address, port, limit=READ_BYTES)
        except OSError as error:
            raise connect_error(error, f"{host}:{port}") from error
        return cls(reader, writer)

    async def __aenter__(self) -> Self:
        """Return the open connection."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tear down and close, also when cancelled."""
        await self.close()

    async def close(self) -> None:
        """End the session with TEARDOWN, wait shortly for the answer, and close the socket."""
        try:
            await self._learn_session()
            if self._session and not self._writer.is_closing():
                session, self._session = self._session, ""
                number = self._send("TEARDOWN", self._session_url, (("Session", session),))
                with contextlib.suppress(TimeoutError, ClosedError, ProtocolError):
                    async with asyncio.timeout(TEARDOWN_SECONDS):
                        await self._response(number, "TEARDOWN")
        finally:
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(TEARDOWN_SECONDS):
                    await self._writer.wait_closed()

    async def _learn_session(self) -> None:
        """Wait shortly for the answer to a SETUP that was cancelled, so that its session can be torn down."""
        if self._setup_number is None or self._session or self._writer.is_closing():
            return
        with contextlib.suppress(TimeoutError, ClosedError, ProtocolError):
            async with asyncio.timeout(TEARDOWN_SECONDS):
                self._take_session(await self._response(self._setup_number, "SETUP"))

    def _take_session(self, response: Response) -> None:
        self._session = response.headers.get("session").split(";")[0].strip()
        self._setup_number = None

    def _send(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> int:
        self._sequence += 1
        fields = (("CSeq", str(self._sequence)), ("User-Agent", _USER_AGENT), *headers)
        if self._challenge and self._credentials:
            self._nonce_uses += 1
            answer = auth.authorize(
                self._challenge, self._credentials, method, url, count=self._nonce_uses, cnonce=secrets.token_hex(8)
            )
            fields = (*fields, ("Authorization", answer))
        self._writer.write(serialize_request(method, url, fields))
        return self._sequence

    async def _read(self) -> int:
        try:
            data = await self._reader.read(READ_BYTES)
        except OSError as error:
            raise ClosedError(f"the camera reset the connection ({error.strerror or type(error).__name__})") from error
        if not data:
            raise ClosedError("the camera closed the connection")
        try:
            events = self._parser.feed(data)
        except MalformedMessageError as error:
            raise ProtocolError(str(error)) from error
        for event in events:
            if isinstance(event, InterleavedFrame):
                self._frames.append(event)
            elif isinstance(event, Response):
                self._responses.append(event)
        return len(data)

    async def _response(self, number: int, step: str) -> Response:
        """Wait for the answer to request `number`; answers to others, and late or doubled ones, are passed over."""
        received = 0
        while True:
            while self._responses:
                response = self._responses.pop(0)
                if response.status >= 200 and response.headers.get("cseq", str(number)) == str(number):
                    return response
            received += await self._read()
            if not self._session_url:
                self._frames.clear()
            if received > MAX_BYTES_BEFORE_ANSWER:
                raise ProtocolError(f"{step} was not answered within {MAX_BYTES_BEFORE_ANSWER} bytes of other data")

    async def request(self, method: str, url: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        """Send a request, log in where asked to, and return the answer of status 200.

        Raises:
            LoginError: a login is missing or refused.
            StatusError: the answer is another refusal.
            ClosedError, ProtocolError: the connection failed.

        """
        for _ in range(3):
            authorized = self._challenge is not None
            try:
                number = self._send(method, url, headers)
                if method == "SETUP":
                    self._setup_number = number
            except ValueError as error:
                raise ProtocolError(f"{method} cannot be sent: {error}") from error
            response = await self._response(number, method)
            if response.status != 401:
                break
            self._take_challenge(response, method, authorized=authorized)
        if response.status == 401:
            raise LoginError(f"{method}: the camera refused the login each time with a new nonce", tried=True)
        if authorized:
            self.login_accepted = True
        if not 200 <= response.status < 300:
            raise StatusError(method, response.status, response.reason)
        return response

    def _take_challenge(self, response: Response, method: str, *, authorized: bool) -> None:
        offered = auth.parse_challenges(response.headers.all("www-authenticate"))
        if self._credentials is None:
            raise LoginError(f"{method}: the camera asks for a login", tried=False)
        try:
            challenge = auth.choose(offered)
        except UnsupportedChallengeError as error:
            raise LoginError(f"{method}: {error}", tried=authorized) from error
        if authorized and not challenge.stale:
            raise LoginError(f"{method}: the camera refused the user name or the password", tried=True)
        self._challenge, self._nonce_uses = challenge, 0
        self.login_tried = True

    async def describe(self, url: str, credentials: Credentials | None) -> Description:
        """Ask what the camera offers (RFC 2326, 10.2).

        Raises:
            NetError: it does not say.

        """
        self._credentials = credentials
        response = await self.request("DESCRIBE", url, (("Accept", "application/sdp"),))
        try:
            session = sdp.parse(response.body)
        except MalformedDescriptionError as error:
            raise ProtocolError(f"DESCRIBE: {error}") from error
        base = response.headers.get("content-base") or response.headers.get("content-location") or url
        if not re.match(r"rtsps?://", base, re.IGNORECASE):
            base = url
        return Description(session, base, response.headers.get("server")[:120])

    async def play(self, description: Description, media: sdp.Media) -> int:
        """Set one track up over this connection and start it (RFC 2326, 10.4, 10.5, 10.12); return its channel.

        Raises:
            NetError: the camera does not play it.

        """
        track = sdp.resolve_control(description.base, media.control)
        aggregate = sdp.resolve_control(description.base, description.session.control)
        self._session_url = aggregate
        response = await self.request("SETUP", track, (("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"),))
        self._take_session(response)
        match = re.search(r"interleaved=(\d{1,3})", response.headers.get("transport"))
        channel = int(match[1]) if match else 0
        headers = (("Session", self._session),) if self._session else ()
        await self.request("PLAY", aggregate, (*headers, ("Range", "npt=0.000-")))
        return channel

    async def payloads(self, channel: int) -> AsyncGenerator[list[bytes], None]:
        """Yield the RTP packets of `channel`, as many at a time as one read brought.

        Raises:
            ClosedError, ProtocolError: the connection failed, or sent over 64 MiB.

        """
        received = 0
        while True:
            frames, self._frames = self._frames, []
            yield [frame.payload for frame in frames if frame.channel == channel]
            received += await self._read()
            self._responses.clear()
            if received > MAX_STREAM_BYTES:
                raise ProtocolError(f"no end of the stream within {MAX_STREAM_BYTES} bytes")
