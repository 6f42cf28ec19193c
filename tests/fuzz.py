"""Coverage-guided fuzzing of all parsers of camera data, and of the HTTP side: python -m tests.fuzz [--seconds N].

Each parser takes any bytes and may raise nothing but our own errors, and no input may take over a second. One process
for each parser, started from the captures; prints how many inputs each took, and fails at the first that breaks it.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import functools
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.xml_shapes import envelope
from xueliang_monitor.model import Credentials, Transport
from xueliang_monitor.probing import pace
from xueliang_monitor.probing.reception import Reception
from xueliang_monitor.simulator import clips
from xueliang_monitor.wire import (
    auth,
    device_clock,
    discovery,
    h264,
    h265,
    media_profiles,
    mjpeg,
    onvif,
    parameter_sets,
    rtcp,
    rtp,
    sdp,
    sei,
    soap,
    timezone,
    tracks,
)
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import WireError
from xueliang_monitor.wire.http_answer import AnswerReader
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import MessageParser, serialize_interleaved
from xueliang_monitor.wire.oddities import Oddities
from xueliang_monitor.wire.packet_order import Resequencer
from xueliang_monitor.wire.soap_answer import read_answer
from xueliang_monitor.wire.transcript import parse, redact

CAPTURES = Path(__file__).parent / "captures"
GATE = Gate.of(Credentials("viewer", "secret"))
MAX_INPUT_BYTES = 4096
MAX_SECONDS_AN_INPUT = 1
_COUNT = re.compile(rb"#(\d+)\s")
_BASE64 = re.compile(rb"Base64: (\S+)")


def _messages(data: bytes) -> None:
    parser, half = MessageParser(), len(data) // 2
    parser.feed(data[:half])
    parser.feed(data[half:])


def _description(data: bytes) -> None:
    session = sdp.parse(data)
    tracks.choose(session.videos)
    for media in session.videos:
        sdp.resolve_control("rtsp://h/p?q", media.control)
        tracks.codec_name(media, GATE)


def _challenges(data: bytes) -> None:
    values = [data.decode("utf-8", "replace")]
    auth.choose(auth.parse_challenges(values))
    auth.names(values, GATE)


def _payloads(depacketizer: tracks.VideoDepacketizer, data: bytes) -> None:
    """Take each part of the input as a packet."""
    number = timestamp = 0
    order = Resequencer()
    for flags, payload in _parts(data):
        number, timestamp = number + 1 + (flags >> 5 & 1), timestamp + (flags & 3)
        packet = rtp.RtpPacket(96, number & 0xFFFF, timestamp, ssrc=1, marker=bool(flags & 0x80), payload=payload)
        for each, lost in order.push(packet):
            depacketizer.push(each, lost=lost)
    _ = depacketizer.size, depacketizer.profile


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Split the input: a length, a byte of flags, and so many bytes."""
    position = 0
    while position + 2 <= len(data):
        size, flags = data[position], data[position + 1]
        yield flags, data[position + 2 : position + 2 + size]
        position += 2 + size


def _framing(data: bytes) -> None:
    """Put each part into a frame of the session, cut one, or send it bare; then nothing more comes."""
    parser = MessageParser()
    parser.expect((0, 1), (96,))
    for flags, part in _parts(data):
        packet = rtp.serialize(rtp.RtpPacket(96, flags, flags, ssrc=1, marker=bool(flags & 1), payload=part))
        frame = serialize_interleaved(flags >> 1 & 3, packet)
        parser.feed((part, frame, frame[:-4], frame + b"\0")[flags >> 6])
    parser.pause()


def _reception(data: bytes) -> None:
    """Take packets of four sources whose numbers and clocks go on, jump, restart or step back."""
    reception = Reception(h264.H264Depacketizer, 96, 90_000, oddities=Oddities())
    reception.begin(Transport.UDP if data[:1] > b"\x7f" else Transport.TCP)
    number = timestamp = 0
    for place, (flags, part) in enumerate(_parts(data)):
        number += (1, 2, 0, -3, 200, 40_000, -number, 1)[flags & 7]
        timestamp += (0, 3000, 3000, -90_000)[flags >> 3 & 3]
        if flags & 0x80 and part:
            reception.push_control(part, 1e9)
        header = (number & 0xFFFF, timestamp & 0xFFFFFFFF, flags >> 5 & 3)
        packet = rtp.RtpPacket(96, *header, marker=bool(place & 1), payload=part)
        reception.push(rtp.serialize(packet) if part[:1] != b"\xff" else part, place / 50)
    reception.readings()
    _ = reception.burst, reception.motion_ratio, reception.is_enough(9.0), reception.left


def _jpeg_extension(data: bytes) -> None:
    """Take packets whose first part is the header extension, and the next one the payload."""
    depacketizer, extension = mjpeg.MjpegDepacketizer(None), b""
    for number, (flags, part) in enumerate(_parts(data)):
        if number % 2 == 0:
            extension = part
            continue
        packet = rtp.RtpPacket(26, number, flags >> 4, ssrc=1, marker=bool(flags & 1), payload=part)
        depacketizer.push(replace(packet, extension=extension), lost=False)
    _ = depacketizer.size


def _pace(data: bytes) -> None:
    words = struct.unpack(f"!{len(data) // 8 * 2}I", data[: len(data) // 8 * 8])
    pictures = [
        pace.Arrived(words[place], words[place + 1] & 0xFFFF, place / 20, place / 20 + 0.01)
        for place in range(0, len(words) - 1, 2)
    ]
    pace.measure(pictures, 90_000)


def _rtp(data: bytes) -> None:
    rtcp.parse(data)
    rtp.parse(data)


def _parameter_sets(data: bytes) -> None:
    parameter_sets.described(data.decode("latin-1"))
    sei.recovery_point([data])
    for read in (h264.picture_size, h265.picture_size, h264.is_progressive, h265.is_progressive):
        with contextlib.suppress(WireError):
            read(data)


def _onvif(data: bytes) -> None:
    for read in (
        functools.partial(device_clock.read_time, now=0.0), onvif.read_identity, onvif.read_hostname,
        onvif.read_services, onvif.read_capabilities, media_profiles.read_profiles,
        media_profiles.read_media2_profiles, onvif.read_uri, onvif.offers_last_reboot, onvif.read_subscription,
        onvif.read_last_reboot,
    ):  # fmt: skip
        read_answer(data, 200, read)


def _http_answer(data: bytes) -> None:
    """Take each part of the input as what one read brings; then the connection ends, or is silent."""
    reader = AnswerReader(1000)
    for _, part in _parts(data):
        reader.feed(part)
        _ = reader.patience_seconds
    (reader.close if data[-1:] > b"\x7f" else reader.silence)()
    if len(reader.body or b"") > 1001:
        raise AssertionError("a body over the limit")


def _redaction(data: bytes) -> None:
    gate, text = GATE, data.decode("utf-8", "replace")
    redact(data, "camera.example", gate)
    if "secret" in gate.text(text).casefold() or not gate.message(text).isprintable():
        raise AssertionError("a secret or a control character passed the gate")


PARSERS: dict[str, Callable[[bytes], None]] = {
    "messages": _messages,
    "description": _description,
    "challenges": _challenges,
    "rtp": _rtp,
    "framing": _framing,
    "reception": _reception,
    "jpeg-extension": _jpeg_extension,
    "pace": _pace,
    "h264": lambda data: _payloads(h264.H264Depacketizer(), data),
    "h265": lambda data: _payloads(h265.H265Depacketizer(), data),
    "mjpeg": lambda data: _payloads(mjpeg.MjpegDepacketizer((640, 360)), data),
    "parameter-sets": _parameter_sets,
    "redaction": _redaction,
    "soap": lambda data: _ignore(soap.read(data)),
    "onvif": _onvif,
    "http-answer": _http_answer,
    "discovery": lambda data: _ignore(discovery.read_matches(data, GATE)),
    "time-zone": lambda data: _ignore(timezone.parse(data.decode("utf-8", "replace"))),
}
"""The parsers; a new one is one line."""


HTTP = "http"
"""The HTTP side, which `tests.fuzz_http` fuzzes."""


def _ignore(_value: object) -> None:
    """Drop the result of a parser."""


def try_one(name: str, data: bytes) -> None:
    """Run a parser on an input; only our own errors are expected."""
    with contextlib.suppress(WireError):
        PARSERS[name](data)


def seeds(name: str) -> list[bytes]:
    """Return the seed inputs: data of the captures and of the clips."""
    answers = [
        exchange.response for file in sorted(CAPTURES.glob("*.rtsp")) for exchange in parse(file.read_text()).exchanges
    ]
    if name in ("messages", "redaction"):
        return answers
    if name == "description":
        return [body for answer in answers if (body := answer.partition(b"\r\n\r\n")[2])]
    if name in ("h264", "h265", "mjpeg", "framing", "reception"):
        codec = Codec(name) if name in set(Codec) else Codec.H264
        scene = "yard" if codec is Codec.H265 else "gate"
        pictures = clips.load(scene, codec, "small").pictures[:3]
        return [
            b"".join(bytes((min(255, len(part)), 0x81)) + part[:255] for part in picture.payloads)[:MAX_INPUT_BYTES]
            for picture in pictures
        ]
    if name == "challenges":
        return [b'Digest realm="x", nonce="y", algorithm=SHA-256, qop="auth,auth-int", stale=true, Basic realm="z"']
    if name == "parameter-sets":
        return [bytes.fromhex("674d401e95a09005bb011000000300100000030320f162d960")]
    if name == "http-answer":
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n"
        parts = (
            head + b"\r\n",
            b"<Envelope><Body/></Envelope>",
            head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde",
        )
        return [b"".join(bytes((len(part), 0)) + part for part in parts)]
    if name == "onvif":
        return [envelope(b"<Profiles token='a'/><Service><XAddr>http://h/p</XAddr></Service><Model>m</Model>")]
    return [b"<a/>", b"CST-8:00:00", bytes(28)]


def _start(name: str, folder: Path, seconds: float, runs: int) -> subprocess.Popen[bytes]:
    if name == HTTP:
        command = [sys.executable, "-m", "tests.fuzz_http", "--seconds", str(seconds), "--runs", str(runs)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    corpus = folder / name
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed[:MAX_INPUT_BYTES])
    options = [
        f"-max_len={MAX_INPUT_BYTES}",
        f"-timeout={MAX_SECONDS_AN_INPUT}",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={folder}/",
        "-close_fd_mask=0",
    ]
    options += [f"-max_total_time={int(seconds)}"] if seconds else []
    options += [f"-runs={runs}"] if runs else []
    command = [sys.executable, "-m", "tests.fuzz_one", name, str(corpus), *options]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "PYTHONWARNINGS": "ignore"}
    )


def machine_paused(name: str, output: bytes) -> bool:
    """Return whether a timeout was a pause of the machine: run the input again and measure its CPU time."""
    if b"libFuzzer: timeout" not in output or not (inputs := _BASE64.findall(output)):
        return False
    data, began = base64.b64decode(inputs[-1]), time.process_time()
    try_one(name, data)
    return time.process_time() - began < MAX_SECONDS_AN_INPUT


def main() -> int:
    """Fuzz every parser, one on each CPU; return the number of broken ones."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60.0, help="for all parsers together")
    options.add_argument("--runs", type=int, default=0, help="inputs for each parser, in place of seconds")
    chosen = options.parse_args()
    total, broken, workers = 0, 0, os.cpu_count() or 1
    waiting, began = [*PARSERS, HTTP], time.monotonic()
    each = 0 if chosen.runs else max(1.0, chosen.seconds * workers / len(waiting))
    with tempfile.TemporaryDirectory() as folder:
        running: list[tuple[str, subprocess.Popen[bytes]]] = []
        while waiting or running:
            while waiting and len(running) < workers:
                name = waiting.pop(0)
                running.append((name, _start(name, Path(folder), each, chosen.runs)))
            name, process = running.pop(0)
            _, output = process.communicate()
            count = max((int(number) for number in _COUNT.findall(output)), default=0)
            total += count
            paused = process.returncode != 0 and machine_paused(name, output)
            bad = process.returncode != 0 and not paused
            note = "   BROKEN" if bad else "   ended early: the machine paused" if paused else ""
            print(f"{name:16s} {count:10,d} inputs{note}", flush=True)
            if bad:
                broken += 1
                sys.stderr.buffer.write(output[-4000:])
    print(f"{'all':16s} {total:10,d} inputs in {time.monotonic() - began:.0f} s, {broken} parsers broken")
    return broken


if __name__ == "__main__":
    sys.exit(main())
