"""RTP packets and what their sequence numbers tell (RFC 3550, sections 5.1 and A.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from xueliang_monitor.wire.errors import MalformedMediaError

_HEADER = struct.Struct("!BBHII")
_REORDER_WINDOW = 3000


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet; `timestamp` counts in the track's clock rate."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes


def parse(data: bytes) -> RtpPacket:
    """Read a packet.

    Raises:
        MalformedMediaError: it is no RTP of version 2, or shorter than it says.

    """
    if len(data) < 12:
        raise MalformedMediaError(f"an RTP packet of {len(data)} bytes")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise MalformedMediaError(f"RTP version {first >> 6}")
    start = 12 + 4 * (first & 0x0F)
    end = len(data)
    if first & 0x10:
        if len(data) < start + 4:
            raise MalformedMediaError("an RTP header extension beyond the packet")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        end -= data[-1]
    if start > end:
        raise MalformedMediaError("RTP headers beyond the packet")
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, bool(second & 0x80), data[start:end])


def serialize(packet: RtpPacket) -> bytes:
    """Write a packet without extension, padding or sources."""
    second = (0x80 if packet.marker else 0) | packet.payload_type
    return _HEADER.pack(0x80, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


@dataclass(slots=True)
class SequenceTracker:
    """Counts received, lost and reordered packets of one source."""

    received: int = 0
    lost: int = 0
    reordered: int = 0
    _next: int | None = None

    def push(self, sequence: int) -> int:
        """Take the next packet's number; return how many packets were missed just before it."""
        self.received += 1
        if self._next is None:
            self._next = (sequence + 1) & 0xFFFF
            return 0
        gap = (sequence - self._next) & 0xFFFF
        if gap >= 0x10000 - _REORDER_WINDOW:
            self.reordered += 1
            self.lost = max(0, self.lost - 1)
            return 0
        self._next = (sequence + 1) & 0xFFFF
        if gap > _REORDER_WINDOW:
            return 1
        self.lost += gap
        return gap

    @property
    def loss_ratio(self) -> float:
        """Lost packets over those sent, in [0, 1]."""
        expected = self.received + self.lost
        return self.lost / expected if expected else 0.0
