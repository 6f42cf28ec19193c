"""H.264 over RTP to access units (RFC 6184), and the picture size of a parameter set (H.264, 7.3.2.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from xueliang_monitor.wire.bits import BitReader, unescape
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.nal import NalDepacketizer, split_aggregate
from xueliang_monitor.wire.sei import identifier_at, recovery_point
from xueliang_monitor.wire.units import MAX_PARAMETER_SET_BYTES, Unit

IDR, SEI, SPS, PPS = 5, 6, 7, 8
MAX_READ_BYTES = 1024
"""The number of bytes of a parameter set that are read; the picture size is well before that."""

_STAP_A, _FU_A = 24, 28
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_PROFILES = {
    44: "CAVLC 4:4:4",
    66: "Baseline",
    77: "Main",
    88: "Extended",
    100: "High",
    110: "High 10",
    122: "High 4:2:2",
    244: "High 4:4:4",
}


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.signed()) % 256
        last = following or last


def _skip_high_profile(reader: BitReader) -> tuple[int, bool]:
    """Skip the fields of the high profiles; return chroma_format_idc and separate_colour_plane_flag."""
    chroma = reader.unsigned()
    separate = bool(reader.bits(1)) if chroma == 3 else False
    reader.unsigned()
    reader.unsigned()
    reader.skip(1)
    if reader.bits(1):
        for index in range(12 if chroma == 3 else 8):
            if reader.bits(1):
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return chroma, separate


def _skip_order_count(reader: BitReader) -> None:
    kind = reader.unsigned()
    if kind == 0:
        reader.unsigned()
    elif kind == 1:
        reader.skip(1)
        reader.signed()
        reader.signed()
        for _ in range(min(reader.unsigned(), 255)):
            reader.signed()


def picture_size(sps: bytes) -> tuple[int, int]:
    """Return the cropped width and height in pixels of a sequence parameter set.

    Raises:
        MalformedMediaError: it cannot be parsed.

    """
    reader = BitReader(unescape(sps[1:MAX_READ_BYTES]))
    profile = reader.bits(8)
    reader.skip(16)
    reader.unsigned()
    chroma, separate = _skip_high_profile(reader) if profile in _HIGH_PROFILES else (1, False)
    reader.unsigned()
    _skip_order_count(reader)
    reader.unsigned()
    reader.skip(1)
    width_units, height_units = reader.unsigned() + 1, reader.unsigned() + 1
    frames_only = reader.bits(1)
    if not frames_only:
        reader.skip(1)
    reader.skip(1)
    width, height = width_units * 16, height_units * 16 * (2 - frames_only)
    if reader.bits(1):
        step_x = 2 if chroma in {1, 2} and not separate else 1
        step_y = (2 if chroma == 1 and not separate else 1) * (2 - frames_only)
        width -= (reader.unsigned() + reader.unsigned()) * step_x
        height -= (reader.unsigned() + reader.unsigned()) * step_y
    return width, height


def parameter_sets(sprop: str) -> list[bytes]:
    """Parse `sprop-parameter-sets` of an SDP (RFC 6184, 8.1); invalid base64 is skipped."""
    units = []
    for part in sprop.split(",")[:32]:
        try:
            units.append(base64.b64decode(part, validate=True))
        except (binascii.Error, ValueError):
            continue
    return [unit for unit in units if 0 < len(unit) <= MAX_PARAMETER_SET_BYTES]


class H264Depacketizer(NalDepacketizer):
    """Assembles single NAL units, STAP-A and FU-A; keeps the last parameter sets."""

    codec = Codec.H264

    def __init__(self, sprop: str = "") -> None:
        super().__init__((SPS, PPS))
        self._remember(parameter_sets(sprop))

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the last parameter set, or None."""
        sets = self._sets.of(SPS)
        return picture_size(sets[0]) if sets else None

    @property
    def profile(self) -> str:
        """The profile of the last parameter set (H.264, A.2), or an empty string."""
        sets = self._sets.of(SPS)
        return _PROFILES.get(sets[0][1], str(sets[0][1])) if sets and len(sets[0]) > 1 else ""

    def _kind(self, unit: Unit) -> int:
        return unit[0] & 0x1F

    def _is_slice(self, kind: int) -> bool:
        return 1 <= kind <= IDR

    def _is_random_access(self, kind: int) -> bool:
        return kind == IDR

    def _starts_picture(self, first: Unit) -> bool:
        # The first slice has `first_mb_in_slice` 0; as ue(v) that is a single set bit.
        return len(first) > 1 and bool(first[1] & 0x80)

    def _remember(self, units: Sequence[Unit]) -> None:
        for unit in units:
            kind = self._kind(unit)
            if kind in (SPS, PPS):
                self._sets.remember(kind, identifier_at(unit, 1) if kind == PPS else 0, unit)

    def _recovery_point(self, units: Sequence[Unit]) -> int | None:
        return recovery_point([unit[1:] for unit in units if self._kind(unit) == SEI])

    def _unpack(self, payload: bytes) -> None:
        if not payload:
            return
        kind = payload[0] & 0x1F
        if 1 <= kind <= 23:
            self._assembler.add(payload)
        elif kind == _STAP_A:
            for unit in split_aggregate(payload, 1):
                self._assembler.add(unit)
        elif kind == _FU_A and len(payload) >= 2:
            header = bytes(((payload[0] & 0xE0) | (payload[1] & 0x1F),))
            flags = payload[1]
            self._assembler.add_fragment(header, payload[2:], start=bool(flags & 0x80), end=bool(flags & 0x40))
        else:
            raise MalformedMediaError(
                f"an H.264 payload of type {kind}, which is not in the requested packetization mode (RFC 6184)"
            )
