"""A simulated camera's ONVIF service over HTTP, and its answers to WS-Discovery."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from typing import TYPE_CHECKING

from aiohttp import web

from xueliang_monitor.simulator import soap
from xueliang_monitor.wire import auth, discovery
from xueliang_monitor.wire.errors import AnswerError

if TYPE_CHECKING:
    from xueliang_monitor.simulator.camera import SimulatedCamera

REALM = "xueliang-simulator-onvif"
_SPOILT = {
    "garbage": b"\x00\x17garbage" * 40,
    "empty": b"",
    "web-page": b"<!DOCTYPE html><html><head><title>login</title></head><body><form>user</form></body></html>",
    "fault": soap.fault("Receiver", "Action", "Action Failed"),
    "bomb": (
        b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
        b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><x>&c;</x></s:Body></s:Envelope>'
    ),
}


class OnvifService:
    """Serves one simulated camera's ONVIF, by WS-UsernameToken or, for every third camera, by HTTP Digest.

    `refused_logins` and `calls` are counted for tests.
    """

    def __init__(self, camera: SimulatedCamera, port: int, number: int) -> None:
        self._camera = camera
        self.port = port
        self._by_digest = number % 3 == 2
        self._elsewhere = number % 5 == 4
        self._tells_last_start = number % 4 != 3
        self._nonce = secrets.token_hex(16)
        self._serial = f"SIM{number:06d}"
        self._started_at = time.time() - 86400.0 * (3 + number % 40)
        self._server: asyncio.Server | None = None
        self._discovery: asyncio.DatagramTransport | None = None
        self.refused_logins = 0
        self.calls: dict[str, int] = {}

    def restart(self) -> None:
        """Let the camera have started just now."""
        self._started_at = time.time()

    async def start(self) -> None:
        """Listen for HTTP and WS-Discovery.

        Raises:
            OSError: the address or a port is not to be had.

        """
        loop = asyncio.get_running_loop()
        host = self._camera.target.host
        self._server = await loop.create_server(
            web.Server(self._serve, access_log=None), host, self.port, reuse_address=True, backlog=16
        )
        self._discovery, _ = await loop.create_datagram_endpoint(
            lambda: _Discoverable(self), local_addr=(host, discovery.PORT)
        )

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._discovery is not None:
            self._discovery.close()
            self._discovery = None

    def answer_probe(self, identity: str, asker: tuple[str, int]) -> None:
        """Answer a Probe of WS-Discovery from the camera's own address; every fourth camera answers twice."""
        if self._discovery is None or self._camera.behaviour.onvif == "off":
            return
        message = self._probe_match(identity)
        for _ in range(1 if self._tells_last_start else 2):
            self._discovery.sendto(message, asker)

    def _probe_match(self, identity: str) -> bytes:
        scopes = " ".join(
            (
                "onvif://www.onvif.org/type/video_encoder",
                "onvif://www.onvif.org/Profile/Streaming",
                f"onvif://www.onvif.org/name/{soap.MANUFACTURER.replace(' ', '%20')}",
                f"onvif://www.onvif.org/hardware/{soap.MODEL}",
            )
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
            ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
            ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
            ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
            f"<a:RelatesTo>{identity}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
            f"<a:EndpointReference><a:Address>urn:uuid:{self._serial}</a:Address></a:EndpointReference>"
            f"<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{scopes}</d:Scopes>"
            f"<d:XAddrs>{self._seen_as()}/onvif/device_service</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
            "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
        ).encode()

    def _seen_as(self) -> str:
        """Return the base of its addresses as the camera sees itself, which behind NAT is wrong."""
        return f"http://{'192.168.1.108' if self._elsewhere else self._camera.target.host}:{self.port}"

    @property
    def pictures_between_keyframes(self) -> int:
        """How far keyframes are apart, in pictures."""
        clip = self._camera.clip()
        keyframes = [index for index, picture in enumerate(clip.pictures) if picture.keyframe]
        return (keyframes[1] - keyframes[0]) if len(keyframes) > 1 else len(clip.pictures)

    def _device(self) -> soap.SimulatedDevice:
        camera = self._camera
        host = "192.168.1.108" if self._elsewhere else camera.target.host
        path = camera.path
        return soap.SimulatedDevice(
            self._serial,
            self._seen_as(),
            f"rtsp://{host}:{camera.target.port}{path}",
            camera.codec,
            self.pictures_between_keyframes,
            time.time() + camera.behaviour.clock_offset,
            self._started_at,
            camera.behaviour,
            self._tells_last_start,
        )

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        behaviour = self._camera.behaviour
        if behaviour.onvif in _SPOILT:
            kind = "text/html" if behaviour.onvif == "web-page" else "application/soap+xml"
            return web.Response(body=_SPOILT[behaviour.onvif], content_type=kind)
        try:
            call = soap.parse(await request.read())
        except AnswerError:
            return _soap(400, soap.fault("Sender", "WellFormed", "the request is no SOAP"))
        self.calls[call.operation] = self.calls.get(call.operation, 0) + 1
        handler = soap.OPERATIONS.get(call.operation)
        if call.operation not in soap.WITHOUT_LOGIN and (refusal := self._refuse(request, call)) is not None:
            return refusal
        if handler is None:
            return _soap(500, soap.fault("Receiver", "ActionNotSupported", "Optional Action Not Implemented"))
        if call.operation == "SetSynchronizationPoint":
            self._camera.keyframe_requests += 1
        return _soap(200, soap.envelope(handler(self._device(), call)))

    def _refuse(self, request: web.BaseRequest, call: soap.SoapRequest) -> web.Response | None:
        """Return the refusal of a login that is missing or wrong."""
        credentials, behaviour = self._camera.credentials, self._camera.behaviour
        changed = behaviour.password_changed or behaviour.onvif_password_changed
        if self._by_digest:
            given = request.headers.get("Authorization", "")
            if given and not changed and auth.verify(given, credentials, request.method, REALM, self._nonce):
                return None
            self.refused_logins += bool(given)
            challenge = f'Digest realm="{REALM}", nonce="{self._nonce}", qop="auth", algorithm=MD5'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        clock = time.time() + behaviour.clock_offset
        if call.token and not changed and soap.token_is_good(call.token, credentials, clock):
            return None
        self.refused_logins += bool(call.token)
        return _soap(400, soap.fault("Sender", "NotAuthorized", "Sender not authorized"))


def _soap(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/soap+xml", charset="utf-8")


class _Discoverable(asyncio.DatagramProtocol):
    """A camera's own port of WS-Discovery, which answers probes sent to its address."""

    def __init__(self, service: OnvifService) -> None:
        self._service = service

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (identity := discovery.probe_id(data)) is not None:
            self._service.answer_probe(identity, addr)


class _Group(asyncio.DatagramProtocol):
    """The multicast group on loopback, on which every camera hears probes."""

    def __init__(self, services: tuple[OnvifService, ...]) -> None:
        self._services = services

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (identity := discovery.probe_id(data)) is None:
            return
        loop = asyncio.get_running_loop()
        for index, service in enumerate(self._services):  # spread, as the standard asks of devices
            loop.call_later(index * 0.002, service.answer_probe, identity, addr)


async def join_group(services: tuple[OnvifService, ...]) -> asyncio.DatagramTransport:
    """Answer probes sent to the multicast group over loopback.

    Raises:
        OSError: the group cannot be joined.

    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((discovery.GROUP, discovery.PORT))
        member = socket.inet_aton(discovery.GROUP) + socket.inet_aton("127.0.0.1")
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    except OSError:
        listener.close()
        raise
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Group(services), sock=listener)
    return transport
