"""The parts of a JPEG file that Motion JPEG is made of: tables, segments, and the header (ITU-T T.81; RFC 2435)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

FRAME, EXTENDED_FRAME, HUFFMAN, SCAN, QUANTIZATION, RESTART = 0xC0, 0xC1, 0xC4, 0xDA, 0xDB, 0xDD
FRAMES = frozenset({FRAME, EXTENDED_FRAME, 0xC2})
"""Baseline, extended and progressive (T.81, table B.1)."""

START_OF_IMAGE, END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
WIDEST = 2040
"""Pixels in width or height that the header of RFC 2435 can say."""

MAX_SEGMENTS = 64
MAX_SEGMENT_BYTES = 2048
MAX_TABLES = 4
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA), 0xFF})

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


def segment(marker: int, body: bytes) -> bytes:
    """Return a segment: marker, length and body."""
    return struct.pack("!BBH", 0xFF, marker, len(body) + 2) + body


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the markers and bodies of segments, up to one that is cut off; fill bytes (FF) may stand between them."""
    position = 0
    for _ in range(MAX_SEGMENTS):
        position = data.find(b"\xff", position)
        while position >= 0 and data[position + 1 : position + 2] == b"\xff":
            position = len(data) - len(data[position:].lstrip(b"\xff")) - 1
        if position < 0 or position + 2 > len(data):
            return
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _WITHOUT_LENGTH:
            position += 2
            continue
        if length < 2 or position + 2 + length > len(data):
            return
        yield marker, data[position + 4 : position + 2 + length]
        position += 2 + length


def quantization_tables(quality: int) -> bytes:
    """Return the luma and chroma tables, 128 bytes, for a quality from 1 to 99 (RFC 2435, 4.2)."""
    factor = 5000 // quality if quality < 50 else 200 - quality * 2
    return bytes(min(255, max(1, (value * factor + 50) // 100)) for value in _LUMA + _CHROMA)


def split_tables(tables: bytes, precision: int) -> tuple[bytes, ...]:
    """Split quantization tables; a bit of `precision` says that a table has 16-bit values (RFC 2435, 3.1.8)."""
    found: list[bytes] = []
    position = 0
    while len(found) < MAX_TABLES:
        size = 128 if precision >> len(found) & 1 else 64
        if position + size > len(tables):
            break
        found.append(tables[position : position + size])
        position += size
    return tuple(found)


_STANDARD_HUFFMAN = b"".join(
    segment(HUFFMAN, bytes((identity,)) + bytes.fromhex(lengths) + bytes.fromhex(symbols))
    for identity, lengths, symbols in _HUFFMAN
)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header of a file is made of.

    `sampling` is that of the luma component. `frame`, `quantization`, `huffman` and `scan` are segments of the camera,
    which replace what RFC 2435 says, and are empty where it sent none.
    """

    size: tuple[int, int]
    tables: tuple[bytes, ...] = ()
    sampling: int = 0x22
    restart_interval: int = 0
    frame: bytes = b""
    quantization: bytes = b""
    huffman: bytes = b""
    scan: bytes = b""


def file_header(layout: Layout) -> bytes:
    """Return the part of a JPEG file before its entropy-coded data (RFC 2435, appendix B)."""
    tables = layout.tables[:2]
    parts = [START_OF_IMAGE, layout.quantization]
    if not layout.quantization:
        parts += [
            segment(QUANTIZATION, bytes((index | (0x10 if len(table) > 64 else 0),)) + table)
            for index, table in enumerate(tables)
        ]
    if layout.restart_interval:
        parts.append(segment(RESTART, struct.pack("!H", layout.restart_interval)))
    frame = layout.frame or _frame(layout, chroma=max(0, len(tables) - 1))
    parts += [frame, layout.huffman or _STANDARD_HUFFMAN, layout.scan or _scan(frame)]
    return b"".join(parts)


def _frame(layout: Layout, *, chroma: int) -> bytes:
    width, height = layout.size
    head = struct.pack("!BHHB", 8, height, width, 3)
    return segment(FRAME, head + bytes((0, layout.sampling, 0, 1, 0x11, chroma, 2, 0x11, chroma)))


def _scan(frame: bytes) -> bytes:
    """Return the header of the scan of all components of a frame; luma and chroma have tables of their own."""
    count = frame[9]
    identities = [frame[10 + 3 * index] for index in range(count)]
    chosen = b"".join(bytes((identity, 0x11 if index else 0)) for index, identity in enumerate(identities))
    return segment(SCAN, bytes((count,)) + chosen + bytes((0, 63, 0)))


def size_of_file(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a baseline or extended JPEG file, or None if it has no such frame header."""
    for marker, body in segments(data):
        if marker in FRAMES:
            return size_of_frame(body)
        if marker == SCAN:
            return None
    return None


def size_of_frame(body: bytes) -> tuple[int, int] | None:
    """Return width and height in the body of a frame header (T.81, B.2.2), or None if it is none."""
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or not 1 <= body[5] <= 4:
        return None
    height, width = struct.unpack("!HH", body[1:5])
    return (width, height) if width and height else None
