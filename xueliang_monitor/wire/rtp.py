"""RTP packets, and what their numbers and arrival tell (RFC 3550, sections 5.1, A.1 and A.8)."""

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


class Resequencer:
    """Gives packets of one source in their order, and counts what is lost, late or out of order.

    A gap is waited out for at most `depth` packets; a jump of over 3,000 numbers is another start, not a loss.
    """

    def __init__(self, depth: int = 4) -> None:
        self.received = self.lost = self.reordered = 0
        self._depth = depth
        self._next: int | None = None
        self._held: dict[int, RtpPacket] = {}

    def push(self, packet: RtpPacket) -> list[tuple[RtpPacket, bool]]:
        """Take a packet; return those whose turn it is, each with whether others were lost just before it."""
        sequence = packet.sequence
        if self._next is None or (sequence == self._next and not self._held):
            self.received += 1
            self._next = (sequence + 1) & 0xFFFF
            return [(packet, False)]
        ahead = (sequence - self._next) & 0xFFFF
        if ahead >= 0x10000 - _REORDER_WINDOW or sequence in self._held:
            return []  # doubled, or given up already
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
        """Lost packets over those sent, in [0, 1]."""
        expected = self.received + self.lost
        return self.lost / expected if expected else 0.0


class Jitter:
    """The interarrival jitter of a source (RFC 3550, A.8)."""

    def __init__(self, clock_rate: int) -> None:
        self.seconds = 0.0
        self._clock_rate = clock_rate
        self._last: tuple[float, int] | None = None

    def push(self, arrived: float, timestamp: int) -> None:
        """Take a packet's arrival, in seconds, and its timestamp; only the first of each picture counts."""
        if self._last is not None:
            if self._last[1] == timestamp:
                return
            step = ((timestamp - self._last[1]) & 0xFFFFFFFF) / self._clock_rate
            if step < 60:
                self.seconds += (abs(arrived - self._last[0] - step) - self.seconds) / 16
        self._last = (arrived, timestamp)
