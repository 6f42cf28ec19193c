"""Sends requests to ONVIF services: zeep writes them, aiohttp sends them, and the camera chooses the login."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self, TypeVar

from lxml import etree
from zeep import AsyncClient
from zeep.transports import Transport

from xueliang_monitor.model import OnvifTarget
from xueliang_monitor.net.errors import ClosedError, ConnectError, NetError, ReusedConnectionError
from xueliang_monitor.net.http import HttpConnection, HttpResponse
from xueliang_monitor.net.http_digest import USED_UP_NONCES
from xueliang_monitor.net.onvif_hints import LoginKind, OnvifHints
from xueliang_monitor.net.onvif_login import OnvifLogin
from xueliang_monitor.net.onvif_wsdl import SETTINGS, Definition
from xueliang_monitor.net.permissions import PERMISSIONS
from xueliang_monitor.net.service_places import Asking, Place, ServicePlaces
from xueliang_monitor.net.soap_auth import CameraToken
from xueliang_monitor.process.apart import TooMuchWorkError, call_apart
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.wire import soap, soap_version
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedResponseError
from xueliang_monitor.wire.service_address import ServiceAddress
from xueliang_monitor.wire.soap_answer import SoapAnswer, read_answer

Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[HttpResponse]]
Content = TypeVar("Content")
Read = Callable[[soap.Element], Content]
"""Reads the content of a response; a function of a module, because it may run in another process."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a service, the address that it is sent to, and its arguments."""

    definition: Definition
    address: ServiceAddress
    operation: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A response, with the login of its request and the place that it was sent to."""

    response: HttpResponse
    login: LoginKind
    place: Place


class _EnvelopeTransport(Transport):
    """A zeep transport that gives the envelopes to `OnvifExchange`; it reads no documents."""

    def __init__(self, post: Post) -> None:
        """Open no session of requests, unlike zeep's own."""
        self._post = post

    def __del__(self) -> None:
        """Close no session, unlike zeep's own."""

    async def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> HttpResponse:
        return await self._post(address, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), headers)


class OnvifExchange:
    """Sends calls to one camera during one visit and logs in as it requires; use as an async context manager.

    `login_tried` and `login_accepted` describe the logins of this exchange; `hints` is to be remembered for the next.
    After a call that is cancelled the next one goes over a new connection, so that no late answer is taken for its own.
    """

    def __init__(
        self,
        http: HttpConnection,
        target: OnvifTarget,
        now: Callable[[], float],
        *,
        hints: OnvifHints,
        may_log_in: bool,
        spare_logins: int,
        gate: Gate,
    ) -> None:
        self._target = target
        self._now = now
        self._gate = gate
        self._login = OnvifLogin(
            replace(hints, nonce_is_good_once=hints.nonce_is_good_once or http.where in USED_UP_NONCES),
            gate,
            has_credentials=target.credentials is not None,
            may_log_in=may_log_in,
            max_refused=1 + spare_logins,
        )
        self._server = http.where
        self._places = ServicePlaces(http, hints.places)
        self._spoke_soap = False
        self._other_version_tried = False
        self.hints = hints
        self.last_response: HttpResponse | None = None

    @property
    def spoke_soap(self) -> bool:
        """Whether a response was SOAP, whatever it says."""
        return self._spoke_soap

    @property
    def login_tried(self) -> bool:
        """Whether a login was sent."""
        return self._login.tried

    @property
    def login_accepted(self) -> bool:
        """Whether the camera accepted a login."""
        return self._login.accepted

    @property
    def unanswered_logins(self) -> int:
        """How many logins the camera did not answer."""
        return self._login.unanswered

    @property
    def refused_logins(self) -> int:
        """How many logins the camera refused."""
        return self._login.refused

    async def __aenter__(self) -> Self:
        """Return the exchange; nothing is sent yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self._places.close()

    async def call(self, call: Call, read: Read[Content]) -> Content:
        """Send a call with the login that the camera requires; return what `read` returns of the body.

        Raises:
            NetError: there is no response.
            LoginError: a login is missing, held back or refused.
            OnvifResponseError: the response is a SOAP fault or not usable.

        """
        _, answer = await self.answered(call, read)
        return answer.get()

    async def answered(self, call: Call, read: Read[Content]) -> tuple[HttpResponse, SoapAnswer[Content]]:
        """Do as `call`, and return the response and what was read of it, whether it can be used or not.

        Raises:
            NetError: there is no response.
            LoginError: a login is missing, held back or refused.
            MalformedResponseError: the user lacks the permission.

        """
        user = (self._server, self._target.credentials.username if self._target.credentials is not None else "")
        operation = f"{call.definition.namespace} {call.operation}"
        if why := PERMISSIONS.why_not(user, operation, self._now()):
            raise MalformedResponseError(f"{call.operation}: {why}")
        turn = self._login.begin(call.operation, self._places.of(call.address).server, self.hints.token_offsets())
        login = turn.login
        try:
            while True:
                sent = await self._send(call, login)
                self._login.sent(turn, sent.login)
                answer = await self.answer(sent.response, read)
                if self._login.is_settled(turn, answer, sent.response, sent.place.server):
                    if sent.login is not LoginKind.NONE:
                        PERMISSIONS.note(user, operation, self._now(), refused=False)
                    return sent.response, answer
                login = self._login.next(turn, answer, sent.response, sent.place.server)
        except MalformedResponseError:
            if self._login.accepted:
                PERMISSIONS.note(user, operation, self._now(), refused=True)
            raise
        finally:
            before, self.hints = self.hints, self._login.hints_after(self.hints)
            if before.nonce_is_good_once != self.hints.nonce_is_good_once:
                USED_UP_NONCES.note(self._server, good_once=self.hints.nonce_is_good_once)

    async def answer(self, response: HttpResponse, read: Read[Content]) -> SoapAnswer[Content]:
        """Read a response: a small one here, a large one in another process."""
        reading = functools.partial(
            read_answer,
            response.content,
            response.status,
            read,
            spoke_soap=self._spoke_soap,
            content_type=response.headers.get("Content-Type", ""),
        )
        if len(response.content) <= soap.MAX_BYTES_AT_ONCE:
            answer = reading()
        else:
            try:
                answer = await call_apart(reading)
            except TooMuchWorkError as error:
                answer = SoapAnswer(error=MalformedResponseError(f"the response cannot be used: {error}"))
        self._spoke_soap = self._spoke_soap or answer.is_soap
        return answer.through(self._gate)

    async def send(self, call: Call) -> HttpResponse:
        """Send a call without a login and return the response, whatever it says."""
        return (await self._send(call, LoginKind.NONE)).response

    async def _send(self, call: Call, login: LoginKind) -> _Sent:
        """Send a call to where its service is found."""

        asking: Asking[_Sent] = Asking(functools.partial(self._ask, call, login), lambda sent: sent.response)
        try:
            return await self._places.find(call.address, asking)
        finally:
            if self._places.found is not self.hints.places:
                self.hints = replace(self.hints, places=self._places.found)

    async def _ask(self, call: Call, login: LoginKind, place: Place) -> _Sent:
        """Send a call to a place, once more in the other version of SOAP if the first response asks for that."""
        failure: ClosedError | None = None
        try:
            sent = await self._post_call(call, login, place)
        except ClosedError as error:
            if not self._may_try_other_version or login is not LoginKind.NONE:
                raise
            failure = error
        else:
            response = sent.response
            may_try = self._may_try_other_version
            if not may_try or not soap_version.declines_version(response.status, response.content):
                return sent
        self._other_version_tried = True
        before = self.hints
        self.hints = replace(before, speaks_soap_11=not before.speaks_soap_11)
        try:
            other = await self._post_call(call, login, place)
            if soap_version.takes_version(other.response.status, other.response.content):
                return other
        except NetError:
            pass
        self.hints = before
        if failure is not None:
            raise failure
        return sent

    @property
    def _may_try_other_version(self) -> bool:
        return not self._spoke_soap and not self._other_version_tried

    async def _post_call(self, call: Call, login: LoginKind, place: Place) -> _Sent:
        """Write a call and send it; write it anew if it was lost, as no nonce is sent twice.

        A lost request is sent once more if the connection was used before, or if the server is known to speak SOAP.
        With a login it must stay within what may be sent, as the camera may have counted it.
        """
        if login in (LoginKind.DIGEST, LoginKind.BOTH) and self._login.digest(place.server).challenge is None:
            login = LoginKind.NONE  # the challenge was that of another server
        try:
            return await self._post_once(call, login, place)
        except ClosedError as error:
            may_be_sent = login is LoginKind.NONE or self._login.may_send_another
            if not may_be_sent or not (isinstance(error, ReusedConnectionError) or self._spoke_soap):
                raise
            if login in (LoginKind.DIGEST, LoginKind.BOTH):
                self._login.digest(place.server).renew(None)  # nobody knows whether its nonce was used
                login = LoginKind.NONE
            return await self._post_once(call, login, place)

    async def _post_once(self, call: Call, login: LoginKind, place: Place) -> _Sent:
        token: CameraToken | None = None
        if login in (LoginKind.TOKEN, LoginKind.BOTH) and self._target.credentials is not None:
            token = CameraToken(self._target.credentials, self._now() + self._login.token_offset)
        transport = _EnvelopeTransport(functools.partial(self._post, login=login, place=place))
        client = AsyncClient(call.definition.document, wsse=token, transport=transport, settings=SETTINGS)
        service = client.create_service(call.definition.binding, place.path)
        self._login.sending(login)
        try:
            response: HttpResponse = await service[call.operation](**call.arguments)
        except (ConnectError, ShortageError):
            self._login.over(login)
            raise
        self._login.over(login)
        return _Sent(response, login, place)

    async def _post(
        self, path: str, envelope: bytes, headers: Mapping[str, str], *, login: LoginKind, place: Place
    ) -> HttpResponse:
        """Send one envelope to a place of the camera."""
        headers = dict(headers)
        if self.hints.speaks_soap_11:
            envelope, headers = soap_version.to_soap_11(envelope, headers)
        if login in (LoginKind.DIGEST, LoginKind.BOTH) and self._target.credentials is not None:
            digest = self._login.digest(place.server)
            headers["Authorization"] = digest.authorization(self._target.credentials, "POST", path)
        http, limit = await self._places.connection(place), soap.MAX_RESPONSE_BYTES
        self.last_response = await http.request("POST", path, headers=headers, content=envelope, limit=limit)
        return self.last_response
