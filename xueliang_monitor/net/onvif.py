"""One conversation with a camera over ONVIF: zeep writes requests, aiohttp carries them, `wire` reads answers."""

from __future__ import annotations

import contextlib
import datetime
import email.utils
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Any, Self

from lxml import etree
from zeep import AsyncClient
from zeep.transports import Transport

from xueliang_monitor.model import Identity, OnvifTarget
from xueliang_monitor.net.errors import LoginError, NetError
from xueliang_monitor.net.http import HttpConnection, HttpResponse
from xueliang_monitor.net.onvif_hints import LoginKind, OnvifHints
from xueliang_monitor.net.onvif_wsdl import SETTINGS, Definition, definitions
from xueliang_monitor.net.soap_auth import CameraToken, ParsedResponse
from xueliang_monitor.wire import auth, onvif, soap
from xueliang_monitor.wire.errors import MalformedResponseError, OnvifResponseError, SoapFaultError

TRUNCATION_SECONDS = 0.5
"""Cameras tell whole seconds, cut off: half a second more is right on average."""

_NOTIFICATION = "http://docs.oasis-open.org/wsn/b-2"
_TOPICS = "http://www.onvif.org/ver10/topics"
_DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
_SUBSCRIPTION_SECONDS = 60


class _Wire(Transport):
    """Takes the envelopes that zeep writes; reads no documents and makes no connection of its own."""

    def __init__(self, conversation: OnvifClient) -> None:  # zeep's own would open a session of requests
        self._conversation = conversation

    def __del__(self) -> None:
        """Nothing is held; zeep's own would close a session that was never opened."""

    async def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> HttpResponse:
        return await self._conversation.post(
            address, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), headers
        )


class OnvifClient:
    """Calls to one camera during one visit; use as an async context manager.

    Every call raises NetError where no answer comes, LoginError where a login is missing, held back or refused, and
    OnvifResponseError where the answer is a fault or none at all. `now` gives seconds since the epoch; `addresses` are
    the host's where they are known. `login_tried`, `login_accepted` and `hints` tell what to remember.
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
    ) -> None:
        self._http = HttpConnection(host, target.port, secure=target.secure, tls=tls, addresses=addresses)
        self._target = target
        self._now = now
        self._may_log_in = may_log_in and target.credentials is not None
        self._challenge: auth.Challenge | None = None
        self._nonce_uses = 0
        self._spoke_soap = False
        self._wire = _Wire(self)
        self.hints = hints or OnvifHints()
        self.login_tried = False
        self.login_accepted = False

    async def __aenter__(self) -> Self:
        """Make ready; nothing is sent yet."""
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self._http.__aexit__(kind, error, trace)

    async def time(self) -> onvif.DeviceTime:
        """Ask the camera's clock, which needs no login (ONVIF Core, 8.3.5), and remember how far it is off."""
        device = definitions()["devicemgmt"]
        answer = await self._send(device, self._target.path, "GetSystemDateAndTime", {}, token=None)
        received = self._now()
        try:
            told = onvif.read_time(self._read(answer).get(), received)
        except OnvifResponseError:
            self._take_date_header(answer, received)
            raise
        offset = told.utc + TRUNCATION_SECONDS - (received - answer.seconds / 2)
        self.hints = replace(self.hints, clock_offset_seconds=offset)
        return told

    def _take_date_header(self, answer: HttpResponse, received: float) -> None:
        """Learn the camera's clock from HTTP where it does not tell it otherwise, as AXIS P5655 does."""
        try:
            told = email.utils.parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
        except (ValueError, TypeError, OverflowError):
            return
        offset = told + TRUNCATION_SECONDS - (received - answer.seconds / 2)
        self.hints = replace(self.hints, clock_offset_seconds=offset)

    async def identity(self) -> Identity:
        """Ask make, model, firmware and serial number."""
        return onvif.read_identity(await self._device("GetDeviceInformation"))

    async def hostname(self) -> str:
        """Ask the camera's own name."""
        return onvif.read_hostname(await self._device("GetHostname"))

    async def services(self) -> Mapping[str, str]:
        """Ask where the services are, by GetServices or, where that fails, GetCapabilities; remembered from then on."""
        if not self.hints.services:
            try:
                found = onvif.read_services(await self._device("GetServices", IncludeCapability=False))
            except OnvifResponseError:
                found = {}
            if onvif.MEDIA not in found:
                try:
                    found |= onvif.read_capabilities(await self._device("GetCapabilities", Category=["All"]))
                except OnvifResponseError:
                    if not found:
                        raise
            self.hints = replace(self.hints, services=MappingProxyType(found))
        return self.hints.services

    async def profiles(self) -> tuple[onvif.Profile, ...]:
        """Ask the media profiles and what their encoders are set to."""
        return onvif.read_profiles(await self._media("GetProfiles"))

    async def stream_uri(self, token: str) -> str:
        """Ask for the RTSP address of a profile, as the camera sees itself."""
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        return onvif.read_uri(await self._media("GetStreamUri", StreamSetup=setup, ProfileToken=token))

    async def snapshot_uri(self, token: str) -> str:
        """Ask for the address of a profile's still pictures, as the camera sees itself."""
        return onvif.read_uri(await self._media("GetSnapshotUri", ProfileToken=token))

    async def request_keyframe(self, token: str) -> None:
        """Ask for a keyframe now (SetSynchronizationPoint, ONVIF Media 5.18), which changes nothing lasting."""
        await self._media("SetSynchronizationPoint", ProfileToken=token)

    async def offers_last_reboot(self) -> bool:
        """Say whether the camera tells when it last started."""
        path = (await self.services()).get(onvif.EVENTS)
        if not path:
            return False
        return onvif.offers_last_reboot(await self.call("events", "GetEventProperties", path))

    async def last_reboot(self) -> float | None:
        """Ask when the camera last started, by its own clock; None where it does not say.

        The value is a property of the events service, which is read by way of a pull point that is ended at once
        and, should that fail, ends by itself after a minute.
        """
        path = (await self.services()).get(onvif.EVENTS)
        if not path:
            return None
        expression = etree.Element(
            f"{{{_NOTIFICATION}}}TopicExpression", {"Dialect": _DIALECT}, nsmap={"wsnt": _NOTIFICATION, "tns1": _TOPICS}
        )
        expression.text = f"tns1:{'/'.join(onvif.LAST_REBOOT)}"
        created = await self.call(
            "events",
            "CreatePullPointSubscription",
            path,
            Filter={"_value_1": [expression]},
            InitialTerminationTime=f"PT{_SUBSCRIPTION_SECONDS}S",
        )
        where, parameters = onvif.read_subscription(created)
        headers = {"_soapheaders": list(parameters)} if parameters else {}
        try:
            wait = datetime.timedelta(seconds=1)
            pulled = await self.call("pullpoint", "PullMessages", where, Timeout=wait, MessageLimit=10, **headers)
            return onvif.read_last_reboot(pulled)
        finally:
            with contextlib.suppress(OnvifResponseError, NetError):
                await self.call("subscription", "Unsubscribe", where, **headers)

    async def _device(self, operation: str, **arguments: Any) -> soap.Element:
        return await self.call("devicemgmt", operation, self._target.path, **arguments)

    async def _media(self, operation: str, **arguments: Any) -> soap.Element:
        path = (await self.services()).get(onvif.MEDIA, self._target.path)
        return await self.call("media", operation, path, **arguments)

    async def call(self, service: str, operation: str, path: str, **arguments: Any) -> soap.Element:
        """Call an operation, logging in as the camera wants it; return the first element of the answer's body."""
        definition = definitions()[service]
        if self.hints.login is LoginKind.TOKEN and self._may_log_in:
            return await self._with_token(definition, path, operation, arguments)
        if self._challenge is not None:
            return await self._with_digest(definition, path, operation, arguments)
        answer = await self._send(definition, path, operation, arguments, token=None)
        reading = self._read(answer)
        if not reading.refusal:
            return reading.get()
        return await self._log_in(answer, definition, path, operation, arguments)

    async def _log_in(
        self, refusal: HttpResponse, definition: Definition, path: str, operation: str, arguments: dict[str, Any]
    ) -> soap.Element:
        """Log in the way the refusal asks for: HTTP Digest where challenged, else WS-UsernameToken. One attempt."""
        if self._target.credentials is None:
            raise LoginError(f"{operation}: the camera asks for a login", tried=False)
        if not self._may_log_in:
            raise LoginError(f"{operation}: the login is held back", tried=False)
        offered = auth.parse_challenges(refusal.headers.getall("WWW-Authenticate", ()))
        digests = tuple(item for item in offered if item.scheme == "digest")
        if not digests:
            return await self._with_token(definition, path, operation, arguments)
        self._challenge, self._nonce_uses = auth.choose(digests), 0
        if self._challenge is None:
            raise LoginError(
                f"{operation}: the login methods that the camera offers are not known: {auth.names(offered)}",
                tried=False,
            )
        return await self._with_digest(definition, path, operation, arguments)

    async def _with_token(
        self, definition: Definition, path: str, operation: str, arguments: dict[str, Any]
    ) -> soap.Element:
        if self._target.credentials is None:
            raise LoginError(f"{operation}: the camera asks for a login", tried=False)
        self.login_tried = True
        created = self._now() + (self.hints.clock_offset_seconds or 0.0)
        token = CameraToken(self._target.credentials, created)
        answer = await self._send(definition, path, operation, arguments, token=token)
        return self._conclude(answer, operation, LoginKind.TOKEN)

    async def _with_digest(
        self, definition: Definition, path: str, operation: str, arguments: dict[str, Any]
    ) -> soap.Element:
        self.login_tried = True
        answer = await self._send(definition, path, operation, arguments, token=None)
        fresh = auth.parse_challenges(answer.headers.getall("WWW-Authenticate", ()))
        renewed = [item for item in fresh if item.scheme == "digest" and item.stale]
        if answer.status == 401 and renewed and self._nonce_uses < 100:
            self._challenge, self._nonce_uses = renewed[0], 0
            answer = await self._send(definition, path, operation, arguments, token=None)
        return self._conclude(answer, operation, LoginKind.DIGEST)

    def _conclude(self, answer: HttpResponse, operation: str, kind: LoginKind) -> soap.Element:
        """Read what came after a login, and remember how that went."""
        reading = self._read(answer)
        if reading.refusal and not self.login_accepted:
            self._challenge = None
            self.hints = replace(self.hints, login=LoginKind.UNKNOWN)
            raise LoginError(
                f"{operation}: the camera refused the user name or the password by {kind.value} ({reading.refusal})",
                tried=True,
            )
        if reading.refusal:
            raise MalformedResponseError(f"{operation}: the login may not do this ({reading.refusal})")
        self.login_accepted = True
        self.hints = replace(self.hints, login=kind)
        return reading.get()

    def _read(self, answer: HttpResponse) -> ParsedResponse:
        reading = ParsedResponse.of(answer, spoke_soap=self._spoke_soap)
        spoke = reading.element is not None or isinstance(reading.error, SoapFaultError)
        self._spoke_soap = self._spoke_soap or spoke
        return reading

    async def _send(
        self,
        definition: Definition,
        path: str,
        operation: str,
        arguments: dict[str, Any],
        *,
        token: CameraToken | None,
    ) -> HttpResponse:
        client = AsyncClient(definition.document, wsse=token, transport=self._wire, settings=SETTINGS)
        service = client.create_service(definition.binding, path)
        answer: HttpResponse = await service[operation](**arguments)
        return answer

    async def post(self, path: str, envelope: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Carry one envelope to a path of the host that was reached."""
        sent = dict(headers)
        if self._challenge is not None and self._target.credentials is not None:
            self._nonce_uses += 1
            sent["Authorization"] = auth.authorize(
                self._challenge,
                self._target.credentials,
                "POST",
                path,
                count=self._nonce_uses,
                cnonce=secrets.token_hex(8),
            )
        return await self._http.request("POST", path, headers=sent, content=envelope, limit=soap.MAX_RESPONSE_BYTES)
