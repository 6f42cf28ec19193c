"""HTTP as cameras speak it, over real sockets: read as curl reads it, and nothing is sent twice for it."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import re
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import LOGIN
from tests.net.raw_device import IDENTITY, Request, raw_device, response
from tests.net.test_onvif import talk_to
from tests.waiting import until
from xueliang_monitor.net.errors import ClosedError, NetError, ProtocolError
from xueliang_monitor.wire import auth

TAIL = b"<!-- end of message -->"


def echo(request: Request) -> bytes:
    """Return the head of a request as a parser leaves it that writes zeros over the separators."""
    return request.head[:200].replace(b"\r\n", b"\0\0").replace(b": ", b"\0 ").replace(b" ", b"\0", 1)


def in_chunks(body: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%X;x\r\n%b\r\n%b" % (len(body), body, end)


ANSWERS: dict[str, tuple[Callable[[Request], bytes], bool]] = {
    "regular": (lambda _: response(), False),
    "an echo first": (lambda request: echo(request) + response(), False),
    "the whole request first": (lambda request: request.head + request.body + response(), False),
    "a length that is too long": (lambda _: response(length=len(IDENTITY) + 48), True),
    "a length that is too long, kept open": (lambda _: response(length=len(IDENTITY) + 48), False),
    "a length that is too short": (lambda _: response(length=len(IDENTITY) - 20), False),
    "bytes after it": (lambda _: response() + TAIL, False),
    "the answer twice": (lambda _: response() * 2, False),
    "two lengths": (lambda _: response(headers="Content-Length: 7\r\n"), False),
    "a space before a colon": (lambda _: response(headers="X-Frame-Options : SAMEORIGIN\r\n"), False),
    "no name": (lambda _: response(headers=": x\r\nodd\r\n\x01\r\n"), False),
    "no length, closed": (lambda _: b"HTTP/1.0 200 OK\r\n\r\n" + IDENTITY, True),
    "no length, kept open": (lambda _: b"HTTP/1.1 200 OK\r\n\r\n" + IDENTITY, False),
    "no head": (lambda _: IDENTITY, True),
    "chunks without an end, closed": (lambda _: in_chunks(IDENTITY, b""), True),
    "chunks without an end, kept open": (lambda _: in_chunks(IDENTITY, b""), False),
    "chunks and a length": (lambda _: in_chunks(IDENTITY).replace(b"\r\n", b"\r\nContent-Length: 5\r\n", 1), False),
    "bare line feeds": (lambda _: response().replace(b"\r\n", b"\n"), False),
    "ICY": (lambda _: response().replace(b"HTTP/1.1", b"ICY"), False),
    "lower case": (lambda _: response().replace(b"HTTP/1.1 200 OK", b"http/1.1 200"), False),
    "continue first": (lambda _: b"HTTP/1.1 100 Continue\r\n\r\n" + response(), False),
    "compressed": (lambda _: response(gzip.compress(IDENTITY), headers="Content-Encoding: gzip\r\n"), False),
    "many headers": (lambda _: response(headers="Date: now\r\n" * 300 + "Allow: POST\r\n"), False),
    "cookies": (lambda _: response(headers="Set-Cookie: " + "a=b; " * 3000 + "\r\nUpgrade: h2c\r\n"), False),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_irregular_answer_is_read_and_nothing_is_sent_twice(name: str) -> None:
    answer, closes = ANSWERS[name]
    async with raw_device(answer, closes=closes) as device, talk_to(device.port) as talk:
        for _ in range(2):
            assert (await talk.identity()).serial == "42"
        assert len(device.requests) == 2
        assert device.most_open == 1


async def test_regular_answers_share_a_connection_and_bytes_after_one_end_it() -> None:
    for answer, connections in ((response(), 1), (response() + TAIL, 3)):
        async with raw_device(lambda _, sent=answer: sent) as device, talk_to(device.port) as talk:  # type: ignore[misc]
            for _ in range(3):
                await talk.identity()
            assert device.connections == connections


@pytest.mark.parametrize(
    ("sent", "kind", "text"),
    [
        (b"SSH-2.0-dropbear_2019.78\r\n", ProtocolError, "does not speak HTTP"),
        (b"RTSP/1.0 400 Bad Request\r\n\r\n", ProtocolError, "does not speak HTTP"),
        (response()[:-30], ClosedError, "ended the response before it was complete"),
        (b"", ClosedError, "closed the connection before the response"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, ProtocolError, "lines of HTTP headers"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_named(sent: bytes, kind: type[NetError], text: str) -> None:
    async with raw_device(lambda _: sent or None, closes=True) as device, talk_to(device.port) as talk:
        with pytest.raises(kind, match=text):
            await talk.identity()


async def test_after_a_cancelled_call_the_late_answer_is_not_taken_for_the_next() -> None:
    held = asyncio.Event()

    async def answer(request: Request) -> bytes:
        if b"GetHostname" in request.body:
            await held.wait()
            return response(IDENTITY.replace(b">42<", b">late<"))
        return response()

    async with raw_device(answer) as device, talk_to(device.port) as talk:
        assert (await talk.identity()).serial == "42"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await talk.hostname()
        await until(lambda: device.open_now <= 1)
        held.set()
        assert (await talk.identity()).serial == "42"
        assert device.connections == 2


async def test_after_a_cancelled_call_half_an_answer_is_forgotten() -> None:
    async def answer(request: Request) -> bytes:
        return response()[:-20] if b"GetHostname" in request.body else response()

    async with raw_device(answer) as device, talk_to(device.port) as talk:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await talk.hostname()
        assert (await talk.identity()).serial == "42"


_NONCE = re.compile(rb"Nonce[^>]*>([^<]+)<")


def given(request: Request) -> dict[str, str]:
    parsed = auth.parse_challenges([request.header("Authorization")])
    return dict(parsed[0].parameters) if parsed else {}


async def test_a_lost_request_is_written_anew_with_another_nonce() -> None:
    """The camera closes each connection at its second request, unannounced."""
    refusal = 'WWW-Authenticate: Digest realm="r", nonce="{}", qop="auth"\r\n'
    for login in ("digest", "token"):
        numbers = itertools.count()

        def answer(request: Request, login: str = login, numbers: Iterator[int] = numbers) -> bytes | None:
            if request.turn > 1:
                return None
            if login == "digest":
                return response() if given(request) else response(b"", "401 No", refusal.format(next(numbers)))
            return response() if b"UsernameToken" in request.body else response(b"", "401 No")

        async with raw_device(answer) as device, talk_to(device.port) as talk:
            for _ in range(3):
                assert (await talk.identity()).serial == "42"
        nonces = [f"{told['nonce']} {told['nc']}" for item in device.requests if (told := given(item))]
        nonces += [str(found[1]) for item in device.requests if (found := _NONCE.search(item.body))]
        assert len(nonces) == len(set(nonces)), login
        assert len(nonces) == 4, "one was lost"
        assert sum(item.turn > 1 for item in device.requests) == 1, "from then on each request has its own connection"


async def test_a_request_on_a_new_connection_is_not_sent_again() -> None:
    async with raw_device(lambda _: None) as device:
        async with talk_to(device.port, LOGIN) as talk:
            with pytest.raises(ClosedError):
                await talk.identity()
        assert len(device.requests) <= 2  # the second is in the other version of SOAP
        assert not any(b"UsernameToken" in item.body for item in device.requests)
