"""An RTSP client for one visit: connects, logs in, describes, keeps the session alive, and always tears it down."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import replace
from types import TracebackType
from typing import Self

from xueliang_monitor import __version__
from xueliang_monitor.model import Credentials
from xueliang_monitor.net.account_locks import says_locked
from xueliang_monitor.net.errors import ClosedError, ConnectError, LoginError, ProtocolError, RedirectError
from xueliang_monitor.net.login_rules import LoginRules
from xueliang_monitor.net.rtsp_answers import Answered, Conversation
from xueliang_monitor.net.rtsp_description import Description
from xueliang_monitor.net.rtsp_login import RtspLogin
from xueliang_monitor.net.rtsp_socket import RtspSocket
from xueliang_monitor.net.rtsp_status import error_of, refuses_login, same_server
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.wire import sdp
from xueliang_monitor.wire.device_text import NO_SECRETS, Gate
from xueliang_monitor.wire.errors import MalformedDescriptionError
from xueliang_monitor.wire.messages import InterleavedFrame, Response, serialize_request
from xueliang_monitor.wire.oddities import Oddities, Oddity

MAX_REASON_CHARACTERS = 280
MAX_SERVER_CHARACTERS = 120

MAX_BYTES_BEFORE_RESPONSE, MAX_EVENTS_BEFORE_RESPONSE = 4 * 1024 * 1024, 8192
"""What may arrive before the response to a request: the packets of a stream that plays already."""

MAX_IGNORED_RESPONSES = 32
"""How many responses to other requests, and provisional ones, may arrive before the awaited one."""

MAX_WAITING = 1024
"""The number of frames that are kept until they are read; further ones are dropped."""

MAX_ATTEMPTS = 3
"""How often a request is sent: without a login, with one, and with another nonce."""

HELD_SECONDS = 1.5
"""How long another response is waited for after one that looks like a repeated one, or like none to the request."""

MAX_REDIRECTIONS = 3
TEARDOWN_SECONDS = 0.5
_BEFORE_SESSION = frozenset({"OPTIONS", "DESCRIBE"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_INTERLEAVED = re.compile(r"interleaved\s*=\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?", re.IGNORECASE)
_USER_AGENT = f"xueliang-monitor/{__version__}"


class RtspConnection:
    """One RTSP connection (RFC 2326); use as an async context manager, which tears the session down.

    `gate` is the one for the camera's texts. The reason phrase of a response passes it when the response is used; that
    of an ignored response is never read.
    """

    def __init__(self, socket: RtspSocket, address: str, port: int) -> None:
        self.address = address
        self.gate = socket.gate
        self.oddities = socket.oddities
        self._port = port
        self._tls = ""
        self._socket = socket
        self._socket.record = self._record
        self._conversation = Conversation()
        self._sequence = 0
        self._session = ""
        self._session_url = ""
        self._keep_alive_method = "OPTIONS"
        self.session_seconds = 60.0
        self._setup_number: int | None = None
        self._channels: set[int] = set()
        self._payload_types: frozenset[int] = frozenset()
        self.login = RtspLogin(socket.gate)

    @classmethod
    async def open(cls, host: str, port: int, addresses: tuple[str, ...], gate: Gate = NO_SECRETS) -> Self:
        """Connect over TCP to the first address that accepts the connection, even if it ends it in the same moment.

        Raises:
            ConnectError: no connection could be made.
            ShortageError: no connection could be attempted.

        """
        failures: list[Exception] = []
        oddities = Oddities()
        for address in addresses:
            try:
                socket = await RtspSocket.open(host, port, address, gate=gate, oddities=oddities)
            except (ConnectError, ClosedError, ShortageError) as failure:
                failures.append(failure)
            else:
                return cls(socket, address, port)
        for address, ended in zip(addresses, failures, strict=True):
            if isinstance(ended, ClosedError):
                return cls(RtspSocket.ended(ended, host, gate=gate, oddities=oddities), address, port)
        raise next((failure for failure in failures if not isinstance(failure, ShortageError)), failures[0])

    async def secure(self, tls: str) -> None:
        """Start TLS on the connection (RFC 7826, 19.2); `tls` is the setting of `tls_context`.

        Raises:
            TlsError: the handshake failed, or the certificate is not trusted.
            ShortageError: the certificate could not be checked.

        """
        await self._socket.secure(tls)
        self._tls = tls

    @property
    def addresses(self) -> tuple[str, str]:
        """The local address of this connection, and the camera's."""
        return self._socket.addresses

    @property
    def foreign_share(self) -> float:
        """How much of what arrived over the connection belongs to no message and no frame."""
        return self._socket.foreign_share

    async def reopen(self) -> None:
        """Close politely, and connect anew to the same address with TLS and the login as before; nothing is sent.

        What was learned of the login and of oddities is kept, but no nonce, as it may be of that connection alone. The
        session, and frames that nobody took, are gone.

        Raises:
            ConnectError, ClosedError: no connection could be made, or TLS failed.
            ShortageError: no connection could be attempted.

        """
        await self._connect_anew()
        self.login.pause()

    async def _connect_anew(self) -> None:
        await self.close()
        self._session, self._setup_number, self._conversation = "", None, Conversation()
        self._channels.clear()
        self._socket = await RtspSocket.open(
            self._socket.host, self._port, self.address, gate=self.gate, oddities=self.oddities
        )
        self._socket.record = self._record
        if self._tls:
            await self._socket.secure(self._tls)

    async def __aenter__(self) -> Self:
        """Return the open connection."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tear down the session and close the connection, also when cancelled."""
        await self.close()

    async def close(self) -> None:
        """Send TEARDOWN if there is a session, wait up to a second for the response, and close the socket."""
        try:
            if self._session or self._setup_number is not None:
                with contextlib.suppress(TimeoutError, ClosedError, ProtocolError, ShortageError):
                    async with asyncio.timeout(2 * TEARDOWN_SECONDS):
                        await self._learn_session()
                        await self._tear_down()
        finally:
            await self._socket.close()

    async def _tear_down(self) -> None:
        """Send TEARDOWN (RFC 2326, 10.7), once more if the nonce is stale."""
        session, self._session = self._session, ""
        for _ in range(2):
            if not session or self._socket.is_closing:
                return
            number = self._send("TEARDOWN", self._session_url, (("Session", session),))
            async with asyncio.timeout(TEARDOWN_SECONDS):
                response = await self._response(number, "TEARDOWN")
            if not self.login.renews(response, self._socket.channel):
                return

    async def _learn_session(self) -> None:
        """Wait for the response to a SETUP that was cancelled, so that its session can be torn down."""
        if self._setup_number is None or self._session or self._socket.is_closing:
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
        if not self._socket.is_closing:
            self._send(self._keep_alive_method, self._session_url, self.session_headers)

    def _send(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> int:
        """Send a request. What a camera sent comes back in it: URLs, the session, values of the login challenge."""
        try:
            request = self._request_of(method, url, headers)
        except ValueError as error:
            raise ProtocolError(f"{method} cannot be sent: {error}") from error
        self._socket.send(request)
        self._conversation.sent(self._sequence, method)
        return self._sequence

    def _request_of(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> bytes:
        self._sequence += 1
        fields = (("CSeq", str(self._sequence)), ("User-Agent", _USER_AGENT), *headers)
        return serialize_request(method, url, (*fields, *self.login.headers(method, url)))

    def record(self, data: bytes, *, by_camera: bool) -> None:
        """Called with all bytes of the connection, for subclasses that record them."""

    def _record(self, data: bytes, by_camera: bool) -> None:
        self.record(data, by_camera=by_camera)

    async def _response(self, number: int, step: str) -> Response:
        """Wait for the response to request `number`; ignore those to other requests, and late or duplicate ones."""
        received, ignored, events = 0, 0, self._socket.events
        held: Response | None = None
        while True:
            while self._socket.responses:
                response = self._socket.responses.pop(0)
                answered = self._take(response)
                if answered.number == number:
                    return self._shown(response)
                held = response if not answered.number and response.status >= 200 else held
                ignored += 1
            read = await self._socket.read() if held is None else await self._socket.read_within(HELD_SECONDS)
            if read is None and held is not None:
                self._conversation.settle(number, held)
                return self._shown(held)
            received += read or 0
            del self._socket.frames[: -MAX_WAITING if self._session_url else None]
            for amount, limit, what in (
                (ignored, MAX_IGNORED_RESPONSES, "other responses"),
                (received, MAX_BYTES_BEFORE_RESPONSE, "bytes of other data"),
                (self._socket.events - events, MAX_EVENTS_BEFORE_RESPONSE, "other messages"),
            ):
                if amount > limit:
                    raise ProtocolError(f"{step} got no response within {limit} {what}", reason="no_answer_among_data")

    def _shown(self, response: Response) -> Response:
        """Return a response whose reason phrase has passed the gate."""
        if response.reason == "OK":
            return response
        reason = self.gate.text(response.reason, MAX_REASON_CHARACTERS)
        return response if reason == response.reason else replace(response, reason=reason)

    def _take(self, response: Response) -> Answered:
        """Find which request a response answers; a provisional one answers none (RFC 2326, 7.1.1)."""
        if response.status < 200:
            return Answered(0)
        answered = self._conversation.take(response)
        if answered.in_order:
            self.oddities.count(Oddity.OTHER_CSEQ)
        return answered

    async def request(self, method: str, url: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        """Send a request, log in if the camera requires it, and return the successful response.

        Raises:
            LoginError: the login is missing or refused.
            RtspStatusError: the response has another status.
            ClosedError, ProtocolError: the connection failed.

        """
        renewed = challenged = reopened = False
        answered = 0
        while answered < MAX_ATTEMPTS:
            authorized = self.login.authorizes
            try:
                response = await self._exchange(method, url, headers)
            except ClosedError as error:
                if not challenged:
                    raise
                if reopened or method not in _BEFORE_SESSION:
                    raise ClosedError(str(error), reason="closed_after_challenge") from error
                await self._reopen_for_login()
                reopened = True
                continue
            answered += 1
            if response.status == 403 and authorized and not renewed and self._may_be_spent(response):
                renewed = True
                self.login.pause()
                continue
            if response.status != 401:
                break
            if self.login.answer(response, method, self._socket.channel, authorized=authorized, again=renewed):
                renewed = True
            challenged = True
        if renewed and 200 <= response.status < 300:
            self.oddities.count(Oddity.NEW_NONCE)
        return self._accepted(method, response, authorized=authorized)

    def _accepted(self, method: str, response: Response, *, authorized: bool) -> Response:
        """Return the successful response to a request, or raise what is wrong."""
        if response.status == 401:
            detail = f"{method}: the camera sent a new nonce after each login"
            raise LoginError(detail, tried=True, reason="new_nonce_each_time")
        self.login.accepted = self.login.accepted or (authorized and not refuses_login(response))
        if not 200 <= response.status < 300:
            raise error_of(method, response, self.gate)
        if method == "SETUP":
            self._expect_frames(response)
        return response

    def _may_be_spent(self, response: Response) -> bool:
        """Return whether a 403 may mean the nonce: the camera had accepted the login with it."""
        return self.login.accepted and self.login.reuses_nonce and not says_locked(response)

    async def _exchange(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> Response:
        number = self._send(method, url, headers)
        if method == "SETUP":
            self._setup_number = number
        return await self._response(number, method)

    async def _reopen_for_login(self) -> None:
        """Connect anew, as the camera closes the connection when it has asked for a login."""
        self.oddities.count(Oddity.CLOSED_AFTER_CHALLENGE)
        await self._connect_anew()

    def _expect_frames(self, response: Response) -> None:
        """Take the channels that a SETUP gave (RFC 2326, 12.39)."""
        for match in _INTERLEAVED.finditer(response.headers.get("transport")):
            first = int(match[1])
            self._channels |= {channel for channel in (first, int(match[2] or first + 1)) if channel < 256}
        self._socket.expect(self._channels, self._payload_types)

    async def describe(self, url: str, credentials: Credentials | None, rules: LoginRules | None = None) -> Description:
        """Request the session description (RFC 2326, 10.2), with a login that the rules allow; by default `auto`.

        Raises:
            NetError: there is no usable response.

        """
        self.login.credentials, self.login.rules = credentials, rules or LoginRules()
        response = await self._describe(url)
        try:
            session = sdp.parse(response.body)
        except MalformedDescriptionError as error:
            raise ProtocolError(f"DESCRIBE: {error}", reason="bad_description") from error
        self._payload_types = frozenset(each.payload_type for each in session.media if each.payload_type in range(128))
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
        raise ProtocolError(f"DESCRIBE: more than {MAX_REDIRECTIONS} redirections", reason="redirected_in_a_circle")

    async def receive(self) -> list[InterleavedFrame]:
        """Wait for data and return its interleaved frames; responses are dropped.

        Raises:
            ClosedError, ProtocolError: the connection failed.

        """
        if not self._socket.frames:
            await self._socket.read()
        for response in self._socket.responses:
            self._take(response)
            self.login.renews(response, self._socket.channel)
        self._socket.responses.clear()
        frames, self._socket.frames = self._socket.frames, []
        return frames
