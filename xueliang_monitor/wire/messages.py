"""RTSP requests, responses and interleaved frames (RFC 2326, sections 4 to 10.12): parser and serializer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from xueliang_monitor.wire import header_lines
from xueliang_monitor.wire.errors import Malformation, MalformedMessageError
from xueliang_monitor.wire.foreign_bytes import SHOWN_BYTES, ForeignBytes, shown
from xueliang_monitor.wire.framing import (
    DOLLAR,
    FEW_CHANNELS,
    FRAME_HEAD_BYTES,
    KEPT_BYTES,
    Starts,
    frame_length,
    holds_packet,
)
from xueliang_monitor.wire.header_lines import MAX_BODY_BYTES, Headers
from xueliang_monitor.wire.message_bodies import end_of_body, is_description

MAX_HEAD_BYTES = 16 * 1024

QUIET_SECONDS, CUT_SECONDS = 0.5, 1.5
"""How long nothing comes until a body without a length, or any bytes that are no message, count as complete; and until
a body does that is shorter than its length."""

_FEW_BYTES = 4096
_LINE_FEED = 0x0A
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_URL = re.compile(r"[\x00-\x1f\x7f]|\s")


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


class MessageParser:
    """Parses the bytes of one RTSP connection into events; buffers at most one incomplete event.

    What belongs to no event is skipped and counted in `foreign`, header lines that cannot be read in `unread_lines`.
    `quiet_seconds` says after how long a silence `pause` is to be called; None if never.
    """

    def __init__(self) -> None:
        self.foreign = ForeignBytes()
        self.unread_lines = 0
        self.quiet_seconds: float | None = None
        self._buffer = bytearray()
        self._position = 0
        self._scanned = 0
        self._starts = Starts.of()
        self._pending: Response | Request | None = None
        self._length: int | None = 0
        self._seeking = False
        self._look_at = 0
        self._last = b""
        self._moved = False
        self._playing = False

    def expect(self, channels: Iterable[int], payload_types: Iterable[int] = ()) -> None:
        """Take what the session's frames are like. Other ones are still read where they are well placed."""
        self._starts = Starts.of(channels, payload_types)
        self._playing = True

    def feed(self, data: bytes) -> list[Event]:
        """Add the next bytes; return the events that are complete now.

        Raises:
            MalformedMessageError: the bytes are not RTSP, or exceed a limit.

        """
        self._buffer += data
        self.foreign.received += len(data)
        return self._drain()

    def pause(self) -> list[Event]:
        """Take that nothing came for `quiet_seconds`, or that nothing more will; return the events that this ends.

        Raises:
            MalformedMessageError: what came is not RTSP.

        """
        have = len(self._buffer)
        if self._pending is not None:
            return [self._finished(self._pending, have), *self._drain()]
        if not self.foreign.understood and (self._seeking or (have and self._buffer[0] == DOLLAR)):
            raise self.foreign.not_rtsp(bytes(self._buffer))
        if have and self._buffer[0] == DOLLAR and not self._seeking:
            found = self._starts.next(self._buffer, 1, whole=True)
            if found >= 0:
                self._skip(found)
            elif have > FRAME_HEAD_BYTES and not self._is_strong(0):
                self._lose()
        elif have and not self._seeking and self._buffer.endswith(b"\n"):
            self._take_head(have, have)
        return self._drain()

    def _drain(self) -> list[Event]:
        """Return the complete events in the buffer, and drop their bytes."""
        events: list[Event] = []
        while True:
            if not self._seeking and self._pending is None and self._take_packets(events):
                break
            event = self._next()
            if event is None:
                break
            events.append(event)
        buffer = self._buffer
        if events:
            self.foreign.in_a_row = 0
        del buffer[: self._position]
        self._scanned = max(0, self._scanned - self._position)
        self._position = 0
        return events

    def _take_packets(self, events: list[Event]) -> bool:
        """Add the RTP packets that stand in their places, one behind another: nearly all events of a stream.

        Return whether nothing but the beginning of another one is left.
        """
        buffer, channels, start = self._buffer, self._starts.channels, self._position
        size = len(buffer)
        payload, rest = b"", False
        while size - start > FRAME_HEAD_BYTES and buffer[start] == DOLLAR:
            if buffer[start + FRAME_HEAD_BYTES] & 0xC0 != 0x80 or buffer[start + 1] not in channels:
                break
            end = start + FRAME_HEAD_BYTES + ((buffer[start + 2] << 8) | buffer[start + 3])
            if end > size or (end < size and buffer[end] != DOLLAR):
                rest = end > size and size - start < _FEW_BYTES
                break
            payload = bytes(buffer[start + FRAME_HEAD_BYTES : end])
            events.append(InterleavedFrame(buffer[start + 1], payload))
            start = end
        if payload:
            self._position, self._last = start, payload
        if rest or start == size:
            self.quiet_seconds = None
        return rest or start == size

    def _next(self) -> Event | None:
        """Return the next event, skipping what stands before it; None if it is not complete."""
        while True:
            if self._pending is not None:
                return self._body(self._pending)
            if self._seeking and not self._seek():
                return None
            self._skip_blank_lines()
            self._moved, self.quiet_seconds = False, None
            if self._position >= len(self._buffer):
                return None
            if self._buffer[self._position] != DOLLAR:
                self._text()
            elif (frame := self._frame()) is not None:
                return frame
            if not self._moved:
                return None

    def _skip_blank_lines(self) -> None:
        while self._position < len(self._buffer) and self._buffer[self._position] in b"\r\n":
            self._position += 1
            self._last = b""

    def _seek(self) -> bool:
        """Skip to the next start; return whether there is one."""
        found = self._starts.next(self._buffer, self._position, whole=False)
        if found >= 0:
            self._seeking = False
        else:
            found = max(self._position, len(self._buffer) - KEPT_BYTES)
        self._skip(found - self._position)
        if not self.foreign.understood:
            self.quiet_seconds = CUT_SECONDS
        return not self._seeking

    def _skip(self, number: int) -> None:
        """Skip bytes that belong to no event, unless they are too many."""
        self.foreign.skip(self._buffer, self._position, number)
        self._position += number
        self._scanned = self._position
        self._moved = True
        self._look_at = 0

    def _lose(self) -> None:
        """Look for the next start, as none is here: first within the frame before, whose length may be untrue."""
        if self._last:
            size = FRAME_HEAD_BYTES + len(self._last)
            joined = bytearray(FRAME_HEAD_BYTES) + self._last + self._buffer[self._position :]
            self._last = b""
            found = self._starts.within(joined, 0, size)
            if found >= 0:
                self._buffer[:] = joined[found:]
                self._position = self._scanned = 0
                self._moved = True
                return
        self._seeking = True
        self._skip(1)

    def _is_strong(self, start: int) -> bool:
        """Return whether a frame of the session stands here: on a usual channel, with an RTP packet or nothing."""
        channel = self._buffer[start + 1]
        if channel not in self._starts.channels and channel >= FEW_CHANNELS:
            return False
        return not frame_length(self._buffer, start) or holds_packet(self._buffer, start)

    def _frame(self) -> InterleavedFrame | None:
        buffer, start = self._buffer, self._position
        have = len(buffer) - start
        if have < FRAME_HEAD_BYTES or (have == FRAME_HEAD_BYTES and frame_length(buffer, start)):
            self.quiet_seconds = None if self.foreign.understood else CUT_SECONDS
            return None
        end = start + FRAME_HEAD_BYTES + frame_length(buffer, start)
        strong = self._is_strong(start)
        if end > len(buffer) - (not strong):
            self._wait_for_frame(start, have, strong=strong)
            return None
        placed = self._starts.may_start(buffer, end)
        if not (placed and strong and end - start < _FEW_BYTES):
            found = self._starts.within(buffer, start, end)
            if found >= 0:
                self._skip(found - start)
                return None
            if not (placed or strong):
                self._lose()
                return None
        self._position = end
        self._look_at = 0
        self._last = bytes(buffer[start + FRAME_HEAD_BYTES : end])
        return InterleavedFrame(buffer[start + 1], self._last)

    def _wait_for_frame(self, start: int, have: int, *, strong: bool) -> None:
        """Wait for the rest of a frame. Where its head may be untrue, look for what started before its end."""
        if strong and have < _FEW_BYTES:
            return
        self.quiet_seconds = QUIET_SECONDS if self.foreign.understood else CUT_SECONDS
        found = self._starts.next(self._buffer, start + 1, whole=True) if self._is_due(have) else -1
        if found >= 0:
            self._skip(found - start)

    def _is_due(self, have: int) -> bool:
        """Return whether to look into the bytes of an event that is not complete: not at each of them."""
        due = have >= self._look_at
        if due:
            self._look_at = have + have // 2 + 16
        return due

    def _text(self) -> None:
        """Take the head of a message, or find that none stands here."""
        buffer, start = self._buffer, self._position
        line_end = buffer.find(b"\n", start, start + MAX_HEAD_BYTES)
        line = bytes(buffer[start : line_end if line_end >= 0 else start + SHOWN_BYTES])
        if not (header_lines.is_first_line(line) if line_end >= 0 else header_lines.may_be_first_line(line)):
            if not self.foreign.understood and header_lines.WEB_STATUS_LINE.match(line):
                detail = f"a web server answers on this port, not RTSP: {shown(line)}"
                raise MalformedMessageError(detail, Malformation.WEB_SERVER)
            self._lose()
            return
        end = _HEAD_END.search(buffer, max(start, self._scanned - 3))
        stop = end.start() if end is not None else len(buffer)
        cut = self._cut_of_head(start, stop, whole=end is not None)
        if self._moved:
            return
        if cut:
            self._take_head(cut, cut)
        elif stop - start > MAX_HEAD_BYTES:
            self._exceeds(MalformedMessageError(f"headers of over {MAX_HEAD_BYTES} bytes", Malformation.OVER_LIMIT))
        elif end is not None:
            self._take_head(end.start(), end.end())
        else:
            self._scanned = len(buffer)
            self.quiet_seconds = CUT_SECONDS if buffer.endswith(b"\n") else None

    def _cut_of_head(self, start: int, stop: int, *, whole: bool) -> int:
        """Return where a message or frame starts within a head, as its blank line is missing; 0 if none does."""
        if not whole and not self._is_due(stop - start):
            return 0
        found = self._starts.next(self._buffer, start + 1, whole=True, end=stop)
        while found >= 0 and self._buffer[found - 1] != _LINE_FEED:
            if self._buffer[found] == DOLLAR:
                self._skip(found - start)  # what a frame cuts within a line was no head
                return 0
            found = self._starts.next(self._buffer, found + 1, whole=True, end=stop)
        return max(0, found)

    def _exceeds(self, error: MalformedMessageError) -> None:
        """Raise the error of a message that exceeds a limit, but take it for foreign bytes while a stream plays."""
        if not self._playing:
            raise error
        self._seeking = True
        self._skip(max(1, len(self._buffer) - KEPT_BYTES - self._position))

    def _take_head(self, stop: int, end: int) -> None:
        """Take the head that reaches up to `stop`; its body begins at `end`."""
        lines = header_lines.lines_of(bytes(self._buffer[self._position : stop]))
        try:
            read = header_lines.read_headers(lines[1:])
            length = header_lines.read_length(read.headers.get("content-length"))
        except MalformedMessageError as error:
            self._exceeds(error)
            return
        first, headers = lines[0].strip(), read.headers
        if status := header_lines.STATUS_LINE.fullmatch(first):
            self._pending = Response(int(status[1]), header_lines.decode(status[2] or b""), headers)
        elif request := header_lines.REQUEST_LINE.fullmatch(first):
            self._pending = Request(header_lines.decode(request[1]), header_lines.decode(request[2]), headers)
        else:
            self._lose()
            return
        self.unread_lines += read.unread + (stop == end) + (length is None and bool(headers.get("content-length")))
        described = "application/sdp" in headers.get("content-type").lower() or is_description(self._buffer, end)
        self._length = 0 if length is None and not (status and described) else length
        self._position = end
        self._moved = self.foreign.understood = True
        self._look_at = 0
        self._last = b""

    def _body(self, head: Response | Request) -> Event | None:
        if self._length == 0:
            return self._finished(head, self._position)
        have = len(self._buffer) - self._position
        if self._length is None or have < self._length:
            self.quiet_seconds = QUIET_SECONDS if self._length is None else CUT_SECONDS
            if have > MAX_BODY_BYTES:
                self._pending = None
                raise MalformedMessageError(f"a body of over {MAX_BODY_BYTES} bytes", Malformation.OVER_LIMIT)
            if not self._is_due(have):
                return None
        end = end_of_body(self._buffer, self._position, self._length, self._starts)
        return None if end is None else self._finished(head, end)

    def _finished(self, head: Response | Request, end: int) -> Event:
        body = bytes(self._buffer[self._position : end])
        self.unread_lines += self._length is not None and len(body) != self._length
        self._position = self._scanned = end
        self._pending = None
        self._look_at = 0
        if not body:
            return head
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
