"""The ONVIF server of a simulated camera over HTTP, and its responses to WS-Discovery."""

from __future__ import annotations

import asyncio
import secrets
import socket

from aiohttp import web

from xueliang_monitor.simulator import onvif_operations, soap_messages
from xueliang_monitor.simulator.camera_state import CameraState
from xueliang_monitor.simulator.media2_operations import MEDIA2_OPERATIONS
from xueliang_monitor.wire import auth, discovery
from xueliang_monitor.wire.errors import OnvifResponseError

REALM = "xueliang-simulator-onvif"
NAT_ADDRESS = "192.168.1.108"


class OnvifService:
    """Serves ONVIF for one camera. Logins use WS-UsernameToken, for every third camera HTTP Digest.

    Every fifth camera reports `NAT_ADDRESS` in place of its own. `refused_logins` and `calls` are for tests.
    """

    def __init__(self, camera: CameraState, port: int, number: int) -> None:
        self._camera = camera
        self.port = port
        self._by_digest = number % 3 == 2
        self._behind_nat = number % 5 == 4
        self._publishes_last_reboot = number % 4 != 3
        self._nonce = secrets.token_hex(16)
        self._serial = f"SIM{number:06d}"
        self._started_at = camera.correct_time() - 86400.0 * (3 + number % 40)
        self._server: asyncio.Server | None = None
        self._discovery: asyncio.DatagramTransport | None = None
        self.refused_logins = 0
        self.calls: dict[str, int] = {}

    def restart(self) -> None:
        """Set the time of the last start to now."""
        self._started_at = self._camera.correct_time()

    async def start(self) -> None:
        """Listen for HTTP and WS-Discovery.

        Raises:
            OSError: the address or a port is not available.

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

    def answer_probe(self, message_id: str, sender: tuple[str, int]) -> None:
        """Send ProbeMatches from the camera's own address; every fourth camera sends it twice."""
        if self._discovery is None or not self._camera.behaviour.onvif_listening:
            return
        message = self._probe_match(message_id)
        for _ in range(1 if self._publishes_last_reboot else 2):
            self._discovery.sendto(message, sender)

    def _probe_match(self, message_id: str) -> bytes:
        scopes = " ".join(
            (
                "onvif://www.onvif.org/type/video_encoder",
                "onvif://www.onvif.org/Profile/Streaming",
                f"onvif://www.onvif.org/name/{onvif_operations.MANUFACTURER.replace(' ', '%20')}",
                f"onvif://www.onvif.org/hardware/{onvif_operations.MODEL}",
            )
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
            ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
            ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
            ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
            f"<a:RelatesTo>{message_id}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
            f"<a:EndpointReference><a:Address>urn:uuid:{self._serial}</a:Address></a:EndpointReference>"
            f"<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{scopes}</d:Scopes>"
            f"<d:XAddrs>{self._base_url()}/onvif/device_service</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
            "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
        ).encode()

    def _base_url(self) -> str:
        """Return the base URL with the address that the camera believes it has, which is wrong behind NAT."""
        return f"http://{NAT_ADDRESS if self._behind_nat else self._camera.target.host}:{self.port}"

    def _device(self) -> onvif_operations.SimulatedDevice:
        camera = self._camera
        host = NAT_ADDRESS if self._behind_nat else camera.target.host
        return onvif_operations.SimulatedDevice(
            serial=self._serial,
            base_url=self._base_url(),
            stream_url=f"rtsp://{host}:{camera.target.port}{camera.path}",
            codec=camera.codec,
            pictures_between_keyframes=camera.pictures_between_keyframes,
            clock=camera.now(),
            started_at=self._started_at,
            behaviour=camera.behaviour,
            publishes_last_reboot=self._publishes_last_reboot,
        )

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if (reply := self._camera.behaviour.onvif_reply) is not None:
            return web.Response(body=reply.body, content_type=reply.content_type)
        try:
            call = soap_messages.parse(await request.read())
        except OnvifResponseError:
            return _soap(400, soap_messages.fault("Sender", "WellFormed", "the request is not SOAP"))
        self.calls[call.operation] = self.calls.get(call.operation, 0) + 1
        operations = MEDIA2_OPERATIONS if call.namespace == onvif_operations.MEDIA2[0] else onvif_operations.OPERATIONS
        handler = operations.get(call.operation)
        if call.operation not in onvif_operations.WITHOUT_LOGIN:
            denied = self._deny(request, call)
            if denied is not None:
                return denied
        if handler is None:
            return _soap(500, soap_messages.fault("Receiver", "ActionNotSupported", "Optional Action Not Implemented"))
        if call.operation == "SetSynchronizationPoint":
            self._camera.keyframe_requests += 1
        return _soap(200, soap_messages.envelope(handler(self._device(), call)))

    def _deny(self, request: web.BaseRequest, call: soap_messages.SoapRequest) -> web.Response | None:
        """Return the response to a missing or wrong login, or None if the login is valid."""
        credentials, behaviour = self._camera.credentials, self._camera.behaviour
        changed = behaviour.password_changed or behaviour.onvif_password_changed
        if self._by_digest:
            given = request.headers.get("Authorization", "")
            verified = auth.verify(given, credentials, method=request.method, realm=REALM, nonce=self._nonce)
            if given and not changed and verified:
                return None
            self.refused_logins += bool(given)
            challenge = f'Digest realm="{REALM}", nonce="{self._nonce}", qop="auth", algorithm=MD5'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        clock, speed = self._camera.now(), self._camera.clock_speed
        if call.token and not changed and soap_messages.verify_token(call.token, credentials, clock, speed):
            return None
        self.refused_logins += bool(call.token)
        return _soap(400, soap_messages.fault("Sender", "NotAuthorized", "Sender not authorized"))


def _soap(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/soap+xml", charset="utf-8")


class _Discoverable(asyncio.DatagramProtocol):
    """The WS-Discovery port of one camera, for probes sent to its own address."""

    def __init__(self, service: OnvifService) -> None:
        self._service = service

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (message_id := discovery.probe_id(data)) is not None:
            self._service.answer_probe(message_id, addr)


class _Group(asyncio.DatagramProtocol):
    """The multicast group on loopback, for probes to all cameras."""

    def __init__(self, services: tuple[OnvifService, ...]) -> None:
        self._services = services

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (message_id := discovery.probe_id(data)) is None:
            return
        loop = asyncio.get_running_loop()
        for index, service in enumerate(self._services):  # WS-Discovery, 3.1.3: devices delay their responses
            loop.call_later(index * 0.002, service.answer_probe, message_id, addr)


async def join_group(services: tuple[OnvifService, ...]) -> asyncio.DatagramTransport:
    """Answer the probes that arrive at the multicast group over loopback.

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
