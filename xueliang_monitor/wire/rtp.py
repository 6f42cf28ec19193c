"""RTP packets: parser, reordering, loss and jitter (RFC 3550, sections 5.1, A.1 and A.8)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from xueliang_monitor.wire.errors import MalformedMediaError

_HEADER = struct.Struct("!BBHII")
_REORDER_WINDOW = 3000


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet; `timestamp` is in units of the track's clock rate."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes


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
    if first & 0x10:
        if len(data) < start + 4:
            raise MalformedMediaError("an RTP header extension that is longer than the packet")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        end -= data[-1]
    if start > end:
        raise MalformedMediaError("RTP headers that are longer than the packet")
    return RtpPacket(
        payload_type=second & 0x7F,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        marker=bool(second & 0x80),
        payload=data[start:end],
    )


def serialize(packet: RtpPacket) -> bytes:
    """Serialize a packet without header extension, padding or contributing sources."""
    second = (0x80 if packet.marker else 0) | packet.payload_type
    return _HEADER.pack(0x80, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


class Resequencer:
    """Returns the packets of one source in order, and counts received, lost and reordered ones.

    A missing packet is awaited for at most `depth` further packets. A jump of more than 3000 sequence numbers is a
    restart of the source, not a loss.
    """

    def __init__(self, depth: int = 4) -> None:
        self.received = self.lost = self.reordered = 0
        self._depth = depth
        self._next: int | None = None
        self._held: dict[int, RtpPacket] = {}

    def push(self, packet: RtpPacket) -> list[tuple[RtpPacket, bool]]:
        """Add a packet; return those that are in order now, each with whether packets before it were lost."""
        sequence = packet.sequence
        if self._next is None or (sequence == self._next and not self._held):
            self.received += 1
            self._next = (sequence + 1) & 0xFFFF
            return [(packet, False)]
        ahead = (sequence - self._next) & 0xFFFF
        if ahead >= 0x10000 - _REORDER_WINDOW or sequence in self._held:
            return []  # a duplicate, or a packet that was counted as lost
        self.received += 1
        if ahead > _REORDER_WINDOW:
            released = [*self._release(everything=True), (packet, True)]
            self._next = (sequence + 1) & 0xFFFF
            return released
        if any((other - sequence) & 0xFFFF < _REORDER_WINDOW for other in self._held):
            self.reordered += 1
        self._held[sequence] = packet
        return self._release(everything=False)

    def _release(self, *, everything: bool) -> list[tuple[RtpPacket, bool]]:
        released: list[tuple[RtpPacket, bool]] = []
        expected = self._next or 0
        while self._held:
            missing = expected not in self._held
            if missing and not everything and len(self._held) <= self._depth:
                break
            if missing:
                following = min(self._held, key=lambda number: (number - expected) & 0xFFFF)
                self.lost += (following - expected) & 0xFFFF
                expected = following
            released.append((self._held.pop(expected), missing))
            expected = (expected + 1) & 0xFFFF
        self._next = expected
        return released

    @property
    def loss_ratio(self) -> float:
        """Lost packets divided by expected packets, in [0, 1]."""
        expected = self.received + self.lost
        return self.lost / expected if expected else 0.0


class Jitter:
    """The interarrival jitter of a source (RFC 3550, A.8)."""

    def __init__(self, clock_rate: int) -> None:
        self.seconds = 0.0
        self._clock_rate = clock_rate
        self._last: tuple[float, int] | None = None

    def push(self, arrived: float, timestamp: int) -> None:
        """Add the arrival time in seconds and the timestamp of a packet; only the first packet of a picture is used."""
        if self._last is not None:
            if self._last[1] == timestamp:
                return
            step = ((timestamp - self._last[1]) & 0xFFFFFFFF) / self._clock_rate
            if step < 60:
                self.seconds += (abs(arrived - self._last[0] - step) - self.seconds) / 16
        self._last = (arrived, timestamp)
