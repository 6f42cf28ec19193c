"""Playing as cameras want it, over real sockets: all tracks, other transports and ports, ends of all kinds."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.net.scripted_camera import CLOSE, RESET, ScriptedCamera, reply, scripted
from tests.probing.test_sources import Source, played
from tests.waiting import PATIENT
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.model import Credentials, Finding, Rung, Target, Transport, VisitResult
from xueliang_monitor.net.errors import ClosedError
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.storage.persisted_memory import StoredMemory
from xueliang_monitor.wire import rtcp
from xueliang_monitor.wire.messages import Request, serialize_interleaved

SDP = b"v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:v\r\n"
WITH_SOUND = SDP + b"m=audio 0 RTP/AVP 8\r\na=control:a\r\nm=application 0 RTP/AVP 107\r\na=control:m\r\n"
HOST = "127.0.0.1"
WORKERS = Workers(1)
STORED = TypeAdapter(StoredMemory)


def packets(start: int = 0, stop: int = 30, **changes: Any) -> list[bytes]:
    return [data for _, data in played(Source(7, **changes), start, stop)]


def interleaved(data: list[bytes], channel: int = 0) -> bytes:
    return b"".join(serialize_interleaved(channel, packet) for packet in data)


class Device:
    """A camera that plays what it is given once the wanted tracks are set up; a test changes what it must."""

    sdp = SDP
    wants = 1
    media = b""
    transport = "RTP/AVP/TCP;unicast;interleaved={first}-{second}"
    refuses: dict[str, str]

    def __init__(self, **changes: Any) -> None:
        self.refuses = {}
        self.tracks: list[str] = []
        self.sessions: list[str] = []
        self.played_in: list[str] = []
        self.wants_to_play, self.refusal = 0, ""
        self.knows: Callable[[str], bool] = lambda _session: True
        for name, value in changes.items():
            setattr(self, name, value)

    def __call__(self, camera: ScriptedCamera, request: Request) -> bytes:
        if camera.on_connection == 1:
            self.tracks = []
        track = request.url.rpartition("/")[2]
        if status := self.refuses.get(track if request.method == "SETUP" else request.method):
            return reply(request, status=status)
        match request.method:
            case "DESCRIBE":
                return reply(request, ("Content-Type", "application/sdp"), body=self.sdp)
            case "SETUP":
                self.tracks.append(track)
                session = self.session()
                return reply(request, ("Transport", self.transport_of(request)), ("Session", session))
            case "PLAY" if len(self.tracks) < self.wants_to_play:
                return reply(request, status=self.refusal)
            case "PLAY":
                self.played_in.append(request.headers.get("session"))
                if not self.knows(self.played_in[-1]):
                    return reply(request, status="454 Session Not Found")
                return reply(request) + (self.play(request) if len(self.tracks) >= self.wants else b"")
            case _:
                return reply(request)

    def refuse_play_below(self, tracks: int, status: str) -> None:
        self.wants_to_play, self.refusal = tracks, status

    def session(self) -> str:
        return "7"

    def transport_of(self, request: Request) -> str:
        asked = re.search(r"interleaved=(\d+)-(\d+)", request.headers.get("transport"))
        return self.transport.format(first=asked[1] if asked else 0, second=asked[2] if asked else 1)

    def play(self, _request: Request) -> bytes:
        return self.media


class DatagramDevice(Device):
    """Plays over UDP from ports of its own."""

    announced = ";server_port={media}-{control}"

    def __init__(self, **changes: Any) -> None:
        super().__init__(**changes)
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
        for each in self.sockets:
            each.bind((HOST, 0))
            each.setblocking(False)
        self.clients: dict[str, int] = {}
        self.from_port = 0
        self.sending: asyncio.Task[None] | None = None

    def transport_of(self, request: Request) -> str:
        asked = request.headers.get("transport")
        client = re.search(r"client_port=(\d+)", asked)
        assert client is not None
        self.clients[request.url.rpartition("/")[2]] = int(client[1])
        media, control = (each.getsockname()[1] for each in self.sockets[:2])
        return asked + self.announced.format(media=media, control=control)

    def play(self, _request: Request) -> bytes:
        self.sending = asyncio.get_running_loop().create_task(self.send())
        return b""

    async def send(self) -> None:
        for number, packet in enumerate(packets(0, 30)):
            self.sockets[self.from_port].sendto(packet, (HOST, self.clients["v"]))
            if number % 8 == 7:
                await asyncio.sleep(0.002)

    def close(self) -> None:
        for each in self.sockets:
            each.close()


@pytest.fixture
def devices() -> Iterator[Callable[..., DatagramDevice]]:
    made: list[DatagramDevice] = []

    def make(kind: type[DatagramDevice] = DatagramDevice, **changes: Any) -> DatagramDevice:
        made.append(kind(**changes))
        return made[-1]

    yield make
    for device in made:
        device.close()


async def climb(
    camera: ScriptedCamera,
    memory: Memory | None = None,
    *,
    transport: Transport = Transport.AUTO,
    credentials: Credentials | None = None,
    seconds: float = PATIENT.seconds["stream"],
) -> tuple[VisitResult, Memory]:
    target = Target("x", HOST, camera.port, "/x", credentials, transport=transport, listen_seconds=0.0)
    limits = PATIENT.but(stream=seconds)
    return await visit(target, Rung.STREAM, memory or Memory(), timeouts=limits, workers=WORKERS, now=time.time())


def one(visited: VisitResult, code: str, reason: str) -> Finding:
    (finding,) = visited.seen
    assert (finding.code, finding.reason) == (code, reason)
    if reason:
        assert FAULTS[code].explained(reason).key == reason
    return finding


def codes(visited: VisitResult) -> list[str]:
    return [finding.code for finding in visited.seen]


async def test_all_tracks_are_set_up_where_video_alone_stays_silent_and_this_is_remembered() -> None:
    device = Device(sdp=WITH_SOUND, wants=3, media=interleaved(packets()) + interleaved(packets(kind=8), 2))
    async with scripted(device) as camera:
        visited, memory = await climb(camera)
        assert codes(visited) == []
        assert "all_tracks_needed 1" in visited.readings.oddities
        assert (camera.connections, memory.normal.all_tracks) == (2, True)
        channels = [request.headers.get("transport")[-3:] for request in camera.requests if request.method == "SETUP"]
        assert channels == ["0-1", "0-1", "2-3", "4-5"]
        stored = STORED.validate_json(STORED.dump_json(StoredMemory.of(memory)))  # as over a restart
        again, memory = await climb(camera, stored.memory())
        assert (codes(again), camera.connections, memory.normal.all_tracks) == ([], 3, True)
        assert "other_payload_type" not in again.readings.oddities
        assert "all_tracks_needed 1" in again.readings.oddities


async def test_a_camera_that_starts_slowly_does_not_need_all_tracks(devices: Callable[..., DatagramDevice]) -> None:
    class Slow(DatagramDevice):
        def play(self, request: Request) -> bytes:
            if self.sending is not None:
                self.sending.cancel()
            return super().play(request)

        async def send(self) -> None:
            await asyncio.sleep(2.8)
            await super().send()

    async with scripted(devices(Slow, sdp=WITH_SOUND)) as camera:
        visited, memory = await climb(camera, transport=Transport.UDP)
    assert (codes(visited), camera.connections) == ([], 2)
    assert "all_tracks_needed" not in visited.readings.oddities
    assert not memory.normal.all_tracks


async def test_all_tracks_are_set_up_over_udp_too(devices: Callable[..., DatagramDevice]) -> None:
    device = devices(sdp=WITH_SOUND, wants=2)
    async with scripted(device) as camera:
        visited, memory = await climb(camera, transport=Transport.UDP)
        assert (codes(visited), memory.normal.all_tracks) == ([], True)
    assert len(set(device.clients.values())) == 3


async def test_all_tracks_are_set_up_where_play_is_refused_for_video_alone() -> None:
    device = Device(sdp=WITH_SOUND, media=interleaved(packets()))
    device.refuse_play_below(3, "460 Only aggregate operation allowed")
    async with scripted(device) as camera:
        visited, memory = await climb(camera)
    assert (codes(visited), memory.normal.all_tracks) == ([], True)
    device = Device(sdp=WITH_SOUND)
    device.refuse_play_below(9, "400 Bad Request")
    async with scripted(device) as camera:
        detail = one((await climb(camera))[0], "no_media", "not_played").detail
    assert detail.count("PLAY was answered with 400") == 2


async def test_a_track_that_refuses_setup_costs_nothing() -> None:
    device = Device(sdp=WITH_SOUND, wants=2, media=interleaved(packets()), refuses={"a": "404 Not Found"})
    async with scripted(device) as camera:
        assert codes((await climb(camera))[0]) == []


async def test_a_device_that_is_silent_with_all_tracks_is_named_so() -> None:
    async with scripted(Device(sdp=WITH_SOUND, wants=9)) as camera:
        visited, memory = await climb(camera, seconds=4.5)
    assert "neither with the video track alone nor with all tracks" in one(visited, "no_media", "").detail
    assert not memory.normal.all_tracks


@pytest.mark.parametrize("knows", [b"", b"1", b"2"])
async def test_the_session_of_the_last_setup_is_played_or_else_the_first(knows: bytes) -> None:
    device = Device(sdp=WITH_SOUND, wants=2, media=interleaved(packets()), refuses={"m": "404 Not Found"})
    given = iter("0123456")
    device.session = lambda: next(given)  # type: ignore[method-assign]
    device.knows = lambda session: session == "0" or not knows or session == knows.decode()
    async with scripted(device) as camera:
        visited, _ = await climb(camera)
    assert codes(visited) == []
    assert "session_changed 1" in visited.readings.oddities
    assert device.played_in == (["0", "2", "1"] if knows == b"1" else ["0", "2"])


async def test_a_bye_before_the_keyframe_names_itself_and_one_after_it_is_no_fault() -> None:
    end = serialize_interleaved(1, rtcp.serialize_bye(7))
    async with scripted(Device(media=interleaved(packets(1, 4)) + end)) as camera:
        one((await climb(camera))[0], "stream_interrupted", "bye")
    async with scripted(Device(media=interleaved(packets(0, 2)) + end)) as camera:
        assert codes((await climb(camera))[0]) == []
    async with scripted(Device(media=interleaved(packets(1, 4)) + end + interleaved(packets(0, 30)))) as camera:
        assert codes((await climb(camera))[0]) == []


async def test_a_connection_that_is_closed_names_itself_before_and_after_the_keyframe() -> None:
    async with scripted(Device(media=interleaved(packets(1, 4)) + CLOSE)) as camera:
        visited, _ = await climb(camera)
        one(visited, "stream_interrupted", "closed")
        assert visited.keyframe_at is None
    async with scripted(Device(media=interleaved(packets(0, 2)) + CLOSE)) as camera:
        visited, _ = await climb(camera)
        one(visited, "stream_interrupted", "closed")
        assert [rung.ok for rung in visited.rungs] == [True, True, False]
        assert visited.readings.keyframe_bytes


@pytest.mark.parametrize("step", ["SETUP", "PLAY"])
@pytest.mark.parametrize("ending", [CLOSE, RESET])
async def test_a_connection_that_is_closed_before_play_did_not_play(step: str, ending: bytes) -> None:
    device = Device()
    async with scripted(
        lambda camera, request: ending if request.method == step else device(camera, request)
    ) as camera:
        visited, _ = await climb(camera)
    finding = one(visited, "stream_interrupted", "closed_before_play")
    assert "while it played" not in FAULTS[finding.code].explained(finding.reason).cause.en
    assert "before it answered SETUP or PLAY" in finding.detail


async def test_a_connection_that_is_closed_at_the_login_of_setup_names_the_login() -> None:
    device, challenge = Device(), ("WWW-Authenticate", 'Digest realm="x", nonce="n"')

    def answer(camera: ScriptedCamera, request: Request) -> bytes:
        if request.method != "SETUP":
            return device(camera, request)
        return CLOSE if request.headers.get("authorization") else reply(request, challenge, status="401 Unauthorized")

    async with scripted(answer) as camera:
        visited, _ = await climb(camera, credentials=Credentials("admin", "secret-2718"))
    one(visited, "stream_interrupted", "closed_after_challenge")


@pytest.mark.parametrize("step", ["SETUP", "PLAY", "media"])
async def test_a_line_that_breaks_names_itself_before_play_and_after_it(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = ClosedError("the connection to the camera broke (No route to host)", reason="connection_lost")
    monkeypatch.setattr("xueliang_monitor.net.rtsp_socket.read_error", lambda _reset: lost)
    device = Device(media=interleaved(packets(1, 4)) + RESET)
    async with scripted(lambda camera, request: RESET if request.method == step else device(camera, request)) as camera:
        one((await climb(camera))[0], "stream_interrupted", "connection_lost")


async def test_a_session_that_is_forgotten_at_once_names_itself() -> None:
    device = Device(knows=lambda _session: False)
    async with scripted(device) as camera:
        one((await climb(camera))[0], "stream_interrupted", "session_lost")


@pytest.mark.parametrize(
    "named", ["RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001", "RTP/AVP;unicast;server_port=6000-6001"]
)
async def test_another_transport_than_the_requested_one_is_named(named: str) -> None:
    async with scripted(Device(transport=named)) as camera:
        detail = one((await climb(camera, transport=Transport.TCP))[0], "no_media", "other_transport").detail
    assert "239.1.2.3" in detail or "UDP" in detail


async def test_udp_in_answer_to_tcp_is_asked_for_if_the_camera_may_be_read_so(
    devices: Callable[..., DatagramDevice],
) -> None:
    class Stubborn(DatagramDevice):
        def transport_of(self, request: Request) -> str:
            if "client_port" not in request.headers.get("transport"):
                return "RTP/AVP;unicast;server_port=6000-6001"
            return super().transport_of(request)

    async with scripted(devices(Stubborn)) as camera:
        visited, _ = await climb(camera)
    assert (codes(visited), visited.readings.transport) == ([], "udp")


async def test_interleaved_packets_in_answer_to_udp_are_read() -> None:
    async with scripted(Device(media=interleaved(packets()))) as camera:
        visited, _ = await climb(camera, transport=Transport.UDP)
    assert (codes(visited), visited.readings.transport) == ([], "tcp")


@pytest.mark.parametrize("channel", [1, 5])
async def test_packets_on_another_channel_than_the_announced_one_are_read(channel: int) -> None:
    async with scripted(Device(media=interleaved(packets(), channel))) as camera:
        assert codes((await climb(camera))[0]) == []


@pytest.mark.parametrize("announced", [";server_port={media}-{control}", "", ";server_port=1"])
async def test_udp_packets_from_any_port_of_the_camera_are_read(
    announced: str, devices: Callable[..., DatagramDevice]
) -> None:
    device = devices(announced=announced, from_port=2)
    device.from_port = 2
    async with scripted(device) as camera:
        visited, _ = await climb(camera, transport=Transport.UDP)
    assert codes(visited) == []
    assert ("other_port" in visited.readings.oddities) is bool(announced)


async def test_what_came_instead_of_video_is_named() -> None:
    async with scripted(Device(media=interleaved(packets(kind=35)))) as camera:
        detail = one((await climb(camera, seconds=2.0))[0], "no_media", "other_packets").detail
    assert "payload type 35" in detail
    async with scripted(Device(media=interleaved([b"\x80\x60\x00\x01"] * 4))) as camera:
        detail = one((await climb(camera, seconds=2.0))[0], "no_media", "other_packets").detail
    assert "4 packets that are not RTP" in detail


async def test_silence_names_the_network_over_udp_and_the_camera_over_tcp(
    devices: Callable[..., DatagramDevice],
) -> None:
    async with scripted(devices(wants=9)) as camera:
        one((await climb(camera, transport=Transport.UDP, seconds=1.0))[0], "no_media", "udp_silent")
    async with scripted(Device(wants=9)) as camera:
        one((await climb(camera, seconds=1.0))[0], "no_media", "")
    silent = Device(wants=9)
    async with scripted(lambda camera, request: b"" if request.method == "PLAY" else silent(camera, request)) as camera:
        one((await climb(camera, seconds=1.0))[0], "no_media", "not_answered")


async def test_what_follows_the_keyframe_and_is_no_rtsp_leaves_the_picture() -> None:
    async with scripted(Device(media=interleaved(packets(0, 2)) + bytes(range(128, 256)) * 9000)) as camera:
        visited, _ = await climb(camera)
    assert codes(visited) == ["stream_interrupted", "foreign_bytes"]
    assert visited.seen[0].reason == "unreadable"
    assert visited.readings.keyframe_bytes
