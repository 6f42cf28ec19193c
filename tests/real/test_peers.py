"""Servers and players that are not ours: GStreamer by TCP, UDP and TLS, VLC by UDP, FFmpeg at the simulator."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from tests.conftest import LOGIN as SIMULATED_LOGIN
from tests.real import gstreamer, vlc
from tests.waiting import PATIENT
from xueliang_monitor.model import AuthPolicy, Credentials, Rung, Target, Transport, VisitResult
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.wire.media import Codec

pytestmark = pytest.mark.real
without_gstreamer = pytest.mark.skipif(bool(gstreamer.missing()), reason=gstreamer.missing())
without_vlc = pytest.mark.skipif(bool(vlc.missing()), reason=vlc.missing())
LOGIN = ("viewer", "s3cret-pass")
PATTERN = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=24:duration=12,noise=alls=8:allf=t"]


def look(url: str, *, rung: Rung = Rung.PICTURE, **changes: Any) -> VisitResult:
    parts = urlsplit(url)
    login = Credentials(*LOGIN, AuthPolicy.BASIC)
    target = Target(
        "x", parts.hostname or "", parts.port or 0, parts.path, login, secure=parts.scheme == "rtsps", **changes
    )
    visited, _ = asyncio.run(visit(target, rung, Memory(), timeouts=PATIENT, workers=Workers(1), now=time.time()))
    return visited


def codes(visited: VisitResult) -> list[str]:
    return [finding.code for finding in visited.seen]


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Path]:
    """Return folders of access units, by codec and keyframe interval in pictures, encoded once."""
    made: dict[tuple[str, int], Path] = {}

    def get(codec: str, interval: int) -> Path:
        if (codec, interval) not in made:
            folder = tmp_path_factory.mktemp(f"{codec}-{interval}")
            made[(codec, interval)] = gstreamer.encode(PATTERN, codec, folder, keyframe_interval=interval)
        return made[(codec, interval)]

    return get


@without_gstreamer
@pytest.mark.parametrize("codec", ["h264", "h265", "mjpeg"])
@pytest.mark.parametrize("login", ["digest", "basic"])
def test_gstreamer_by_udp_alone(encoded: Callable[[str, int], Path], codec: str, login: str) -> None:
    folder = Path("live") if codec == "mjpeg" else encoded(codec, 48)
    with gstreamer.server(codec, 24, folder, LOGIN, GST_TRANSPORT="udp", GST_LOGIN=login) as url:
        visited = look(url)
    assert (codes(visited), visited.readings.transport) == ([], "udp")
    assert visited.readings.resolution in {"640x360", "640x352"}


@without_gstreamer
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_gstreamer_over_tls(encoded: Callable[[str, int], Path], tmp_path: Path, codec: str) -> None:
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with gstreamer.server(codec, 24, encoded(codec, 48), LOGIN, GST_TLS=str(tmp_path / "server.pem")) as url:
        trusted = look(url, tls=str(tmp_path / "ca.pem"))
        strict = look(url, rung=Rung.RTSP)
    assert (codes(trusted), trusted.readings.transport) == ([], "tcp")
    assert codes(strict) == ["tls_failed"]


@without_gstreamer
@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_a_keyframe_every_ten_seconds_is_waited_for(encoded: Callable[[str, int], Path], transport: Transport) -> None:
    with gstreamer.server("h264", 24, encoded("h264", 240), LOGIN) as url:
        visited = look(url, transport=transport)
    assert (codes(visited), visited.readings.transport) == ([], transport)
    assert visited.readings.frame_rate_hertz == pytest.approx(24, abs=1.0)


@without_vlc
@pytest.mark.timed  # beside other tests VLC was seen to need a minute until it sent anything
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_vlc_which_serves_udp_only_and_sends_no_sequence_with_its_401(codec: str) -> None:
    with vlc.server(PATTERN, codec, gstreamer.free_port(), LOGIN) as url:
        visited = look(url)
        refused = look(url.replace("/stream", "/other"), rung=Rung.RTSP)
    assert codes(visited) == [], visited
    assert (visited.readings.transport, visited.readings.codec) == ("udp", codec)
    assert codes(refused) == ["stream_not_found"]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", list(Codec))
async def test_ffmpeg_plays_the_simulator(
    simulated: Callable[[int], Awaitable[SimulatedFleet]], transport: str, codec: Codec
) -> None:
    camera = next(item for item in (await simulated(9)).cameras.values() if item.codec is codec)
    camera.login_kind, camera.keyframe_at_play = "digest", True  # FFmpeg's client knows MD5 only
    user, password = SIMULATED_LOGIN.username, SIMULATED_LOGIN.password.replace(" ", "%20")
    url = camera.target.url.replace("rtsp://", f"rtsp://{user}:{password}@")
    probe = await asyncio.create_subprocess_exec(
        *("ffprobe", "-v", "error", "-rtsp_transport", transport, "-of", "json", "-show_streams"),
        *("-count_packets", "-read_intervals", "%+1", url),
        stdout=subprocess.PIPE,
    )
    told, _ = await probe.communicate()
    (stream,) = json.loads(told)["streams"]
    assert stream["codec_name"] == {"h265": "hevc"}.get(codec.value, codec.value)
    assert (stream["width"], stream["height"]) == (640, 360)
    player = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-v", "error", "-xerror", "-rtsp_transport", transport, "-i", url, "-frames:v", "15"),
        *("-f", "null", "-"),
        stderr=subprocess.PIPE,
    )
    _, said = await player.communicate()
    assert player.returncode == 0, said
    assert b"error" not in said.lower()
