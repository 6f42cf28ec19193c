"""H.265 over RTP to access units (RFC 7798), and the picture size of a parameter set (H.265, 7.3.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from xueliang_monitor.wire.bits import BitReader, unescape
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.h264 import MAX_READ_BYTES
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.nal import CORRUPT, UNKNOWN, NalDepacketizer
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.parameter_sets import described
from xueliang_monitor.wire.sei import identifiers_at
from xueliang_monitor.wire.units import Unit, starts_with_start_code

VPS, SPS, PPS, DELIMITER, PREFIX_SEI = 32, 33, 34, 35, 39
_RANDOM_ACCESS = range(16, 22)
_SLICES = frozenset({*range(10), *_RANDOM_ACCESS})
_AGGREGATE, _FRAGMENT, _PACI = 48, 49, 50
_KINDS = [
    CORRUPT if first & 0x80 else kind if (kind := first >> 1 & 0x3F) < _AGGREGATE else UNKNOWN for first in range(256)
]
_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions"}


def _skip_profile(reader: BitReader, sub_layers: int) -> None:
    reader.skip(88)
    reader.skip(8)
    present = [(reader.bits(1), reader.bits(1)) for _ in range(sub_layers)]
    if sub_layers:
        reader.skip(2 * (8 - sub_layers))
    for profile, level in present:
        reader.skip(88 * profile + 8 * level)


def _read_head(sps: bytes) -> tuple[BitReader, int]:
    """Return the identifier of a sequence parameter set, and a reader that stands behind it."""
    reader = BitReader(unescape(sps[2:MAX_READ_BYTES]))
    reader.skip(4)
    sub_layers = reader.bits(3)
    reader.skip(1)
    _skip_profile(reader, sub_layers)
    return reader, reader.unsigned()


def picture_size(sps: bytes) -> tuple[int, int]:
    """Return the cropped width and height in pixels of a sequence parameter set.

    Raises:
        MalformedMediaError: it cannot be parsed.

    """
    reader, _ = _read_head(sps)
    chroma = reader.unsigned()
    if chroma == 3:
        reader.skip(1)
    width, height = reader.unsigned(), reader.unsigned()
    if reader.bits(1):
        left, right, top, bottom = (reader.unsigned() for _ in range(4))
        width -= (left + right) * (2 if chroma in {1, 2} else 1)
        height -= (top + bottom) * (2 if chroma == 1 else 1)
    return width, height


def is_progressive(sps: bytes) -> bool:
    """Return whether a sequence parameter set says that all pictures are progressive (H.265, 7.3.3, A.3).

    False if it says nothing, which leaves it to each picture, or cannot be parsed.
    """
    reader = BitReader(unescape(sps[2:MAX_READ_BYTES]))
    try:
        reader.skip(8 + 40)  # up to general_progressive_source_flag
        return bool(reader.bits(1)) and not reader.bits(1)
    except MalformedMediaError:
        return False


def _identifier(sps: Unit) -> int:
    try:
        return _read_head(bytes(sps[:128]))[1]
    except MalformedMediaError:
        return 0


class H265Depacketizer(NalDepacketizer):
    """Assembles single NAL units, aggregation packets and fragments; keeps the last parameter sets.

    Recovery points are ignored, because FFmpeg starts to decode H.265 only at a random access picture. `numbered` says
    that units carry a decoding order number (`sprop-max-don-diff`); they are taken in the order of sending.
    """

    codec = Codec.H265
    header_bytes = 2
    kinds = _KINDS
    slices = bytes(kind in _SLICES for kind in _KINDS)

    def __init__(self, *sprops: str, oddities: Oddities | None = None, numbered: bool = False) -> None:
        super().__init__((VPS, SPS, PPS), oddities)
        self._used: bytes | None = None
        self._number_bytes = 2 if numbered else 0
        for sprop in sprops:
            self._remember(described(sprop, self.header_bytes, oddities))

    @property
    def _active(self) -> bytes | None:
        """The sequence parameter set of the last keyframe, or else the last one that came."""
        return self._used or next(iter(self._sets.of(SPS)), None)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the parameter set in use, or None."""
        active = self._active
        return picture_size(active) if active else None

    @property
    def profile(self) -> str:
        """The profile of the parameter set in use (H.265, A.3), or an empty string."""
        active = self._active
        number = active[3] & 0x1F if active and len(active) > 3 else 0
        return _PROFILES.get(number, str(number)) if number else ""

    def _kind(self, unit: Unit) -> int:
        # A layer above the base layer, or no temporal identifier: a decoder drops both (H.265, 7.4.2.2).
        kind = _KINDS[unit[0]]
        return kind if not unit[0] & 1 and 0 < unit[1] < 8 else min(kind, UNKNOWN)

    def _is_slice(self, kind: int) -> bool:
        return kind in _SLICES

    def _is_random_access(self, kind: int) -> bool:
        return kind in _RANDOM_ACCESS

    def _starts_picture(self, first: Unit) -> bool:
        # `first_slice_segment_in_pic_flag` (H.265, 7.3.6.1).
        return len(first) > 2 and bool(first[2] & 0x80)

    def _leads(self, kind: int) -> bool:
        return VPS <= kind <= DELIMITER or kind == PREFIX_SEI

    def _fragment(self, payload: bytes) -> tuple[bool, bytes] | None:
        if len(payload) < 4 or payload[0] >> 1 & 0x3F != _FRAGMENT:
            return None
        start = 3 + (self._number_bytes if payload[2] & 0x80 else 0)
        return bool(payload[2] & 0x80), self._header(payload) + payload[start : start + 8]

    def _header(self, payload: bytes) -> bytes:
        return bytes(((payload[0] & 0x81) | ((payload[2] & 0x3F) << 1), payload[1]))

    def _remember(self, units: Sequence[Unit]) -> None:
        for unit in units:
            kind = self._kind(unit)
            if kind == PPS:
                self._sets.remember(PPS, identifiers_at(unit, 2, 1)[0], unit)
            elif kind == SPS:
                self._sets.remember(SPS, _identifier(unit), unit)
            elif kind == VPS:
                self._sets.remember(VPS, unit[2] >> 4 if len(unit) > 2 else -1, unit)

    def _missing(self, first: Unit) -> tuple[str, ...]:
        # One flag, or two for random access, and then slice_pic_parameter_set_id (H.265, 7.3.6.1).
        wanted = identifiers_at(first, 2, 1, skip=2 if self._is_random_access(self._kind(first)) else 1)[0]
        picture_set = self._sets.get(PPS, wanted)
        absent = tuple(name for kind, name in ((VPS, "VPS"), (SPS, "SPS")) if not self._sets.of(kind))
        if picture_set is None:
            return (*absent, "PPS")
        self._used = self._sets.get(SPS, identifiers_at(picture_set, 2, 2)[1])
        return absent or (() if self._used else ("SPS",))

    def _is_defined(self, payload: bytes) -> bool:
        if len(payload) < 3:
            return False
        kind = payload[0] >> 1 & 0x3F
        return (kind <= _PACI and payload[1] > 0) or (kind == 0 and starts_with_start_code(payload))

    def _unpack(self, payload: bytes) -> bool:
        if len(payload) < 3:
            self.shortcomings.odd(Oddity.EMPTY_PAYLOAD, "payloads without data")
            return True
        kind = payload[0] >> 1 & 0x3F
        if kind == _FRAGMENT:
            flags, start = payload[2], 3
            if flags & 0x80:
                start += self._number_bytes
            self._assembler.add_fragment(
                self._header(payload), payload[start:], start=bool(flags & 0x80), end=bool(flags & 0x40)
            )
        elif kind == _AGGREGATE:
            self._aggregate(payload, 2 + self._number_bytes, between=self._number_bytes // 2)
        elif kind < _AGGREGATE and payload[1]:
            self._assembler.add(payload)
        else:
            return self._unpack_rare(kind, payload)
        return True

    def _unpack_rare(self, kind: int, payload: bytes) -> bool:
        """Unpack the unit in a PACI packet (RFC 7798, 4.4.4), a byte stream, or what no standard defines."""
        if kind == _PACI and len(payload) > 6:
            inner, start = payload[2] >> 1 & 0x3F, 4 + (int.from_bytes(payload[2:4], "big") >> 4 & 0x1F)
            if inner != _PACI and len(payload) > start:
                header = bytes(((payload[2] & 0x80) | inner << 1 | (payload[0] & 1), payload[1]))
                return self._unpack(header + payload[start:])
        if kind == 0 and starts_with_start_code(payload):
            self._assembler.add(payload)
            return True
        self.shortcomings.odd(Oddity.UNKNOWN_UNIT, f"units of type {kind}")
        return False
