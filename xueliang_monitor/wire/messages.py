"""RTSP requests, responses and interleaved frames (RFC 2326, sections 4 to 10.12): parser and serializer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from xueliang_monitor.wire.errors import MalformedMessageError
from xueliang_monitor.wire.printable import MAX_EXAMINED_CHARACTERS, clean

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
"""The size of a body. The session description of a camera has one or two KB."""

MAX_HEADERS = 128

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"RTSP/1\.\d +(\d{3})(?: +(.*))?")
_REQUEST_LINE = re.compile(rb"([A-Z_]{3,20}) +(\S+) +RTSP/1\.\d")
_TEXT_START = re.compile(rb"[A-Z_]{1,20}(?:$|[ /])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_URL = re.compile(r"[\x00-\x1f\x7f]|\s")
_DIGITS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in order; names are in lower case, because they are case-insensitive (RFC 2326, 4.2)."""

    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a header, or `default`."""
        return next((value for key, value in self.pairs if key == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a header."""
        return tuple(value for key, value in self.pairs if key == name)


@dataclass(frozen=True, slots=True)
class Response:
    """An RTSP response (RFC 2326, section 7)."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Request:
    """An RTSP request (RFC 2326, section 6)."""

    method: str
    url: str
    headers: Headers
    body: bytes = b""


class InterleavedFrame(NamedTuple):
    """A frame of binary data on the RTSP connection (RFC 2326, 10.12)."""

    channel: int
    payload: bytes


Event = Response | Request | InterleavedFrame


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()


def _shown(raw: bytes) -> str:
    """Return bytes for a message, or the first in hexadecimal if none is a letter.

    A gate does not find every secret that was cut, so they are cut late; `net` shortens what has passed its gate.
    """
    text = clean(raw[: 4 * MAX_EXAMINED_CHARACTERS].decode("utf-8", "replace"), MAX_EXAMINED_CHARACTERS)
    return text if text.strip("\ufffd ") else raw[:8].hex(" ")


def _parse_headers(lines: list[bytes]) -> Headers:
    pairs: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and pairs:
            name, value = pairs[-1]
            pairs[-1] = (name, f"{value} {_decode(line)}")
            continue
        name_part, colon, value_part = line.partition(b":")
        if not colon:
            raise MalformedMessageError(f"a header line without a colon: {_shown(line)}")
        pairs.append((_decode(name_part).lower(), _decode(value_part)))
        if len(pairs) > MAX_HEADERS:
            raise MalformedMessageError(f"more than {MAX_HEADERS} header lines")
    return Headers(tuple(pairs))


def _parse_head(head: bytes) -> Response | Request:
    lines = head.replace(b"\r\n", b"\n").split(b"\n")
    first = lines[0].strip()
    if status_line := _STATUS_LINE.fullmatch(first):
        return Response(int(status_line[1]), _decode(status_line[2] or b""), _parse_headers(lines[1:]))
    if request_line := _REQUEST_LINE.fullmatch(first):
        return Request(_decode(request_line[1]), _decode(request_line[2]), _parse_headers(lines[1:]))
    if first.startswith(b"HTTP/"):
        raise MalformedMessageError(f"a web server answers on this port, not RTSP: {_shown(first)}")
    raise MalformedMessageError(f"neither an RTSP response nor a request: {_shown(first)}")


def _body_length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    if not _DIGITS.fullmatch(text):
        raise MalformedMessageError(f"Content-Length is {_shown(text.encode())}")
    length = int(text)
    if length > MAX_BODY_BYTES:
        raise MalformedMessageError(f"a body of {length} bytes, over the limit of {MAX_BODY_BYTES}")
    return length


class MessageParser:
    """Parses the bytes of one RTSP connection into events; buffers at most one incomplete event."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0
        self._scanned = 0
        self._pending: Response | Request | None = None
        self._pending_body = 0

    def feed(self, data: bytes) -> list[Event]:
        """Add the next bytes; return the events that are complete now.

        Raises:
            MalformedMessageError: the bytes are not RTSP, or exceed a limit.

        """
        self._buffer += data
        events: list[Event] = []
        while (event := self._next()) is not None:
            events.append(event)
        del self._buffer[: self._position]
        self._scanned = max(0, self._scanned - self._position)
        self._position = 0
        return events

    def _next(self) -> Event | None:
        if self._pending is not None:
            return self._finish_body(self._pending)
        self._skip_blank_lines()
        if self._position >= len(self._buffer):
            return None
        if self._buffer[self._position] == 0x24:
            return self._interleaved()
        return self._text()

    def _skip_blank_lines(self) -> None:
        while self._position < len(self._buffer) and self._buffer[self._position] in b"\r\n":
            self._position += 1

    def _interleaved(self) -> InterleavedFrame | None:
        start = self._position
        if len(self._buffer) - start < 4:
            return None
        length = (self._buffer[start + 2] << 8) | self._buffer[start + 3]
        end = start + 4 + length
        if len(self._buffer) < end:
            return None
        self._position = end
        return InterleavedFrame(self._buffer[start + 1], bytes(self._buffer[start + 4 : end]))

    def _text(self) -> Event | None:
        start = self._position
        if not _TEXT_START.match(self._buffer[start : start + 21]):
            raise MalformedMessageError(f"the bytes are not RTSP: {_shown(bytes(self._buffer[start:]))}")
        end = _HEAD_END.search(self._buffer, max(start, self._scanned - 3))
        if end is None or end.start() - start > MAX_HEAD_BYTES:
            if len(self._buffer) - start > MAX_HEAD_BYTES:
                raise MalformedMessageError(f"headers of over {MAX_HEAD_BYTES} bytes")
            self._scanned = len(self._buffer)
            return None
        head = _parse_head(bytes(self._buffer[start : end.start()]))
        self._pending_body = _body_length(head.headers)
        self._position = end.end()
        self._pending = head
        return self._finish_body(head)

    def _finish_body(self, head: Response | Request) -> Event | None:
        end = self._position + self._pending_body
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[self._position : end])
        self._position = end
        self._pending = None
        if isinstance(head, Response):
            return Response(head.status, head.reason, head.headers, body)
        return Request(head.method, head.url, head.headers, body)


def _join(first_line: str, headers: tuple[tuple[str, str], ...], body: bytes) -> bytes:
    fields = [*headers, ("Content-Length", str(len(body)))] if body else [*headers]
    for name, value in fields:
        if "\r" in value or "\n" in value:
            raise ValueError(f"header {name} contains a line break")
    return "\r\n".join([first_line, *(f"{name}: {value}" for name, value in fields), "", ""]).encode() + body


def serialize_request(method: str, url: str, headers: tuple[tuple[str, str], ...], body: bytes = b"") -> bytes:
    """Serialize a request (RFC 2326, section 6).

    Raises:
        ValueError: the URL contains white space or a control character, a header a control character other than a tab.

    """
    if _NOT_IN_URL.search(url):
        raise ValueError("an RTSP URL must not contain white space or control characters")
    for name, value in headers:
        if _CONTROL.search(value):
            raise ValueError(f"header {name} contains a control character")
    return _join(f"{method} {url} RTSP/1.0", headers, body)


def serialize_response(status: int, reason: str, headers: tuple[tuple[str, str], ...], body: bytes = b"") -> bytes:
    """Serialize a response (RFC 2326, section 7)."""
    return _join(f"RTSP/1.0 {status} {reason}", headers, body)


def serialize_interleaved(channel: int, payload: bytes) -> bytes:
    """Serialize an interleaved frame (RFC 2326, 10.12)."""
    return bytes((0x24, channel, len(payload) >> 8, len(payload) & 0xFF)) + payload
