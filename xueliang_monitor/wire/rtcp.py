"""RTCP: sender reports, BYE, and an empty receiver report (RFC 3550, section 6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAX_PACKETS = 32
_SENDER_REPORT, _RECEIVER_REPORT, _SOURCE_DESCRIPTION, _BYE = 200, 201, 202, 203
_NTP_TO_UNIX_SECONDS = 2_208_988_800


@dataclass(frozen=True, slots=True)
class SenderReport:
    """The sender's wall clock `at`, in seconds since the epoch, and its RTP timestamp (RFC 3550, 6.4.1)."""

    ssrc: int
    at: float
    timestamp: int
    packets: int


@dataclass(frozen=True, slots=True)
class ControlPacket:
    """The content of one compound packet: the last sender report, and the sources that say BYE."""

    sender_report: SenderReport | None = None
    bye: tuple[int, ...] = ()


def parse(data: bytes) -> ControlPacket:
    """Parse a compound packet up to the first invalid part. Never raises."""
    report, position = None, 0
    bye: list[int] = []
    for _ in range(MAX_PACKETS):
        if len(data) < position + 8 or data[position] >> 6 != 2:
            break
        kind = data[position + 1]
        end = position + 4 + 4 * int.from_bytes(data[position + 2 : position + 4], "big")
        if kind == _SENDER_REPORT and min(end, len(data)) >= position + 28:
            ssrc, seconds, fraction, timestamp, packets = struct.unpack_from("!IIIII", data, position + 4)
            report = SenderReport(ssrc, seconds - _NTP_TO_UNIX_SECONDS + fraction / 2**32, timestamp, packets)
        elif kind == _BYE:
            count = min(data[position] & 0x1F, (min(end, len(data)) - position - 4) // 4)
            bye += struct.unpack_from(f"!{count}I", data, position + 4)
        position = end
    return ControlPacket(report, tuple(bye))


def is_control(data: bytes) -> bool:
    """Return whether a packet that came where RTP is expected is RTCP (RFC 5761, 4)."""
    return len(data) >= 4 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def serialize_sender_report(report: SenderReport, octets: int = 0) -> bytes:
    """Serialize a sender report without report blocks."""
    seconds = report.at + _NTP_TO_UNIX_SECONDS
    whole = int(seconds)
    words = (whole & 0xFFFFFFFF, int((seconds - whole) * 2**32), report.timestamp, report.packets, octets)
    return struct.pack("!BBHIIIIII", 0x80, _SENDER_REPORT, 6, report.ssrc, *(word & 0xFFFFFFFF for word in words))


def serialize_bye(*sources: int) -> bytes:
    """Serialize a BYE of the sources (RFC 3550, 6.6)."""
    return struct.pack(f"!BBH{len(sources)}I", 0x80 | len(sources), _BYE, len(sources), *sources)


def serialize_receiver_report(ssrc: int) -> bytes:
    """Serialize an empty receiver report, with the source description that must follow it (RFC 3550, 6.1)."""
    description = struct.pack("!IBB", ssrc, 1, 7) + b"monitor"
    description += bytes(4 - len(description) % 4)
    words = len(description) // 4
    return struct.pack("!BBHI", 0x80, _RECEIVER_REPORT, 1, ssrc) + (
        struct.pack("!BBH", 0x81, _SOURCE_DESCRIPTION, words) + description
    )
