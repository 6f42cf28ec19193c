"""Where messages and interleaved frames start within the bytes of an RTSP connection (RFC 2326, 10.12). Pure.

A start is told by what stands there, and a frame also by what stands behind its end: a camera sends bytes that belong
to nothing, cuts frames short, and gives lengths that are untrue.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

DOLLAR = 0x24
FRAME_HEAD_BYTES = 4
MIN_PACKET_BYTES = 8
"""The size of the smallest RTCP packet that says something. An RTP packet has 12 bytes at least."""

KEPT_BYTES = 32
"""The last bytes that are not skipped, because a start may stand in them of which more is to come."""

MAX_CANDIDATES = 256
FEW_CHANNELS = 16
"""Channels below are those that cameras use, also for tracks that were never set up."""

_METHODS = (
    b"OPTIONS|ANNOUNCE|DESCRIBE|SETUP|PLAY|PAUSE|TEARDOWN|GET_PARAMETER|SET_PARAMETER|REDIRECT|RECORD|PLAY_NOTIFY"
)
_MESSAGE = rb"RTSP/\d\.\d[ \t]+[1-9]\d{2}|(?:" + _METHODS + rb")[ \t]+(?:rtsps?://|\*)"
_TEXT_START = re.compile(rb"[A-Z_]{1,20}(?:\Z|[ \t/])|(?i:rtsp/|r(?:t(?:sp?)?)?\Z)")
_TEXT_BYTES = 21
_CONTROL_TYPES = frozenset(range(200, 208))
_ALL = frozenset(range(256))


def _channel_class(channels: frozenset[int]) -> bytes:
    return b"[" + b"".join(rb"\x%02x" % channel for channel in sorted(channels)) + b"]"


@functools.lru_cache(maxsize=64)
def _pattern_of(channels: frozenset[int]) -> re.Pattern[bytes]:
    if not channels:
        return re.compile(_MESSAGE)
    return re.compile(rb"\$" + _channel_class(channels) + rb"[\s\S]{2}[\x80-\xbf]|" + _MESSAGE)


@dataclass(frozen=True, slots=True)
class Starts:
    """Finds starts; `channels` are those that a session has set up, all of them before there is one.

    `types` are the second bytes of its packets: payload types with and without a marker, and types of RTCP.
    """

    channels: frozenset[int]
    types: frozenset[int]
    _pattern: re.Pattern[bytes]

    @classmethod
    def of(cls, channels: Iterable[int] | None = None, payload_types: Iterable[int] = ()) -> Starts:
        """Return what finds starts where frames come on these channels; on any, if they are not known."""
        types = frozenset(byte for each in payload_types for byte in (each, each | 0x80))
        types |= _CONTROL_TYPES if types else frozenset()
        known = _ALL if channels is None else frozenset(channels)
        return cls(known, types, _pattern_of(known))

    def may_be_text(self, data: bytearray, position: int) -> bool:
        """Return whether a message may start at a position, by its first word."""
        return _TEXT_START.match(data[position : position + _TEXT_BYTES]) is not None

    def may_start(self, data: bytearray, position: int) -> bool:
        """Return whether what stands at a position may be a start, as far as it has arrived."""
        if position >= len(data):
            return True
        first = data[position]
        if first != DOLLAR:
            return first in b"\r\n" or self.may_be_text(data, position)
        if len(data) < position + 2:
            return True
        channel = data[position + 1]
        if channel in self.channels or channel >= FEW_CHANNELS:
            return channel in self.channels
        if len(data) <= position + FRAME_HEAD_BYTES or not frame_length(data, position):
            return True
        return holds_packet(data, position)

    def next(self, data: bytearray, position: int, *, whole: bool, end: int = sys.maxsize) -> int:
        """Return the position of the next start before `end`, -1 if there is none.

        A frame counts only if something may start behind its end, or if its packet is of a known type. With `whole`,
        the next frame or message must stand behind it. No more than `MAX_CANDIDATES` are examined.
        """
        for _ in range(MAX_CANDIDATES):
            match = self._pattern.search(data, position, end)
            if match is None:
                return -1
            position = match.start()
            if data[position] != DOLLAR or self._is_chained(data, position, whole=whole):
                return position
            position += 1
        return -1

    def within(self, data: bytearray, position: int, end: int) -> int:
        """Return where something started before the frame at a position ends, as its length says; -1 if nowhere.

        Nothing starts at `end`, so that the length may be untrue. A start whose own end has not arrived yet counts
        if it has the payload type of the frame.
        """
        reach = end + KEPT_BYTES
        found = self.next(data, position + 1, whole=True, end=reach)
        if 0 <= found < end:
            return found
        found = self.next(data, position + 1, whole=False, end=reach)
        while 0 <= found < end:
            if data[found] == DOLLAR and data[found + 5 : found + 6] == data[position + 5 : position + 6]:
                return found
            found = self.next(data, found + 1, whole=False, end=reach)
        return -1

    def _is_chained(self, data: bytearray, position: int, *, whole: bool) -> bool:
        length = frame_length(data, position)
        end = position + FRAME_HEAD_BYTES + length
        if length < MIN_PACKET_BYTES:
            return False
        if whole:
            return self._pattern.match(data, end) is not None
        return self.may_start(data, end) or (position + 5 < len(data) and data[position + 5] in self.types)


def frame_length(data: bytearray, position: int) -> int:
    """Return the length in the head of the frame at a position."""
    return (data[position + 2] << 8) | data[position + 3]


def holds_packet(data: bytearray, position: int) -> bool:
    """Return whether the frame at a position begins as RTP and RTCP packets do: with version 2 (RFC 3550, 5.1)."""
    return data[position + FRAME_HEAD_BYTES] & 0xC0 == 0x80
