"""Motion JPEG over RTP to JPEG files, and JPEG files to RTP payloads (RFC 2435)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES, AccessUnit, Codec
from xueliang_monitor.wire.rtp import RtpPacket

# The standard quantization tables of ITU-T T.81, annex K, in the zigzag order of a file (RFC 2435, appendix A).
_LUMA = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
_CHROMA = bytes.fromhex(
    "1112121815182f1a1a2f63423842636363636363636363636363636363636363"
    "6363636363636363636363636363636363636363636363636363636363636363"
)
# The standard Huffman tables of annex K.3: class and identifier, number of codes of each length, symbols.
_HUFFMAN = (
    (0x00, "00010501010101010100000000000000", "000102030405060708090a0b"),
    (0x01, "00030101010101010101010000000000", "000102030405060708090a0b"),
    (
        0x10,
        "0002010303020403050504040000017d",
        (
            "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
            "2433627282090a161718191a25262728292a3435363738393a434445464748494a"
            "535455565758595a636465666768696a737475767778797a838485868788898a"
            "92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6"
            "c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
        ),
    ),
    (
        0x11,
        "00020102040403040705040400010277",
        (
            "000102031104052131061241510761711322328108144291a1b1c109233352f0"
            "156272d10a162434e125f11718191a262728292a35363738393a434445464748"
            "494a535455565758595a636465666768696a737475767778797a828384858687"
            "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
            "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
        ),
    ),
)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0xFF, marker, len(body) + 2) + body


def quantization_tables(quality: int) -> bytes:
    """Return the luma and chroma tables, 128 bytes, for a quality from 1 to 99 (RFC 2435, 4.2)."""
    factor = 5000 // quality if quality < 50 else 200 - quality * 2
    return bytes(min(255, max(1, (value * factor + 50) // 100)) for value in _LUMA + _CHROMA)


def _file_header(kind: int, size: tuple[int, int], tables: bytes, restart_interval: int) -> bytes:
    """Return the part of a JPEG file before its entropy-coded data (RFC 2435, appendix B)."""
    count = max(1, min(2, len(tables) // 64))
    parts = [b"\xff\xd8"]
    parts += [_segment(0xDB, bytes((index,)) + tables[64 * index : 64 * index + 64]) for index in range(count)]
    if restart_interval:
        parts.append(_segment(0xDD, struct.pack("!H", restart_interval)))
    sampling = 0x21 if kind & 0x3F == 0 else 0x22
    chroma = count - 1
    width, height = size
    frame = struct.pack("!BHHB", 8, height, width, 3)
    parts.append(_segment(0xC0, frame + bytes((0, sampling, 0, 1, 0x11, chroma, 2, 0x11, chroma))))
    for identity, lengths, symbols in _HUFFMAN:
        parts.append(_segment(0xC4, bytes((identity,)) + bytes.fromhex(lengths) + bytes.fromhex(symbols)))
    parts.append(_segment(0xDA, bytes((3, 0, 0x00, 1, 0x11, 2, 0x11, 0, 63, 0))))
    return b"".join(parts)


class MjpegDepacketizer:
    """Assembles fragments in order; the size comes from the packets, or from the SDP (`frame_size`)."""

    profile = "Baseline"
    """The only profile of RFC 2435 (section 3.1.3)."""

    def __init__(self, frame_size: tuple[int, int] | None = None) -> None:
        self._declared = frame_size
        self._tables: dict[int, bytes] = {}
        self._timestamp: int | None = None
        self._header = b""
        self._scan: list[bytes] = []
        self._length = 0
        self._complete = True
        self.size: tuple[int, int] | None = frame_size
        self.keep_following = True

    def push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Add the next packet; see `Depacketizer`."""
        units: list[AccessUnit] = []
        if lost:
            self._complete = False
        if packet.timestamp != self._timestamp:
            units += self._finish()
            self._begin(packet.timestamp)
            self._complete = not lost
        self._unpack(packet.payload)
        if packet.marker:
            units += self._finish()
            self._begin(packet.timestamp)
        return units

    def _begin(self, timestamp: int) -> None:
        self._timestamp, self._header, self._scan, self._length, self._complete = timestamp, b"", [], 0, True

    def _unpack(self, payload: bytes) -> None:
        if len(payload) < 8:
            raise MalformedMediaError(f"a JPEG payload of {len(payload)} bytes")
        offset = int.from_bytes(payload[1:4], "big")
        kind, quality, columns, rows = payload[4:8]
        position, restart_interval = 8, 0
        if 64 <= kind <= 127:
            restart_interval = int.from_bytes(payload[8:10], "big")
            position = 12
        if offset == 0:
            tables, position = self._quantization(payload, quality, position)
            width, height = columns * 8, rows * 8
            if not (width and height):
                width, height = self._declared or (0, 0)
            if not (width and height):
                raise MalformedMediaError("a JPEG stream with no size in its packets or its SDP")
            if kind & 0x3F > 1 or kind > 127:
                raise MalformedMediaError(f"a JPEG payload of type {kind}, which RFC 2435 does not define")
            self.size = (width, height)
            self._header = _file_header(kind, self.size, tables, restart_interval)
        if offset != self._length:
            self._complete = False
            return
        self._scan.append(payload[position:])
        self._length += len(payload) - position
        if self._length > MAX_ACCESS_UNIT_BYTES:
            raise MalformedMediaError(f"a picture of over {MAX_ACCESS_UNIT_BYTES} bytes")

    def _quantization(self, payload: bytes, quality: int, position: int) -> tuple[bytes, int]:
        if 1 <= quality <= 99:
            return quantization_tables(quality), position
        if quality < 128:
            raise MalformedMediaError(f"a JPEG payload of quality {quality}, which RFC 2435 reserves")
        length = int.from_bytes(payload[position + 2 : position + 4], "big")
        start = position + 4
        if length:
            if length % 64 or len(payload) < start + length or payload[position + 1]:
                raise MalformedMediaError(f"JPEG quantization tables of {length} bytes")
            self._tables[quality] = payload[start : start + length]
        if quality not in self._tables:
            raise MalformedMediaError(f"JPEG quantization tables for quality {quality} were never sent")
        return self._tables[quality], start + length

    def _finish(self) -> list[AccessUnit]:
        if self._timestamp is None or not self._length:
            return []
        scan = b"".join(self._scan)
        end = b"" if scan.endswith(b"\xff\xd9") else b"\xff\xd9"
        complete = self._complete and bool(self._header)
        data = self._header + scan + end if complete else b""
        unit = AccessUnit(
            codec=Codec.MJPEG,
            keyframe=True,
            complete=complete,
            timestamp=self._timestamp,
            size=self._length,
            data=data,
        )
        return [unit]


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    position = 2
    while position + 4 <= len(jpeg):
        marker, length = jpeg[position + 1], int.from_bytes(jpeg[position + 2 : position + 4], "big")
        yield marker, jpeg[position + 4 : position + 2 + length]
        position += 2 + length
        if marker == 0xDA:
            yield 0xD9, jpeg[position:].removesuffix(b"\xff\xd9")
            return


def packetize(jpeg: bytes, max_payload: int = 1400) -> list[bytes]:
    """Split a baseline JPEG with the standard Huffman tables into RTP payloads with in-band quantization tables."""
    tables, scan, width, height, kind = b"", b"", 0, 0, 1
    for marker, body in _segments(jpeg):
        if marker == 0xDB:
            tables += b"".join(body[index + 1 : index + 65] for index in range(0, len(body), 65))
        elif marker == 0xC0:
            height, width = struct.unpack("!HH", body[1:5])
            kind = 0 if body[7] == 0x21 else 1
        elif marker == 0xD9:
            scan = body
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
