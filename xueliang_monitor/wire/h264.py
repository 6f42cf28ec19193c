"""H.264 over RTP to whole keyframes (RFC 6184), and the size its parameter set tells (H.264, 7.3.2.1)."""

from __future__ import annotations

import base64
import binascii

from xueliang_monitor.wire.bits import BitReader, unescape
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import AccessUnit, Codec, NalDepacketizer, annex_b, split_aggregate

IDR, SPS, PPS = 5, 7, 8
_STAP_A, _FU_A = 24, 28
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
MAX_PARAMETER_SET_BYTES = 4096


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
    reader = BitReader(unescape(sps[1:MAX_PARAMETER_SET_BYTES]))
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


def _starts_a_picture(slices: list[bytes]) -> bool:
    """Say whether the first slice holds the first macroblock: `first_mb_in_slice` of ue(v) 0 is one set bit."""
    return bool(slices) and len(slices[0]) > 1 and bool(slices[0][1] & 0x80)


class H264Depacketizer(NalDepacketizer):
    """Puts single units, STAP-A and FU-A together; remembers the parameter sets last sent."""

    def __init__(self, sprop: str = "") -> None:
        super().__init__()
        self._sets: dict[int, bytes] = {}
        self._remember(parameter_sets(sprop))

    def _remember(self, units: list[bytes]) -> None:
        for unit in units:
            kind = unit[0] & 0x1F
            if kind in (SPS, PPS) and len(unit) <= MAX_PARAMETER_SET_BYTES:
                self._sets[kind] = unit

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the parameter set last seen, None where there is none."""
        sps = self._sets.get(SPS)
        return picture_size(sps) if sps else None

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

    def _finish(self) -> list[AccessUnit]:
        assembler = self._assembler
        assembler.drop_fragments()
        units, timestamp = assembler.units, assembler.timestamp
        if timestamp is None or not (units or assembler.broken):
            assembler.begin(timestamp or 0)
            return []
        self._remember(units)
        kinds = [unit[0] & 0x1F for unit in (*units, *assembler.broken)]
        slices = [unit for unit in units if 1 <= unit[0] & 0x1F <= IDR]
        keyframe = IDR in kinds
        complete = assembler.complete and _starts_a_picture(slices) and not (keyframe and len(self._sets) < 2)
        data = b""
        if keyframe and complete:
            present = set(kinds)
            data = annex_b([self._sets[kind] for kind in (SPS, PPS) if kind in self._sets and kind not in present])
            data += annex_b(units)
        picture = any(1 <= kind <= IDR for kind in kinds)
        result = AccessUnit(Codec.H264, keyframe, complete, timestamp, assembler.size, data)
        assembler.begin(timestamp)
        return [result] if picture else []
