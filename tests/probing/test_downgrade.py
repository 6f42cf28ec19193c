"""A password is never sent by Basic unless a file or TLS with a checked certificate allows it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from pydantic import TypeAdapter

from tests.conftest import LOGIN, Tls
from tests.simulated_time import camera
from tests.waiting import PATIENT
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.configuration.inventory import Inventory
from xueliang_monitor.fleet.changes import CameraRecord
from xueliang_monitor.fleet.differences import memory_still_valid
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.restoring import merged_late
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.health import Health, Policy
from xueliang_monitor.model import AuthPolicy, OnvifTarget, Rung, Target, VisitResult
from xueliang_monitor.net.errors import LoginError
from xueliang_monitor.net.login_rules import Channel, LoginRules
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.storage.persisted_memory import StoredMemory
from xueliang_monitor.wire import auth

BASIC, DIGEST = 'Basic realm="cam"', 'Digest realm="cam", nonce="n0nce", algorithm=MD5'
SDP = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
SECRETS = (LOGIN.password.encode(), base64.b64encode(f"{LOGIN.username}:{LOGIN.password}".encode()))
WORKERS = Workers(1)
Answer = Callable[["Hostile", str, str], str]


@dataclass
class Hostile:
    """An RTSP server whose answers depend on the method and the request; it keeps what it was sent."""

    answer: Answer
    port: int = 0
    received: bytearray = field(default_factory=bytearray)

    @property
    def knows_the_password(self) -> bool:
        return any(secret in self.received for secret in SECRETS)

    @property
    def logins(self) -> list[str]:
        return re.findall(r"Authorization: (\w+)", self.received.decode())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                self.received += request
                text = request.decode()
                status, _, rest = self.answer(self, text.split()[0], text).partition("\r\n")
                number = re.search(r"CSeq: (\d+)", text)
                sequence = number[1] if number else "0"
                writer.write(f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{rest}".encode())
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def hostile(answer: Answer) -> AsyncIterator[Hostile]:
    device = Hostile(answer)
    server = await asyncio.start_server(device.serve, "127.0.0.1", 0)
    async with server:
        device.port = server.sockets[0].getsockname()[1]
        yield device


def unauthorized(*challenges: str) -> str:
    return "401 Unauthorized\r\n" + "".join(f"WWW-Authenticate: {item}\r\n" for item in challenges) + "\r\n"


def described() -> str:
    return f"200 OK\r\nContent-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}"


def offering(*challenges: str) -> Answer:
    def answer(_device: Hostile, _method: str, request: str) -> str:
        return described() if "Authorization:" in request else unauthorized(*challenges)

    return answer


async def climb(
    port: int, memory: Memory | None = None, *, top: Rung = Rung.RTSP, **changes: Any
) -> tuple[VisitResult, Memory]:
    target = replace(Target("cam", "127.0.0.1", port, "/live", LOGIN), **changes)
    return await visit(target, top, memory or Memory(), timeouts=PATIENT, workers=WORKERS, now=time.time())


def codes(visited: VisitResult) -> list[str]:
    return [finding.code for finding in visited.seen]


async def test_a_device_that_offers_only_basic_gets_no_password() -> None:
    async with hostile(offering(BASIC)) as device:
        memory = Memory()
        for _ in range(4):
            visited, memory = await climb(device.port, memory)
            assert codes(visited) == ["auth_insecure"]
    assert "auth: basic" in visited.seen[0].detail
    assert "unencrypted" in visited.seen[0].detail
    assert visited.readings.login_offered == "Basic"
    assert (device.logins, device.knows_the_password) == ([], False)
    # It was not tried, so that it counts neither as a refused login nor as one that is held back.
    assert (memory.login.refusals, memory.login.rtsp.failures, memory.login.rtsp.held_until) == ((), 0, 0.0)


@pytest.mark.parametrize("in_credentials", [True, False])
async def test_a_file_allows_basic(in_credentials: bool) -> None:
    changes: dict[str, Any] = {"auth": AuthPolicy.BASIC}
    if in_credentials:
        changes = {"credentials": replace(LOGIN, auth=AuthPolicy.BASIC)}
    async with hostile(offering(BASIC)) as device:
        visited, memory = await climb(device.port, **changes)
    assert codes(visited) == []
    assert device.knows_the_password
    assert memory.login.rtsp.was_accepted
    assert not memory.login.offered_digest


async def test_digest_is_used_wherever_it_is_offered() -> None:
    async with hostile(offering(BASIC, DIGEST)) as device:
        visited, _ = await climb(device.port, auth=AuthPolicy.BASIC)
    assert (codes(visited), device.logins, device.knows_the_password) == ([], ["Digest"], False)
    assert visited.readings.login_offered == "Digest (MD5), Basic"


async def test_what_was_offered_before_is_kept_over_restarts_until_the_cameras_file_allows_less() -> None:
    shared = replace(LOGIN, auth=AuthPolicy.BASIC)
    async with hostile(offering(DIGEST)) as device:
        _, memory = await climb(device.port, credentials=shared)
        stored = TypeAdapter(StoredMemory)
        memory = stored.validate_json(stored.dump_json(StoredMemory.of(memory))).memory()
        device.answer = offering(BASIC)
        device.received.clear()
        visited, memory = await climb(device.port, memory, credentials=shared)
        assert codes(visited) == ["auth_insecure"]
        assert "offered Digest before" in visited.seen[0].detail
        visited, memory = await climb(device.port, memory, credentials=replace(shared, password="new"))
        assert codes(visited) == ["auth_insecure"]  # also with another password
        assert not device.logins
        visited, _ = await climb(device.port, memory, credentials=shared, auth=AuthPolicy.BASIC)
        assert codes(visited) == []


async def test_a_stale_basic_at_the_end_of_a_session_gets_no_password() -> None:
    """The session was open without a login, so that no Digest was seen before."""

    def answer(_device: Hostile, method: str, _request: str) -> str:
        if method == "TEARDOWN":
            return unauthorized(f"{BASIC}, stale=true")
        if method == "SETUP":
            return "200 OK\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n\r\n"
        return described() if method == "DESCRIBE" else "454 Session Not Found\r\n\r\n"

    async with hostile(answer) as device:
        await climb(device.port, top=Rung.STREAM)
    assert b"TEARDOWN" in device.received
    assert (device.logins, device.knows_the_password) == ([], False)


@pytest.mark.parametrize("step", ["SETUP", "PLAY"])
async def test_a_later_step_that_asks_for_basic_gets_no_password(step: str) -> None:
    def answer(_device: Hostile, method: str, request: str) -> str:
        if method == step:
            return unauthorized(f"{BASIC}, stale=true")
        if method == "DESCRIBE":
            return described() if "Authorization:" in request else unauthorized(DIGEST)
        return "200 OK\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n\r\n"

    async with hostile(answer) as device:
        await climb(device.port, top=Rung.STREAM, credentials=replace(LOGIN, auth=AuthPolicy.BASIC))
    assert "Basic" not in device.logins
    assert not device.knows_the_password


@pytest.mark.parametrize("same_port", [True, False])
async def test_a_redirection_never_weakens_the_login(same_port: bool) -> None:
    async with hostile(offering(BASIC)) as other:

        def answer(device: Hostile, _method: str, request: str) -> str:
            if "/elsewhere" in request:
                return unauthorized(BASIC)
            if "Authorization:" not in request:
                return unauthorized(DIGEST)
            port = device.port if same_port else other.port
            return f"302 Moved\r\nLocation: rtsp://127.0.0.1:{port}/elsewhere\r\n\r\n"

        async with hostile(answer) as device:
            visited, _ = await climb(device.port, credentials=replace(LOGIN, auth=AuthPolicy.BASIC))
    assert codes(visited) == (["auth_failed"] if same_port else ["stream_not_found"])
    assert set(device.logins) == {"Digest"}
    assert not device.knows_the_password
    assert not other.received


async def test_tls_with_a_checked_certificate_protects_basic(simulated: Callable[..., Any], tls: Tls) -> None:
    fleet: SimulatedFleet = await simulated(1, tls=tls.context)
    device = fleet.cameras["cam-000"]
    device.login_kind = "basic"
    changes = {"host": device.target.host, "path": device.target.path, "secure": True}
    checked, _ = await climb(device.target.port, tls=str(tls.authority), **changes)
    assert codes(checked) == []
    unchecked, _ = await climb(device.target.port, tls="insecure", **changes)
    assert codes(unchecked) == ["auth_insecure"]
    forbidden, _ = await climb(device.target.port, tls=str(tls.authority), auth=AuthPolicy.DIGEST, **changes)
    assert codes(forbidden) == ["auth_insecure"]
    assert device.refused_logins == 0


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        (LoginRules(), {Channel.CHECKED}),
        (LoginRules(AuthPolicy.AUTO, AuthPolicy.BASIC), {Channel.CHECKED}),
        (LoginRules(AuthPolicy.AUTO, AuthPolicy.DIGEST), {Channel.CHECKED}),
        (LoginRules(offered_digest=True), set()),
        (LoginRules(AuthPolicy.DIGEST, AuthPolicy.BASIC), set()),
        (LoginRules(None, AuthPolicy.DIGEST), set()),
        (LoginRules(None, AuthPolicy.BASIC), set(Channel)),
        (LoginRules(None, AuthPolicy.BASIC, offered_digest=True), set()),
        (LoginRules(AuthPolicy.BASIC, AuthPolicy.DIGEST, offered_digest=True), set(Channel)),
    ],
)
def test_the_file_of_the_camera_decides_before_its_credentials(rules: LoginRules, allowed: set[Channel]) -> None:
    assert {channel for channel in Channel if not rules.why_not_basic(channel)} == allowed


def test_changed_credentials_and_clocks_keep_what_was_offered() -> None:
    login = Login(offered_digest=True)
    assert login.for_target(Target("cam", "h", credentials=LOGIN)).offered_digest
    assert login.moved(lambda moment: moment + 1).offered_digest


def test_what_was_offered_is_kept_if_the_history_is_read_late_or_the_camera_moves() -> None:
    entry = Entry(camera("cam"))
    stored = CameraRecord("cam", Health(), Memory(login=Login(offered_digest=True)))
    visited = replace(entry, health=Health(visited_at=1.0))
    for known in (entry, visited):
        assert merged_late(known, stored, None, 2.0).memory.login.offered_digest
    moved = memory_still_valid(replace(entry, memory=stored.memory), camera("cam", host="192.0.2.9"))
    assert moved.login == Login(offered_digest=True)


async def test_onvif_never_sends_the_password() -> None:
    """Neither where the device offers Basic alone, nor in a WS-UsernameToken: its digest alone is sent."""
    received = bytearray()

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        received.extend(str(dict(request.headers)).encode() + await request.read())
        return web.Response(status=401, headers={"WWW-Authenticate": BASIC})

    server = web.Server(serve, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        async with OnvifClient("127.0.0.1", OnvifTarget(port, credentials=LOGIN), time.time) as client:
            with pytest.raises(LoginError):
                await client.identity()
    assert b"#PasswordDigest" in received
    assert b"#PasswordText" not in received
    assert b"Authorization" not in received
    assert not any(secret in received for secret in SECRETS)


@pytest.mark.parametrize(
    ("offers", "text"),
    [
        ([BASIC], "Basic"),
        ([f"{BASIC}, {DIGEST}", 'Digest realm="cam", nonce="n", algorithm=SHA-256'], "Digest (SHA-256, MD5), Basic"),
        (["NTLM", 'Digest realm="cam", nonce="n", algorithm="<b>x"'], "2 unsupported"),
        ([], ""),
    ],
)
def test_what_is_offered_is_described_in_our_own_words(offers: list[str], text: str) -> None:
    assert auth.describe(auth.parse_challenges(offers)) == text


def test_a_renamed_camera_keeps_what_it_offered() -> None:
    """Also if its new file comes later than the old one goes, and with another spelling of its address."""
    fleet = Fleet(ManualClock(0.0), Policy(), (camera("old", host="cam.example"), camera("other")))
    result = VisitResult("old", 1.0, ())
    fleet.apply(result, Memory(login=Login(offered_digest=True)), 0.0)
    fleet.reconcile(Inventory((camera("other"),), ()))
    before = camera("old", host="cam.example")
    renamed = replace(before, id="new", target=replace(before.target, id="new", host=before.target.host.upper()))
    elsewhere = replace(before, id="far", target=replace(before.target, id="far", port=8554))
    fleet.reconcile(Inventory((camera("other"), renamed, elsewhere), ()))
    offered = {name: fleet.entry(name).memory.login.offered_digest for name in ("new", "far")}
    assert offered == {"new": True, "far": False}
    fleet.drop("new")
    fleet.reconcile(Inventory((renamed,), ()))
    assert fleet.entry("new").memory.login.offered_digest
    assert any(known.memory.login.offered_digest for known in fleet.collect().cameras if known.camera == "new")
