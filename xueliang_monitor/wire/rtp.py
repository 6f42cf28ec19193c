"""RTP packets: the parser (RFC 3550, 5.1) and differences of their clock."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from xueliang_monitor.wire.errors import MalformedMediaError

_HEADER = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet; `timestamp` is in units of the track's clock rate.

    `extension` is the header extension with its profile and length (RFC 3550, 5.3.1), or empty.
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes
    extension: bytes = b""


def parse(data: bytes) -> RtpPacket:
    """Parse a packet.

    Raises:
        MalformedMediaError: the packet is not RTP version 2, or is truncated.

    """
    if len(data) < 12:
        raise MalformedMediaError(f"an RTP packet of {len(data)} bytes")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise MalformedMediaError(f"an RTP packet of version {first >> 6}")
    start = 12 + 4 * (first & 0x0F)
    end = len(data)
    extension = b""
    if first & 0x10:
        if len(data) < start + 4:
            raise MalformedMediaError("an RTP header extension that is longer than the packet")
        follows = start + 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
        extension, start = data[start:follows], follows
    if start > end:
        raise MalformedMediaError("RTP headers that are longer than the packet")
    if first & 0x20 and data[-1] <= end - start:
        end -= data[-1]  # more padding than there is payload is none
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, second > 0x7F, data[start:end], extension)


def serialize(packet: RtpPacket) -> bytes:
    """Serialize a packet without header extension, padding or contributing sources."""
    second = (0x80 if packet.marker else 0) | packet.payload_type
    return _HEADER.pack(0x80, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


def signed(difference: int) -> int:
    """Return a difference of two timestamps as the shorter way round, below 0 if it is backwards."""
    return (difference + 0x80000000 & 0xFFFFFFFF) - 0x80000000
