"""H.265 over RTP to whole keyframes (RFC 7798), and the size its parameter set tells (H.265, 7.3.2.2)."""

from __future__ import annotations

from xueliang_monitor.wire.bits import BitReader, unescape
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.h264 import MAX_PARAMETER_SET_BYTES, parameter_sets
from xueliang_monitor.wire.media import AccessUnit, Codec, NalDepacketizer, annex_b, split_aggregate

VPS, SPS, PPS = 32, 33, 34
_RANDOM_ACCESS = range(16, 22)
_AGGREGATE, _FRAGMENT, _PACI = 48, 49, 50


def _kind(unit: bytes) -> int:
    return (unit[0] >> 1) & 0x3F


def _skip_profile(reader: BitReader, sub_layers: int) -> None:
    reader.skip(88)
    reader.skip(8)
    present = [(reader.bits(1), reader.bits(1)) for _ in range(sub_layers)]
    if sub_layers:
        reader.skip(2 * (8 - sub_layers))
    for profile, level in present:
        reader.skip(88 * profile + 8 * level)


def picture_size(sps: bytes) -> tuple[int, int]:
    """Return width and height in pixels, cropped, that a sequence parameter set declares.

    Raises:
        MalformedMediaError: it cannot be read.

    """
    reader = BitReader(unescape(sps[2:MAX_PARAMETER_SET_BYTES]))
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


def _starts_a_picture(units: list[bytes]) -> bool:
    """Say whether the first slice segment is the picture's first (`first_slice_segment_in_pic_flag`)."""
    first = next((unit for unit in units if len(unit) > 2 and _kind(unit) < VPS), b"")
    return bool(first) and bool(first[2] & 0x80)


class H265Depacketizer(NalDepacketizer):
    """Puts single units, aggregation packets and fragments together; remembers the parameter sets last sent."""

    def __init__(self, *sprops: str) -> None:
        super().__init__()
        self._sets: dict[int, bytes] = {}
        for sprop in sprops:
            self._remember(parameter_sets(sprop))

    def _remember(self, units: list[bytes]) -> None:
        for unit in units:
            if len(unit) > 2 and _kind(unit) in (VPS, SPS, PPS) and len(unit) <= MAX_PARAMETER_SET_BYTES:
                self._sets[_kind(unit)] = unit

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the parameter set last seen, None where there is none."""
        sps = self._sets.get(SPS)
        return picture_size(sps) if sps else None

    def _unpack(self, payload: bytes) -> None:
        if len(payload) < 3:
            return
        kind = _kind(payload)
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
            raise MalformedMediaError(f"an H.265 payload of type {kind} ({name}), which nobody asked for")

    def _finish(self) -> list[AccessUnit]:
        assembler = self._assembler
        assembler.drop_fragments()
        units, timestamp = assembler.units, assembler.timestamp
        kinds = [_kind(unit) for unit in (*units, *assembler.broken) if len(unit) > 1]
        if timestamp is None or not any(kind < VPS for kind in kinds):
            self._remember(units)
            assembler.begin(timestamp or 0)
            return []
        self._remember(units)
        keyframe = any(kind in _RANDOM_ACCESS for kind in kinds)
        complete = assembler.complete and _starts_a_picture(units) and not (keyframe and len(self._sets) < 3)
        data = b""
        if keyframe and complete:
            missing = [self._sets[kind] for kind in (VPS, SPS, PPS) if kind in self._sets and kind not in kinds]
            data = annex_b(missing) + annex_b(units)
        result = AccessUnit(Codec.H265, keyframe, complete, timestamp, assembler.size, data)
        assembler.begin(timestamp)
        return [result]
