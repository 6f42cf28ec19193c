"""Hostile and broken servers, each on its own port. Run as a process: python -m tests.hostile.

Prints the ports in the order of `NAMES` on one line when all of them listen.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import itertools
import random
import struct
from collections.abc import AsyncIterator, Callable, Iterator

from xueliang_monitor.simulator import clips
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import MessageParser, Request, serialize_interleaved

HOST = "127.0.0.1"
SDP = b"v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n"
JPEG_SDP = b"v=0\r\ns=x\r\nm=video 0 RTP/AVP 26\r\na=control:t\r\n"
H265_SDP = SDP.replace(b"H264", b"H265")


def parameter_set(blocks: int) -> bytes:
    """Return an H.264 sequence parameter set for `blocks` by `blocks` macroblocks (H.264, 7.3.2.1)."""
    wide = f"{blocks:b}"
    size = "0" * (len(wide) - 1) + wide
    bits = "1" + "1" + "011" + "010" + "0" + size + size + "1000" + "1"
    return b"\x67\x42\x00\x33" + int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


_LOGIN = " ".join(base64.b64encode(b"user:a-password").decode())
COSTLY_REASON = f"RTSP/1.0 200 {_LOGIN} {'%&_ ' * 480}\r\nCSeq: 99999\r\n\r\n".replace("_", "\\").encode()
"""A login, letter by letter, between escapes: what takes longest to be found and taken out."""

SPS_640 = parameter_set(40)
SPS_16384 = parameter_set(1024)
Send = Callable[[bytes], "asyncio.Future[None]"]


def answer(request: Request, *headers: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    lines = [f"RTSP/1.0 {status}", f"CSeq: {request.headers.get('cseq')}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def usual(request: Request, sdp: bytes = SDP) -> bytes:
    """Answer as a working camera does."""
    if request.method == "DESCRIBE":
        return answer(request, body=sdp)
    if request.method == "SETUP":
        return answer(request, "Transport: RTP/AVP/TCP;interleaved=0-1", "Session: 1")
    return answer(request, "Session: 1")


def rtp(number: int, payload: bytes, *, kind: int = 96, timestamp: int = 0, marker: bool = False) -> bytes:
    head = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), number & 0xFFFF, timestamp & 0xFFFFFFFF, 7)
    return head + payload


def packets(payloads: Iterator[tuple[bytes, int, bool]], kind: int = 96, channel: int = 0) -> Iterator[bytes]:
    for number, (payload, timestamp, marker) in enumerate(payloads):
        yield serialize_interleaved(channel, rtp(number, payload, kind=kind, timestamp=timestamp, marker=marker))


def fragments(*, ending: bool) -> Iterator[tuple[bytes, int, bool]]:
    """FU-A fragments of an IDR picture that start again with each picture, or again and again without an end."""
    for number in itertools.count():
        timestamp = number // 4 * 3600 if ending else 0
        yield b"\x7c" + bytes((0x85 if number % 4 == 0 or not ending else 0x05,)) + bytes(600), timestamp, False


def endless_unit() -> Iterator[tuple[bytes, int, bool]]:
    yield b"\x7c\x85" + bytes(1300), 0, False
    while True:
        yield b"\x7c\x05" + bytes(60_000), 0, False


def huge_picture() -> Iterator[tuple[bytes, int, bool]]:
    for number in itertools.count():
        yield SPS_16384, number * 3600, False
        yield b"\x68\xee\x3c\x80", number * 3600, False
        yield b"\x65\x88" + bytes(600), number * 3600, True


def overlapping_jpeg() -> Iterator[tuple[bytes, int, bool]]:
    tables = b"\x00\x00\x00\x80" + bytes(128)
    for number in itertools.count():
        yield bytes(4) + bytes((1, 255, 80, 45)) + tables + bytes(600), number * 3600, False
        yield (300).to_bytes(4, "big") + bytes((1, 255, 80, 45)) + bytes(600), number * 3600, True


def supplements() -> Iterator[tuple[bytes, int, bool]]:
    """Pictures with thousands of SEI units, each of many messages, after the parameter sets."""
    yield SPS_640, 0, False
    yield b"\x68\xee\x3c\x80", 0, False
    for number in itertools.count(1):
        unit = b"\x06" + b"\x01\x00" * 32 + b"\x80"
        yield from ((unit, number * 3600, False) for _ in range(3000))
        yield b"\x41\x9a" + bytes(9), number * 3600, True


def many_sources() -> Iterator[bytes]:
    for number in itertools.count():
        head = struct.pack("!BBHII", 0x80, 96, number & 0xFFFF, number * 90 & 0xFFFFFFFF, number & 0xFFFFFFFF)
        yield serialize_interleaved(0, head)


def aggregates(units: int) -> Iterator[tuple[bytes, int, bool]]:
    """Pictures of one aggregation packet each, with a slice of one byte in every unit."""
    return same(b"\x78" + b"\x00\x01\x41" * units)


def jumps() -> Iterator[bytes]:
    """Sequence numbers with gaps, so that packets are held until the queue is full."""
    for number in itertools.count():
        yield serialize_interleaved(0, rtp(number * 2, b"\x78" + b"\x00\x01\x41" * 120, timestamp=number * 90))


def same(payload: bytes, *, marker: bool = False) -> Iterator[tuple[bytes, int, bool]]:
    return ((payload, number * 3600, marker) for number in itertools.count())


def lies() -> Iterator[bytes]:
    chance = random.Random(4)
    while True:
        yield serialize_interleaved(0, bytes((chance.choice((0x9F, 0xBF, 0x8F, 0x40)),)) + chance.randbytes(20))


MEDIA: dict[str, tuple[bytes, Callable[[], Iterator[bytes]]]] = {
    "empty-frames": (SDP, lambda: itertools.repeat(b"$\x00\x00\x00")),
    "other-channel": (SDP, lambda: packets(same(b"\x65\x88" + bytes(9), marker=True), channel=7)),
    "other-payload-type": (SDP, lambda: packets(same(b""), kind=35)),
    "empty-payloads": (SDP, lambda: packets(same(b""))),
    "lying-headers": (SDP, lies),
    "fragments-that-never-end": (SDP, lambda: packets(fragments(ending=True))),
    "fragments-over-fragments": (SDP, lambda: packets(fragments(ending=False))),
    "endless-unit": (SDP, lambda: packets(endless_unit())),
    "endless-aggregate": (SDP, lambda: packets(same(b"\x78" + bytes(60_000)))),
    "aggregates-of-one-byte": (SDP, lambda: packets(aggregates(20_000))),
    "endless-supplement": (SDP, lambda: packets(same(b"\x06" + b"\xff" * 60_000, marker=True))),
    "huge-picture": (SDP, lambda: packets(huge_picture())),
    "overlapping-jpeg": (JPEG_SDP, lambda: packets(overlapping_jpeg(), kind=26)),
    "random-h264": (SDP, lambda: packets((random.randbytes(900), n * 90, False) for n in itertools.count())),
    "random-h265": (H265_SDP, lambda: packets((random.randbytes(900), n * 90, False) for n in itertools.count())),
    "silence": (SDP, lambda: iter(())),
}
"""Endless media after a correct handshake, sent as fast as the client reads."""


def real() -> Iterator[bytes]:
    clip = clips.load("street", Codec.H264, "live")
    return packets(
        (payload, number * 9000, payload is picture.payloads[-1])
        for number, picture in enumerate(itertools.cycle(clip.pictures))
        for payload in picture.payloads
    )


FLOODS: dict[str, tuple[bytes, Callable[[], Iterator[bytes]]]] = {
    **MEDIA,
    "aggregates": (SDP, lambda: packets(aggregates(120))),
    "aggregates-of-h265": (H265_SDP, lambda: packets(same(b"\x60\x01" + b"\x00\x03\x02\x01\x00" * 120))),
    "supplements": (SDP, lambda: packets(supplements())),
    "parameter-sets": (SDP, lambda: packets(same(b"\x78" + b"\x00\x04\x68\xee\x3c\x80" * 120))),
    "jpeg-headers": (JPEG_SDP, lambda: packets(same(bytes(4) + bytes((1, 50, 80, 45))), kind=26)),
    "jpegs-of-one-byte": (JPEG_SDP, lambda: packets(same(bytes(4) + bytes((1, 50, 80, 45, 0)), marker=True), kind=26)),
    "sources": (SDP, many_sources),
    "jumps": (SDP, jumps),
}
"""Media as fast as a network brings them, to be measured without one."""


TALK: dict[str, Callable[[Request], Iterator[bytes]]] = {
    "endless-headers": lambda _request: itertools.chain([b"RTSP/1.0 200 OK\r\n"], itertools.repeat(b"X-A: b\r\n")),
    "endless-first-line": lambda _request: itertools.chain([b"RTSP/1.0 200 "], itertools.repeat(b"O" * 1000)),
    "endless-body": lambda request: iter([answer(request, "Content-Length: 4294967296"), bytes(1 << 20)]),
    "frames-before-the-answer": lambda _request: itertools.repeat(b"$\x00\x00\x00" * 1000),
    "garbage": lambda _request: iter(lambda: random.randbytes(4000), b""),
    "description-of-100000-tracks": lambda request: iter([answer(request, body=b"m=video 0 RTP/AVP 96\n" * 12_000)]),
    "description-of-one-line": lambda request: iter([answer(request, body=b"a=fmtp:" + b"a;" * 120_000)]),
    "challenge-of-16-kb": lambda request: iter(
        [answer(request, "WWW-Authenticate: Digest " + 'a="b", ' * 2200, status="401 Unauthorized")]
    ),
    "redirection-in-a-circle": lambda request: iter(
        [answer(request, f"Location: {request.url}x", status="302 Moved Temporarily")]
    ),
    "other-responses-with-a-costly-reason": lambda _request: itertools.repeat(COSTLY_REASON * 8),
    "continue-for-ever": lambda _request: itertools.repeat(b"RTSP/1.0 100 Continue\r\n\r\n" * 100),
}
"""The response to DESCRIBE."""


EARLY: dict[str, Callable[[], Iterator[bytes]]] = {
    "aggregates-before-the-answer": lambda: packets(aggregates(4000)),
    "small-aggregates-before-the-answer": lambda: packets(aggregates(120)),
}
"""Media that the server sends before it answers PLAY, after which it closes the connection."""

EARLY_BYTES = 2 * 1024 * 1024
ODD = ("byte-a-second", "answers-twice", "no-answer-to-teardown")
NAMES = (*TALK, *MEDIA, *EARLY, *ODD)


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[Request]:
    parser = MessageParser()
    while data := await reader.read(65536):
        for event in parser.feed(data):
            if isinstance(event, Request):
                yield event


async def _pour(writer: asyncio.StreamWriter, parts: Iterator[bytes], pause: float = 0.0) -> None:
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause)


def first(parts: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield parts up to a size together."""
    for part in parts:
        size -= len(part)
        if size < 0:
            return
        yield part


async def serve(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pouring: asyncio.Task[None] | None = None
    with contextlib.suppress(OSError, asyncio.CancelledError):
        async for request in _requests(reader):
            if name in TALK:
                await _pour(writer, TALK[name](request))
                continue
            if name == "byte-a-second":
                await _pour(writer, (bytes((byte,)) for byte in usual(request)), 1.0)
                continue
            if name == "no-answer-to-teardown" and request.method == "TEARDOWN":
                continue
            if name in EARLY:
                if request.method == "PLAY":
                    writer.write(b"".join(first(EARLY[name](), EARLY_BYTES)))
                writer.write(usual(request))
                await writer.drain()
                if request.method == "PLAY":
                    break
                continue
            sdp, media = MEDIA.get(name, (SDP, real))
            writer.write(usual(request, sdp) * (2 if name == "answers-twice" else 1))
            await writer.drain()
            if request.method == "PLAY":
                pouring = asyncio.create_task(_pour(writer, media(), 0.001 if name in ODD else 0.0))
    if pouring is not None:
        pouring.cancel()
    writer.close()


async def _main() -> None:
    servers = [await asyncio.start_server(functools.partial(serve, name), HOST, 0) for name in NAMES]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
