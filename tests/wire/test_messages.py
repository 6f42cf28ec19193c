from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire.errors import MalformedMessageError
from xueliang_monitor.wire.messages import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    Headers,
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
    ("raw", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a web server answers"),
        (b"SIP/2.0 400 Bad Request\r\n\r\n", "neither an RTSP response nor a request"),
        (b"\x00\x01\x02", "not RTSP"),
        (b"RTSP/1.0 200 OK\r\nno colon\r\n\r\n", "without a colon"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 4000000000\r\n\r\n", "over the limit"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length is"),
        (b"RTSP/1.0 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "header lines"),
        (b"RTSP/1.0 200 OK\r\n" + b"x" * (MAX_HEAD_BYTES + 1), "headers of over"),
    ],
)
def test_bytes_that_are_not_rtsp_are_rejected_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedMessageError, match=reason):
        MessageParser().feed(raw)


def test_endless_headers_are_rejected_at_the_limit() -> None:
    parser = MessageParser()
    with pytest.raises(MalformedMessageError):  # noqa: PT012
        for _ in range(MAX_HEAD_BYTES):
            parser.feed(b"RTSP/1.0 200 OK\r\n" if not _ else b"a: b\r\n")


@pytest.mark.parametrize(
    "raw",
    [
        b"RTSP/1.0 200 OK\nCSeq: 1\n\n",
        b"\r\n\r\nRTSP/1.0 200 OK\r\ncseq : 1\r\n\r\n",
        b"RTSP/1.0 200\r\nCSEQ:1\r\n\r\n",
    ],
)
def test_unusual_responses_are_parsed(raw: bytes) -> None:
    (event,) = MessageParser().feed(raw)
    assert isinstance(event, Response)
    assert event.headers.get("cseq") == "1"


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
