"""Access units: what the payload formats are put together into."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.rtp import RtpPacket

MAX_ACCESS_UNIT_BYTES = 8 * 1024 * 1024
MAX_UNITS = 4096
START_CODE = b"\x00\x00\x00\x01"


class Codec(enum.StrEnum):
    """The codecs whose keyframes can be judged."""

    H264 = "h264"
    H265 = "h265"
    MJPEG = "mjpeg"


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture as sent: Annex B bytes with parameter sets for a keyframe, a whole JPEG, or nothing but a size.

    `data` is empty for pictures that are no keyframe; `complete` is False where a packet was lost within it.
    `timestamp` counts in the track's clock rate.
    """

    codec: Codec
    keyframe: bool
    complete: bool
    timestamp: int
    size: int
    data: bytes = b""


class Depacketizer(Protocol):
    """Puts packets together into access units."""

    def push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Take the next packet; `lost` says that others were missed just before it."""
        ...


class NalAssembler:
    """Collects the NAL units of one access unit (H.264 and H.265 alike), bounded in bytes and number."""

    def __init__(self) -> None:
        self.units: list[bytes] = []
        self.broken: list[bytes] = []
        self.timestamp: int | None = None
        self.complete = True
        self._fragments: list[bytes] = []
        self._size = 0

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MAX_ACCESS_UNIT_BYTES:
            raise MalformedMediaError(f"a picture of over {MAX_ACCESS_UNIT_BYTES} bytes")

    def add(self, unit: bytes) -> None:
        """Add a whole NAL unit."""
        self.drop_fragments()
        if not unit:
            self.complete = False
            return
        self._count(len(unit))
        if len(self.units) >= MAX_UNITS:
            raise MalformedMediaError(f"a picture of over {MAX_UNITS} NAL units")
        self.units.append(unit)

    def add_fragment(self, header: bytes, fragment: bytes, *, start: bool, end: bool) -> None:
        """Add a fragment; `header` is the NAL unit's own, rebuilt."""
        if start:
            self.drop_fragments()
            self._fragments = [header]
        elif not self._fragments:
            self.complete = False
            return
        self._count(len(fragment))
        self._fragments.append(fragment)
        if len(self._fragments) > 65_536:
            raise MalformedMediaError("a NAL unit of over 65536 fragments")
        if end:
            unit = b"".join(self._fragments)
            self._fragments = []
            self.units.append(unit)

    def drop_fragments(self) -> None:
        """Forget a NAL unit that never ended."""
        if self._fragments:
            self.complete = False
            self.broken.append(self._fragments[0])
            self._fragments = []

    def lose(self) -> None:
        """Note that packets were lost just now."""
        self.complete = False
        self.drop_fragments()

    def begin(self, timestamp: int) -> None:
        """Start the next access unit; `broken` keeps the headers of NAL units of which a part was lost."""
        self.units = []
        self.broken = []
        self._fragments = []
        self._size = 0
        self.complete = True
        self.timestamp = timestamp

    @property
    def size(self) -> int:
        """Bytes collected so far."""
        return self._size


class NalDepacketizer(ABC):
    """What H.264 and H.265 share: where a picture begins and ends (RFC 6184, 5.1; RFC 7798, 4.1)."""

    def __init__(self) -> None:
        self._assembler = NalAssembler()

    def push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Take the next packet; see `Depacketizer`."""
        units: list[AccessUnit] = []
        assembler = self._assembler
        if lost:
            assembler.lose()  # the end of the picture under way may be among what was lost
        if assembler.timestamp != packet.timestamp:
            units += self._finish()
            assembler.begin(packet.timestamp)
            assembler.complete = not lost
        self._unpack(packet.payload)
        if packet.marker:
            units += self._finish()
        return units

    @abstractmethod
    def _unpack(self, payload: bytes) -> None:
        """Add what one payload holds."""

    @abstractmethod
    def _finish(self) -> list[AccessUnit]:
        """End the picture under way and return it."""


def annex_b(units: list[bytes]) -> bytes:
    """Join NAL units into a byte stream (H.264 and H.265, annex B)."""
    return b"".join(START_CODE + unit for unit in units)


def split_aggregate(payload: bytes, start: int) -> list[bytes]:
    """Split the NAL units of an aggregation packet, each behind a 16-bit size (RFC 6184, 5.7.1; RFC 7798, 4.4.2)."""
    units: list[bytes] = []
    position = start
    while position + 2 <= len(payload):
        size = int.from_bytes(payload[position : position + 2], "big")
        position += 2
        if size == 0 or position + size > len(payload):
            raise MalformedMediaError("an aggregation packet whose sizes do not add up")
        units.append(payload[position : position + size])
        position += size
    return units
