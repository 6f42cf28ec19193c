"""Conversations in the manner of real cameras: each is read, and each is what our client makes of it.

To add a model: xueliang capture URL --to tests/captures/NAME.rtsp, and say in its first line what it stands for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import LOGIN, ROOT
from tests.waiting import PATIENT
from xueliang_monitor.model import Credentials, Rung, Target
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.wire import sdp, tracks
from xueliang_monitor.wire.device_text import NO_SECRETS, Gate
from xueliang_monitor.wire.messages import MessageParser, Request, Response
from xueliang_monitor.wire.transcript import Exchange, Transcript, parse, redact, write

CAPTURES = sorted((ROOT / "tests" / "captures").glob("*.rtsp"))
PORT = 18_755


@pytest.mark.parametrize("file", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_states_its_purpose_and_is_readable(file: Path) -> None:
    capture = parse(file.read_text(encoding="utf-8"))
    assert len(capture.about) > 20
    assert parse(write(capture)) == capture
    codec, control, aggregate = capture.expects.split()
    parser = MessageParser()
    answers = [event for exchange in capture.exchanges for event in parser.feed(exchange.response)]
    assert len(answers) == len(capture.exchanges)
    described = next(answer for answer in answers if isinstance(answer, Response) and answer.body)
    found = tracks.choose(sdp.parse(described.body).videos)
    assert found is not None
    assert tracks.CODECS[found[0].encoding] == codec
    assert control.startswith(("rtsp://camera.invalid/", "rtsp://camera.invalid:"))
    assert aggregate


@contextlib.asynccontextmanager
async def replaying(capture: Transcript) -> AsyncIterator[list[Request]]:
    """Answer like the camera of a capture, and record the requests. Any login is accepted, as the capture has none."""
    asked: list[Request] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser, answers = MessageParser(), list(capture.exchanges)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for request in parser.feed(data):
                    assert isinstance(request, Request)
                    asked.append(request)
                    number = request.headers.get("cseq").encode()
                    if not answers:
                        writer.write(b"RTSP/1.0 200 OK\r\nCSeq: " + number + b"\r\n\r\n")
                        continue
                    writer.write(
                        re.sub(rb"(?im)^(cseq\s*:\s*)\d+", rb"\g<1>" + number, answers.pop(0).response, count=1)
                    )
                    await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", PORT)
    async with server:
        yield asked


@pytest.mark.parametrize("file", CAPTURES, ids=lambda path: path.stem)
async def test_our_client_asks_that_camera_for_the_right_track(file: Path) -> None:
    capture = parse(file.read_text(encoding="utf-8"))
    _, control, aggregate = capture.expects.split()
    first = capture.exchanges[0].request.split()[1].decode()
    path = re.sub(r"^rtsp://[^/]+", "", first)
    base = first.removesuffix(path)
    here = Exchange(b"", b"")

    def local(said: bytes) -> bytes:
        return said.replace(base.encode(), f"rtsp://127.0.0.1:{PORT}".encode())

    exchanges = tuple(Exchange(exchange.request, _resized(local(exchange.response))) for exchange in capture.exchanges)
    assert here not in exchanges
    target = Target("x", "127.0.0.1", PORT, path, credentials=LOGIN, listen_seconds=0.0)
    async with replaying(Transcript("", "", exchanges)) as asked:
        limits = PATIENT.but(stream=0.2)
        visited, _ = await visit(target, Rung.STREAM, Memory(), timeouts=limits, workers=Workers(1), now=time.time())
    assert [finding.code for finding in visited.seen] == ["no_media"]
    sent = [exchange.request for exchange in capture.exchanges if not exchange.request.startswith(b"TEARDOWN ")]
    assert [request.method for request in asked] == [*(said.split()[0].decode() for said in sent), "TEARDOWN"]
    logins = [bool(request.headers.get("authorization")) for request in asked[:-1]]
    assert logins == [b"\r\nauthorization:" in said.lower() for said in sent]
    wanted = {"SETUP": local(control.encode()).decode(), "PLAY": local(aggregate.encode()).decode()}
    assert {(request.method, request.url) for request in asked if request.method in wanted} == set(wanted.items())


def _resized(said: bytes) -> bytes:
    """Correct the length after an address in the body was replaced."""
    return redact(said, "camera.invalid.", NO_SECRETS)


def test_identifying_details_are_removed() -> None:
    said = (
        b"RTSP/1.0 401 Unauthorized\r\nContent-Length: 3\r\n"
        b'WWW-Authenticate: Digest realm="Login to 3K0123", nonce="abc", opaque="x"\r\n'
        b'Authorization: Digest username="admin", response="0123"\r\nServer: cam 00:11:22:aa:bb:cc\r\n\r\n'
        b"o=- 1 1 IN IP4 10.1.2.3 rtsp://admin:hunter2@10.1.2.3/x?password=hunter2&a=1 0.0.0.0"
    )
    cleaned = redact(said, "10.1.2.3", Gate.of(Credentials("admin", "hunter2")))
    for secret in (b"hunter2", b"admin", b"3K0123", b"abc", b"10.1.2.3", b"11:22", b"0123"):
        assert secret not in cleaned
    assert b"0.0.0.0" in cleaned
    head, _, body = cleaned.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_ipv6_addresses_are_removed_and_times_stay() -> None:
    for address in ("fe80::211:22ff:feaa:bbcc", "2001:470:1:2:3:4:5:6", "::ffff:10.1.2.3"):
        cleaned = redact(f"o=- 1 1 IN IP6 {address}\r\na=x:[{address}]:554/live\r\n".encode(), "h", NO_SECRETS)
        assert cleaned == b"o=- 1 1 IN IP6 2001:db8::1\r\na=x:[2001:db8::1]:554/live\r\n"
    for kept in (b"Date: Wed, 25 Nov 2026 14:06:35 GMT\r\n", b"c=IN IP6 ::\r\n"):
        assert redact(kept, "h", NO_SECRETS) == kept


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=60), st.binary(min_size=1, max_size=60)), max_size=3))
def test_any_bytes_survive_being_written(said: list[tuple[bytes, bytes]]) -> None:
    capture = Transcript("about", "", tuple(Exchange(request, response) for request, response in said))
    assert parse(write(capture)) == capture


async def test_a_live_camera_is_recorded_without_its_login(
    simulated: Callable[[int], Awaitable[SimulatedFleet]], tmp_path: Path
) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    file = tmp_path / "new.rtsp"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "xueliang_monitor", "capture", camera.target.url, "--to", str(file)),
        env={**os.environ, "XUELIANG_USERNAME": LOGIN.username, "XUELIANG_PASSWORD": LOGIN.password},
        stderr=subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said
    text = file.read_text(encoding="utf-8")
    capture = parse(text)
    methods = [exchange.request.split()[0] for exchange in capture.exchanges]
    assert methods == [b"DESCRIBE", b"DESCRIBE", b"SETUP", b"PLAY", b"TEARDOWN"]
    assert [exchange.response[:9] for exchange in capture.exchanges] == [b"RTSP/1.0 "] * 5
    assert len(text) < 5000, "the capture holds media"
    assert capture.expects == "h264 rtsp://camera.invalid:8554/live/main/track1 rtsp://camera.invalid:8554/live/main/"
    for secret in (LOGIN.username, LOGIN.password, camera.target.host):
        assert secret not in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert (camera.open_sessions, camera.teardowns) == (0, 1)
