"""The lines of a message's head: its first line and its header fields, as cameras write them (RFC 2326, 4). Pure.

A line that cannot be read costs that line, as it does in FFmpeg and GStreamer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xueliang_monitor.wire.errors import Malformation, MalformedMessageError

MAX_HEADERS = 128
MAX_BODY_BYTES = 64 * 1024
"""The size of a body. The session description of a camera has one or two KB."""

STATUS_LINE = re.compile(rb"RTSP/\d(?:\.\d+)?[ \t]+([1-9]\d{2})(?:[ \t]+(.*)|[^ \t\d].*)?", re.IGNORECASE | re.DOTALL)
"""Of any version and in any case; cameras leave the reason out, or write two spaces."""

REQUEST_LINE = re.compile(rb"([A-Z_]{3,20})[ \t]+(\S+)[ \t]+RTSP/\d(?:\.\d+)?")
WEB_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+[1-9]\d{2}(?:[ \t]|\r?\Z)")
_BEGUN_LINE = re.compile(
    rb"R(?:T(?:S(?:P(?:/.*)?)?)?)?"
    rb"|[A-Z_]{1,20}(?:[ \t]+(?:[\x21-\x7e]+(?:[ \t]+[RTSP/\d.]*)?)?)?\r?",
    re.DOTALL,
)
_BLANK = " \t\r\n\v\f"
_AROUND = f"{_BLANK}\x00"
_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+")
_LENGTH = re.compile(r"\+?([0-9]{1,12})")


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in order; names are in lower case, because they are case-insensitive (RFC 2326, 4.2)."""

    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a header, or `default`."""
        for key, value in self.pairs:
            if key == name:
                return value
        return default

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a header."""
        return tuple([value for key, value in self.pairs if key == name])


@dataclass(frozen=True, slots=True)
class HeaderLines:
    """The header fields of a message, and how many lines could not be read."""

    headers: Headers
    unread: int


def decode(raw: bytes) -> str:
    """Return a line's bytes as text, without white space and zeros around it."""
    return raw.decode("utf-8", "replace").strip(_AROUND)


def lines_of(head: bytes) -> list[bytes]:
    """Return the lines of a head, whatever ends them."""
    return head.replace(b"\r\n", b"\n").split(b"\n")


def is_first_line(line: bytes) -> bool:
    """Return whether a complete line is the first one of a message."""
    line = line.strip()
    return STATUS_LINE.fullmatch(line) is not None or REQUEST_LINE.fullmatch(line) is not None


def may_be_first_line(begun: bytes) -> bool:
    """Return whether a line may be the first one of a message, of which more is to come."""
    return _BEGUN_LINE.fullmatch(begun[:5].upper() + begun[5:] if begun[:1] in b"rR" else begun) is not None


def read_headers(lines: list[bytes]) -> HeaderLines:
    """Read header lines.

    Raises:
        MalformedMessageError: there are more than `MAX_HEADERS`.

    """
    pairs: list[tuple[str, str]] = []
    unread = 0
    for line in b"\n".join(lines).decode("utf-8", "replace").split("\n") if lines else ():
        if not line.strip(_BLANK):
            unread += 1
            continue
        if line[0] in " \t" and pairs:
            name, value = pairs[-1]
            pairs[-1] = (name, f"{value} {line.strip(_AROUND)}")
            continue
        name_part, colon, value_part = line.partition(":")
        name = name_part.strip(_AROUND)
        if not colon or not _NAME.fullmatch(name):
            unread += 1
        else:
            pairs.append((name.lower(), value_part.strip(_AROUND)))
        if len(pairs) + unread > MAX_HEADERS:
            raise MalformedMessageError(f"more than {MAX_HEADERS} header lines", Malformation.OVER_LIMIT)
    return HeaderLines(Headers(tuple(pairs)), unread)


def read_length(value: str) -> int | None:
    """Return the length that Content-Length gives, None if its value is not a number.

    Raises:
        MalformedMessageError: it is over `MAX_BODY_BYTES`.

    """
    match = _LENGTH.fullmatch(value)
    if match is None:
        return None
    if int(match[1]) > MAX_BODY_BYTES:
        raise MalformedMessageError(
            f"a body of {int(match[1])} bytes, over the limit of {MAX_BODY_BYTES}", Malformation.OVER_LIMIT
        )
    return int(match[1])
