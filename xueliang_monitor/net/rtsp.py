"""An RTSP client for one visit: connects, logs in, describes, keeps the session alive, and always tears it down."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import ssl
from dataclasses import replace
from types import TracebackType
from typing import Self

from xueliang_monitor import __version__
from xueliang_monitor.model import Credentials
from xueliang_monitor.net.account_locks import says_locked
from xueliang_monitor.net.connect_errors import connect_error
from xueliang_monitor.net.errors import (
    ClosedError,
    LoginError,
    LoginInsecureError,
    LoginLockedError,
    ProtocolError,
    RedirectError,
    TlsError,
)
from xueliang_monitor.net.login_rules import Channel, LoginRules
from xueliang_monitor.net.rtsp_description import Description
from xueliang_monitor.net.rtsp_status import error_of, refuses_login, same_server, status_line
from xueliang_monitor.net.tls import tls_context, tls_error
from xueliang_monitor.process.shortage import ShortageError, lacking_descriptors, shortage_of
from xueliang_monitor.wire import auth, sdp
from xueliang_monitor.wire.device_text import NO_SECRETS, Gate
from xueliang_monitor.wire.errors import MalformedDescriptionError, MalformedMessageError
from xueliang_monitor.wire.messages import InterleavedFrame, MessageParser, Response, serialize_request

MAX_REASON_CHARACTERS = 280
MAX_SERVER_CHARACTERS = 120
MAX_ERROR_CHARACTERS = 160
"""What is shown of a message that is not RTSP; the gate has read more."""

READ_BYTES = 16 * 1024
PARSE_BYTES = 4 * 1024
"""The number of bytes that are parsed at once. The worst case, frames without content, takes 2 ms."""

DENSE_EVENTS = 128
DENSE_PAUSE_SECONDS = 0.02
"""How long reading pauses where `PARSE_BYTES` contain more than `DENSE_EVENTS` messages and frames. A stream of a
camera has five. A flood of tiny frames then takes a tenth of one core and no more."""

MAX_BYTES_BEFORE_RESPONSE, MAX_EVENTS_BEFORE_RESPONSE = 4 * 1024 * 1024, 8192
"""What may arrive before the response to a request: the packets of a stream that plays already."""

MAX_IGNORED_RESPONSES = 32
"""How many responses to other requests, and provisional ones, may arrive before the awaited one."""

MAX_WAITING = 1024
"""The number of frames that are kept until they are read; further ones are dropped."""

MAX_REDIRECTIONS = 3
TEARDOWN_SECONDS = 0.5
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USER_AGENT = f"xueliang-monitor/{__version__}"


class RtspConnection:
    """One RTSP connection (RFC 2326); use as an async context manager, which tears the session down.

    `gate` is the one for the camera's texts. The reason phrase of a response passes it when the response is used; that
    of an ignored response is never read.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.gate = NO_SECRETS
        self._reader = reader
        self._writer = writer
        self._host = host
        self.address = ""
        self._parser = MessageParser()
        self._unparsed = b""
        self._events = 0
        self._responses: list[Response] = []
        self._frames: list[InterleavedFrame] = []
        self._sequence = 0
        self._session = ""
        self._session_url = ""
        self._keep_alive_method = "OPTIONS"
        self.session_seconds = 60.0
        self._setup_number: int | None = None
        self._challenge: auth.Challenge | None = None
        self._nonce_uses = 0
        self._credentials: Credentials | None = None
        self._rules = LoginRules()
        self._channel = Channel.PLAIN
        self.offered: tuple[auth.Challenge, ...] = ()
        self.login_tried = False
        self.login_accepted = False

    @classmethod
    async def open(cls, host: str, port: int, addresses: tuple[str, ...], gate: Gate = NO_SECRETS) -> Self:
        """Connect over TCP to the first address that accepts the connection.

        Raises:
            ConnectError: no connection could be made.
            ShortageError: no connection could be attempted.

        """
        failures: list[Exception] = []
        for address in addresses:
            try:
                reader, writer = await asyncio.open_connection(address, port, limit=READ_BYTES)
            except OSError as error:
                failure = connect_error(error, f"{host}:{port}")
                failure.__cause__ = error
                failures.append(failure)
            else:
                connection = cls(reader, writer, host)
                connection.address = address
                connection.gate = gate
                return connection
        raise next((failure for failure in failures if not isinstance(failure, ShortageError)), failures[0])

    async def secure(self, tls: str) -> None:
        """Start TLS on the connection (RFC 7826, 19.2); `tls` is the setting of `tls_context`.

        Raises:
            TlsError: the handshake failed, or the certificate is not trusted.
            ShortageError: the certificate could not be checked.

        """
        context = tls_context(tls)
        try:
            await self._writer.start_tls(context, server_hostname=self._host)
        except ssl.SSLError as error:
            # OpenSSL reads the certificates of authorities during the handshake.
            raise lacking_descriptors() or tls_error(self._host, error.reason or error.strerror or "") from error
        except OSError as error:
            if short := shortage_of(error):
                raise short from error
            raise TlsError(f"{self._host} closed the connection during the TLS handshake") from error
        self._channel = Channel.UNCHECKED if tls == "insecure" else Channel.CHECKED

    @property
    def addresses(self) -> tuple[str, str]:
        """The local address of this connection, and the camera's."""
        own, peer = self._writer.get_extra_info("sockname"), self._writer.get_extra_info("peername")
        return str(own[0]), str(peer[0])

    async def __aenter__(self) -> Self:
        """Return the open connection."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tear down the session and close the connection, also when cancelled."""
        await self.close()

    async def close(self) -> None:
        """Send TEARDOWN, wait up to a second for the response, and close the socket."""
        try:
            with contextlib.suppress(TimeoutError, ClosedError, ProtocolError, ShortageError):
                async with asyncio.timeout(2 * TEARDOWN_SECONDS):
                    await self._learn_session()
                    await self._tear_down()
        finally:
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(TEARDOWN_SECONDS):
                    await self._writer.wait_closed()

    async def _tear_down(self) -> None:
        """Send TEARDOWN (RFC 2326, 10.7), once more if the nonce is stale."""
        session, self._session = self._session, ""
        for _ in range(2):
            if not session or self._writer.is_closing():
                return
            number = self._send("TEARDOWN", self._session_url, (("Session", session),))
            async with asyncio.timeout(TEARDOWN_SECONDS):
                response = await self._response(number, "TEARDOWN")
            challenge = auth.choose(auth.parse_challenges(response.headers.all("www-authenticate")), self._challenge)
            if response.status != 401 or challenge is None or not challenge.stale or self._why_not(challenge):
                return
            self._challenge, self._nonce_uses = challenge, 0

    async def _learn_session(self) -> None:
        """Wait for the response to a SETUP that was cancelled, so that its session can be torn down."""
        if self._setup_number is None or self._session or self._writer.is_closing():
            return
        async with asyncio.timeout(TEARDOWN_SECONDS):
            self.take_session(await self._response(self._setup_number, "SETUP"))

    def take_session(self, response: Response) -> None:
        """Remember the session and its timeout from the response to SETUP (RFC 2326, 12.37).

        Raises:
            ProtocolError: the session has a control character, so that it cannot be sent back.

        """
        identity, _, parameters = response.headers.get("session").partition(";")
        self._setup_number = None
        if _CONTROL.search(identity):
            raise ProtocolError("SETUP: the Session header contains a control character")
        self._session = identity.strip()
        if match := re.search(r"timeout\s*=\s*(\d{1,5})", parameters, re.IGNORECASE):
            self.session_seconds = max(2.0, float(match[1]))

    @property
    def session_headers(self) -> tuple[tuple[str, str], ...]:
        """The Session header, empty if there is no session."""
        return (("Session", self._session),) if self._session else ()

    def begin_session(self, aggregate: str) -> None:
        """Set the URL for TEARDOWN of the session that the next SETUP creates."""
        self._session_url = aggregate

    def keep_alive(self) -> None:
        """Send a request without effect, so that the session does not time out (RFC 2326, 10.8 and A.2)."""
        if not self._writer.is_closing():
            self._send(self._keep_alive_method, self._session_url, self.session_headers)

    def _send(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> int:
        """Send a request. What a camera sent comes back in it: URLs, the session, values of the login challenge."""
        try:
            request = self._request_of(method, url, headers)
        except ValueError as error:
            raise ProtocolError(f"{method} cannot be sent: {error}") from error
        self.record(request, by_camera=False)
        self._writer.write(request)
        return self._sequence

    def _request_of(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> bytes:
        self._sequence += 1
        fields = (("CSeq", str(self._sequence)), ("User-Agent", _USER_AGENT), *headers)
        if self._challenge and self._credentials:
            self._nonce_uses += 1
            authorization = auth.authorize(
                self._challenge, self._credentials, method, url, count=self._nonce_uses, cnonce=secrets.token_hex(8)
            )
            fields = (*fields, ("Authorization", authorization))
        return serialize_request(method, url, fields)

    def record(self, data: bytes, *, by_camera: bool) -> None:
        """Called with all bytes of the connection, for subclasses that record them."""

    async def _receive_bytes(self) -> bytes:
        try:
            data = await self._reader.read(READ_BYTES)
        except OSError as error:
            if short := shortage_of(error):
                raise short from error
            raise ClosedError(f"the camera reset the connection ({error.strerror or type(error).__name__})") from error
        if not data:
            raise ClosedError("the camera closed the connection")
        self.record(data, by_camera=True)
        return data

    async def _read(self) -> int:
        """Receive and parse data; return the number of bytes parsed. What a cancelled call left is parsed next."""
        data, self._unparsed = self._unparsed or await self._receive_bytes(), b""
        for end in range(PARSE_BYTES, len(data) + PARSE_BYTES, PARSE_BYTES):
            if self._parse(data[end - PARSE_BYTES : end]) > DENSE_EVENTS:
                self._unparsed = data[end:]
                await asyncio.sleep(DENSE_PAUSE_SECONDS)
                return min(end, len(data))
        if len(data) == READ_BYTES:
            await asyncio.sleep(0)  # more data is waiting; let other tasks run first
        return len(data)

    def _parse(self, data: bytes) -> int:
        """Take the events of the next bytes; return their number."""
        try:
            events = self._parser.feed(data)
        except MalformedMessageError as error:
            raise ProtocolError(self.gate.message(str(error), MAX_ERROR_CHARACTERS)) from error
        for event in events:
            if isinstance(event, InterleavedFrame):
                self._frames.append(event)
            elif isinstance(event, Response):
                self._responses.append(event)
        self._events += len(events)
        return len(events)

    async def _response(self, number: int, step: str) -> Response:
        """Wait for the response to request `number`; ignore those to other requests, and late or duplicate ones."""
        received, ignored, events = 0, 0, self._events
        while True:
            while self._responses:
                response = self._responses.pop(0)
                if response.status >= 200 and response.headers.get("cseq", str(number)) == str(number):
                    return replace(response, reason=self.gate.text(response.reason, MAX_REASON_CHARACTERS))
                ignored += 1
                if ignored > MAX_IGNORED_RESPONSES:
                    raise ProtocolError(f"{step} got no response within {MAX_IGNORED_RESPONSES} other responses")
            received += await self._read()
            del self._frames[: -MAX_WAITING if self._session_url else None]
            if received > MAX_BYTES_BEFORE_RESPONSE:
                raise ProtocolError(f"{step} got no response within {MAX_BYTES_BEFORE_RESPONSE} bytes of other data")
            if self._events - events > MAX_EVENTS_BEFORE_RESPONSE:
                raise ProtocolError(f"{step} got no response within {MAX_EVENTS_BEFORE_RESPONSE} other messages")

    async def request(self, method: str, url: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        """Send a request, log in if the camera requires it, and return the successful response.

        Raises:
            LoginError: the login is missing or refused.
            RtspStatusError: the response has another status.
            ClosedError, ProtocolError: the connection failed.

        """
        for _ in range(3):
            authorized = self._challenge is not None
            number = self._send(method, url, headers)
            if method == "SETUP":
                self._setup_number = number
            response = await self._response(number, method)
            if response.status != 401:
                break
            self._take_challenge(response, method, authorized=authorized)
        if response.status == 401:
            raise LoginError(f"{method}: the camera sent a new nonce after each login", tried=True)
        self.login_accepted = self.login_accepted or (authorized and not refuses_login(response))
        if not 200 <= response.status < 300:
            raise error_of(method, response, self.gate)
        return response

    def _why_not(self, challenge: auth.Challenge) -> str:
        """Say why a challenge must not be answered, empty if it may."""
        return self._rules.why_not_basic(self._channel) if challenge.scheme == "basic" else ""

    def _take_challenge(self, response: Response, method: str, *, authorized: bool) -> None:
        values = response.headers.all("www-authenticate")
        offered = auth.parse_challenges(values)
        if not auth.offers_digest(self.offered):
            self.offered = offered or self.offered
        if says_locked(response):
            raise LoginLockedError(f"{method}: {status_line(response)}", tried=authorized)
        if self._credentials is None:
            raise LoginError(f"{method}: the camera requires a login", tried=False)
        challenge = auth.choose(offered, self._challenge)
        if challenge is None:
            raise LoginError(
                f"{method}: the camera offers no supported login method: {auth.names(values, self.gate)}",
                tried=authorized,
            )
        if authorized and not challenge.stale:
            raise LoginError(f"{method}: the camera refused the user name or the password", tried=True)
        if why := self._why_not(challenge):
            raise LoginInsecureError(f"{method}: {why}")
        self._challenge, self._nonce_uses = challenge, 0
        self.login_tried = True

    async def describe(self, url: str, credentials: Credentials | None, rules: LoginRules | None = None) -> Description:
        """Request the session description (RFC 2326, 10.2), with a login that the rules allow; by default `auto`.

        Raises:
            NetError: there is no usable response.

        """
        self._credentials, self._rules = credentials, rules or LoginRules()
        response = await self._describe(url)
        try:
            session = sdp.parse(response.body)
        except MalformedDescriptionError as error:
            raise ProtocolError(f"DESCRIBE: {error}") from error
        base = response.headers.get("content-base") or response.headers.get("content-location") or url
        if not re.match(r"rtsps?://", base, re.IGNORECASE):
            base = url
        if "GET_PARAMETER" in response.headers.get("public"):
            self._keep_alive_method = "GET_PARAMETER"
        return Description(session, base, self.gate.text(response.headers.get("server"), MAX_SERVER_CHARACTERS))

    async def _describe(self, url: str) -> Response:
        """Send DESCRIBE, and follow redirections on the same server, but not to another host (RFC 2326, 11.3)."""
        for _ in range(MAX_REDIRECTIONS):
            try:
                return await self.request("DESCRIBE", url, (("Accept", "application/sdp"),))
            except RedirectError as error:
                if not same_server(url, error.location) or error.location == url:
                    raise
                url = error.location
        raise ProtocolError(f"DESCRIBE: more than {MAX_REDIRECTIONS} redirections")

    async def receive(self) -> list[InterleavedFrame]:
        """Wait for data and return its interleaved frames; responses are dropped.

        Raises:
            ClosedError, ProtocolError: the connection failed.

        """
        if not self._frames:
            await self._read()
        self._responses.clear()
        frames, self._frames = self._frames, []
        return frames
