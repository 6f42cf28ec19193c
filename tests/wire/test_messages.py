from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire.errors import Malformation, MalformedMessageError
from xueliang_monitor.wire.foreign_bytes import MAX_AT_FIRST
from xueliang_monitor.wire.header_lines import MAX_BODY_BYTES, Headers
from xueliang_monitor.wire.messages import (
    MAX_HEAD_BYTES,
    InterleavedFrame,
    MessageParser,
    Request,
    Response,
    serialize_interleaved,
    serialize_request,
    serialize_response,
)

STREAM = (
    serialize_response(200, "OK", (("CSeq", "1"), ("Session", "a-_.+$b;timeout=60")), b"v=0\r\n")
    + serialize_interleaved(0, b"abc")
    + serialize_request("OPTIONS", "rtsp://h/p", (("CSeq", "2"),))
    + serialize_interleaved(1, b"")
)
EVENTS = [
    Response(
        200, "OK", Headers((("cseq", "1"), ("session", "a-_.+$b;timeout=60"), ("content-length", "5"))), b"v=0\r\n"
    ),
    InterleavedFrame(0, b"abc"),
    Request("OPTIONS", "rtsp://h/p", Headers((("cseq", "2"),))),
    InterleavedFrame(1, b""),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_any_split_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    parser = MessageParser()
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [event for start, end in pairwise(edges) for event in parser.feed(STREAM[start:end])]
    assert found == EVENTS


@pytest.mark.parametrize(
    ("raw", "reason", "kind"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a web server answers", Malformation.WEB_SERVER),
        (b"SIP/2.0 400 Bad Request\r\n\r\n", "not RTSP: SIP/2.0 400", Malformation.NOT_RTSP),
        (b"\x00\x01\x02", "not RTSP", Malformation.NOT_RTSP),
        (b"$abc", "not RTSP", Malformation.NOT_RTSP),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 4000000000\r\n\r\n", "over the limit", Malformation.OVER_LIMIT),
        (b"RTSP/1.0 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "header lines", Malformation.OVER_LIMIT),
        (b"RTSP/1.0 200 OK\r\n" + b"x" * (MAX_HEAD_BYTES + 1), "headers of over", Malformation.OVER_LIMIT),
    ],
)
def test_bytes_that_are_not_rtsp_are_rejected_with_the_reason(raw: bytes, reason: str, kind: Malformation) -> None:
    parser = MessageParser()
    with pytest.raises(MalformedMessageError, match=reason) as raised:  # noqa: PT012
        parser.feed(raw)
        assert parser.quiet_seconds
        parser.pause()
    assert raised.value.kind is kind


def test_bytes_without_an_end_that_are_not_rtsp_are_rejected_at_the_limit() -> None:
    with pytest.raises(MalformedMessageError, match="not RTSP"):
        MessageParser().feed(bytes(2 * MAX_AT_FIRST))


def test_endless_headers_are_rejected_at_the_limit() -> None:
    parser = MessageParser()
    with pytest.raises(MalformedMessageError):  # noqa: PT012
        for _ in range(MAX_HEAD_BYTES):
            parser.feed(b"RTSP/1.0 200 OK\r\n" if not _ else b"a: b\r\n")


DATE = b"Mon, Mar 02 2026 11:22:33 GMT"


@pytest.mark.parametrize(
    ("raw", "unread"),
    [
        (b"RTSP/1.0 200 OK\nCSeq: 1\n\n", 0),
        (b"RTSP/1.0 200 OK\nCSeq: 1\r\n\n", 0),
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\n\r\n", 0),
        (b"\r\n\r\nRTSP/1.0 200 OK\r\ncseq : 1\r\n\r\n", 0),
        (b"RTSP/1.0 200\r\nCSEQ:1\r\n\r\n", 0),
        (b"RTSP/1.0  200  OK\r\nCSeq:\t1\r\n\r\n", 0),
        (b"RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n", 0),
        (b"RTSP/1 200 OK\r\nCSeq: 1\r\n\r\n", 0),
        (b"Rtsp/1.0 200 ok\r\nCSeq: 1\r\n\r\n", 0),
        (b"rtsp/1.0 200 ok\r\nCSeq: 1\r\n\r\n", 0),
        (b"RTSP/1.0 200 \xd5\xfd\xb3\xa3\r\nCSeq: 1\r\n\r\n", 0),
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\x00\r\n\r\n", 0),
        (b"RTSP/1.0 200 OK\r\nno colon\r\nCSeq: 1\r\n\r\n", 1),
        (b"RTSP/1.0 200 OK\r\n \r\nCSeq: 1\r\n\t\r\n\r\n", 2),
        (b"RTSP/1.0 200 OK\r\n" + DATE + b"\r\nCSeq: 1\r\n\r\n", 1),
        (b"RTSP/1.0 200 OK\r\n: empty\r\nCSeq: 1\r\n\r\n", 1),
        (b"RTSP/1.0 200 OK\r\n\x00\xff\r\nCSeq: 1\r\n\r\n", 1),
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nA: b\r\n folded\r\n\r\n", 0),
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: +0\r\n\r\n", 0),
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n", 1),
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: none\r\n\r\n", 1),
    ],
)
def test_unusual_responses_are_parsed(raw: bytes, unread: int) -> None:
    parser = MessageParser()
    (event,) = parser.feed(raw)
    assert isinstance(event, Response)
    assert (event.status, event.headers.get("cseq")) == (200, "1")
    assert (parser.unread_lines, parser.foreign.skipped) == (unread, 0)


SDP = b"v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=control:track1\r\n"
NEXT = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n"


def _described(*lines: bytes, body: bytes = SDP) -> bytes:
    return b"\r\n".join([b"RTSP/1.0 200 OK", b"CSeq: 1", *lines, b"", b""]) + body


@pytest.mark.parametrize("after", [b"", NEXT, b"\r\n" + NEXT, serialize_interleaved(0, b"\x80" + bytes(11)) * 2])
@pytest.mark.parametrize(
    "raw",
    [
        _described(b"Content-Length: %d" % len(SDP)),
        _described(b"Content-Length: %d" % len(SDP), b"Content-Length: 1"),
        _described(b"Content-Length: +%d" % len(SDP)),
        _described(b"Content-Length: %d" % (len(SDP) + 4)),
        _described(b"Content-Length: %d" % (len(SDP) + 4000)),
        _described(b"Content-Length: %d" % (len(SDP) - 2)),
        _described(b"Content-Length: %d" % (len(SDP) - 20)),
        _described(b"Content-Length: -5"),
        _described(b"Content-Length: -5", b"Content-Type: application/sdp"),
        _described(b"Content-Type: Application/SDP"),
        _described(),
    ],
)
def test_a_description_ends_where_it_ends_whatever_its_length_is(raw: bytes, after: bytes) -> None:
    parser = MessageParser()
    events = parser.feed(raw + after)
    if not after and parser.quiet_seconds:
        events += parser.pause()
    assert isinstance(events[0], Response)
    assert events[0].body.rstrip() == SDP.rstrip()
    assert len(events) == (1 if not after else 2 if b"RTSP" in after else 3)
    assert parser.foreign.skipped == 0


def test_a_head_without_its_blank_line_ends_where_a_frame_or_message_starts_or_nothing_comes() -> None:
    head, frame = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n", serialize_interleaved(0, b"\x80" + bytes(11))
    for after, count in ((frame * 2, 3), (NEXT, 2), (b"", 1)):
        parser = MessageParser()
        events = parser.feed(head + after)
        events += [] if after else parser.pause()
        assert len(events) == count
        assert isinstance(events[0], Response)


@given(st.binary(max_size=3000))
def test_random_bytes_never_raise_anything_else(raw: bytes) -> None:
    parser = MessageParser()
    try:
        parser.feed(raw)
        parser.feed(raw)
    except MalformedMessageError:
        pass


def test_a_line_break_cannot_be_injected_into_a_request() -> None:
    with pytest.raises(ValueError, match="white space"):
        serialize_request("DESCRIBE", "rtsp://h/a\r\nX: y", ())
    with pytest.raises(ValueError, match="control character"):
        serialize_request("DESCRIBE", "rtsp://h/a", (("Session", "1\r\nX: y"),))


def test_the_largest_body_is_accepted() -> None:
    (event,) = MessageParser().feed(serialize_response(200, "OK", (), b"x" * MAX_BODY_BYTES))
    assert isinstance(event, Response)
    assert len(event.body) == MAX_BODY_BYTES


@pytest.mark.parametrize("head", [b"$", b"$\x00", b"$\x00\x00", b"$\x00\x00\x10"])
def test_a_frame_whose_head_has_not_arrived_is_waited_for(head: bytes) -> None:
    parser = MessageParser()
    parser.feed(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n" + serialize_interleaved(0, b"\x80" * 16))
    assert parser.feed(head) == []
    assert parser.pause() == []
    assert parser.feed((b"$\x00\x00\x10" + b"\x80" * 16)[len(head) :]) == [InterleavedFrame(0, b"\x80" * 16)]
