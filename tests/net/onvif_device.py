"""An ONVIF device for tests: its answers by operation, its clock, and how it checks a login."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiohttp import web

from tests.conftest import LOGIN
from xueliang_monitor.simulator import soap_messages
from xueliang_monitor.wire import auth

DEVICE, MEDIA, MEDIA2, EVENTS = (
    "http://www.onvif.org/ver10/device/wsdl",
    "http://www.onvif.org/ver10/media/wsdl",
    "http://www.onvif.org/ver20/media/wsdl",
    "http://www.onvif.org/ver10/events/wsdl",
)
SILENCE, RESET = "silence", "reset"
"""What a device does in place of an answer."""

Answer = str | tuple[int, bytes]
Answers = dict[str, Answer | Callable[[soap_messages.SoapRequest], Answer]]


def fault(subcode: str = "ActionNotSupported", status: int = 400) -> tuple[int, bytes]:
    """Return a SOAP fault."""
    return status, soap_messages.fault("Sender", subcode, subcode)


def moment(name: str, at: float) -> str:
    """Return a tt:DateTime."""
    parts = time.gmtime(at)
    return (
        f"<tt:{name}><tt:Time><tt:Hour>{parts.tm_hour}</tt:Hour><tt:Minute>{parts.tm_min}</tt:Minute>"
        f"<tt:Second>{parts.tm_sec}</tt:Second></tt:Time><tt:Date><tt:Year>{parts.tm_year}</tt:Year>"
        f"<tt:Month>{parts.tm_mon}</tt:Month><tt:Day>{parts.tm_mday}</tt:Day></tt:Date></tt:{name}>"
    )


def clock(utc: float | None, here: float | None, zone: str = "CST-8") -> str:
    """Return a GetSystemDateAndTimeResponse."""
    told = (moment("UTCDateTime", utc) if utc is not None else "") + (
        moment("LocalDateTime", here) if here is not None else ""
    )
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType>"
        f"<tt:TimeZone><tt:TZ>{zone}</tt:TZ></tt:TimeZone>{told}</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def source(channel: int) -> str:
    """Return a video source configuration of Media."""
    return (
        f'<tt:VideoSourceConfiguration token="S{channel}"><tt:SourceToken>Source{channel}</tt:SourceToken>'
        "</tt:VideoSourceConfiguration>"
    )


def profile(token: str, encoder: str = "", *, channel: int = 1) -> str:
    """Return a profile of Media; without an encoder it hides it."""
    return f'<trt:Profiles token="{token}"><tt:Name>{token}</tt:Name>{source(channel)}{encoder}</trt:Profiles>'


def encoder(encoding: str, width: int, height: int) -> str:
    """Return a video encoder configuration of Media."""
    return (
        f"<tt:VideoEncoderConfiguration><tt:Encoding>{encoding}</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width>"
        f"<tt:Height>{height}</tt:Height></tt:Resolution></tt:VideoEncoderConfiguration>"
    )


def profile2(token: str, encoding: str, width: int, height: int) -> str:
    """Return a profile of Media2; with an empty encoding it has no encoder."""
    configuration = (
        f'<tr2:VideoEncoder token="V" GovLength="50"><tt:Encoding>{encoding}</tt:Encoding><tt:Resolution>'
        f"<tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution></tr2:VideoEncoder>"
    )
    return (
        f'<tr2:Profiles token="{token}"><tr2:Name>{token}</tr2:Name><tr2:Configurations><tr2:VideoSource token="S1">'
        f"<tt:SourceToken>Source1</tt:SourceToken></tr2:VideoSource>{configuration if encoding else ''}"
        "</tr2:Configurations></tr2:Profiles>"
    )


def listed(base: str, places: dict[str, str]) -> str:
    """Return a GetServicesResponse."""
    services = "".join(
        f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{base}{path}</tds:XAddr></tds:Service>"
        for namespace, path in places.items()
    )
    return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"


IDENTITY = (
    "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>C1</tds:Model>"
    "<tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>42</tds:SerialNumber>"
    "</tds:GetDeviceInformationResponse>"
)
CAPABILITIES = (
    "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>http://10.0.0.1/onvif/media_service</tt:XAddr>"
    "</tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
)
BOTH = {DEVICE: "/onvif/device_service", MEDIA: "/onvif/media_service", MEDIA2: "/onvif/media2_service"}


def uri(operation: str, address: str, prefix: str = "trt") -> str:
    """Return a response with an address, of Media or of Media2."""
    inner = f"<tt:Uri>{address}</tt:Uri>"
    body = f"<trt:MediaUri>{inner}</trt:MediaUri>" if prefix == "trt" else f"<tr2:Uri>{address}</tr2:Uri>"
    return f"<{prefix}:{operation}Response>{body}</{prefix}:{operation}Response>"


@dataclass
class OnvifDevice:
    """The answers by operation, or by `2:` and the operation for Media2; a missing one is a fault.

    `login` is `none`, `token` or `digest`; `open_operations` need none. A token is checked against `token_clock`.
    `calls` are the operations in their order, with `!` before those whose login was refused.
    """

    answers: Answers = field(default_factory=dict)
    login: str = "none"
    open_operations: frozenset[str] = frozenset({"GetSystemDateAndTime"})
    refused_status: int = 400
    token_clock: Callable[[], float] = time.time
    calls: list[str] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    refused_logins: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        """Add the answers that every device of these tests has."""
        usual: Answers = {
            "GetSystemDateAndTime": lambda _call: clock(time.time(), time.time() + 8 * 3600),
            "GetDeviceInformation": IDENTITY,
            "GetServices": listed("http://10.0.0.1", BOTH),
            "GetStreamUri": uri("GetStreamUri", "rtsp://10.0.0.1:8554/one"),
            "2:GetStreamUri": uri("GetStreamUri", "rtsp://10.0.0.1:8554/two", "tr2"),
            "GetSnapshotUri": uri("GetSnapshotUri", "http://10.0.0.1/one.jpg"),
            "2:GetSnapshotUri": uri("GetSnapshotUri", "http://10.0.0.1/two.jpg", "tr2"),
        }
        self.answers = {**usual, **self.answers}

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        call = soap_messages.parse(body)
        name = f"2:{call.operation}" if call.namespace == MEDIA2 else call.operation
        self.requests.append(body)
        if (refusal := self._refusal(request, call)) is not None:
            self.calls.append(f"!{name}")
            return refusal
        self.calls.append(name)
        answer = self.answers.get(name, fault())
        answer = answer(call) if callable(answer) else answer
        if answer == SILENCE:
            await asyncio.sleep(3600)
        if answer == RESET:
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        if isinstance(answer, tuple):
            return web.Response(status=answer[0], body=answer[1])
        return web.Response(body=soap_messages.envelope(answer))

    def _refusal(self, request: web.BaseRequest, call: soap_messages.SoapRequest) -> web.Response | None:
        if self.login == "none" or call.operation in self.open_operations:
            return None
        if self.login == "digest":
            given = request.headers.get("Authorization", "")
            if given and auth.verify(given, LOGIN, method="POST", realm="cam", nonce="n"):
                return None
            self.refused_logins += bool(given)
            return web.Response(
                status=401,
                text="<html></html>",
                headers={"WWW-Authenticate": 'Digest realm="cam", nonce="n", qop="auth"'},
            )
        if call.token and soap_messages.verify_token(call.token, LOGIN, self.token_clock()):
            return None
        self.refused_logins += bool(call.token)
        status, body = fault("NotAuthorized", self.refused_status)
        return web.Response(status=status, body=body)

    @contextlib.asynccontextmanager
    async def serving(self, address: str = "127.0.0.1") -> AsyncIterator[int]:
        """Serve on loopback; yield the port."""
        runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, address, self.port).start()
            self.port = runner.addresses[0][1]
            yield self.port
        finally:
            await runner.cleanup()
