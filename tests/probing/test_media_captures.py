"""Whole visits to cameras of captures with media: one for each kind of departure from the standards.

Each file in tests/captures/media says in its line `shows:` what a visit must find. `tools/make_captures.py` made them;
their pictures are drawn, not recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import LOGIN, ROOT
from tests.waiting import PATIENT
from xueliang_monitor.model import Rung, Target, Transport
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.wire import oddities
from xueliang_monitor.wire.messages import InterleavedFrame, MessageParser, Request
from xueliang_monitor.wire.transcript import HOST, Transcript, parse, write

CAPTURES = sorted((ROOT / "tests" / "captures" / "media").glob("*.rtsp"))
TIMEOUTS = PATIENT.but(rtsp=10.0, stream=20.0)
CAPTURE_SECONDS = 2.2
"""How long media goes on; afterwards, a stream that is not understood yet would count as interrupted."""

_CSEQ = re.compile(rb"(?im)^(cseq\s*:\s*)(\d+)")


def _shows(capture: Transcript) -> dict[str, str]:
    return dict(part.split("=", 1) for part in capture.shows.split())


@dataclass(slots=True)
class Replay:
    """Answers each request with the next response to its method; plays the media once enough tracks are set up."""

    capture: Transcript
    setups_needed: int
    said: list[int] = field(default_factory=list)
    setups: set[str] = field(default_factory=set)
    udp_port: int | None = None

    def answer(self, request: Request, here: str) -> bytes | None:
        """Return the response; None if the connection is to be closed."""
        exchanges = self.capture.exchanges
        fitting = [n for n, each in enumerate(exchanges) if each.request.startswith(f"{request.method} ".encode())]
        if request.method == "SETUP":
            fitting = [n for n in fitting if exchanges[n].request.split()[1].endswith(request.url[-6:].encode())]
        number = request.headers.get("cseq").encode()
        if not fitting:
            return b"RTSP/1.0 200 OK\r\nCSeq: " + number + b"\r\n\r\n"
        chosen = next((n for n in fitting if n not in self.said), fitting[-1])
        self.said.append(chosen)
        response, asked = exchanges[chosen].response, _CSEQ.search(exchanges[chosen].request)
        if not response:
            return None
        if request.method == "SETUP" and b" 200 " in response[:14]:
            self.setups.add(request.url)
            if told := re.search(r"client_port=(\d+)", request.headers.get("transport")):
                self.udp_port = int(told[1])
        answered = _CSEQ.search(response)
        if answered and asked:
            late = int(answered[2]) - int(asked[2])
            response = _CSEQ.sub(rb"\g<1>%d" % (int(number) + late), response, count=1)
        return _resized(response.replace(f"rtsp://{HOST}".encode(), here.encode()))

    async def play(self, writer: asyncio.StreamWriter) -> None:
        """Send the media at their times, in the connection or over UDP from a port that nobody named."""
        if len(self.setups) < self.setups_needed:
            return
        loop, began = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            for chunk in self.capture.media:
                await asyncio.sleep(began + chunk.after_seconds - loop.time())
                if self.udp_port is None:
                    writer.write(chunk.data)
                    await writer.drain()
                    continue
                for frame in MessageParser().feed(chunk.data):
                    if isinstance(frame, InterleavedFrame):
                        other.sendto(frame.payload, ("127.0.0.1", self.udp_port + frame.channel))


def _resized(response: bytes) -> bytes:
    head, gap, body = response.partition(b"\r\n\r\n")
    return re.sub(rb"(?i)(content-length: )\d+", rb"\g<1>%d" % len(body), head) + gap + body


@contextlib.asynccontextmanager
async def replaying(capture: Transcript) -> AsyncIterator[int]:
    """Serve a capture; yield the port."""
    playing: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replay, parser = Replay(capture, int(_shows(capture).get("setups", "1"))), MessageParser()
        here = "rtsp://{}:{}".format(*writer.get_extra_info("sockname"))
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for request in parser.feed(data):
                    if not isinstance(request, Request):
                        continue
                    said = replay.answer(request, here)
                    if said is None:
                        writer.close()
                        return
                    writer.write(said)
                    await writer.drain()
                    if request.method == "PLAY" and b" 200 " in said[:14]:
                        playing.append(asyncio.create_task(replay.play(writer)))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for task in playing:
        task.cancel()
    await asyncio.gather(*playing, return_exceptions=True)


@pytest.mark.parametrize("file", CAPTURES, ids=lambda path: path.stem)
async def test_a_visit_finds_what_the_capture_shows(file: Path) -> None:
    capture = parse(file.read_text(encoding="utf-8"))
    shows = _shows(capture)
    transport = Transport.UDP if shows.get("transport") == "udp" else Transport.AUTO
    limits = TIMEOUTS.but(stream=CAPTURE_SECONDS) if shows.get("faults") else TIMEOUTS
    async with replaying(capture) as port:
        target = Target("x", "127.0.0.1", port, "/live", credentials=LOGIN, listen_seconds=1.5, transport=transport)
        visited, _ = await visit(target, Rung.PICTURE, Memory(), timeouts=limits, workers=Workers(1), now=time.time())
    wanted = shows.get("faults", "")
    assert ",".join(finding.code for finding in visited.seen) == wanted, visited.seen
    details = " ".join(finding.detail for finding in visited.seen)
    assert re.search(shows.get("detail", ""), details), details
    if wanted:
        return
    readings = visited.readings
    counted = dict(oddities.read(readings.oddities or ""))
    for name in filter(None, shows.get("oddities", "").split(",")):
        assert counted.get(oddities.Oddity(name), 0) > 0, readings.oddities
    assert visited.rungs[-1].rung is Rung.PICTURE
    assert readings.codec == capture.expects.split()[0]
    assert readings.resolution == shows["size"]
    assert readings.frame_rate_hertz == pytest.approx(float(shows["rate"]), abs=0.8)


@pytest.mark.parametrize("file", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_with_media_survives_being_written(file: Path) -> None:
    capture = parse(file.read_text(encoding="utf-8"))
    assert len(capture.about) > 10
    assert parse(write(capture)) == capture
    assert capture.media or capture.shows.startswith("faults=")


def test_there_is_one_for_each_kind() -> None:
    assert len(CAPTURES) >= 14
