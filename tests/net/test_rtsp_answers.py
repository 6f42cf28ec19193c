"""Which request a response answers, whatever its CSeq is: pure, and over a real connection."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.net.scripted_camera import SDP, ScriptedCamera, regular, scripted
from xueliang_monitor.model import Transport
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.rtsp_answers import Answered, Conversation
from xueliang_monitor.net.setup import Tracks, playing
from xueliang_monitor.wire.messages import MessageParser, Request, Response
from xueliang_monitor.wire.oddities import Oddity


def response(status: int, *lines: str, body: bytes = b"") -> Response:
    """Return a response as it is parsed."""
    length = [f"Content-Length: {len(body)}"] if body else []
    head = "\r\n".join([f"RTSP/1.0 {status} x", *lines, *length, "", ""])
    (event,) = MessageParser().feed(head.encode() + body)
    assert isinstance(event, Response)
    return event


CHALLENGE = 'WWW-Authenticate: Digest nonce="a"'
ANSWERS = {
    "DESCRIBE": lambda *lines: response(200, *lines, body=SDP),
    "SETUP": lambda *lines: response(200, *lines, "Transport: RTP/AVP/TCP;interleaved=0-1", "Session: 1"),
    "PLAY": lambda *lines: response(200, *lines, "Session: 1", "RTP-Info: url=x"),
    "OPTIONS": lambda *lines: response(200, *lines, "Public: PLAY"),
    "TEARDOWN": lambda *lines: response(200, *lines),
}
METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN")
NUMBERINGS: dict[str, Callable[[int], list[str]]] = {
    "right": lambda number: [f"CSeq: {number}"],
    "none": lambda _number: [],
    "zero": lambda _number: ["Cseq: 0"],
    "one": lambda _number: ["CSeq: 1"],
    "behind": lambda number: [f"CSeq: {number - 1}"],
    "six behind": lambda number: [f"CSeq: {number - 6}"],
    "ahead": lambda number: [f"CSeq: {number + 1}"],
    "far ahead": lambda number: [f"CSeq: {number + 4711}"],
    "behind from the third on": lambda number: [f"CSeq: {number - (number > 2)}"],
    "doubled": lambda number: ["CSeq: 0", f"CSeq: {number}"],
    "with a space": lambda number: [f"CSeq : {number}"],
    "hexadecimal": lambda number: [f"CSeq: {number + 9:x}"],
    "prefixed": lambda number: [f"CSeq: 0x{number:x}"],
    "words": lambda _number: ["CSeq: none"],
    "empty": lambda _number: ["CSeq:"],
    "with zeros": lambda number: [f"CSeq: {number:08d}"],
}


@pytest.mark.parametrize("name", NUMBERINGS)
def test_answers_are_taken_in_order_whatever_their_numbers_are(name: str) -> None:
    conversation = Conversation()
    for number, method in enumerate(METHODS, start=1):
        conversation.sent(number, method)
        assert conversation.take(ANSWERS[method](*NUMBERINGS[name](number))).number == number


def test_an_answer_sent_twice_answers_nothing() -> None:
    conversation = Conversation()
    conversation.sent(1, "DESCRIBE")
    assert conversation.take(response(401, "CSeq: 1", CHALLENGE)).number == 1
    conversation.sent(2, "DESCRIBE")
    for again in (CHALLENGE, 'WWW-Authenticate: Digest nonce="b"'):
        assert conversation.take(response(401, "CSeq: 1", again)) == Answered(0, repeats=True)
    assert conversation.take(ANSWERS["DESCRIBE"]("CSeq: 2")).number == 2
    conversation.sent(3, "SETUP")
    assert conversation.take(ANSWERS["DESCRIBE"]("CSeq: 2")).repeats
    assert conversation.take(response(401, "CSeq: 1", CHALLENGE)).repeats
    assert conversation.take(ANSWERS["SETUP"]("CSeq: 3")).number == 3


def test_answers_that_are_swapped_with_those_to_a_keep_alive_keep_their_numbers() -> None:
    conversation = Conversation()
    for number, method in ((5, "OPTIONS"), (6, "TEARDOWN")):
        conversation.sent(number, method)
    assert conversation.take(ANSWERS["TEARDOWN"]("CSeq: 6")) == Answered(6)
    assert conversation.take(ANSWERS["OPTIONS"]("CSeq: 5")) == Answered(5)


def test_what_cannot_be_the_answer_is_left() -> None:
    conversation = Conversation()
    conversation.sent(4, "PLAY")
    for other in (ANSWERS["DESCRIBE"]("CSeq: 9"), ANSWERS["SETUP"]("CSeq: 9"), response(401, "CSeq: 9")):
        assert conversation.take(other) == Answered(0)
    conversation = Conversation()
    conversation.sent(4, "DESCRIBE")
    assert conversation.take(ANSWERS["PLAY"]("CSeq: 9")) == Answered(0)


@pytest.mark.parametrize("name", NUMBERINGS)
async def test_a_session_is_played_whatever_the_numbers_are(name: str) -> None:
    def answer(_camera: ScriptedCamera, request: Request) -> bytes:
        number = int(request.headers.get("cseq"))
        told = "\r\n".join(NUMBERINGS[name](number)).encode()
        return regular(request).replace(b"CSeq: %d" % number, told, 1).replace(b"OK\r\n\r\n", b"OK\r\n")

    async with (
        scripted(answer) as camera,
        await RtspConnection.open("127.0.0.1", camera.port, ("127.0.0.1",)) as connection,
    ):
        description = await connection.describe(f"rtsp://127.0.0.1:{camera.port}/x", None)
        async with playing(connection, description, Tracks(description.session.videos[0]), Transport.TCP):
            pass
    assert camera.methods() == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
    regular_ones = {"right", "none", "doubled", "with a space", "prefixed", "with zeros"}
    assert bool(connection.oddities.of(Oddity.OTHER_CSEQ)) == (name not in regular_ones)
    assert connection.oddities.of(Oddity.FOREIGN_BYTES) == 0
