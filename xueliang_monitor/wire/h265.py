"""H.265 over RTP to access units (RFC 7798), and the picture size of a parameter set (H.265, 7.3.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from xueliang_monitor.wire.bits import BitReader, unescape
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.h264 import MAX_READ_BYTES, parameter_sets
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.nal import NalDepacketizer, split_aggregate
from xueliang_monitor.wire.sei import identifier_at
from xueliang_monitor.wire.units import Unit

VPS, SPS, PPS = 32, 33, 34
_RANDOM_ACCESS = range(16, 22)
_AGGREGATE, _FRAGMENT, _PACI = 48, 49, 50
_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions"}


def _skip_profile(reader: BitReader, sub_layers: int) -> None:
    reader.skip(88)
    reader.skip(8)
    present = [(reader.bits(1), reader.bits(1)) for _ in range(sub_layers)]
    if sub_layers:
        reader.skip(2 * (8 - sub_layers))
    for profile, level in present:
        reader.skip(88 * profile + 8 * level)


def picture_size(sps: bytes) -> tuple[int, int]:
    """Return the cropped width and height in pixels of a sequence parameter set.

    Raises:
        MalformedMediaError: it cannot be parsed.

    """
    reader = BitReader(unescape(sps[2:MAX_READ_BYTES]))
    reader.skip(4)
    sub_layers = reader.bits(3)
    reader.skip(1)
    _skip_profile(reader, sub_layers)
    reader.unsigned()
    chroma = reader.unsigned()
    if chroma == 3:
        reader.skip(1)
    width, height = reader.unsigned(), reader.unsigned()
    if reader.bits(1):
        left, right, top, bottom = (reader.unsigned() for _ in range(4))
        width -= (left + right) * (2 if chroma in {1, 2} else 1)
        height -= (top + bottom) * (2 if chroma == 1 else 1)
    return width, height


class H265Depacketizer(NalDepacketizer):
    """Assembles single NAL units, aggregation packets and fragments; keeps the last parameter sets.

    Recovery points are ignored, because FFmpeg starts to decode H.265 only at a random access picture.
    """

    codec = Codec.H265

    def __init__(self, *sprops: str) -> None:
        super().__init__((VPS, SPS, PPS))
        for sprop in sprops:
            self._remember(parameter_sets(sprop))

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the last parameter set, or None."""
        sets = self._sets.of(SPS)
        return picture_size(sets[0]) if sets else None

    @property
    def profile(self) -> str:
        """The profile of the last parameter set (H.265, A.3), or an empty string."""
        sets = self._sets.of(SPS)
        number = sets[0][3] & 0x1F if sets and len(sets[0]) > 3 else 0
        return _PROFILES.get(number, str(number)) if number else ""

    def _kind(self, unit: Unit) -> int:
        return (unit[0] >> 1) & 0x3F

    def _is_slice(self, kind: int) -> bool:
        return kind < VPS

    def _is_random_access(self, kind: int) -> bool:
        return kind in _RANDOM_ACCESS

    def _starts_picture(self, first: Unit) -> bool:
        # `first_slice_segment_in_pic_flag` (H.265, 7.3.6.1).
        return len(first) > 2 and bool(first[2] & 0x80)

    def _remember(self, units: Sequence[Unit]) -> None:
        for unit in units:
            kind = self._kind(unit)
            if len(unit) > 2 and kind in (VPS, SPS, PPS):
                self._sets.remember(kind, identifier_at(unit, 2) if kind == PPS else 0, unit)

    def _unpack(self, payload: bytes) -> None:
        if len(payload) < 3:
            return
        kind = self._kind(payload)
        if kind == _AGGREGATE:
            for unit in split_aggregate(payload, 2):
                self._assembler.add(unit)
        elif kind == _FRAGMENT:
            flags = payload[2]
            header = bytes(((payload[0] & 0x81) | ((flags & 0x3F) << 1), payload[1]))
            self._assembler.add_fragment(header, payload[3:], start=bool(flags & 0x80), end=bool(flags & 0x40))
        elif kind < _AGGREGATE:
            self._assembler.add(payload)
        else:
            name = "PACI" if kind == _PACI else "unknown"
            raise MalformedMediaError(f"an H.265 payload of type {kind} ({name}), which is not supported")
