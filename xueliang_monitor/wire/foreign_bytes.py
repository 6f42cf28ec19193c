"""Counts the bytes of an RTSP connection that belong to no message and no frame, and tells when they are too many."""

from __future__ import annotations

from dataclasses import dataclass

from xueliang_monitor.wire.errors import Malformation, MalformedMessageError
from xueliang_monitor.wire.printable import CUT, MAX_EXAMINED_CHARACTERS, clean

MAX_AT_FIRST = 4096
"""How many bytes may be skipped before the first message. What sends more does not speak RTSP."""

MAX_IN_A_ROW = 256 * 1024
MAX_SHARE, MIN_SHARED_BYTES = 0.5, 64 * 1024
"""How many bytes may be skipped in a row, and of all bytes once `MIN_SHARED_BYTES` were skipped."""

SHOWN_BYTES = 4 * MAX_EXAMINED_CHARACTERS


def shown(raw: bytes) -> str:
    """Return bytes for a message, or the first in hexadecimal if none is a letter.

    A gate does not find every secret that was cut, so they are cut late; `net` shortens what has passed its gate.
    """
    cut = CUT if len(raw) > SHOWN_BYTES else ""
    text = clean(raw[:SHOWN_BYTES].decode("utf-8", "replace") + cut, MAX_EXAMINED_CHARACTERS)
    return text if text.strip(f"\ufffd {CUT}") else raw[:8].hex(" ")


@dataclass(slots=True)
class ForeignBytes:
    """What was skipped of `received` bytes; `understood` says that a message was read."""

    received: int = 0
    skipped: int = 0
    in_a_row: int = 0
    understood: bool = False
    _first: bytes = b""

    def skip(self, raw: bytearray, position: int, number: int) -> None:
        """Take that `number` bytes from a position on are skipped.

        Raises:
            MalformedMessageError: too many were.

        """
        if len(self._first) <= SHOWN_BYTES:
            self._first += bytes(raw[position : position + min(number, SHOWN_BYTES + 1)])
        self.skipped += number
        self.in_a_row += number
        if not self.understood:
            if self.skipped > MAX_AT_FIRST:
                raise self.not_rtsp()
        elif self.in_a_row > MAX_IN_A_ROW or self.skipped > max(MIN_SHARED_BYTES, MAX_SHARE * self.received):
            raise MalformedMessageError(
                f"{self.skipped} of {self.received} bytes belong to no RTSP message and no frame",
                Malformation.FRAMING_LOST,
            )

    def not_rtsp(self, rest: bytes = b"") -> MalformedMessageError:
        """Return the error of bytes of which none is RTSP; `rest` was not skipped yet."""
        begun = (self._first + rest)[: SHOWN_BYTES + 1]
        return MalformedMessageError(f"the bytes are not RTSP: {shown(begun)}", Malformation.NOT_RTSP)
