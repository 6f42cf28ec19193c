"""Supplemental enhancement information: recovery points and picture timing (H.264 and H.265, annex D).

And identifiers in other units.
"""

from __future__ import annotations

from collections.abc import Sequence

from xueliang_monitor.wire.bits import BitReader, unescape
from xueliang_monitor.wire.errors import MalformedMediaError

_PICTURE_TIMING, _RECOVERY_POINT = 1, 6
_MAX_UNITS = 8
_MAX_MESSAGES = 32
_MAX_MESSAGE_BYTES = 512
_MAX_RECOVERY_PICTURES = 1000


def identifiers_at(unit: bytes | bytearray, start: int, count: int, *, skip: int = 0) -> tuple[int, ...]:
    """Return `count` numbers in a row, ue(v), from `skip` bits behind byte `start`; -1 for those that are cut off."""
    if count == 1 and not skip and len(unit) > start and unit[start] & 0x80:
        return (0,)  # as most of them are
    numbers: list[int] = []
    try:
        reader = BitReader(unescape(bytes(unit[start : start + 24])))
        reader.skip(skip)
        numbers += (reader.unsigned() for _ in range(count))
    except MalformedMediaError:
        pass
    return (*numbers, *(-1 for _ in range(count - len(numbers))))


def _messages(body: bytes) -> list[tuple[int, bytes]]:
    """Split an SEI unit into the types and payloads of its messages (H.264, 7.3.2.3.1)."""
    found: list[tuple[int, bytes]] = []
    position = 0
    while position + 2 <= len(body) and len(found) < _MAX_MESSAGES:
        numbers = []
        for _ in range(2):
            value = 0
            while position < len(body) and body[position] == 0xFF:
                value += 255
                position += 1
            if position >= len(body):
                return found
            numbers.append(value + body[position])
            position += 1
        found.append((numbers[0], body[position : position + numbers[1]]))
        position += numbers[1]
    return found


def recovery_point(bodies: Sequence[bytes | bytearray]) -> int | None:
    """Return the number of pictures up to the first correct one, from a recovery point message, or None.

    Only the first units of a picture are read, so that a picture of thousands of them takes no longer.
    """
    for body in bodies[:_MAX_UNITS]:
        for kind, payload in _messages(unescape(bytes(body[:_MAX_MESSAGE_BYTES]))):
            if kind != _RECOVERY_POINT:
                continue
            try:
                count = BitReader(payload).unsigned()
            except MalformedMediaError:
                return None
            return count if count <= _MAX_RECOVERY_PICTURES else None
    return None


def has_picture_timing(body: bytes) -> bool:
    """Return whether a unit has a picture timing message, which may say that a picture is a field (H.265, D.2.3)."""
    return any(kind == _PICTURE_TIMING for kind, _ in _messages(unescape(body[:_MAX_MESSAGE_BYTES])))
