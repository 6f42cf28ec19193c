"""H.264 over RTP to whole keyframes (RFC 6184), and the size its parameter set tells (H.264, 7.3.2.1)."""

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
"""Of a parameter set; what is wanted of it stands well before."""

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
    """Pass over the high profiles' fields; return chroma_format_idc and separate_colour_plane_flag."""
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
    """Return width and height in pixels, cropped, that a sequence parameter set declares.

    Raises:
        MalformedMediaError: it cannot be read.

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
    """Read `sprop-parameter-sets` of an SDP (RFC 6184, 8.1); what is no base64 is passed over."""
    units = []
    for part in sprop.split(",")[:32]:
        try:
            units.append(base64.b64decode(part, validate=True))
        except (binascii.Error, ValueError):
            continue
    return [unit for unit in units if 0 < len(unit) <= MAX_PARAMETER_SET_BYTES]


class H264Depacketizer(NalDepacketizer):
    """Puts single units, STAP-A and FU-A together; remembers the parameter sets last sent."""

    codec = Codec.H264

    def __init__(self, sprop: str = "") -> None:
        super().__init__((SPS, PPS))
        self._remember(parameter_sets(sprop))

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the parameter set last seen, None where there is none."""
        found = self._sets.of(SPS)
        return picture_size(found[0]) if found else None

    @property
    def profile(self) -> str:
        """The profile that the parameter set names (H.264, A.2); empty where there is none."""
        found = self._sets.of(SPS)
        return _PROFILES.get(found[0][1], str(found[0][1])) if found and len(found[0]) > 1 else ""

    def _kind(self, unit: Unit) -> int:
        return unit[0] & 0x1F

    def _is_slice(self, kind: int) -> bool:
        return 1 <= kind <= IDR

    def _is_random_access(self, kind: int) -> bool:
        return kind == IDR

    def _starts_a_picture(self, first: Unit) -> bool:
        # The first slice holds the first macroblock: `first_mb_in_slice` of ue(v) 0 is one set bit.
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
            raise MalformedMediaError(f"an H.264 payload of type {kind}, which RFC 6184 gives no mode we asked for")
