"""An ONVIF device whose answers a test changes one by one: others, faults, refusals, resets, or none at all."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from html import escape

from aiohttp import web

from xueliang_monitor.simulator import onvif_operations, soap_messages
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.wire.media import Codec


class Instead(enum.Enum):
    """What comes in place of an answer."""

    NOTHING = enum.auto()
    RESET = enum.auto()
    EMPTY = enum.auto()


Answer = str | tuple[int, str] | Instead | Callable[[], str]
"""The body of the envelope, perhaps with a status, or what comes in place of it."""

_FAULT = (
    "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>ter:ActionNotSupported</s:Value></s:Subcode>"
    '</s:Code><s:Reason><s:Text xml:lang="en">Optional Action Not Implemented</s:Text></s:Reason></s:Fault>'
)
FAULT = (500, _FAULT)


@dataclass
class OddDevice:
    """The answers by operation; operations without an entry are answered as a simulated camera does, without login."""

    host: str
    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    services: tuple[tuple[str, str], ...] = ()

    def _usual(self, call: soap_messages.SoapRequest) -> tuple[int, str]:
        operation = onvif_operations.OPERATIONS.get(call.operation)
        if operation is None:
            return FAULT
        device = onvif_operations.SimulatedDevice(
            serial="ODD1", base_url=f"http://{self.host}:{self.port}", stream_url=f"rtsp://{self.host}:554/live",
            codec=Codec.H264, pictures_between_keyframes=25, clock=time.time(), started_at=time.time() - 86_400.0,
            behaviour=Behaviour(),
        )  # fmt: skip
        return 200, operation(device, call)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        call = soap_messages.parse(await request.read())
        self.calls.append(call.operation)
        answer = self.answers.get(call.operation)
        if answer is Instead.NOTHING:
            await asyncio.Event().wait()
        if answer is Instead.RESET and request.transport is not None:
            request.transport.abort()
        if isinstance(answer, Instead):
            return web.Response(body=b"")
        if answer is None:
            status, body = self._usual(call)
        else:
            status, body = answer if isinstance(answer, tuple) else (200, answer() if callable(answer) else answer)
        return web.Response(status=status, body=soap_messages.envelope(body), content_type="application/soap+xml")


@contextlib.asynccontextmanager
async def odd_device(host: str) -> AsyncIterator[OddDevice]:
    """Serve a device at a free port of a loopback address."""
    device = OddDevice(host)
    runner = web.ServerRunner(web.Server(device.serve), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, 0)
        await site.start()
        device.port = runner.addresses[0][1]
        yield device
    finally:
        await runner.cleanup()


def moment(at: float, name: str = "UTCDateTime") -> str:
    """Return a tt:DateTime element."""
    now = time.gmtime(at)
    return (
        f"<tt:{name}><tt:Time><tt:Hour>{now.tm_hour}</tt:Hour><tt:Minute>{now.tm_min}</tt:Minute>"
        f"<tt:Second>{now.tm_sec}</tt:Second></tt:Time><tt:Date><tt:Year>{now.tm_year}</tt:Year>"
        f"<tt:Month>{now.tm_mon}</tt:Month><tt:Day>{now.tm_mday}</tt:Day></tt:Date></tt:{name}>"
    )


def date_and_time(*clocks: str, source: str = "NTP", zone: str = "CST-8") -> str:
    """Return GetSystemDateAndTimeResponse with these clocks."""
    return (
        f"<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>{source}</tt:DateTimeType>"
        f"<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>{escape(zone)}</tt:TZ></tt:TimeZone>"
        f"{''.join(clocks)}</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def last_start(value: str) -> str:
    """Return PullMessagesResponse with a last start."""
    return (
        "<tev:PullMessagesResponse><tev:CurrentTime>2026-01-01T00:00:00Z</tev:CurrentTime>"
        "<tev:TerminationTime>2026-01-01T00:01:00Z</tev:TerminationTime><wsnt:NotificationMessage><wsnt:Topic "
        'Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">tns1:Monitoring/OperatingTime/LastReboot'
        '</wsnt:Topic><wsnt:Message><tt:Message UtcTime="2026-01-01T00:00:00Z" PropertyOperation="Initialized">'
        f'<tt:Data><tt:SimpleItem Name="Status" Value="{value}"/></tt:Data></tt:Message></wsnt:Message>'
        "</wsnt:NotificationMessage></tev:PullMessagesResponse>"
    )
