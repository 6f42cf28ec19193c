"""Captures of RTSP connections: requests and responses, byte for byte, in a readable text format.

A capture starts with `#` lines that describe it. `C:` starts a line of the client, `S:` a line of the server. A line
ends with CR LF; with a line feed alone if it ends with `\\x0a`; and without a line end if it ends with `\\`.
Bytes that are not text are written as `\\xNN`, a backslash is doubled.

`M:` starts a line of what the server sends after its response to PLAY: the time since then in seconds, and the bytes
in base64. Bytes with the same time are sent together. Only captures that were made up have such lines: the pictures of
a real camera are not recorded.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass

from xueliang_monitor.model import redact_path
from xueliang_monitor.wire.device_text import Gate

EXPECTS, SHOWS = "expects:", "shows:"
_MEDIA_BYTES_A_LINE = 90
HOST, ADDRESS, ADDRESS_V6 = "camera.invalid", "192.0.2.1", "2001:db8::1"
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|\\)")
_SECRET_HEADERS = re.compile(r"(?im)^((?:proxy-)?authorization\s*:\s*\S+)[^\r\n]*")
_SECRET_PARAMETERS = re.compile(r'(?i)\b(nonce|opaque|username|response|cnonce|realm)="[^"\r\n]*"')
_USER_INFORMATION = re.compile(r"(?i)(rtsps?://)[^/@\s]+@")
_ADDRESS = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<![\w.:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F.]{0,15}){2,8}(?<!\.)"
)
_HARDWARE = re.compile(r"(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response."""

    request: bytes
    response: bytes


@dataclass(frozen=True, slots=True)
class MediaChunk:
    """Bytes that were sent together, and when, in seconds after the response to PLAY."""

    after_seconds: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Transcript:
    """A capture: its description, the track that is expected to be chosen, and the exchanges in order.

    `shows` is what a whole visit must find, `media` is what follows the response to PLAY.
    """

    about: str
    expects: str
    exchanges: tuple[Exchange, ...]
    shows: str = ""
    media: tuple[MediaChunk, ...] = ()


def _unescape(line: str) -> bytes:
    end = b"\r\n"
    if line.endswith("\\x0a"):
        end = b""
    elif (len(line) - len(line.rstrip("\\"))) % 2:
        line, end = line[:-1], b""
    parts, position = [], 0
    for match in _ESCAPED.finditer(line):
        parts += [line[position : match.start()].encode(), bytes.fromhex(match[1]) if match[1] else b"\\"]
        position = match.end()
    return b"".join((*parts, line[position:].encode(), end))


def _escape(line: bytes) -> str:
    end = "" if line.endswith((b"\r\n", b"\n")) else "\\"
    text = line.removesuffix(b"\r\n").decode("utf-8", "surrogateescape")
    return "".join(map(_shown, text)) + end


def _shown(letter: str) -> str:
    if letter == "\\":
        return "\\\\"
    if letter.isprintable():
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))


def parse(text: str) -> Transcript:
    """Parse a capture.

    Raises:
        ValueError: a line starts with none of `#`, `C:`, `S:` and `M:`, or its base64 cannot be read.

    """
    about: list[str] = []
    expects, shows, sides = "", "", [("", bytearray())]
    media: list[tuple[float, bytearray]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            text_line = line[1:].strip()
            if text_line.startswith(EXPECTS):
                expects = text_line.removeprefix(EXPECTS).strip()
            elif text_line.startswith(SHOWS):
                shows = text_line.removeprefix(SHOWS).strip()
            else:
                about.append(text_line)
            continue
        if line[:2] == "M:":
            after, _, encoded = line[3:].partition(" ")
            if not media or media[-1][0] != float(after):
                media.append((float(after), bytearray()))
            media[-1][1].extend(base64.b64decode(encoded, validate=True))
            continue
        if line[:2] not in ("C:", "S:"):
            raise ValueError(f"line {number} starts with none of #, C:, S: and M:")
        if line[:2] != sides[-1][0]:
            sides.append((line[:2], bytearray()))
        sides[-1][1].extend(_unescape(line[3:]))
    requests = [bytes(data) for side, data in sides if side == "C:"]
    responses = [bytes(data) for side, data in sides if side == "S:"]
    exchanges = tuple(map(Exchange, requests, [*responses, b""]))  # no response if the server closed the connection
    chunks = tuple(MediaChunk(after, bytes(data)) for after, data in media)
    return Transcript("\n".join(about), expects, exchanges, shows, chunks)


def write(transcript: Transcript) -> str:
    """Serialize a capture."""
    lines = [f"# {line}" for line in transcript.about.split("\n")]
    lines += [f"# {EXPECTS} {transcript.expects}"] if transcript.expects else []
    lines += [f"# {SHOWS} {transcript.shows}"] if transcript.shows else []
    for exchange in transcript.exchanges:
        for side, data in (("C:", exchange.request), ("S:", exchange.response)):
            lines += [f"{side} {_escape(line)}" for line in data.splitlines(keepends=True)]
    for chunk in transcript.media:
        for start in range(0, len(chunk.data), _MEDIA_BYTES_A_LINE):
            part = base64.b64encode(chunk.data[start : start + _MEDIA_BYTES_A_LINE]).decode()
            lines.append(f"M: {chunk.after_seconds:.3f} {part}")
    return "\n".join(lines) + "\n"


def redact(data: bytes, host: str, gate: Gate) -> bytes:
    """Return a message without login, addresses and other data that identifies the camera; fix its Content-Length.

    `gate` removes the login of the camera in every spelling.
    """
    text = data.decode("utf-8", "surrogateescape")
    text = _SECRET_HEADERS.sub(r"\1 ***", text)
    text = _SECRET_PARAMETERS.sub(r'\1="***"', text)
    text = _USER_INFORMATION.sub(r"\1", text)
    text = re.sub(rf"(?<![\w.]){re.escape(host)}(?![\w.])", HOST, text, flags=re.IGNORECASE)
    text = _ADDRESS.sub(_address, text)
    text = _HARDWARE.sub("00:00:5e:00:53:01", text)
    text = "\n".join(redact_path(line) if "rtsp" in line.lower() else line for line in text.split("\n"))
    text = "".join(part if part in "\r\n" else gate.hide_login(part) for part in re.split(r"([\r\n]+)", text))
    return _with_length(text).encode("utf-8", "surrogateescape")


def _address(match: re.Match[str]) -> str:
    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return match[0]
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        return match[0]
    return ADDRESS if address.version == 4 else ADDRESS_V6


def _with_length(text: str) -> str:
    head, gap, body = text.partition("\r\n\r\n")
    if not gap:
        head, gap, body = text.partition("\n\n")
    size = len(body.encode("utf-8", "surrogateescape"))
    return re.sub(r"(?im)^(content-length\s*:\s*)\d+", rf"\g<1>{size}", head) + gap + body
