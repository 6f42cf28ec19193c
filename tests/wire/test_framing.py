"""Bytes that belong to nothing cost themselves: every frame and message around them is read."""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xueliang_monitor.wire.errors import Malformation, MalformedMessageError
from xueliang_monitor.wire.foreign_bytes import MAX_IN_A_ROW
from xueliang_monitor.wire.messages import (
    Event,
    InterleavedFrame,
    MessageParser,
    Response,
    serialize_interleaved,
    serialize_request,
    serialize_response,
)

CHANCE = random.Random(6)
DESCRIBED = serialize_response(200, "OK", (("CSeq", "1"), ("Content-Type", "application/sdp")), b"v=0\r\nm=video\r\n")
PLAYED = serialize_response(200, "OK", (("CSeq", "2"), ("Session", "7")))
ASKED = serialize_request("OPTIONS", "rtsp://h/p", (("CSeq", "2"),))


def packet(number: int, size: int = 300) -> bytes:
    """Return an RTP packet."""
    head = b"\x80\x60" + number.to_bytes(2, "big") + bytes(8)
    return head + CHANCE.randbytes(size)


def frame(number: int) -> bytes:
    """Return a frame: of every ten one with RTCP, one of a track that was not set up."""
    if number % 10 == 9:
        return serialize_interleaved(1, b"\x80\xc8\x00\x06" + bytes(24))
    return serialize_interleaved(2 if number % 10 == 3 else 0, packet(number, (1400, 300, 4)[number % 3]))


FRAMES = [frame(number) for number in range(60)]
AFTERWARDS = [frame(number) for number in range(100, 300)]
PARTS = [DESCRIBED, PLAYED, *FRAMES[:30], ASKED, *FRAMES[30:]]


def parsed(parts: list[bytes], cuts: list[int] | None = None) -> tuple[list[Event], MessageParser]:
    """Return the events of parts that are fed in the pieces between cuts; channels 0 and 1 are set up."""
    parser, whole = MessageParser(), b"".join(parts)
    events = parser.feed(whole[:0])
    edges = [0, *sorted({cut % len(whole) for cut in cuts or ()}), len(whole)]
    for start, end in pairwise(edges):
        events += parser.feed(whole[start:end])
        if len(events) >= 2:
            parser.expect((0, 1), (96,))
    return events, parser


GOOD, _ = parsed(PARTS)


CUT = 2 + 24


def kept(events: list[Event]) -> list[Event]:
    """Return the good events among those that were read, without frames of a track that was not set up."""
    return [
        event for event in events if event in GOOD and not (isinstance(event, InterleavedFrame) and event.channel > 1)
    ]


def test_the_conversation_is_read_without_a_skipped_byte() -> None:
    assert len(GOOD) == len(PARTS)
    assert parsed(PARTS)[1].foreign.skipped == 0


foreign = st.one_of(
    st.binary(min_size=1, max_size=150),
    st.sampled_from(
        [
            b"\r\n\r\n",
            bytes(40),
            b"$",
            b"$\x00",
            b"$\x00\xff\xff",
            b"$\x00\xff\xff\x80\x60",
            b"$\x09\x01\x00abc",
            b"RTSP",
            b"RTSP/1.0 ",
            b"RTSP/1.0 200 OK",
            b"RTSP/1.0 200 OK\r\n",
            b"OPTIONS",
            b"ABC def\r\n",
            b"GET_PARAMETER rtsp://h/",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"m=audio 0 RTP/AVP 8\r\n",
        ]
    ),
)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, len(PARTS) - 1), foreign), min_size=1, max_size=3),
    st.lists(st.integers(0, 1 << 20), max_size=30),
)
def test_foreign_bytes_at_any_boundary_and_any_cut_cost_no_good_frame(
    inserted: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    parts = list(PARTS)
    assume(not any(index == 0 and raw.startswith(b"HTTP") for index, raw in inserted))
    for index, raw in sorted(inserted, key=lambda each: each[0], reverse=True):
        parts.insert(index, raw)
    events, parser = parsed([*parts, *AFTERWARDS], cuts)
    # What pretends to be the head of a frame or message may take the next ones with it, until it is found out.
    forged = sum(b"$" in raw or b"RTSP" in raw or raw[-1:].isalnum() for _, raw in inserted)
    assert len(kept(events)) >= len(kept(GOOD)) - 3 * forged
    beside = 1420 * len(inserted)  # a frame of a track that was not set up is not told from foreign bytes
    assert parser.foreign.skipped <= sum(len(raw) for _, raw in inserted) + beside + 3 * forged * 1500


@pytest.mark.parametrize("size", [1, 7, 100, 5000, 40_000])
def test_random_bytes_between_frames_are_counted_and_every_frame_is_read(size: int) -> None:
    raw = CHANCE.randbytes(size).replace(b"$", b"#").replace(b"\r", b"#").replace(b"\n", b"#")
    raw = b"\x01" + raw[1:]
    events, parser = parsed([*PARTS[:20], raw, *PARTS[20:]])
    assert kept(events) == kept(GOOD)
    assert parser.foreign.skipped == size


@pytest.mark.parametrize("left", [0, 1, 3, 4, 12, 200])
@pytest.mark.parametrize("step", [1, 100, 4096, 1 << 20])
def test_a_frame_that_is_cut_short_costs_itself(left: int, step: int) -> None:
    parts = list(PARTS)
    parts[CUT] = parts[CUT][:left]
    whole = b"".join(parts)
    events, _ = parsed(parts, list(range(0, len(whole), step)))
    assert [event for event in GOOD if event not in events] == [GOOD[CUT]]


@pytest.mark.parametrize("length", [0, 100, 4000, 65_535])
@pytest.mark.parametrize("step", [100, 4096, 1 << 20])
def test_a_length_that_is_wrong_costs_that_frame(length: int, step: int) -> None:
    parts = [*PARTS, *AFTERWARDS]
    parts[CUT] = parts[CUT][:2] + length.to_bytes(2, "big") + parts[CUT][4:]
    events, _ = parsed(parts, list(range(0, sum(map(len, parts)), step)))
    assert [event for event in GOOD if event not in events] == [GOOD[CUT]]


def test_a_frame_of_the_session_without_a_packet_is_still_a_frame() -> None:
    odd = serialize_interleaved(0, b"not RTP at all")
    events, parser = parsed([*PARTS[:20], odd, *PARTS[20:]])
    assert InterleavedFrame(0, b"not RTP at all") in events
    assert kept(events) == kept(GOOD)
    assert parser.foreign.skipped == 0


def test_a_message_behind_a_forged_frame_is_read_when_nothing_more_comes() -> None:
    parser = MessageParser()
    parser.feed(DESCRIBED)
    assert parser.feed(b"$\x63\x20\x00xx") == []
    assert parser.quiet_seconds
    events = parser.feed(PLAYED) or parser.pause()
    assert [event.status for event in events if isinstance(event, Response)] == [200]


@pytest.mark.parametrize("size", [MAX_IN_A_ROW + 5000, 2 * MAX_IN_A_ROW])
def test_framing_that_is_not_found_again_is_told(size: int) -> None:
    parser = MessageParser()
    parser.feed(b"".join(PARTS) * 40)
    with pytest.raises(MalformedMessageError, match="belong to no RTSP message") as raised:  # noqa: PT012
        for _ in range(0, size, 4096):
            parser.feed(bytes(4096))
    assert raised.value.kind is Malformation.FRAMING_LOST


LENGTH = (1 << 15).to_bytes(2, "big")
COSTLY = {
    "zeros": bytes(4096),
    "dollars": b"$" * 4096,
    "heads-of-frames": b"$\x00\xff\xff\x80" * 800,
    "heads-within-frames": b"$\x00\x00\x09\x80" * 800,
    "heads-of-messages": b"RTSP/1.0 200 OK\r\nA" * 230,
    "heads-of-requests": b"PLAY rtsp://" * 340,
    "letters": b"A" * 4096,
    "unknown-channels": (b"$\x63" + LENGTH + b"\x80\x60") * 680,
    "nested": b"".join(b"$\x00" + (4096 - n).to_bytes(2, "big") + b"\x80" for n in range(0, 4096, 5)),
}


@pytest.mark.timed
@pytest.mark.parametrize("name", COSTLY)
@pytest.mark.parametrize("step", [64, 4096])
def test_foreign_bytes_of_any_shape_are_skipped_in_time(name: str, step: int) -> None:
    """Work grows with the bytes, not with their square: 1 MiB takes less than a second, no step over 50 ms."""
    raw = COSTLY[name]
    parser = MessageParser()
    parser.feed(DESCRIBED + PLAYED)
    parser.expect((0, 1), (96,))
    longest, began = 0.0, time.thread_time()
    with contextlib.suppress(MalformedMessageError):
        for start in itertools.chain.from_iterable(itertools.repeat(range(0, len(raw), step), 256)):
            before = time.thread_time()
            parser.feed(raw[start : start + step])
            longest = max(longest, time.thread_time() - before)
    took = time.thread_time() - began
    print(f"{name} {step} {took:.3f} s, {1000 * longest:.1f} ms")
    assert longest < 0.05
    assert took < 3.0
