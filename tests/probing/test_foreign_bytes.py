"""Bytes of no packet in a stream: the picture is read, and a large share of them is a warning."""

from __future__ import annotations

import itertools
import random
import re
import time

import pytest

from tests import hostile
from tests.net.scripted_camera import CLOSE, ScriptedCamera, regular, reply, scripted
from tests.waiting import PATIENT
from xueliang_monitor.model import Rung, Target, Transport, VisitResult
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.stream_faults import NO_MEDIA
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.wire.messages import Request


def _stream(every: int, size: int) -> bytes:
    """Return the packets of a clip, with foreign bytes after every so many."""
    chance = random.Random(5)
    out = bytearray()
    for number, frame in enumerate(itertools.islice(hostile.real(), 400)):
        out += frame
        if every and number % every == every - 1:
            out += chance.randbytes(size)
    return bytes(out)


async def _look(
    stream: bytes, ending: bytes = b"", *, before: bytes = b"", seconds: float = PATIENT.seconds["stream"]
) -> VisitResult:
    def answer(_camera: ScriptedCamera, request: Request) -> bytes:
        if request.method == "DESCRIBE":
            return before + reply(request, body=hostile.SDP)
        return regular(request) + (stream + ending if request.method == "PLAY" else b"")

    async with scripted(answer) as camera:
        target = Target("cam", "127.0.0.1", camera.port, "/x", transport=Transport.TCP, listen_seconds=0.0)
        limits = PATIENT.but(stream=seconds)
        visited, _ = await visit(target, Rung.STREAM, Memory(), timeouts=limits, workers=Workers(1), now=time.time())
    return visited


@pytest.mark.parametrize(
    ("every", "size", "codes"), [(0, 0, []), (12, 140, []), (10, 200, []), (3, 900, ["foreign_bytes"])]
)
async def test_a_stream_with_foreign_bytes_is_read(every: int, size: int, codes: list[str]) -> None:
    visited = await _look(_stream(every, size))
    assert [finding.code for finding in visited.seen] == codes
    assert visited.readings.codec == "h264"
    assert bool(visited.readings.skipped_bytes) == bool(every)
    if codes:
        assert "bytes were skipped" in visited.seen[0].detail
    else:
        assert "foreign_bytes" in visited.ruled_out


async def test_foreign_bytes_and_nothing_else_name_themselves() -> None:
    visited = await _look(random.Random(5).randbytes(51_000), seconds=1.5)
    (finding,) = visited.seen
    assert (finding.code, finding.reason) == ("no_media", "only_foreign_bytes")
    count = re.search(r"(\d+) bytes that belong to no packet", finding.detail)
    assert count is not None
    assert 45_000 < int(count[1]) <= 51_000
    assert NO_MEDIA.explained(finding.reason).key == finding.reason


async def test_foreign_bytes_before_play_do_not_explain_a_silence() -> None:
    visited = await _look(b"", before=b"\x00" * 900 + b"\r\n", seconds=1.5)
    (finding,) = visited.seen
    assert (finding.code, finding.reason) == ("no_media", "")


async def test_a_keyframe_is_kept_although_nothing_can_be_read_after_it() -> None:
    visited = await _look(_stream(0, 0)[:200_000] + bytes(600_000))
    assert visited.readings.codec == "h264"
    assert "rtsp_malformed" not in [finding.code for finding in visited.seen]
    visited = await _look(_stream(0, 0)[:200_000], CLOSE)
    assert visited.readings.codec == "h264"
