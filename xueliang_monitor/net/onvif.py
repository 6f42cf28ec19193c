"""An ONVIF client for one camera: the operations that it is asked, over an exchange that logs in."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import functools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Any, Self

from xueliang_monitor.model import Identity, OnvifTarget
from xueliang_monitor.net.errors import ClosedError, ConnectError, LoginError, NetError, ProtocolError, UnansweredError
from xueliang_monitor.net.http import HttpConnection
from xueliang_monitor.net.onvif_events import read_last_reboot
from xueliang_monitor.net.onvif_exchange import Call, Content, OnvifExchange, Read
from xueliang_monitor.net.onvif_hints import ClockKind, OnvifHints
from xueliang_monitor.net.onvif_media import MediaServices
from xueliang_monitor.net.onvif_wsdl import definitions
from xueliang_monitor.wire import onvif
from xueliang_monitor.wire.device_address import service_path
from xueliang_monitor.wire.device_clock import DeviceTime, read_time
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import EmptyResponseError, OnvifResponseError
from xueliang_monitor.wire.media_profiles import Profile
from xueliang_monitor.wire.service_address import ServiceAddress

TRUNCATION_SECONDS = 0.5
"""Cameras report truncated seconds; half a second is the mean error."""

NEEDED_SECONDS = 8.0
"""How long a response is waited for without which the camera cannot be used."""

OPTIONAL_SECONDS = 4.0
"""How long a response is waited for that a camera need not give."""

_REFUSING = (401, 403)
_FIRST_OPERATIONS = ("GetSystemDateAndTime", "GetCapabilities", "GetDeviceInformation")
"""What tells whether a service is ONVIF. The first two need no login (ONVIF Core, 5.9.4.3)."""


@contextlib.asynccontextmanager
async def within(seconds: float, operation: str) -> AsyncIterator[None]:
    """Limit the time of an operation.

    Raises:
        UnansweredError: the time is over.

    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise UnansweredError(f"{operation} was not answered within {seconds:g} s") from error


def identity_through(gate: Gate, identity: Identity) -> Identity:
    """Return an identity whose texts have passed a gate."""
    return Identity(
        gate.text(identity.manufacturer),
        gate.text(identity.model),
        firmware=gate.text(identity.firmware),
        serial=gate.text(identity.serial),
        hardware=gate.text(identity.hardware),
    )


class OnvifClient:
    """Calls to one camera during one visit; use as an async context manager.

    Every call raises NetError if there is no response, LoginError if a login is missing, held back or refused,
    and OnvifResponseError if the response is a SOAP fault or not usable. `now` returns seconds since the epoch;
    `addresses` are those of the host, if they are known. `gate` is the one for the camera's texts, by default one that
    knows the login of `target`; paths and URIs are returned as they were received. `login_tried`, `refused_logins` and
    `login_accepted` describe the logins of this client. After a refused login, at most `spare_logins` more are sent, in
    another form or by another clock. `hints` is to be remembered for the next client. Each call has a time limit:
    `optional_seconds` for what a camera need not answer, `NEEDED_SECONDS` otherwise.
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
        spare_logins: int = 2,
        addresses: tuple[str, ...] = (),
        gate: Gate | None = None,
        optional_seconds: float = OPTIONAL_SECONDS,
    ) -> None:
        http = HttpConnection(host, target.port, secure=target.secure, tls=tls, addresses=addresses)
        self._target = target
        self._now = now
        self._gate = gate if gate is not None else Gate.of(target.credentials)
        self._exchange = OnvifExchange(
            http,
            target,
            now,
            hints=hints or OnvifHints(),
            may_log_in=may_log_in,
            spare_logins=spare_logins,
            gate=self._gate,
        )
        self._optional_seconds = optional_seconds
        self._media = MediaServices(self, self._gate, self._own_address)
        self._clock_asked = self._clock_asked_logged_in = self._services_asked = False
        self.is_answered_by_capabilities_alone = False

    @property
    def hints(self) -> OnvifHints:
        """What is to be remembered for the next client."""
        return self._exchange.hints

    @hints.setter
    def hints(self, hints: OnvifHints) -> None:
        self._exchange.hints = hints

    @property
    def login_tried(self) -> bool:
        """Whether a login was sent."""
        return self._exchange.login_tried

    @property
    def refused_logins(self) -> int:
        """How many logins the camera refused."""
        return self._exchange.refused_logins

    @property
    def unanswered_logins(self) -> int:
        """How many logins the camera did not answer, and perhaps counted."""
        return self._exchange.unanswered_logins

    @property
    def login_accepted(self) -> bool:
        """Whether the camera accepted a login."""
        return self._exchange.login_accepted

    @property
    def _own_address(self) -> ServiceAddress:
        return ServiceAddress(self._target.path)

    async def __aenter__(self) -> Self:
        """Return the client; nothing is sent yet."""
        await self._exchange.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self._exchange.__aexit__(kind, error, trace)

    async def time(self) -> DeviceTime:
        """Request the camera's time (ONVIF Core, 8.3.5), and remember its offset and how the camera tells it.

        It is requested without a login, as the standard wants; with one if the camera has accepted a login and refuses
        to tell its time without.
        """
        call = Call(definitions()["devicemgmt"], self._own_address, "GetSystemDateAndTime", {})
        read = functools.partial(read_time, now=self._now())
        logs_in = self.hints.clock_needs_login or (self.hints.clock is ClockKind.REFUSED and self.login_accepted)
        kind = ClockKind.UNTOLD
        try:
            async with within(self.seconds(optional=True), call.operation):
                if logs_in:
                    device_time = await self._exchange.call(call, read)
                else:
                    answer = await self._exchange.answer(await self._exchange.send(call), read)
                    kind = ClockKind.REFUSED if answer.login_refused else kind
                    device_time = answer.get()
        except (NetError, OnvifResponseError) as error:
            refused = isinstance(error, LoginError) or (logs_in and isinstance(error, OnvifResponseError))
            self._remember_untold(ClockKind.REFUSED if refused else kind)
            raise
        self._remember_clock(device_time, needs_login=logs_in)
        return device_time

    async def ask_clock(self) -> ClockKind:
        """Request the camera's time if it tells it, and return how it does; a camera need not tell its time.

        Call it again once the camera has accepted a login: a camera that refused to tell its time is then asked again,
        and any other is not.

        Raises:
            ConnectError: the camera cannot be reached.
            LoginError: a camera that told its time after a login refuses the login, or a login is held back.

        """
        if not self._clock_asked:
            self._clock_asked = True
            await self._time_or_nothing()
        if self.hints.clock is ClockKind.REFUSED and self.login_accepted and not self._clock_asked_logged_in:
            self._clock_asked_logged_in = True
            await self._time_or_nothing()
        return self.hints.clock

    async def _time_or_nothing(self) -> None:
        with contextlib.suppress(OnvifResponseError, UnansweredError, ClosedError, ProtocolError):
            await self.time()

    async def speaks_onvif(self) -> bool:
        """Return whether the service answers in SOAP, whatever it says, to one of the usual first requests.

        No login is sent. False is also returned by a service that answers nothing without one; `wants_login` tells.

        Raises:
            NetError: the first of the errors, if there is no response at all, or none in HTTP.
            OnvifResponseError: as above, if there are responses and none is SOAP.

        """
        first: NetError | OnvifResponseError | None = None
        for operation in _FIRST_OPERATIONS:
            call = Call(definitions()["devicemgmt"], self._own_address, operation, {})
            try:
                if operation == _FIRST_OPERATIONS[0]:
                    self._clock_asked = True
                    await self.time()
                else:
                    async with within(self.seconds(optional=True), operation):
                        (await self._exchange.answer(await self._exchange.send(call), onvif.name)).get()
            except ConnectError:
                raise
            except (NetError, OnvifResponseError) as error:
                first = first or error
            if self.spoke_soap or self.wants_login:
                return self.spoke_soap
        raise first or EmptyResponseError("no response")

    @property
    def spoke_soap(self) -> bool:
        """Whether a response was SOAP, whatever it says."""
        return self._exchange.spoke_soap

    @property
    def wants_login(self) -> bool:
        """Whether the last response was 401 or 403, so that only a login tells whether the service is ONVIF."""
        last = self._exchange.last_response
        return last is not None and last.status in _REFUSING

    def _remember_untold(self, kind: ClockKind) -> None:
        """Remember that the camera does not tell its clock.

        The Date header of its HTTP responses is for tokens only: on AXIS P5655 it is right, elsewhere nobody sets it.
        """
        self.hints = replace(self.hints, clock=kind, clock_offset_seconds=None, clock_needs_login=False)
        last = self._exchange.last_response
        if last is None:
            return
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            date = email.utils.parsedate_to_datetime(last.headers.get("Date", "")).timestamp()
            self.hints = replace(self.hints, told_offset_seconds=self._offset(date))

    def _remember_clock(self, told: DeviceTime, *, needs_login: bool) -> None:
        self.hints = replace(
            self.hints,
            clock=ClockKind.LOCAL_AS_UTC if told.local_as_utc else ClockKind.TOLD,
            clock_offset_seconds=self._offset(told.utc),
            told_offset_seconds=self._offset(told.told),
            clock_needs_login=needs_login,
        )

    def _offset(self, clock: float) -> float:
        last = self._exchange.last_response
        seconds = last.seconds if last is not None else 0.0
        return clock + TRUNCATION_SECONDS - (self._now() - seconds / 2)

    async def identity(self) -> Identity:
        """Request the manufacturer, model, firmware version and serial number."""
        return identity_through(self._gate, await self._device("GetDeviceInformation", onvif.read_identity))

    async def hostname(self) -> str:
        """Request the host name that is set on the camera."""
        return self._gate.text(await self._device("GetHostname", onvif.read_hostname, optional=True))

    async def services(self) -> Mapping[str, ServiceAddress]:
        """Return the addresses of the services from GetServices and, if Media is missing, GetCapabilities.

        They are cached. If the camera answers neither, there are none, and all services are looked for at its own
        address.

        Raises:
            ConnectError: the camera cannot be reached.
            LoginError: a login is missing, held back or refused.

        """
        if not self.hints.services and not self._services_asked:
            self._services_asked = True
            found: dict[str, ServiceAddress] = {}
            listed = await self._listed("GetServices", onvif.read_services, IncludeCapability=False)
            if onvif.MEDIA not in listed:
                found = await self._listed("GetCapabilities", onvif.read_capabilities, Category=["All"])
                self.is_answered_by_capabilities_alone = bool(found) and not listed
            usable = {name: self._usable(where) for name, where in (found | listed).items()}
            kept = {name: where for name, where in usable.items() if where is not None}
            self.hints = replace(self.hints, services=MappingProxyType(kept))
        return self.hints.services

    async def _listed(
        self, operation: str, read: Read[dict[str, ServiceAddress]], **arguments: Any
    ) -> dict[str, ServiceAddress]:
        try:
            return await self._device(operation, read, optional=True, **arguments)
        except (OnvifResponseError, UnansweredError, ClosedError, ProtocolError):
            return {}

    def _usable(self, where: ServiceAddress) -> ServiceAddress | None:
        """Return an address without what is as at our own address, or None if nothing of its path may be kept."""
        path = service_path(where.path, self._gate)
        port = where.port if where.port != self._target.port else None
        secure = where.secure if where.secure != self._target.secure else None
        return ServiceAddress(path, port, where.secure if port is not None else secure) if path else None

    async def profiles(self) -> tuple[Profile, ...]:
        """Request the media profiles with the settings of their encoders, from Media and Media2."""
        return await self._media.profiles()

    async def stream_uri(self, token: str) -> str:
        """Request the RTSP URI of a profile; behind NAT its host is wrong."""
        return await self._media.stream_uri(token)

    async def snapshot_uri(self, token: str) -> str:
        """Request the snapshot URI of a profile; behind NAT its host is wrong."""
        return await self._media.snapshot_uri(token)

    async def request_keyframe(self, token: str) -> None:
        """Request a keyframe (SetSynchronizationPoint); this changes no setting."""
        await self._media.request_keyframe(token)

    async def offers_last_reboot(self) -> bool:
        """Return whether the camera publishes the time of its last start."""
        address = (await self.services()).get(onvif.EVENTS)
        if address is None:
            return False
        seconds = self.seconds(optional=True)
        return await self.call("events", "GetEventProperties", address, onvif.offers_last_reboot, seconds=seconds)

    async def last_reboot(self) -> float | None:
        """Request the time of the last start, by the camera's clock; None if the camera does not publish it."""
        return await read_last_reboot(self, self._now() + (self.hints.told_offset_seconds or 0.0))

    def seconds(self, *, optional: bool) -> float:
        """Return how long a response is waited for."""
        return self._optional_seconds if optional else NEEDED_SECONDS

    async def _device(
        self, operation: str, read: Read[Content], *, optional: bool = False, **arguments: Any
    ) -> Content:
        seconds = self.seconds(optional=optional)
        return await self.call("devicemgmt", operation, self._own_address, read, seconds=seconds, **arguments)

    async def call(
        self,
        service: str,
        operation: str,
        address: ServiceAddress,
        read: Read[Content],
        *,
        seconds: float = NEEDED_SECONDS,
        **arguments: Any,
    ) -> Content:
        """Call an operation with the login that the camera requires; return what `read` returns of the body."""
        call = Call(definitions()[service], address, operation, arguments)
        async with within(seconds, operation):
            return await self._exchange.call(call, read)
