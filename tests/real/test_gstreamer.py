"""`xueliang check` and the daemon against GStreamer's RTSP server playing real footage with digest login."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.real import gstreamer
from xueliang_monitor import daemon
from xueliang_monitor.health import Status
from xueliang_monitor.model import State

pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(gstreamer.missing()), reason=gstreamer.missing())]
LOGIN = ("viewer", "s3cret-pass")
# A dark cloth before the lens: everything but a little light from one side is gone.
COVER = "gblur=sigma=60,lutyuv=y=val*0.18+18:u=128:v=128,noise=alls=3:allf=t"


def source(footage: Path) -> list[str]:
    return ["-t", "6", "-i", str(footage / "street.mp4")]


def run_check(url: str, *options: str, password: str = LOGIN[1]) -> tuple[int, dict[str, object], float]:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "xueliang_monitor", "check", url, "--username", LOGIN[0], "--json", *options],
        env={**os.environ, "XUELIANG_PASSWORD": password},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert password not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout), time.monotonic() - started


@pytest.mark.parametrize("codec", ["h264", "h265", "mjpeg"])
def test_a_healthy_stream_is_healthy(footage: Path, tmp_path: Path, codec: str) -> None:
    folder = gstreamer.encode(source(footage), codec, tmp_path / codec, keyframe_interval=48)
    with gstreamer.server(codec, 24, folder, LOGIN) as url:
        code, answer, seconds = run_check(url)
    assert (code, answer["faults"], answer["online"]) == (0, [], True)
    readings = answer["readings"]
    assert isinstance(readings, dict)
    assert readings["resolution"] in {"640x352", "640x360"}
    assert [rung["rung"] for rung in answer["rungs"]] == ["reach", "rtsp", "stream", "picture"]  # type: ignore[index, attr-defined]
    assert seconds < 15


def test_wrong_password_wrong_path_and_stopped_server(footage: Path, tmp_path: Path) -> None:
    folder = gstreamer.encode(source(footage), "h264", tmp_path / "h264")
    with gstreamer.server("h264", 24, folder, LOGIN) as url:
        code, answer, _ = run_check(url, password="not-this-one")
        assert (code, answer["faults"], answer["online"]) == (1, ["auth_failed"], False)
        code, answer, _ = run_check(url.replace("/video", "/nothing"))
        assert (code, answer["faults"]) == (1, ["stream_not_found"])
    code, answer, _ = run_check(url)
    assert (code, answer["faults"]) == (1, ["connection_refused"])


@pytest.mark.parametrize("codec", ["h264", "h265", "mjpeg"])
def test_a_covered_replay_is_covered(footage: Path, tmp_path: Path, codec: str) -> None:
    folder = gstreamer.encode(source(footage), codec, tmp_path / codec, extra=COVER)
    with gstreamer.server(codec, 24, folder, LOGIN) as url:
        code, answer, _ = run_check(url)
    assert (code, answer["faults"]) == (1, ["picture_covered"])


async def _until(monitor: daemon.Monitor, wanted: State, fault: str | None, seconds: float) -> Status:
    async with asyncio.timeout(seconds):
        while True:
            status = monitor.fleet.status_of("gate")
            codes = [known.code for known in status.faults]
            if status.state is wanted and (fault is None or codes == [fault]):
                return status
            await asyncio.sleep(0.1)


async def test_the_daemon_sees_a_stream_get_covered_stop_and_come_back(footage: Path, tmp_path: Path) -> None:
    live = gstreamer.encode(source(footage), "h264", tmp_path / "live")
    covered = gstreamer.encode(source(footage), "h264", tmp_path / "covered", extra=COVER)
    port = gstreamer.free_port()
    (tmp_path / "cameras.d").mkdir()
    (tmp_path / "cameras.d" / "gate.yaml").write_text(
        f"site: depot\naddress: 127.0.0.1\nrtsp_port: {port}\nrtsp_path: /video\ncredentials: main\n"
    )
    secret = tmp_path / "pass"
    secret.touch(mode=0o600)
    secret.write_text(LOGIN[1])
    (tmp_path / "x.yaml").write_text(
        "listen: 127.0.0.1:0\n"
        "intervals: {reach: 1s, rtsp: 1s, stream: 2s, picture: 2s}\n"
        "rechecks: {reach: 300ms, picture: 500ms}\n"
        "credentials: {main: {username: viewer, password_file: pass}}\n"
    )
    monitor = daemon.Monitor(tmp_path / "x.yaml")
    async with monitor.running():
        with gstreamer.server("h264", 24, live, LOGIN, port):
            await _until(monitor, State.UP, None, 20)
            await asyncio.sleep(4)
            assert (await _until(monitor, State.UP, None, 1)).faults == ()
        await _until(monitor, State.DOWN, "connection_refused", 10)
        with gstreamer.server("h264", 24, covered, LOGIN, port):
            await _until(monitor, State.DEGRADED, "picture_covered", 20)
        with gstreamer.server("h264", 24, live, LOGIN, port):
            await _until(monitor, State.UP, None, 20)
