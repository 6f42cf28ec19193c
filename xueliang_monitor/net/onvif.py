"""An ONVIF client for one camera: zeep writes the requests, aiohttp sends them, `wire` reads the responses."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import email.utils
import functools
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

from lxml import etree
from zeep import AsyncClient
from zeep.transports import Transport

from xueliang_monitor.model import Identity, OnvifTarget
from xueliang_monitor.net.errors import LoginError, NetError
from xueliang_monitor.net.http import HttpConnection, HttpResponse
from xueliang_monitor.net.onvif_hints import LoginKind, OnvifHints
from xueliang_monitor.net.onvif_wsdl import SETTINGS, Definition, definitions
from xueliang_monitor.net.soap_auth import CameraToken
from xueliang_monitor.process.apart import TooMuchWorkError, call_apart
from xueliang_monitor.wire import auth, onvif, soap
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedResponseError, OnvifResponseError
from xueliang_monitor.wire.printable import shorten
from xueliang_monitor.wire.soap_answer import SoapAnswer, read_answer

MAX_CODEC_CHARACTERS = 20
TRUNCATION_SECONDS = 0.5
"""Cameras report truncated seconds; half a second is the mean error."""

_NOTIFICATION = "http://docs.oasis-open.org/wsn/b-2"
_TOPICS = "http://www.onvif.org/ver10/topics"
_DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
_SUBSCRIPTION_SECONDS = 60
Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[HttpResponse]]
Content = TypeVar("Content")
Read = Callable[[soap.Element], Content]
"""Reads the content of a response; a function of a module, because it may run in another process."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One operation of a service, the path that it is sent to, and its arguments."""

    definition: Definition
    path: str
    operation: str
    arguments: dict[str, Any]


class _EnvelopeTransport(Transport):
    """A zeep transport that gives the envelopes to `OnvifClient.post`; it reads no documents."""

    def __init__(self, post: Post) -> None:
        """Open no session of requests, unlike zeep's own."""
        self._post = post

    def __del__(self) -> None:
        """Close no session, unlike zeep's own."""

    async def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> HttpResponse:
        return await self._post(address, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), headers)


def identity_through(gate: Gate, identity: Identity) -> Identity:
    """Return an identity whose texts have passed a gate."""
    return Identity(
        gate.text(identity.manufacturer),
        gate.text(identity.model),
        firmware=gate.text(identity.firmware),
        serial=gate.text(identity.serial),
        hardware=gate.text(identity.hardware),
    )


def profile_through(gate: Gate, profile: onvif.Profile) -> onvif.Profile:
    """Return a profile whose texts have passed a gate, with its codec in lower case only then."""
    codec = shorten(gate.text(profile.stream.codec).lower(), MAX_CODEC_CHARACTERS)
    return replace(profile, name=gate.text(profile.name), stream=replace(profile.stream, codec=codec))


class OnvifClient:
    """Calls to one camera during one visit; use as an async context manager.

    Every call raises NetError if there is no response, LoginError if a login is missing, held back or refused,
    and OnvifResponseError if the response is a SOAP fault or not usable. `now` returns seconds since the epoch;
    `addresses` are those of the host, if they are known. `gate` is the one for the camera's texts, by default one that
    knows the login of `target`; paths and URIs are returned as they were received. `login_tried` and `login_accepted`
    describe the logins of this client; `hints` is to be remembered for the next one.
    """

    def __init__(
        self,
        host: str,
        target: OnvifTarget,
        now: Callable[[], float],
        hints: OnvifHints | None = None,
        *,
        tls: str = "verify",
        may_log_in: bool = True,
        addresses: tuple[str, ...] = (),
        gate: Gate | None = None,
    ) -> None:
        self._http = HttpConnection(host, target.port, secure=target.secure, tls=tls, addresses=addresses)
        self._target = target
        self._now = now
        self._gate = gate if gate is not None else Gate.of(target.credentials)
        self._may_log_in = may_log_in and target.credentials is not None
        self._challenge: auth.Challenge | None = None
        self._nonce_uses = 0
        self._spoke_soap = False
        self._transport = _EnvelopeTransport(self.post)
        self.hints = hints or OnvifHints()
        self.login_tried = False
        self.login_accepted = False

    async def __aenter__(self) -> Self:
        """Return the client; nothing is sent yet."""
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self._http.__aexit__(kind, error, trace)

    async def time(self) -> onvif.DeviceTime:
        """Request the camera's time, which needs no login (ONVIF Core, 8.3.5), and remember its offset."""
        call = _Call(definitions()["devicemgmt"], self._target.path, "GetSystemDateAndTime", {})
        response = await self._send(call)
        received = self._now()
        try:
            read = functools.partial(onvif.read_time, now=received)
            device_time = (await self._answer(response, read)).get()
        except OnvifResponseError:
            self._use_date_header(response, received)
            raise
        self._remember_clock(device_time.utc, response, received)
        return device_time

    def _use_date_header(self, response: HttpResponse, received: float) -> None:
        """Take the camera's clock from the HTTP Date header if GetSystemDateAndTime fails, as on AXIS P5655."""
        try:
            date = email.utils.parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
        except (ValueError, TypeError, OverflowError):
            return
        self._remember_clock(date, response, received)

    def _remember_clock(self, clock: float, response: HttpResponse, received: float) -> None:
        offset = clock + TRUNCATION_SECONDS - (received - response.seconds / 2)
        self.hints = replace(self.hints, clock_offset_seconds=offset)

    async def identity(self) -> Identity:
        """Request the manufacturer, model, firmware version and serial number."""
        return identity_through(self._gate, await self._device("GetDeviceInformation", onvif.read_identity))

    async def hostname(self) -> str:
        """Request the host name that is set on the camera."""
        return self._gate.text(await self._device("GetHostname", onvif.read_hostname))

    async def services(self) -> Mapping[str, str]:
        """Return the paths of the services from GetServices or, if that fails, GetCapabilities; they are cached."""
        if not self.hints.services:
            try:
                found = await self._device("GetServices", onvif.read_services, IncludeCapability=False)
            except OnvifResponseError:
                found = {}
            if onvif.MEDIA not in found:
                try:
                    found |= await self._device("GetCapabilities", onvif.read_capabilities, Category=["All"])
                except OnvifResponseError:
                    if not found:
                        raise
            found = {name: path for name, path in found.items() if not self._gate.holds_secret(path)}
            self.hints = replace(self.hints, services=MappingProxyType(found))
        return self.hints.services

    async def profiles(self) -> tuple[onvif.Profile, ...]:
        """Request the media profiles with the settings of their encoders."""
        shown = []
        for item in await self._media("GetProfiles", onvif.read_profiles):
            if not self._gate.holds_secret(item.token):
                shown.append(profile_through(self._gate, item))
            await asyncio.sleep(0)  # the texts of all profiles together would hold the event loop
        return tuple(shown)

    async def stream_uri(self, token: str) -> str:
        """Request the RTSP URI of a profile; behind NAT its host is wrong."""
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        return await self._media("GetStreamUri", onvif.read_uri, StreamSetup=setup, ProfileToken=token)

    async def snapshot_uri(self, token: str) -> str:
        """Request the snapshot URI of a profile; behind NAT its host is wrong."""
        return await self._media("GetSnapshotUri", onvif.read_uri, ProfileToken=token)

    async def request_keyframe(self, token: str) -> None:
        """Request a keyframe (SetSynchronizationPoint, ONVIF Media 5.18); this changes no setting."""
        await self._media("SetSynchronizationPoint", onvif.name, ProfileToken=token)

    async def offers_last_reboot(self) -> bool:
        """Return whether the camera publishes the time of its last start."""
        path = (await self.services()).get(onvif.EVENTS)
        if not path:
            return False
        return await self.call("events", "GetEventProperties", path, onvif.offers_last_reboot)

    async def last_reboot(self) -> float | None:
        """Request the time of the last start, by the camera's clock; None if the camera does not publish it.

        The value is a property event. It is read through a pull point subscription, which is ended at once; should
        that fail, it expires after a minute.
        """
        path = (await self.services()).get(onvif.EVENTS)
        if not path:
            return None
        expression = etree.Element(
            f"{{{_NOTIFICATION}}}TopicExpression", {"Dialect": _DIALECT}, nsmap={"wsnt": _NOTIFICATION, "tns1": _TOPICS}
        )
        expression.text = f"tns1:{'/'.join(onvif.LAST_REBOOT)}"
        where, parameters = await self.call(
            "events",
            "CreatePullPointSubscription",
            path,
            onvif.read_subscription,
            Filter={"_value_1": [expression]},
            InitialTerminationTime=f"PT{_SUBSCRIPTION_SECONDS}S",
        )
        headers = {"_soapheaders": [soap.deserialize(each) for each in parameters]} if parameters else {}
        try:
            wait = datetime.timedelta(seconds=1)
            read = onvif.read_last_reboot
            return await self.call("pullpoint", "PullMessages", where, read, Timeout=wait, MessageLimit=10, **headers)
        finally:
            with contextlib.suppress(OnvifResponseError, NetError):
                await self.call("subscription", "Unsubscribe", where, onvif.name, **headers)

    async def _device(self, operation: str, read: Read[Content], **arguments: Any) -> Content:
        return await self.call("devicemgmt", operation, self._target.path, read, **arguments)

    async def _media(self, operation: str, read: Read[Content], **arguments: Any) -> Content:
        path = (await self.services()).get(onvif.MEDIA, self._target.path)
        return await self.call("media", operation, path, read, **arguments)

    async def call(self, service: str, operation: str, path: str, read: Read[Content], **arguments: Any) -> Content:
        """Call an operation with the login that the camera requires; return what `read` returns of the body."""
        call = _Call(definitions()[service], path, operation, arguments)
        if self.hints.login is LoginKind.TOKEN and self._may_log_in:
            return await self._with_token(call, read)
        if self._challenge is not None:
            return await self._with_digest(call, read)
        response = await self._send(call)
        answer = await self._answer(response, read)
        if not answer.login_refused:
            return answer.get()
        return await self._log_in(call, response, read)

    async def _log_in(self, call: _Call, refused: HttpResponse, read: Read[Content]) -> Content:
        """Log in once: by HTTP Digest if the response has such a challenge, otherwise by WS-UsernameToken."""
        if self._target.credentials is None:
            raise LoginError(f"{call.operation}: the camera requires a login", tried=False)
        if not self._may_log_in:
            raise LoginError(f"{call.operation}: the login is held back", tried=False)
        values = refused.headers.getall("WWW-Authenticate", ())
        offered = auth.parse_challenges(values)
        digests = tuple(item for item in offered if item.scheme == "digest")
        if not digests:
            return await self._with_token(call, read)
        self._challenge, self._nonce_uses = auth.choose(digests), 0
        if self._challenge is None:
            raise LoginError(
                f"{call.operation}: the camera offers no supported login method: {auth.names(values, self._gate)}",
                tried=False,
            )
        return await self._with_digest(call, read)

    async def _with_token(self, call: _Call, read: Read[Content]) -> Content:
        if self._target.credentials is None:
            raise LoginError(f"{call.operation}: the camera requires a login", tried=False)
        self.login_tried = True
        created = self._now() + (self.hints.clock_offset_seconds or 0.0)
        response = await self._send(call, token=CameraToken(self._target.credentials, created))
        return self._conclude(await self._answer(response, read), call.operation, LoginKind.TOKEN)

    async def _with_digest(self, call: _Call, read: Read[Content]) -> Content:
        self.login_tried = True
        response = await self._send(call)
        offered = auth.parse_challenges(response.headers.getall("WWW-Authenticate", ()))
        renewed = tuple(item for item in offered if item.scheme == "digest" and item.stale)
        if response.status == 401 and (challenge := auth.choose(renewed)) and self._nonce_uses < 100:
            self._challenge, self._nonce_uses = challenge, 0
            response = await self._send(call)
        return self._conclude(await self._answer(response, read), call.operation, LoginKind.DIGEST)

    def _conclude(self, answer: SoapAnswer[Content], operation: str, kind: LoginKind) -> Content:
        """Return the content of the answer to a login, and remember whether the login was accepted."""
        if answer.login_refused and not self.login_accepted:
            self._challenge = None
            self.hints = replace(self.hints, login=LoginKind.UNKNOWN)
            raise LoginError(
                f"{operation}: the camera refused the user name or the password by {kind.value} "
                f"({answer.login_refused})",
                tried=True,
            )
        if answer.login_refused:
            raise MalformedResponseError(f"{operation}: the user lacks the permission ({answer.login_refused})")
        self.login_accepted = True
        self.hints = replace(self.hints, login=kind)
        return answer.get()

    async def _answer(self, response: HttpResponse, read: Read[Content]) -> SoapAnswer[Content]:
        """Read a response: a small one here, a large one in another process."""
        reading = functools.partial(read_answer, response.content, response.status, read, spoke_soap=self._spoke_soap)
        if len(response.content) <= soap.MAX_BYTES_AT_ONCE:
            answer = reading()
        else:
            try:
                answer = await call_apart(reading)
            except TooMuchWorkError as error:
                answer = SoapAnswer(error=MalformedResponseError(f"the response cannot be used: {error}"))
        self._spoke_soap = self._spoke_soap or answer.is_soap
        return answer.through(self._gate)

    async def _send(self, call: _Call, *, token: CameraToken | None = None) -> HttpResponse:
        client = AsyncClient(call.definition.document, wsse=token, transport=self._transport, settings=SETTINGS)
        service = client.create_service(call.definition.binding, call.path)
        response: HttpResponse = await service[call.operation](**call.arguments)
        return response

    async def post(self, path: str, envelope: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send one envelope to a path at the camera's host."""
        headers = dict(headers)
        if self._challenge is not None and self._target.credentials is not None:
            self._nonce_uses += 1
            cnonce = secrets.token_hex(8)
            try:
                headers["Authorization"] = auth.authorize(
                    self._challenge, self._target.credentials, "POST", path, count=self._nonce_uses, cnonce=cnonce
                )
            except ValueError as error:
                raise MalformedResponseError(f"the camera cannot be answered: {error}") from error
        limit = soap.MAX_RESPONSE_BYTES
        return await self._http.request("POST", path, headers=headers, content=envelope, limit=limit)
