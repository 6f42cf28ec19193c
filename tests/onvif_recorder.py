"""ONVIF devices with one channel or many, at places that a test chooses, and their answers to WS-Discovery."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from xueliang_monitor.model import Credentials
from xueliang_monitor.simulator import soap_messages
from xueliang_monitor.wire import discovery

WITHOUT_LOGIN = frozenset({"GetSystemDateAndTime", "GetServices", "GetCapabilities"})


@dataclass(frozen=True)
class ChannelProfile:
    """A profile of a channel: its token, its name, its source, its size, and the address of its stream."""

    token: str
    name: str
    source: str
    size: tuple[int, int]
    uri: str


@dataclass
class OnvifDevice:
    """Serves one device over HTTP. `calls` counts what it was asked, `refused` the logins that it refused."""

    host: str
    port: int
    profiles: tuple[ChannelProfile, ...]
    credentials: Credentials
    path: str = "/onvif/device_service"
    serial: str = "NVR-2026-0001"
    calls: dict[str, int] = field(default_factory=dict)
    refused: int = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[OnvifDevice]:
        """Serve within the context."""
        runner = web.ServerRunner(web.Server(self._serve, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, self.host, self.port, reuse_address=True).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != self.path:
            return web.Response(status=404, text="not found")
        call = soap_messages.parse(await request.read())
        self.calls[call.operation] = self.calls.get(call.operation, 0) + 1
        if call.operation not in WITHOUT_LOGIN:
            now = datetime.now(UTC).timestamp()
            if not soap_messages.verify_token(call.token, self.credentials, now):
                self.refused += bool(call.token)
                return _soap(400, soap_messages.fault("Sender", "NotAuthorized", "Sender not authorized"))
        answer: Callable[[soap_messages.SoapRequest], str] | None = getattr(self, f"_{call.operation}", None)
        if answer is None:
            return _soap(500, soap_messages.fault("Receiver", "ActionNotSupported", "Optional Action Not Implemented"))
        return _soap(200, soap_messages.envelope(answer(call)))

    def _GetSystemDateAndTime(self, _call: soap_messages.SoapRequest) -> str:  # noqa: N802 - named as the operation
        now = datetime.now(UTC)
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _GetCapabilities(self, _call: soap_messages.SoapRequest) -> str:  # noqa: N802
        url = f"http://{self.host}:{self.port}{self.path}"
        return (
            f"<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>{url}</tt:XAddr></tt:Device>"
            f"<tt:Media><tt:XAddr>{url}</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
        )

    def _GetDeviceInformation(self, _call: soap_messages.SoapRequest) -> str:  # noqa: N802
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>ACME</tds:Manufacturer><tds:Model>NVR-40</tds:Model>"
            f"<tds:FirmwareVersion>1.0</tds:FirmwareVersion><tds:SerialNumber>{self.serial}</tds:SerialNumber>"
            "<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
        )

    def _GetProfiles(self, _call: soap_messages.SoapRequest) -> str:  # noqa: N802
        listed = "".join(
            f'<trt:Profiles token="{each.token}"><tt:Name>{each.name}</tt:Name>'
            f'<tt:VideoSourceConfiguration token="v"><tt:SourceToken>{each.source}</tt:SourceToken>'
            '</tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token="e"><tt:Encoding>H264</tt:Encoding>'
            f"<tt:Resolution><tt:Width>{each.size[0]}</tt:Width><tt:Height>{each.size[1]}</tt:Height></tt:Resolution>"
            "</tt:VideoEncoderConfiguration></trt:Profiles>"
            for each in self.profiles
        )
        return f"<trt:GetProfilesResponse>{listed}</trt:GetProfilesResponse>"

    def _GetStreamUri(self, call: soap_messages.SoapRequest) -> str:  # noqa: N802
        (found,) = (each for each in self.profiles if each.token == call.values["ProfileToken"])
        uri = found.uri.replace("&", "&amp;")
        return (
            f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>"
        )


def _soap(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/soap+xml", charset="utf-8")


def recorder_profiles(host: str, port: int, channels: int) -> tuple[ChannelProfile, ...]:
    """Return the profiles of a recorder: main and sub stream of each channel, at `/chNN`."""
    return tuple(
        ChannelProfile(
            f"c{number}{stream}",
            f"Gate {number} {stream}",
            f"VideoSource_{number}",
            size,
            f"rtsp://{host}:{port}/ch{number:02d}{'?main' if stream == 'main' else ''}",
        )
        for number in range(1, channels + 1)
        for stream, size in (("main", (1920, 1080)), ("sub", (640, 360)))
    )


def probe_match(endpoint: str, name: str, address: str) -> str:
    """Return one ProbeMatch."""
    return (
        f"<d:ProbeMatch><a:EndpointReference><a:Address>{endpoint}</a:Address></a:EndpointReference>"
        f"<d:Scopes>onvif://www.onvif.org/name/{name}</d:Scopes><d:XAddrs>{address}</d:XAddrs></d:ProbeMatch>"
    )


class _Discoverable(asyncio.DatagramProtocol):
    def __init__(self, datagrams: tuple[tuple[str, ...], ...]) -> None:
        self._datagrams = datagrams
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if discovery.probe_id(data) is None or self._transport is None:
            return
        for matches in self._datagrams:
            self._transport.sendto(
                '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
                ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
                ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Body><d:ProbeMatches>'
                f"{''.join(matches)}</d:ProbeMatches></s:Body></s:Envelope>".encode(),
                addr,
            )


@contextlib.asynccontextmanager
async def discoverable(host: str, *datagrams: tuple[str, ...]) -> AsyncIterator[None]:
    """Answer WS-Discovery at an address: each of `datagrams` with its ProbeMatches."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Discoverable(datagrams), local_addr=(host, discovery.PORT)
    )
    try:
        yield
    finally:
        transport.close()
