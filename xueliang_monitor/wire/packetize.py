"""NAL units and JPEG files to RTP payloads, for the simulator (RFC 6184, 5.6 to 5.8; RFC 7798, 4.4; RFC 2435)."""

from __future__ import annotations

import struct

from xueliang_monitor.wire import jpeg
from xueliang_monitor.wire.media import Codec


def fragments(codec: Codec, unit: bytes, limit: int) -> list[bytes]:
    """Return the RTP payloads of one large unit."""
    if codec is Codec.H264:
        prefix, kind, skip = bytes(((unit[0] & 0xE0) | 28,)), unit[0] & 0x1F, 1
    else:
        prefix, kind, skip = bytes(((unit[0] & 0x81) | (49 << 1), unit[1])), (unit[0] >> 1) & 0x3F, 2
    body = unit[skip:]
    room = limit - len(prefix) - 1
    pieces = [body[start : start + room] for start in range(0, len(body), room)]
    last = len(pieces) - 1
    return [
        prefix + bytes(((0x80 if index == 0 else 0) | (0x40 if index == last else 0) | kind,)) + piece
        for index, piece in enumerate(pieces)
    ]


def _aggregate(codec: Codec, units: list[bytes]) -> bytes:
    header = bytes(((units[0][0] & 0xE0) | 24,)) if codec is Codec.H264 else bytes((48 << 1, 1))
    return header + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def packetize_units(codec: Codec, units: list[bytes], max_payload: int = 1400) -> list[bytes]:
    """Return the RTP payloads of one access unit: small units aggregated, large ones fragmented."""
    payloads: list[bytes] = []
    small: list[bytes] = []

    def flush() -> None:
        if len(small) == 1:
            payloads.append(small[0])
        elif small:
            payloads.append(_aggregate(codec, small))
        small.clear()

    for unit in units:
        if len(unit) > max_payload:
            flush()
            payloads.extend(fragments(codec, unit, max_payload))
            continue
        if sum(len(item) + 2 for item in small) + len(unit) + 4 > max_payload:
            flush()
        small.append(unit)
    flush()
    return payloads


def packetize_jpeg(file: bytes, max_payload: int = 1400) -> list[bytes]:
    """Split a baseline JPEG with the standard Huffman tables into RTP payloads with in-band quantization tables."""
    tables, width, height, kind, scan_at = b"", 0, 0, 1, 0
    for marker, body in jpeg.segments(file):
        if marker == jpeg.QUANTIZATION:
            tables += b"".join(body[index + 1 : index + 65] for index in range(0, len(body), 65))
        elif marker == jpeg.FRAME:
            height, width = struct.unpack("!HH", body[1:5])
            kind = 0 if body[7] == 0x21 else 1
        elif marker == jpeg.SCAN:
            scan_at = file.index(jpeg.segment(marker, body)) + len(body) + 4
            break
    scan = file[scan_at:].removesuffix(jpeg.END_OF_IMAGE)
    payloads: list[bytes] = []
    offset = 0
    while offset < len(scan):
        header = struct.pack("!I", offset) + bytes((kind, 255, width // 8, height // 8))
        if offset == 0:
            header += struct.pack("!BBH", 0, 0, len(tables)) + tables
        piece = scan[offset : offset + max_payload - len(header)]
        payloads.append(header + piece)
        offset += len(piece)
    return payloads
