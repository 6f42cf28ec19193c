"""A hostile device that sends back the login: in every field of RTSP, SDP, ONVIF and WS-Discovery that it can fill.

Each field holds one spelling of the secret and characters that forge lines or command a terminal. The next field holds
the next spelling, so that after some visits each field was sent with each of them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import html
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import quote, quote_plus

from xueliang_monitor.model import Credentials
from xueliang_monitor.simulator import soap_messages
from xueliang_monitor.wire.discovery import PORT as DISCOVERY_PORT
from xueliang_monitor.wire.discovery import probe_id
from xueliang_monitor.wire.messages import MessageParser, Request

LOGIN = Credentials("viewer", "Kn4r!en/geh3im&7")
RAW = LOGIN.password.encode()
BASIC = f"{LOGIN.username}:{LOGIN.password}"
FORGERY = "\x1b[31m\u2028<3>event=forged\u2029\x85\u202e\u200b\x7f"
FORBIDDEN = frozenset("\x1b\u2028\u2029\x85\u202e\u200b\x7f")
"""Characters that must never be shown: an escape, line separators, a control of C1, an override, a zero width, DEL."""


def _every(form: str) -> str:
    return "".join(form.format(byte) for byte in RAW)


SPELLINGS: dict[str, str] = {
    "plain": LOGIN.password,
    "upper case": LOGIN.password.upper(),
    "percent": quote(LOGIN.password, safe=""),
    "percent, lower case": quote(LOGIN.password, safe="").lower(),
    "percent, every byte": _every("%{:02X}"),
    "percent, partly": LOGIN.password.replace("&", "%26"),
    "percent, twice": quote(quote(LOGIN.password, safe=""), safe=""),
    "form": quote_plus(BASIC),
    "HTML": html.escape(LOGIN.password),
    "HTML, numeric": _every("&#{};"),
    "JSON": _every("\\u00{:02x}"),
    "Python": _every("\\x{:02x}"),
    "Basic": "Basic " + base64.b64encode(BASIC.encode()).decode(),
    "Base64": base64.b64encode(RAW).decode(),
    "Base64, moved by 1": base64.b64encode(b"_" + RAW).decode(),
    "Base64, moved by 2": base64.b64encode(b"__" + RAW).decode(),
    "Base64, URL-safe": base64.urlsafe_b64encode(BASIC.encode()).decode(),
    "hexadecimal": RAW.hex(),
    "hexadecimal, upper case": RAW.hex().upper(),
    "user information": f"rtsp://{LOGIN.username}:{quote(LOGIN.password, safe='')}@192.0.2.9/live",
    "query": f"http://192.0.2.9/?user=viewer&password={quote(LOGIN.password, safe='')}",
    "zero width between": "\u200b".join(LOGIN.password),
}


class EchoDevice:
    """One device on its own address; `kind` chooses at which step it sends back the login."""

    def __init__(self, host: str, kind: str) -> None:
        self.host, self.kind = host, kind
        self.sent: Counter[str] = Counter()
        self.rtsp_port = self.onvif_port = 0
        self._next: Iterator[str] = itertools.cycle(SPELLINGS)

    def always(self, spelling: str) -> None:
        """Send one spelling from now on."""
        self._next = itertools.repeat(spelling)

    def told(self) -> str:
        """Return the next spelling, within characters that forge lines."""
        name = next(self._next)
        self.sent[name] += 1
        return f"{FORGERY} {SPELLINGS[name]} {FORGERY}"

    def word(self) -> str:
        """Return the next spelling as one word."""
        return self.told().replace(FORGERY, "").strip().replace(" ", "_")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[EchoDevice]:
        loop = asyncio.get_running_loop()
        rtsp = await asyncio.start_server(self._serve_rtsp, self.host, 0)
        onvif = await asyncio.start_server(self._serve_onvif, self.host, 0)
        self.rtsp_port, self.onvif_port = (server.sockets[0].getsockname()[1] for server in (rtsp, onvif))
        discovery, _ = await loop.create_datagram_endpoint(
            lambda: _Discoverable(self), local_addr=(self.host, DISCOVERY_PORT)
        )
        try:
            yield self
        finally:
            discovery.close()
            for server in (rtsp, onvif):
                server.close()

    async def _serve_rtsp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = MessageParser()
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for event in parser.feed(data):
                    if isinstance(event, Request):
                        writer.write(RTSP_KINDS[self.kind](self, event))
                        await writer.drain()
        writer.close()

    async def _serve_onvif(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(
                    int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
                )
                content = await reader.readexactly(size)
                writer.write(ONVIF_KINDS.get(self.kind, _soap_fault)(self, soap_messages.parse(content).operation))
                await writer.drain()
        writer.close()

    def probe_match(self) -> bytes:
        """Return ProbeMatches with spellings in every scope and in the endpoint."""
        scopes = " ".join(
            f"onvif://www.onvif.org/{name}/{quote(self.told(), safe='')}" for name in ("name", "hardware", "location")
        )
        where = f"http://{self.host}:{self.onvif_port}/onvif/{quote(LOGIN.password, safe='')}"
        return soap_messages.envelope(
            "<d:ProbeMatches xmlns:d='x'><d:ProbeMatch><a:EndpointReference xmlns:a='y'><a:Address>"
            f"urn:{html.escape(_for_xml(self.told()))}</a:Address></a:EndpointReference>"
            f"<d:Scopes>{scopes}</d:Scopes><d:XAddrs>{where}</d:XAddrs></d:ProbeMatch></d:ProbeMatches>"
        )


class _Discoverable(asyncio.DatagramProtocol):
    def __init__(self, device: EchoDevice) -> None:
        self._device = device

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if probe_id(data) is not None:
            self._transport.sendto(self._device.probe_match(), addr)  # type: ignore[attr-defined]


def _response(device: EchoDevice, request: Request, status: int, *headers: str, body: str = "") -> bytes:
    content = body.encode()
    lines = [f"RTSP/1.0 {status} {device.told()}", f"CSeq: {request.headers.get('cseq')}", f"Server: {device.told()}"]
    lines += [*headers, f"Content-Base: rtsp://{device.host}/{device.word()}/", f"RTP-Info: url={device.word()}"]
    lines += [f"Content-Length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode() + content


def _description(device: EchoDevice, encoding: str) -> str:
    return (
        f"v=0\r\ns={device.told()}\r\ni={device.told()}\r\na=tool:{device.told()}\r\n"
        f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {encoding}/90000\r\na=control:{device.word()}\r\n"
    )


def _then_refuse(device: EchoDevice, request: Request) -> bytes:
    if request.method != "DESCRIBE":
        return _response(device, request, 500)
    return _response(device, request, 200, body=_description(device, "H264"))


def _challenge(device: EchoDevice, request: Request) -> bytes:
    word = device.word().replace("_", "-")
    challenge = f'{word} realm="{device.told()}", nonce="{device.word()}", algorithm={word}'
    return _response(device, request, 401, f"WWW-Authenticate: X{challenge}")


def _redirect(device: EchoDevice, request: Request) -> bytes:
    return _response(device, request, 302, f"Location: rtsp://viewer:{device.word()}@192.0.2.9/{device.word()}")


RTSP_KINDS: dict[str, Callable[[EchoDevice, Request], bytes]] = {
    "reason": lambda device, request: _response(device, request, 404),
    "redirection": _redirect,
    "challenge": _challenge,
    "locked": lambda device, request: _response(device, request, 423),
    "web-server": lambda device, _request: f"HTTP/1.1 200 {device.told()}\r\n\r\n".encode(),
    "header": lambda device, _request: f"RTSP/1.0 200 OK\r\n{device.word().replace(':', '')}\r\n\r\n".encode(),
    "length": lambda device, _request: f"RTSP/1.0 200 OK\r\nContent-Length: {device.told()}\r\n\r\n".encode(),
    "codec": lambda device, request: _response(device, request, 200, body=_description(device, device.word())),
    "setup": _then_refuse,
}


def _for_xml(text: str) -> str:
    return "".join(letter for letter in text if letter >= " ")


def _http(status: str, content: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/soap+xml", *headers, f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _soap_fault(device: EchoDevice, operation: str) -> bytes:
    reason = html.escape(_for_xml(device.told()))
    answer = soap_messages.envelope(
        f"<s:Fault><s:Code><s:Value>s:{reason}</s:Value></s:Code><s:Reason><s:Text>{reason}</s:Text></s:Reason></s:Fault>"
    )
    return _http(f"500 {device.word()}", answer)


def _identity(device: EchoDevice, operation: str) -> bytes:
    def told() -> str:
        return html.escape(_for_xml(device.told()))

    bodies = {
        "GetDeviceInformation": "".join(
            f"<tds:{name}>{told()}</tds:{name}>"
            for name in ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
        ),
        "GetHostname": f"<tds:HostnameInformation><tt:Name>{told()}</tt:Name></tds:HostnameInformation>",
        "GetProfiles": "<trt:Profiles token='main'>"
        f"<tt:Name>{told()}</tt:Name><tt:VideoEncoderConfiguration><tt:Encoding>{told()}</tt:Encoding>"
        "<tt:Resolution><tt:Width>640</tt:Width><tt:Height>360</tt:Height></tt:Resolution>"
        "</tt:VideoEncoderConfiguration></trt:Profiles>",
        "GetStreamUri": f"<trt:MediaUri><tt:Uri>rtsp://viewer:x@{device.host}:{device.rtsp_port}/"
        f"{html.escape(quote(LOGIN.password, safe=''))}/{html.escape(device.word())}</tt:Uri></trt:MediaUri>",
        "GetSnapshotUri": f"<trt:MediaUri><tt:Uri>http://{device.host}/{html.escape(device.word())}</tt:Uri></trt:MediaUri>",
        "GetServices": "".join(
            f"<tds:Service><tds:Namespace>http://www.onvif.org/ver10/{name}/wsdl</tds:Namespace>"
            f"<tds:XAddr>http://{device.host}/onvif/{name}</tds:XAddr></tds:Service>"
            for name in ("device", "media")
        ),
    }
    if operation not in bodies:
        return _soap_fault(device, operation)
    return _http(
        "200 OK", soap_messages.envelope(f"<tds:{operation}Response>{bodies[operation]}</tds:{operation}Response>")
    )


def _not_xml(device: EchoDevice, _operation: str) -> bytes:
    word = "".join(letter for letter in device.word() if letter.isalnum())
    return _http("200 OK", f"<s:Envelope xmlns:s='x'><s:Body><{word}></s:Envelope>".encode())


ONVIF_KINDS: dict[str, Callable[[EchoDevice, str], bytes]] = {
    "setup": _identity,
    "reason": _identity,
    "codec": _not_xml,
    "redirection": lambda device, _operation: _http(f"302 {device.word()}", b"", f"Location: http://{device.word()}/"),
    "locked": lambda device, _operation: f"RTSP {device.word()}\r\n\r\n".encode(),
}


def tells(text: str) -> bool:
    """Return whether a text contains the secret in any spelling, by a search of its own."""
    folded = text.casefold()
    if any(spelling.casefold() in folded for spelling in SPELLINGS.values()):
        return True
    base = {base64.b64encode(bytes(count) + RAW).decode()[start:-4] for count, start in ((0, 0), (1, 2), (2, 3))}
    return any(form in text.replace("-", "+").replace("_", "/") for form in base) or json.dumps(LOGIN.password) in text
