"""The ONVIF client over real sockets: responses of real cameras, all kinds of logins, clocks, hostile servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.conftest import LOGIN
from tests.net.recorded import replay
from tests.waiting import PATIENT
from xueliang_monitor.model import Credentials, OnvifTarget
from xueliang_monitor.net.errors import LoginError, ProtocolError, TlsError
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.net.onvif_hints import ClockKind, LoginKind
from xueliang_monitor.probing.device_memory import choose_profile, main_profile
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.simulator import onvif_operations, soap_messages
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.wire import auth, onvif
from xueliang_monitor.wire.device_address import path_of
from xueliang_monitor.wire.errors import MalformedResponseError, OnvifResponseError, SoapFaultError
from xueliang_monitor.wire.media import Codec

Start = Callable[..., Awaitable[SimulatedFleet]]
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
WRONG = Credentials("viewer", "wr0ng-pass")


@contextlib.asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def talk_to(port: int, login: Credentials | None = LOGIN, **options: object) -> OnvifClient:
    target = OnvifTarget(port, credentials=login, secure=bool(options.pop("secure", False)))
    return OnvifClient("127.0.0.1", target, time.time, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("camera", "watched", "main", "path"),
    [
        ("AXIS_P3818", "profile_1_h264", "profile_1_jpeg", "/onvif-media/media.amp"),
        ("AXIS_Q3819", "profile_1_h264", "profile_1_h264", "/onvif-media/media.amp"),
        ("Bosch_AUTODOME", "0", "0", "/rtsp_tunnel"),
        ("Bosch_FLEXIDOME", "0", "0", "/rtsp_tunnel"),
        ("HIKVISION", "Profile_1", "Profile_1", "/Streaming/Channels/2"),
        ("REOLINK", "001", "000", "/"),
        ("TRENDnet", "Profile_1", "Profile_1", "/Streaming/Channels/102"),
    ],
)
async def test_the_identity_of_a_recorded_camera(
    recorded: Path, camera: str, watched: str, main: str, path: str
) -> None:
    folder = next(item for item in recorded.iterdir() if item.name.startswith(camera))
    async with replay(folder) as (port, calls), talk_to(port) as talk:
        await talk.time()
        identity = await talk.identity()
        assert identity.manufacturer
        assert identity.serial
        profiles = await talk.profiles()
        chosen, largest = choose_profile(profiles), main_profile(profiles)
        assert chosen is not None
        assert largest is not None
        assert (chosen.token, largest.token) == (watched, main)
        # The recorded camera's own address (192.168.2.x, 10.10.1.x) is not on loopback: only its path was used.
        assert path_of(await talk.stream_uri(chosen.token)).partition("?")[0] == path
        assert path_of(await talk.snapshot_uri(chosen.token))
        assert await talk.offers_last_reboot() == (camera == "TRENDnet")
        assert talk.login_tried is False
    assert {operation for _, operation in calls} >= {"GetServices", "GetProfiles", "GetStreamUri"}


async def test_a_recorded_camera_that_refuses_everything_is_a_refused_login(recorded: Path) -> None:
    async with replay(recorded / "AXIS_P5655_all-400") as (port, calls), talk_to(port) as talk:
        with pytest.raises(SoapFaultError):
            await talk.time()
        # The clock for tokens is known from its Date header.
        assert talk.hints.clock is ClockKind.REFUSED
        assert talk.hints.clock_offset_seconds is None
        assert talk.hints.told_offset_seconds == pytest.approx(0, abs=2)
        with pytest.raises(LoginError, match="NotAuthorized") as caught:
            await talk.identity()
        assert caught.value.tried
    assert [operation for _, operation in calls].count(
        "GetDeviceInformation"
    ) == 2  # once without and once with a login


async def test_get_capabilities_serves_where_get_services_fails(recorded: Path) -> None:
    capabilities = next(recorded.glob("AXIS_Q3819*/*_GetCapabilities_200.xml")).read_bytes()

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        if soap_messages.parse(await request.read()).operation == "GetCapabilities":
            return web.Response(body=capabilities)
        return web.Response(status=500, body=soap_messages.fault("Receiver", "ActionNotSupported", "no such thing"))

    async with serving(serve) as port, talk_to(port) as talk:
        assert (await talk.services())[onvif.MEDIA].path == "/onvif/services"


IDENTITY = soap_messages.envelope(
    "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>C1</tds:Model>"
    "<tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>42</tds:SerialNumber>"
    "</tds:GetDeviceInformationResponse>"
)


def by_token(refusal: Callable[[], web.Response], *, behind: float = 0.0) -> tuple[Handler, list[bool]]:
    """Return a camera that requires WS-UsernameToken by its own clock, and the list of results of its login checks."""
    judged: list[bool] = []

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        call, clock = soap_messages.parse(await request.read()), time.time() - behind
        if call.operation == "GetSystemDateAndTime":
            device = onvif_operations.SimulatedDevice(
                serial="1",
                base_url="",
                stream_url="",
                codec=Codec.H264,
                pictures_between_keyframes=1,
                clock=clock,
                started_at=0.0,
                behaviour=Behaviour(),
            )
            return web.Response(body=soap_messages.envelope(onvif_operations.OPERATIONS[call.operation](device, call)))
        if call.token:
            judged.append(soap_messages.verify_token(call.token, LOGIN, clock))
            if judged[-1]:
                return web.Response(body=IDENTITY)
        return refusal()

    return serve, judged


REFUSALS: dict[str, Callable[[], web.Response]] = {
    "fault-400": lambda: web.Response(
        status=400, body=soap_messages.fault("Sender", "NotAuthorized", "Sender not authorized")
    ),
    "fault-200": lambda: web.Response(status=200, body=soap_messages.fault("Sender", "NotAuthorized", "")),
    "fault-500": lambda: web.Response(status=500, body=soap_messages.fault("Sender", "FailedAuthentication", "")),
    "bare-400": lambda: web.Response(status=400),
    "bare-401": lambda: web.Response(status=401),
    "page-401": lambda: web.Response(status=401, text="<html>Unauthorized</html>", content_type="text/html"),
    "basic-401": lambda: web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="camera"'}),
    "bare-403": lambda: web.Response(status=403),
}


@pytest.mark.parametrize("kind", REFUSALS)
async def test_a_token_is_sent_once_for_every_kind_of_refusal(kind: str) -> None:
    handler, judged = by_token(REFUSALS[kind])
    async with serving(handler) as port:
        async with talk_to(port) as talk:
            await talk.time()
            assert (await talk.identity()).serial == "42"
            assert talk.hints.login is LoginKind.TOKEN
            assert talk.login_accepted
        async with talk_to(port, hints=talk.hints) as again:  # remembered: no request without a login
            assert (await again.identity()).serial == "42"
        assert judged == [True, True]
        async with talk_to(port, WRONG) as wrong:
            await wrong.time()
            with pytest.raises(LoginError) as caught:
                await wrong.identity()
        assert caught.value.tried
        assert "wr0ng-pass" not in f"{caught.value!r}{caught.value.__cause__!r}{wrong.__dict__}"
        assert judged == [True, True, False]
        async with talk_to(port, may_log_in=False) as held:
            await held.time()
            with pytest.raises(LoginError) as caught:
                await held.identity()
        assert not caught.value.tried
        assert len(judged) == 3


@pytest.mark.parametrize("behind", [-40_000.0, 90.0, 86_400.0 * 365 * 20])
async def test_a_token_has_the_cameras_own_time(behind: float) -> None:
    handler, judged = by_token(REFUSALS["fault-400"], behind=behind)
    async with serving(handler) as port, talk_to(port) as talk:
        await talk.time()
        assert talk.hints.clock_offset_seconds == pytest.approx(-behind, abs=1.0)
        await talk.identity()
    assert judged == [True]


@pytest.mark.parametrize("basic_first", [True, False])
async def test_digest_is_chosen_wherever_it_is_offered(basic_first: bool) -> None:
    nonces, given = ["first", "second"], []

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        header = request.headers.get("Authorization", "")
        if header:
            given.append(header)
            if auth.verify(header, LOGIN, method="POST", realm="cam", nonce=nonces[0]) and "nc=00000003" not in header:
                return web.Response(body=IDENTITY)
        stale = ", stale=true" if "nc=00000003" in header else ""
        if stale:
            nonces.pop(0)
        offers = ['Basic realm="cam"', f'Digest realm="cam", nonce="{nonces[0]}", qop="auth"{stale}']
        response = web.Response(status=401)
        for offer in offers if basic_first else reversed(offers):
            response.headers.add("WWW-Authenticate", offer)
        return response

    async with serving(serve) as port:
        async with talk_to(port) as talk:
            for _ in range(4):  # the third use of the nonce is refused as stale
                assert (await talk.identity()).serial == "42"
            assert talk.hints.login is LoginKind.DIGEST
        assert len(given) == 5
        given.clear()
        async with talk_to(port, WRONG) as talk:
            with pytest.raises(LoginError):
                await talk.identity()
        assert len(given) == 1


async def test_an_invalid_certificate_file_is_named(tmp_path: Path) -> None:
    for file in (tmp_path / "not-there.pem", tmp_path):
        async with talk_to(9, secure=True, tls=str(file)) as talk:
            with pytest.raises(ShortageError, match="cannot be used"):
                await talk.identity()


async def test_a_connection_closed_after_each_response_is_reopened() -> None:
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(IDENTITY) + IDENTITY)
        await writer.drain()
        await asyncio.sleep(0.05)
        await reader.read(10)  # read the next request, and send no response
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        async with talk_to(server.sockets[0].getsockname()[1]) as talk:
            for _ in range(3):
                assert (await talk.identity()).serial == "42"
        await asyncio.sleep(0.2)
    assert connections == 3


async def test_a_redirection_is_named_and_not_followed() -> None:
    async def serve(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://192.0.2.1/"})

    async with serving(serve) as port, talk_to(port) as talk:
        with pytest.raises(MalformedResponseError, match="302"):
            await talk.identity()


async def test_an_endless_response_is_cut_off() -> None:
    sent = 0

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while sent < 64 * 1024 * 1024:
                await response.write(b"x" * 65536)
                sent += 65536
        return response

    async with serving(serve) as port:
        async with talk_to(port) as talk:
            with pytest.raises(OnvifResponseError, match="larger than"):
                await talk.identity()
        await asyncio.sleep(0.1)
    assert sent < 16 * 1024 * 1024


async def test_a_server_without_http_raises_a_protocol_error() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"RTSP/1.0 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, talk_to(server.sockets[0].getsockname()[1]) as talk:
        with pytest.raises((ProtocolError, OnvifResponseError)):
            await talk.identity()
        assert not talk.login_tried


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "camera.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=camera",
         "-keyout", str(file), "-out", str(tmp_path / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + (tmp_path / "cert.pem").read_text())
    return file


async def test_https_checks_the_certificate_unless_told_otherwise(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def serve(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=IDENTITY)

    async with serving(serve, context) as port:
        async with talk_to(port, secure=True) as talk:
            with pytest.raises(TlsError, match="tls: insecure"):
                await talk.identity()
        for tls in ("insecure", str(certificate)):
            async with talk_to(port, secure=True, tls=tls) as talk:
                assert (await talk.identity()).serial == "42"


async def test_an_independent_client_gets_what_it_needs_from_a_simulated_camera(simulated: Start) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    client = (
        "import json, onvif, sys\n"
        "camera = onvif.ONVIFCamera(sys.argv[1], 8000, 'viewer', sys.argv[2], no_cache=True)\n"
        "media = camera.create_media_service()\n"
        "about = camera.devicemgmt.GetDeviceInformation()\n"
        "profiles = media.GetProfiles()\n"
        "setup = {'Stream': 'RTP-Unicast', 'Transport': {'Protocol': 'RTSP'}}\n"
        "uris = [media.GetStreamUri({'StreamSetup': setup, 'ProfileToken': item.token}).Uri for item in profiles]\n"
        "print(json.dumps([about.Model, about.SerialNumber, [item.token for item in profiles],\n"
        "                  profiles[0].VideoEncoderConfiguration.Resolution.Width, uris]))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", client, camera.target.host, LOGIN.password, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    url = camera.target.url
    assert json.loads(out) == ["SIM-360", "SIM000000", ["main", "sub"], 640, [url, f"{url}-sub"]]


async def test_addresses_behind_nat_do_not_matter(simulated: Start) -> None:
    fleet = await simulated(5, onvif_port=8000)
    camera = fleet.cameras["cam-004"]  # reports the address 192.168.1.108
    target = OnvifTarget(8000, credentials=LOGIN)
    async with OnvifClient(camera.target.host, target, time.time) as talk:
        await talk.time()
        assert "192.168.1.108" in await talk.stream_uri("main")
        assert (await talk.last_reboot()) is not None
    assert camera.onvif is not None
    assert camera.onvif.calls["Unsubscribe"] == 1


async def test_a_keyframe_is_requested_where_keyframes_are_rare(simulated: Start) -> None:
    from xueliang_monitor.model import Rung
    from xueliang_monitor.picture.worker import Workers
    from xueliang_monitor.probing.memory import Memory
    from xueliang_monitor.probing.visit import visit

    fleet = await simulated(2, onvif_port=8000)
    camera = fleet.cameras["cam-001"]
    camera.keyframe_at_play, camera.keyframe_gap = False, 100  # ten seconds
    assert camera.onvif is not None
    target = replace(camera.target, credentials=LOGIN, onvif=OnvifTarget(8000, credentials=LOGIN, profile="main"))
    workers, memory, now = Workers(1), Memory(), time.time()
    _, memory = await visit(target, Rung.RTSP, memory, timeouts=PATIENT, workers=workers, now=now, beside={Rung.ONVIF})
    waits: list[float] = []
    for _ in range(3):
        visited, memory = await visit(target, Rung.STREAM, memory, timeouts=PATIENT, workers=workers, now=now)
        assert visited.seen == ()
        waits.append(visited.readings.keyframe_wait_seconds)
        await asyncio.sleep(0.7)
    assert camera.keyframe_requests >= 2
    assert all(isinstance(wait, float) and wait < 8 for wait in waits), (
        waits
    )  # less than the ten seconds between keyframes
    before = camera.keyframe_requests
    never = replace(target, onvif=OnvifTarget(8000, credentials=LOGIN, profile="main", request_keyframe=False))
    await visit(never, Rung.STREAM, memory, timeouts=PATIENT, workers=workers, now=now)
    assert camera.keyframe_requests == before
    await camera.set_fault(BY_NAME["onvif-password"]())
    for turn in range(3):
        at = now + 15.0 * turn
        _, memory = await visit(target, Rung.STREAM, memory, timeouts=PATIENT, workers=workers, now=at)
    assert camera.onvif.refused_logins == 1, "a refused request is not repeated at each visit"


def test_loading_onvif_does_not_change_the_logging() -> None:
    code = (
        "import logging\n"
        "from xueliang_monitor.net.onvif_wsdl import definitions\n"
        "found = definitions()\n"
        "import sys\n"
        "root = logging.getLogger()\n"
        "print(len(found), root.handlers, logging.getLogger('zeep.client').level, 'onvif' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7", "[]", "0", "False"]


async def test_an_entity_expansion_of_the_simulator_is_rejected(simulated: Start) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    await camera.set_fault(BY_NAME["onvif-bomb"]())
    async with OnvifClient(camera.target.host, OnvifTarget(8000, credentials=LOGIN), time.time) as talk:
        with pytest.raises(MalformedResponseError, match="document type"):
            await talk.identity()
