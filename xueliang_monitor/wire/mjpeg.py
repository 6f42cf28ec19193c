"""Motion JPEG over RTP to JPEG files (RFC 2435; ONVIF Streaming Specification, 5.1.3)."""

from __future__ import annotations

from dataclasses import replace

from xueliang_monitor.wire import jpeg
from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES, AccessUnit, Codec
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.rtp import RtpPacket
from xueliang_monitor.wire.shortcomings import Flaw, Shortcomings

_EXTENSION, _REPLAY = 0xFFD8, frozenset({0xABAC, 0xABAD})
_REPLAY_BYTES = 12
_NOTHING = jpeg.Layout((0, 0))
_SAMPLINGS = {0: 0x21, 1: 0x22}
_RESTART_TYPES = range(64, 128)
_STATIC_QUALITIES = range(1, 128)


class _Unreadable(Exception):
    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw)
        self.flaw = flaw


def extension_layout(extension: bytes) -> jpeg.Layout | None:
    """Return what the JPEG segments in an RTP header extension say, or None if there are none.

    They stand in an extension of their own, or behind the one for replay (ONVIF Streaming Specification, 5.1.3, 6.3.2).
    """
    if int.from_bytes(extension[:2], "big") in _REPLAY:
        extension = extension[4 + _REPLAY_BYTES :]
    if int.from_bytes(extension[:2], "big") != _EXTENSION:
        return None
    found = _NOTHING
    for marker, body in jpeg.segments(extension[4:]):
        if len(body) > jpeg.MAX_SEGMENT_BYTES:
            continue
        whole = jpeg.segment(marker, body)
        if marker in {jpeg.FRAME, jpeg.EXTENDED_FRAME} and (size := jpeg.size_of_frame(body)):
            found = replace(found, size=size, frame=whole)
        elif marker == jpeg.QUANTIZATION:
            found = replace(found, quantization=found.quantization + whole)
        elif marker == jpeg.HUFFMAN:
            found = replace(found, huffman=found.huffman + whole)
        elif marker == jpeg.RESTART and len(body) == 2:
            found = replace(found, restart_interval=int.from_bytes(body, "big"))
    return None if found == _NOTHING else found


class MjpegDepacketizer:
    """Assembles fragments in order; the size comes from the packets, or from the SDP (`frame_size`)."""

    profile = "Baseline"
    """The only profile of RFC 2435 (section 3.1.3)."""

    def __init__(self, frame_size: tuple[int, int] | None = None, oddities: Oddities | None = None) -> None:
        self.shortcomings = Shortcomings(oddities)
        self._declared = frame_size
        self._extended: jpeg.Layout | None = None
        self._tables: dict[int, tuple[bytes, ...]] = {}
        self._made: tuple[jpeg.Layout, bytes] = (_NOTHING, b"")
        self._timestamp: int | None = None
        self._by_timestamp = False
        self._ended_length = 0
        self._scan: list[bytes] = []
        self._length = 0
        self._header: bytes | None = None
        self._flaw: Flaw | None = None
        self._is_file = self._continues = False
        self.size: tuple[int, int] | None = frame_size
        self.keep_following = True

    def push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Add the next packet; see `Depacketizer`."""
        units: list[AccessUnit] = []
        if lost:
            self._flaw = self._flaw or Flaw.CUT
        if self._is_odd(packet):
            return units
        if packet.timestamp != self._timestamp or (self._length and self._is_first(packet.payload)):
            units += self._finish()
            self._begin(packet.timestamp)
            self._flaw = Flaw.CUT if lost else None
            self._ended_length = 0
        self._unpack(packet.payload)
        if packet.marker and not self._by_timestamp:
            length = self._length
            units += self._finish()
            self._begin(packet.timestamp)
            self._ended_length = length
        return units

    def _begin(self, timestamp: int) -> None:
        self._timestamp, self._scan, self._length = timestamp, [], 0
        self._header = self._flaw = None
        self._is_file = self._continues = False

    def _is_odd(self, packet: RtpPacket) -> bool:
        """Return whether a packet can be no part of a picture, and count it."""
        payload = packet.payload
        if self._is_bare or payload.startswith(jpeg.START_OF_IMAGE):
            return False
        if packet.extension:
            self._extended = extension_layout(packet.extension) or self._extended
        if len(payload) < 8:
            self.shortcomings.odd(Oddity.BAD_PACKET if payload else Oddity.EMPTY_PAYLOAD, "payloads without data")
            return True
        kind = payload[4]
        if kind < 128 and (kind & 0x3F in _SAMPLINGS or self._extended is not None):
            return False
        self.shortcomings.odd(Oddity.UNKNOWN_UNIT, f"JPEG of type {kind}")
        return True

    def begins(self, payload: bytes) -> bool:
        """Return whether a payload may begin a picture."""
        return self._is_file or self._is_first(payload)

    def _is_first(self, payload: bytes) -> bool:
        """Return whether a payload begins a picture."""
        return payload.startswith(jpeg.START_OF_IMAGE) or (payload[1:4] == bytes(3) and not self._is_bare)

    @property
    def _is_bare(self) -> bool:
        """Whether the picture comes as a file without the headers of RFC 2435."""
        return self._is_file and self._header is None

    def _unpack(self, payload: bytes) -> None:
        if payload.startswith(jpeg.START_OF_IMAGE) or self._is_bare:
            self._is_file = True
            self._add(payload)
            return
        if len(payload) < 8:  # after a picture that came as a file, which may have payloads of any length
            self.shortcomings.odd(Oddity.BAD_PACKET if payload else Oddity.EMPTY_PAYLOAD, "payloads without data")
            return
        offset, position = int.from_bytes(payload[1:4], "big"), 12 if payload[4] in _RESTART_TYPES else 8
        if offset == 0:
            try:
                position = self._read_header(payload, position)
            except _Unreadable as error:
                self._flaw = error.flaw
                return
        elif offset != self._length:
            self._misplaced(offset)
            return
        self._add(payload[position:])

    def _misplaced(self, offset: int) -> None:
        """Take note of a fragment that does not follow the one before it."""
        if not self._length and offset == self._ended_length:
            self._by_timestamp = self._continues = True  # the camera sets the marker bit on every packet
        self._flaw = self._flaw or Flaw.CUT

    def _add(self, data: bytes) -> None:
        self._length += len(data)
        if self._length <= MAX_ACCESS_UNIT_BYTES:
            self._scan.append(data)
        elif self._flaw is not Flaw.OVERSIZED:
            self._flaw, self._scan = Flaw.OVERSIZED, []
            self.shortcomings.oversized()

    def _read_header(self, payload: bytes, position: int) -> int:
        """Make the file's header of the first fragment; return where its data begin."""
        kind, quality, columns, rows = payload[4:8]
        interval = int.from_bytes(payload[8:10], "big") if kind in _RESTART_TYPES else 0
        if payload.startswith(jpeg.START_OF_IMAGE, position):
            return self._read_file(position)
        tables, position = self._quantization(payload, quality, position)
        if payload.startswith(jpeg.START_OF_IMAGE, position):
            return self._read_file(position)
        said = self._extended or _NOTHING
        size = said.size if said.frame else self._size_of(columns, rows)
        if not (tables or said.quantization):
            raise _Unreadable(Flaw.TABLES)
        if not all(size):
            raise _Unreadable(Flaw.SIZE)
        sampling = _SAMPLINGS.get(kind & 0x3F, 0x22)
        layout = replace(
            said, size=size, tables=tables, sampling=sampling, restart_interval=interval or said.restart_interval
        )
        if layout != self._made[0]:
            self._made = (layout, jpeg.file_header(layout))
        self.size, self._header = size, self._made[1]
        return position

    def _read_file(self, position: int) -> int:
        self._is_file, self._header = True, b""
        return position

    def _size_of(self, columns: int, rows: int) -> tuple[int, int]:
        """Return the size in a first fragment, or that of the SDP if there is none or if eight bits were too few."""
        declared = self._declared or (0, 0)
        blocks = tuple(-(-length // 8) for length in declared)
        if not (columns and rows) or ((columns, rows) != blocks and (columns, rows) == tuple(n & 0xFF for n in blocks)):
            return declared
        return columns * 8, rows * 8

    def _quantization(self, payload: bytes, quality: int, position: int) -> tuple[tuple[bytes, ...], int]:
        """Return the tables of a first fragment, and where its data begin. Reserved qualities are read as 99."""
        if quality in _STATIC_QUALITIES:
            return jpeg.split_tables(jpeg.quantization_tables(min(quality, 99)), 0), position
        if not quality:
            return (), position
        length = int.from_bytes(payload[position + 2 : position + 4], "big")
        start = position + 4
        if len(payload) < start + length:
            raise _Unreadable(Flaw.TABLES)
        if length and (tables := jpeg.split_tables(payload[start : start + length], payload[position + 1])):
            self._tables[quality] = tables
        return self._tables.get(quality, ()), start + length

    def _finish(self) -> list[AccessUnit]:
        if self._timestamp is None or not (self._length or self._flaw):
            return []
        flaw = self._flaw or (None if self._header is not None or self._is_file else Flaw.CUT)
        scan = b"".join(self._scan)
        if self._is_file and not flaw:
            size = jpeg.size_of_file(scan)
            self.size, flaw = size or self.size, None if size else Flaw.SIZE
        data = b""
        if flaw is None:
            end = b"" if scan.endswith(jpeg.END_OF_IMAGE) else jpeg.END_OF_IMAGE
            data = (self._header or b"") + scan + end
        elif flaw is not Flaw.OVERSIZED:
            self.shortcomings.keyframes[flaw] += 1
        unit = AccessUnit(
            Codec.MJPEG,
            keyframe=True,
            complete=flaw is None,
            timestamp=self._timestamp,
            size=self._length,
            data=data,
            continues=self._continues and flaw is not None,
        )
        return [unit]
