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
    """The content of one compound packet."""

    sender_report: SenderReport | None = None
    bye: bool = False


def parse(data: bytes) -> ControlPacket:
    """Parse a compound packet up to the first invalid part. Never raises."""
    report, bye, position = None, False, 0
    for _ in range(MAX_PACKETS):
        if len(data) < position + 8 or data[position] >> 6 != 2:
            break
        kind = data[position + 1]
        end = position + 4 + 4 * int.from_bytes(data[position + 2 : position + 4], "big")
        if kind == _SENDER_REPORT and min(end, len(data)) >= position + 28:
            ssrc, seconds, fraction, timestamp, packets = struct.unpack_from("!IIIII", data, position + 4)
            report = SenderReport(ssrc, seconds - _NTP_TO_UNIX_SECONDS + fraction / 2**32, timestamp, packets)
        bye = bye or kind == _BYE
        position = end
    return ControlPacket(report, bye)


def serialize_sender_report(report: SenderReport, octets: int = 0) -> bytes:
    """Serialize a sender report without report blocks."""
    seconds = report.at + _NTP_TO_UNIX_SECONDS
    whole = int(seconds)
    words = (whole & 0xFFFFFFFF, int((seconds - whole) * 2**32), report.timestamp, report.packets, octets)
    return struct.pack("!BBHIIIIII", 0x80, _SENDER_REPORT, 6, report.ssrc, *(word & 0xFFFFFFFF for word in words))


def serialize_receiver_report(ssrc: int) -> bytes:
    """Serialize an empty receiver report, with the source description that must follow it (RFC 3550, 6.1)."""
    description = struct.pack("!IBB", ssrc, 1, 7) + b"monitor"
    description += bytes(4 - len(description) % 4)
    words = len(description) // 4
    return struct.pack("!BBHI", 0x80, _RECEIVER_REPORT, 1, ssrc) + (
        struct.pack("!BBH", 0x81, _SOURCE_DESCRIPTION, words) + description
    )
