"""Hostile and broken peers: each visit ends with its fault, in time, with little memory, without blocking the loop."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import hostile
from xueliang_monitor.model import Credentials, Rung, Target, Timeouts
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.service import spare_the_collector

pytestmark = pytest.mark.timed
PORT = 19_300
LIMITS = Timeouts(reach=10.0, rtsp=6.0, stream=6.0)
MAX_BYTES = 16 * 1024 * 1024
MAX_HOLD_SECONDS = 0.05
ATTEMPTS = 3
EXPECTED = {
    "endless-headers": "rtsp_malformed",
    "endless-first-line": "rtsp_malformed",
    "endless-body": "rtsp_malformed",
    "frames-before-the-answer": "rtsp_malformed",
    "garbage": "rtsp_malformed",
    "description-of-100000-tracks": "rtsp_malformed",
    "description-of-one-line": "rtsp_malformed",
    "challenge-of-16-kb": "auth_failed",
    "redirection-in-a-circle": "rtsp_malformed",
    "continue-for-ever": "rtsp_malformed",
    "empty-frames": "decode_failed",
    "other-channel": "no_media",
    "other-payload-type": "no_media",
    "empty-payloads": "no_keyframe",
    "lying-headers": "decode_failed",
    "fragments-that-never-end": "decode_failed",
    "fragments-over-fragments": "decode_failed",
    "endless-unit": "decode_failed",
    "endless-aggregate": "decode_failed",
    "endless-supplement": "no_keyframe",
    "huge-picture": "decode_failed",
    "overlapping-jpeg": "decode_failed",
    "random-h264": "decode_failed",
    "random-h265": "decode_failed",
    "silence": "no_media",
    "byte-a-second": "rtsp_timeout",
    "answers-twice": None,
    "no-answer-to-teardown": None,
}


@pytest.fixture(scope="module", autouse=True)
def _servers() -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile", str(PORT)], stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    spare_the_collector()  # as the service does; a full collection of all the tests' modules takes 50 ms
    yield
    gc.unfreeze()
    process.kill()
    process.wait()
    process.stdout.close()


def _memory(what: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


async def _longest_hold() -> float:
    """Return the longest blocking of the event loop, once cancelled: the smaller of wall time and our own CPU time.

    What other processes take of a busy machine is not counted.
    """
    worst, loop = 0.0, asyncio.get_running_loop()
    try:
        while True:
            due, spent = loop.time() + 0.002, time.thread_time()
            await asyncio.sleep(0.002)
            worst = max(worst, min(loop.time() - due, time.thread_time() - spent))
    except asyncio.CancelledError:
        return worst


def test_every_hostile_peer_has_an_expected_fault() -> None:
    assert set(EXPECTED) == set(hostile.NAMES)


async def _visit(name: str) -> float:
    """Visit a hostile peer, check everything except the hold, and return the longest hold of the loop in seconds."""
    port = PORT + hostile.NAMES.index(name)
    target = Target(name, hostile.HOST, port, path="/x", credentials=Credentials("u", "p"), listen_seconds=0.0)
    Path("/proc/self/clear_refs").write_text("5")  # what memory peaks at is counted from here
    before, hold = _memory("VmRSS"), asyncio.create_task(_longest_hold())
    began = time.monotonic()
    visited, _ = await visit(target, Rung.STREAM, Memory(), timeouts=LIMITS, workers=Workers(1), now=time.time())
    seconds = time.monotonic() - began
    hold.cancel()
    assert [finding.code for finding in visited.seen] == ([EXPECTED[name]] if EXPECTED[name] else []), visited
    assert seconds < 2 * (LIMITS.seconds["rtsp"] + LIMITS.seconds["stream"])
    assert _memory("VmHWM") - before < MAX_BYTES
    if visited.seen:
        assert 10 < len(visited.seen[0].detail) < 400
    return await hold


@pytest.mark.parametrize("name", hostile.NAMES)
async def test_a_visit_to_a_hostile_peer_ends_with_its_fault(name: str) -> None:
    """A peer that can block the loop does so in every visit; time that the host takes away hits one of them."""
    holds = []
    while len(holds) < ATTEMPTS and min(holds, default=MAX_HOLD_SECONDS) >= MAX_HOLD_SECONDS:
        holds.append(await _visit(name))
    assert min(holds) < MAX_HOLD_SECONDS
