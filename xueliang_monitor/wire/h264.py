"""H.264 over RTP to access units (RFC 6184), and the picture size of a parameter set (H.264, 7.3.2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xueliang_monitor.wire.bits import BitReader, unescape
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.nal import CORRUPT, UNKNOWN, NalDepacketizer
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.parameter_sets import described
from xueliang_monitor.wire.sei import identifiers_at, recovery_point
from xueliang_monitor.wire.units import Unit, starts_with_start_code

IDR, SEI, SPS, PPS, DELIMITER = 5, 6, 7, 8, 9
MAX_READ_BYTES = 1024
"""The number of bytes of a parameter set that are read; the picture size is well before that."""

EXTENDED_ASPECT = 255
"""The aspect_ratio_idc that is followed by a width and a height (E.2.1)."""

MAX_BUFFERS = 32
"""Largest cpb_cnt_minus1 plus one (E.2.2)."""

_STAP_A, _STAP_B, _MTAP16, _MTAP24, _FU_A, _FU_B = 24, 25, 26, 27, 28, 29
_KINDS = [
    CORRUPT if first & 0x80 else kind if 1 <= (kind := first & 0x1F) < _STAP_A else UNKNOWN for first in range(256)
]
_MAX_SLICES_READ = 8
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


class _Frames(NamedTuple):
    """What a sequence parameter set says of its pictures, up to where their usability information begins."""

    size: tuple[int, int]
    """Cropped width and height in pixels."""

    only: bool
    """frame_mbs_only_flag: no picture is coded as fields."""


def _read_frames(reader: BitReader) -> _Frames:
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
    return _Frames((width, height), bool(frames_only))


def _skip_buffering(reader: BitReader) -> bool:
    """Skip the parameters of a reference decoder (E.1.2); return whether there were any."""
    present = bool(reader.bits(1))
    if present:
        count = reader.unsigned() + 1
        if count > MAX_BUFFERS:
            raise MalformedMediaError("too many buffers in a parameter set")
        reader.skip(8)
        for _ in range(count):
            reader.unsigned()
            reader.unsigned()
            reader.skip(1)
        reader.skip(20)
    return present


def _structure_is_told(reader: BitReader) -> bool:
    """Return pic_struct_present_flag of the usability information (E.1.1); False if there is none."""
    if not reader.bits(1):
        return False
    if reader.bits(1) and reader.bits(8) == EXTENDED_ASPECT:
        reader.skip(32)
    if reader.bits(1):  # overscan
        reader.skip(1)
    if reader.bits(1):  # video signal
        reader.skip(4)
        reader.skip(24 * reader.bits(1))
    if reader.bits(1):  # place of chroma samples
        reader.unsigned()
        reader.unsigned()
    if reader.bits(1):  # timing
        reader.skip(65)
    if any([_skip_buffering(reader), _skip_buffering(reader)]):
        reader.skip(1)
    return bool(reader.bits(1))


def picture_size(sps: bytes) -> tuple[int, int]:
    """Return the cropped width and height in pixels of a sequence parameter set.

    Raises:
        MalformedMediaError: it cannot be parsed.

    """
    return _read_frames(BitReader(unescape(sps[1:MAX_READ_BYTES]))).size


def is_progressive(sps: bytes) -> bool:
    """Return whether a sequence parameter set rules out interlaced pictures; False if it cannot be parsed.

    A set of frames alone leaves it to each picture's timing message whether it is two fields, if it has such messages.
    """
    reader = BitReader(unescape(sps[1:MAX_READ_BYTES]))
    try:
        return _read_frames(reader).only and not _structure_is_told(reader)
    except MalformedMediaError:
        return False


class H264Depacketizer(NalDepacketizer):
    """Assembles NAL units, aggregation packets and fragments of all packetization modes; keeps the parameter sets.

    Units of the interleaved mode are taken in the order of sending.
    """

    codec = Codec.H264
    header_bytes = 1
    kinds = _KINDS
    recovery_unit = bytes.fromhex("060601c480")
    slices = bytes(1 <= kind <= IDR for kind in _KINDS)

    def __init__(self, sprop: str = "", oddities: Oddities | None = None) -> None:
        super().__init__((SPS, PPS), oddities)
        self._used: bytes | None = None
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
        """The profile of the parameter set in use (H.264, A.2), or an empty string."""
        active = self._active
        return _PROFILES.get(active[1], str(active[1])) if active and len(active) > 1 else ""

    def _is_slice(self, kind: int) -> bool:
        return 1 <= kind <= IDR

    def _is_random_access(self, kind: int) -> bool:
        return kind == IDR

    def _starts_picture(self, first: Unit) -> bool:
        # The first slice has `first_mb_in_slice` 0; as ue(v) that is a single set bit.
        return len(first) > 1 and bool(first[1] & 0x80)

    def _leads(self, kind: int) -> bool:
        return SEI <= kind <= DELIMITER

    def _carries(self, kind: int) -> bool:
        return kind == SEI

    def _fragment(self, payload: bytes) -> tuple[bool, bytes] | None:
        if len(payload) < 3 or payload[0] & 0x1F not in {_FU_A, _FU_B}:
            return None
        start = 4 if payload[0] & 0x1F == _FU_B else 2
        return bool(payload[1] & 0x80), bytes((payload[1] & 0x1F,)) + payload[start : start + 8]

    def _remember(self, units: Sequence[Unit]) -> None:
        for unit in units:
            kind = self._kind(unit)
            if kind == SPS:
                self._sets.remember(SPS, identifiers_at(unit, 4, 1)[0], unit)
            elif kind == PPS:
                self._sets.remember(PPS, identifiers_at(unit, 1, 1)[0], unit)

    def _missing(self, first: Unit) -> tuple[str, ...]:
        _, _, wanted = identifiers_at(first, 1, 3)  # first_mb_in_slice, slice_type, pic_parameter_set_id (7.3.3)
        picture_set = self._sets.get(PPS, wanted)
        if picture_set is None:
            return ("PPS",) if self._sets.of(SPS) else ("SPS", "PPS")
        self._used = self._sets.get(SPS, identifiers_at(picture_set, 1, 2)[1])
        return () if self._used else ("SPS",)

    def _recovery_point(self, units: Sequence[Unit]) -> int | None:
        return recovery_point([unit[1:] for unit in units if self._kind(unit) == SEI])

    def _is_defined(self, payload: bytes) -> bool:
        kind = payload[0] & 0x1F if payload else 0
        return 1 <= kind <= _FU_B or (kind == 0 and starts_with_start_code(payload))

    def _is_intra(self, units: Sequence[Unit], kinds: Sequence[int]) -> bool:
        # Cameras that never send IDR repeat the parameter sets ahead of a picture of I slices alone (slice_type 2, 7).
        if SPS not in kinds:
            return False
        slices = [unit for unit, kind in zip(units, kinds, strict=True) if self._is_slice(kind)]
        return all(identifiers_at(unit, 1, 2)[1] in {2, 7} for unit in slices[:_MAX_SLICES_READ])

    def _unpack(self, payload: bytes) -> bool:
        if len(payload) < 2:
            self.shortcomings.odd(Oddity.EMPTY_PAYLOAD, "payloads without data")
            return True
        kind = payload[0] & 0x1F
        if kind == _FU_A:
            flags = payload[1]
            header = bytes(((payload[0] & 0xE0) | (flags & 0x1F),))
            self._assembler.add_fragment(header, payload[2:], start=bool(flags & 0x80), end=bool(flags & 0x40))
        elif 1 <= kind < _STAP_A:
            self._assembler.add(payload)
        elif kind == _STAP_A:
            self._aggregate(payload, 1)
        else:
            return self._unpack_rare(kind, payload)
        return True

    def _unpack_rare(self, kind: int, payload: bytes) -> bool:
        """Unpack what the interleaved mode adds (RFC 6184, 5.7 and 5.8), a byte stream, or what no standard defines."""
        if kind == _STAP_B:
            self._aggregate(payload, 3)
        elif kind in {_MTAP16, _MTAP24}:
            self._aggregate(payload, 3, skip=3 if kind == _MTAP16 else 4)
        elif kind == _FU_B and len(payload) > 4:
            flags = payload[1]
            header = bytes(((payload[0] & 0xE0) | (flags & 0x1F),))
            self._assembler.add_fragment(header, payload[4:], start=bool(flags & 0x80), end=bool(flags & 0x40))
        elif kind == 0 and starts_with_start_code(payload):
            self._assembler.add(payload)
        else:
            self.shortcomings.odd(Oddity.UNKNOWN_UNIT, f"units of type {kind}")
            return False
        return True
