"""Answers over HTTP as cameras send them, whole, byte by byte, and cut."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire.http_answer import SETTLED_SECONDS, AnswerReader
from xueliang_monitor.wire.http_head import Framing

XML = b'<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="x"><s:Body><a>1</a></s:Body></s:Envelope>'
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(XML)
REGULAR = OK + LENGTH + b"\r\n" + XML
ECHO = b"POST /onvif/device_service\0HTTP/1.1\0\0Host\0 192.0.2.1\0\0Content-Length\0 99"
LIMIT = 4096


def chunk(content: bytes, size: bytes = b"%x\r\n") -> bytes:
    return size % len(content) + content + b"\r\n"


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

WHOLE: dict[str, bytes] = {
    "regular": REGULAR,
    "an echo of the request first": ECHO + REGULAR,
    "an echo with line ends first": b"POST /x HTTP/1.1\r\nHost: h\r\n\r\n" + REGULAR,
    "zeros first": bytes(200) + REGULAR,
    "the rest of an answer before": b"v>\r\n</s:Envelope><!-- end of message -->" + REGULAR,
    "bytes after it": REGULAR + b"<!-- end of message -->",
    "the answer twice": REGULAR * 2,
    "a length twice": OK + LENGTH * 2 + b"\r\n" + XML,
    "a length twice in one line": OK + b"Content-Length: %d, %d\r\n\r\n" % (len(XML), len(XML)) + XML,
    "two lengths": OK + LENGTH + b"Content-Length: 9999\r\n\r\n" + XML,
    "a negative length": OK + b"Content-Length: -1\r\n\r\n" + XML,
    "a length that is no number": OK + b"Content-Length: %ld\r\n\r\n" + XML,
    "an empty length": OK + b"Content-Length:\r\n\r\n" + XML,
    "a length with a plus": OK + b"Content-Length: +%d\r\n\r\n" % len(XML) + XML,
    "a length with a unit": OK + b"Content-Length: %d bytes\r\n\r\n" % len(XML) + XML,
    "a length of 0": OK + b"Content-Length: 0\r\n\r\n" + XML,
    "a length that cuts the envelope": OK + b"Content-Length: %d\r\n\r\n" % (len(XML) - 9) + XML,
    "no length": OK + b"\r\n" + XML,
    "a line without a name": OK + b": odd\r\n" + LENGTH + b"\r\n" + XML,
    "a line without a colon": OK + b"no colon here\r\n" + LENGTH + b"\r\n" + XML,
    "a space before the colon": OK + b"X-Frame-Options : SAMEORIGIN\r\nContent-Length : %d\r\n\r\n" % len(XML) + XML,
    "a tab before the colon": OK + b"Content-Length\t:\t%d\r\n\r\n" % len(XML) + XML,
    "a space before the name": OK + b" Content-Length: %d\r\n\r\n" % len(XML) + XML,
    "a folded line": OK + b"Server: a\r\n b: c\r\n\td\r\n" + LENGTH + b"\r\n" + XML,
    "bare line feeds": (OK + LENGTH + b"\r\n").replace(b"\r\n", b"\n") + XML,
    "bare carriage returns": (OK + LENGTH + b"\r\n").replace(b"\r\n", b"\r") + XML,
    "two carriage returns": (OK + LENGTH + b"\r\n").replace(b"\r\n", b"\r\r\n") + XML,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + XML,
    "no reason, with a space": b"HTTP/1.1 200 \r\n" + LENGTH + b"\r\n" + XML,
    "HTTP 1.0": b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + XML,
    "lower case": b"http/1.1 200 ok\r\n" + LENGTH.lower() + b"\r\n" + XML,
    "no minor version": b"HTTP/1 200 OK\r\n" + LENGTH + b"\r\n" + XML,
    "no version": b"HTTP 200 OK\r\n" + LENGTH + b"\r\n" + XML,
    "two spaces": b"HTTP/1.1  200  OK\r\n" + LENGTH + b"\r\n" + XML,
    "ICY": b"ICY 200 OK\r\n" + LENGTH + b"\r\n" + XML,
    "bytes of no charset": OK + b"Server: \xff\xfe\x00\x01\r\n" + LENGTH + b"\r\n" + XML,
    "a long line": OK + b"X: " + b"a" * 20_000 + b"\r\n" + LENGTH + b"\r\n" + XML,
    "many lines": OK + b"X-a: b\r\n" * 300 + LENGTH + b"\r\n" + XML,
    "no empty line": OK + b"Content-Type: text/xml\r\n" + XML,
    "continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + REGULAR,
    "chunks": CHUNKED + chunk(XML[:9]) + chunk(XML[9:]) + b"0\r\n\r\n",
    "chunks in upper case": OK + b"TRANSFER-ENCODING: Chunked\r\n\r\n" + chunk(XML, b"%X\r\n") + b"0\r\n\r\n",
    "chunks with extensions": CHUNKED + chunk(XML, b"%x;a=b\r\n") + b"0;c\r\n\r\n",
    "chunks with zeros and spaces": CHUNKED + chunk(XML, b" 000%x \r\n") + b"000\r\n\r\n",
    "chunks without line ends": CHUNKED + b"9\r\n" + XML[:9] + b"%x\r\n" % len(XML[9:]) + XML[9:] + b"0\r\n\r\n",
    "chunks with bare line feeds": CHUNKED + (b"%x\n" % len(XML)) + XML + b"\n0\n\n",
    "chunks with a trailer": CHUNKED + chunk(XML) + b"0\r\nX: y\r\n\r\n",
    "chunks and a length": OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(XML) + b"0\r\n\r\n",
    "no chunks though named": CHUNKED + XML,
    "no chunks though named, with a length": OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + XML,
}
"""Answers that are complete without the end of the connection."""

AFTER_CLOSE: dict[str, bytes] = {
    "a length that is too long": OK + b"Content-Length: 999\r\n\r\n" + XML,
    "no last chunk": CHUNKED + chunk(XML),
    "a chunk that is too long": CHUNKED + b"fff\r\n" + XML,
    "half a last chunk": CHUNKED + chunk(XML) + b"0\r\n",
    "no head at all": XML,
}
"""The same with it, or with silence."""


def read(parts: list[bytes], *, closes: bool = False) -> AnswerReader:
    reader = AnswerReader(LIMIT)
    for part in parts:
        reader.feed(part)
    if closes:
        reader.close()
    return reader


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_is_read_whole_and_in_any_parts(name: str) -> None:
    sent = WHOLE[name]
    for size in (len(sent), 1, 7, 100):
        reader = read([sent[start : start + size] for start in range(0, len(sent), size)])
        assert (reader.failure, reader.head and reader.head.status) == ("", 200)
        assert reader.body is not None
        assert reader.body.strip() == XML if "cuts" not in name else reader.body.startswith(XML)


@pytest.mark.parametrize("name", AFTER_CLOSE)
def test_what_came_is_used_when_the_connection_ends_or_falls_silent(name: str) -> None:
    sent = AFTER_CLOSE[name]
    for size in (len(sent), 1):
        reader = read([sent[start : start + size] for start in range(0, len(sent), size)])
        assert not reader.is_over
        assert reader.patience_seconds is not None
        reader.silence()
        assert (reader.body, reader.excess, reader.failure) == (XML, True, "")


def test_a_regular_answer_leaves_the_connection_open_and_others_do_not() -> None:
    for name in ("regular", "chunks", "continue first", "an echo of the request first"):
        assert not read([WHOLE[name]]).excess, name
    for name in ("bytes after it", "the answer twice", "no length", "HTTP 1.0", "a length that cuts the envelope"):
        assert read([WHOLE[name]]).excess, name
    assert read([OK + b"Connection: Close\r\n" + LENGTH + b"\r\n" + XML]).excess
    assert not read([b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + LENGTH + b"\r\n" + XML]).excess


@pytest.mark.parametrize(
    ("sent", "failure", "is_cut"),
    [
        (b"RTSP/1.0 400 Bad Request\r\n\r\n", "does not speak HTTP, but RTSP", False),
        (b"SSH-2.0-dropbear\r\n", "does not speak HTTP, but SSH", False),
        (b"\x15\x03\x03\x00\x02\x02\x16", "does not speak HTTP, but TLS", False),
        (b"220 ftp ready\r\n", "does not speak HTTP", False),
        (ECHO, "does not speak HTTP", False),
        (b"POST /x HTTP/1.1\r\n\r\n" + XML, "does not speak HTTP", False),
        (bytes(200) + b"x" * 200_000, "does not speak HTTP", False),
        (REGULAR[:-20], "ended the response before it was complete", True),
        (OK + LENGTH + b"\r\n", "ended the response before it was complete", True),
        (CHUNKED + b"20\r\n" + XML[:30], "ended the response before it was complete", True),
        (OK + b"X: y\r\n" * 2000, "sent over 64 KiB or 1000 lines of HTTP headers", False),
        (OK + b"X: " + b"y" * 99_999, "sent over 64 KiB or 1000 lines of HTTP headers", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 40, "sent over 20 interim HTTP answers", False),
    ],
)
def test_what_cannot_be_read_is_named(sent: bytes, failure: str, is_cut: bool) -> None:
    reader = read([sent], closes=True)
    assert (reader.failure, reader.is_cut, reader.body) == (failure, is_cut, None)


def test_a_connection_that_ends_before_an_answer_is_no_answer() -> None:
    for sent in (b"", b"\r\n\0\0"):
        reader = read([sent], closes=True)
        assert (reader.head, reader.failure) == (None, "")


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        CHUNKED + b"0\r\n\r\n",
    ],
)
def test_an_answer_without_a_body_is_complete(sent: bytes) -> None:
    reader = read([sent])
    assert (reader.body, reader.excess) == (b"", False)


@pytest.mark.parametrize(
    "sent",
    [b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest a\r\n\r\n", b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest a\r\n"],
)
def test_a_refusal_without_a_length_or_an_end_is_used(sent: bytes) -> None:
    reader = read([sent], closes=True)
    assert reader.head is not None
    assert (reader.head.status, reader.head.get("www-authenticate"), reader.body) == (401, "Digest a", b"")


def test_a_body_over_the_limit_is_cut_and_shows_that_it_was_longer() -> None:
    for head in (OK + b"\r\n", OK + b"Content-Length: 99999\r\n\r\n", CHUNKED + b"fffff\r\n"):
        reader = read([head] + [b"x" * 1000] * 9)
        assert reader.body is not None
        assert (len(reader.body), reader.excess) == (LIMIT + 1, True)


def test_a_compressed_body_is_read_within_the_limit() -> None:
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for encoding, content, expected in (
        (b"gzip", gzip.compress(XML), XML),
        (b"deflate", zlib.compress(XML), XML),
        (b"deflate", raw.compress(XML) + raw.flush(), XML),
        (b"gzip", XML, XML),
        (b"gzip", gzip.compress(bytes(3_000_000)), bytes(LIMIT + 1)),
    ):
        reader = read([OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (encoding, len(content)), content])
        assert reader.body == expected


def test_a_success_that_announces_no_body_is_given_a_moment_to_send_one() -> None:
    reader = read([OK + b"Content-Length: 0\r\n\r\n"])
    assert (reader.is_over, reader.patience_seconds) == (False, SETTLED_SECONDS)
    reader.silence()
    assert reader.body == b""


def test_only_headers_that_are_used_are_kept() -> None:
    reader = read([OK + b"Set-Cookie: a\r\nDate : now\r\nUpgrade: h2c\r\nWWW-Authenticate: Digest\r\n a=b\r\n\r\n"])
    assert reader.head is not None
    assert reader.head.headers == (("date", "now"), ("www-authenticate", "Digest a=b"))
    assert reader.head.framing is Framing.UNKNOWN


PIECES = [
    OK, LENGTH, b"\r\n", b"\n", XML, XML[:30], b"Transfer-Encoding: chunked\r\n", b"5\r\n", b"0\r\n\r\n", b"\0", b":",
    b"Content-Length: 5\r\n", b"HTTP/1.1 100 \r\n\r\n", b"</Envelope>", b" ", b"Content-Encoding: gzip\r\n", b"<",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=40)), max_size=12), st.booleans())
def test_any_bytes_end_in_an_answer_a_failure_or_nothing(parts: list[bytes], silent: bool) -> None:
    whole, apart = read([b"".join(parts)]), read(parts)
    for reader in (whole, apart):
        (reader.silence if silent else reader.close)()
        if reader.body is not None:
            assert reader.is_over
            assert reader.head is not None
        assert reader.is_over or b"100" in b"".join(parts) or not b"".join(parts).strip(b" \t\r\n\0")
