"""Floods of media: one batch of packets, between two of which other tasks run, is assembled in time."""

from __future__ import annotations

import contextlib
import time

import pytest

from tests import hostile
from xueliang_monitor.model import Transport
from xueliang_monitor.net.playback import PacketBatch
from xueliang_monitor.net.udp import MAX_WAITING
from xueliang_monitor.probing.reception import Reception
from xueliang_monitor.wire import sdp, tracks
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.messages import InterleavedFrame, MessageParser
from xueliang_monitor.wire.oddities import Oddities

pytestmark = pytest.mark.timed
MAX_SECONDS = 0.05
ATTEMPTS = 3
FLOOD_BYTES = 1024 * 1024


def _packets(name: str) -> list[bytes]:
    flood = b"".join(hostile.first(hostile.FLOODS[name][1](), FLOOD_BYTES))
    frames = MessageParser().feed(flood)
    return [frame.payload for frame in frames if isinstance(frame, InterleavedFrame)][:MAX_WAITING]


def _longest_batch(name: str, packets: list[bytes]) -> float:
    """Return the longest batch in seconds of processor time, of all packets that may wait to be read."""
    chosen = tracks.choose(sdp.parse(hostile.FLOODS[name][0]).videos)
    assert chosen is not None
    media = chosen[0]
    reception = Reception(lambda: tracks.depacketizer(media), media.payload_type, media.clock_rate, oddities=Oddities())
    reception.begin(Transport.UDP)  # whose queue is the deepest
    longest = 0.0
    with contextlib.suppress(MalformedMediaError):
        for batch in PacketBatch(packets, packets).split():
            began = time.thread_time()
            try:
                for number, data in enumerate(batch.rtp):
                    reception.push(data, number / 1000)
                for data in batch.rtcp:
                    reception.push_control(data, 0.0)
            finally:
                longest = max(longest, time.thread_time() - began)
    return longest


@pytest.mark.parametrize("name", [name for name in hostile.FLOODS if name != "silence"])
def test_a_batch_of_a_flood_is_assembled_in_time(name: str) -> None:
    packets = _packets(name)
    longest: list[float] = []
    while len(longest) < ATTEMPTS and min(longest, default=MAX_SECONDS) >= MAX_SECONDS:
        longest.append(_longest_batch(name, packets))
    print(f"{name} {1000 * min(longest):.1f} ms")
    assert min(longest) < MAX_SECONDS
