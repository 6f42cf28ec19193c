"""Where the body of an RTSP message ends, also where Content-Length is missing or untrue (RFC 2326, 12.14). Pure."""

from __future__ import annotations

import re

from xueliang_monitor.wire.framing import DOLLAR, Starts
from xueliang_monitor.wire.header_lines import is_first_line, may_be_first_line

_NEXT_MESSAGE = re.compile(rb"\nRTSP/\d\.\d[ \t]+\d{3}")
_DESCRIPTION = re.compile(rb"\s*v=")
_TEXT = re.compile(rb"[\t\n\r\x20-\xff]+")
_STATUS_BYTES = 16


def is_description(data: bytearray, position: int) -> bool:
    """Return whether a session description begins at a position (RFC 8866, 5.1)."""
    return _DESCRIPTION.match(data, position) is not None


def end_of_body(data: bytearray, position: int, length: int | None, starts: Starts) -> int | None:
    """Return where the body that begins at `position` ends; None if that is not known yet.

    The next message, or a frame, ends it before its `length`. A description that goes on behind it is read on.
    """
    have = len(data) - position
    if length is not None and have >= length:
        end = position + length
        if is_description(data, position) and have > length:
            begun = _next_start(data, position, starts)
            return begun if begun < end or _goes_on(bytes(data[end:begun])) else end
        if starts.may_start(data, end) and not _holds_message(data, position, end):
            return end
        return min(end, _next_start(data, position, starts))
    begun = _next_start(data, position, starts)
    return begun if begun < len(data) else None


def _goes_on(more: bytes) -> bool:
    """Return whether a description goes on with these bytes, which stand before the next message."""
    line, ended, _ = more.lstrip(b"\r\n").partition(b"\n")
    if not line or line.startswith(b"$") or (is_first_line(line) if ended else may_be_first_line(line)):
        return False
    return _TEXT.fullmatch(more) is not None


def _holds_message(data: bytearray, position: int, end: int) -> bool:
    message = _NEXT_MESSAGE.search(data, position - 1, end + _STATUS_BYTES)
    return message is not None and message.start() + 1 < end


def _next_start(data: bytearray, position: int, starts: Starts) -> int:
    """Return where the next message starts a line, or a frame stands; behind the data if there is none."""
    message = _NEXT_MESSAGE.search(data, position - 1)
    line = message.start() + 1 if message else len(data)
    frame = starts.next(data, position, whole=True)
    return min(line, frame) if frame >= 0 and data[frame] == DOLLAR else line
