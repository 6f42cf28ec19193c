"""The parts of a NAL depacketizer: fragments, byte streams within units, and pictures from a recovery point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES, START_CODE
from xueliang_monitor.wire.oddities import Oddity
from xueliang_monitor.wire.shortcomings import Shortcomings

MAX_UNITS = 4096
MAX_PARTS = 128
"""NAL units in one unit that holds a byte stream. What follows stays with the last one."""

_PREFIX = b"\x00\x00\x01"
_SLICE_START = 64
"""Bytes of a slice in which a start code is looked for. A decoder splits what follows a slice by itself."""

Unit = bytes | bytearray
"""A NAL unit, received whole or assembled from fragments."""


def starts_with_start_code(payload: bytes) -> bool:
    """Return whether a payload is a byte stream (H.264 and H.265, annex B)."""
    code = payload[:32].lstrip(b"\x00")
    return payload.startswith(b"\x00\x00") and code.startswith(b"\x01")


def split_at_start_codes(unit: Unit, header_bytes: int) -> list[Unit]:
    """Return the NAL units of a byte stream, without the zeros between them.

    Emulation prevention keeps start codes out of a NAL unit (H.264, 7.4.1; H.265, 7.4.2). A part that is a header and
    nothing else is left out: it was made for fragments of a byte stream.
    """
    parts = (part.rstrip(b"\x00") for part in unit.split(_PREFIX, MAX_PARTS))
    return [part for part in parts if len(part) > header_bytes]


@dataclass(frozen=True, slots=True)
class Rest:
    """What follows an access unit that was cut: its units, the open one, and whether nothing is missing."""

    units: list[Unit]
    fragments: bytearray | None
    complete: bool
    timestamp: int


class NalAssembler:
    """Collects the NAL units of one access unit (H.264 or H.265), up to a number of units and bytes.

    `timestamp` is that of the last packet and `began` that of the first. What exceeds a limit is dropped with its
    picture. `spoiled_at` is the number of units before the last loss. `slices` tells of each first byte whether its
    unit is a slice, and `has_slice` whether a whole one came.
    """

    def __init__(self, shortcomings: Shortcomings, header_bytes: int, slices: bytes) -> None:
        self.units: list[Unit] = []
        self.broken: list[Unit] = []
        self.timestamp: int | None = None
        self.began = 0
        self.complete = True
        self.spoiled_at = 0
        self.size = 0
        self._shortcomings = shortcomings
        self._header_bytes = header_bytes
        self._slices = slices
        self._fragments: bytearray | None = None
        self._oversized = self.has_slice = False
        self._ends_seen = False
        self._pictures = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the picture came."""
        return not (self.units or self.broken or self._fragments)

    @property
    def is_open(self) -> bool:
        """Whether a unit has begun whose last fragment has not come."""
        return self._fragments is not None

    def spoil(self) -> None:
        """Record that a part of the picture is missing at this point."""
        self.complete = False
        self.spoiled_at = len(self.units)

    def _fits(self, size: int) -> bool:
        self.size += size
        if self.size > MAX_ACCESS_UNIT_BYTES or len(self.units) >= MAX_UNITS or len(self.broken) >= MAX_UNITS:
            self._overflow()
        return not self._oversized

    def _overflow(self) -> None:
        if not self._oversized:
            self._oversized = True
            self._shortcomings.oversized()
            broken: list[Unit] = [bytes(unit[:2]) for unit in (*self.units, *self.broken)]
            self.units, self.broken, self._fragments = [], broken[:MAX_UNITS], None
        self.spoil()

    @property
    def is_oversized(self) -> bool:
        """Whether the picture exceeds a limit."""
        return self._oversized

    def add(self, unit: bytes) -> None:
        """Add a complete NAL unit."""
        if self._fragments is not None:
            self.drop_fragments()
        if self._fits(len(unit)):
            self._keep(unit)

    def _keep(self, unit: Unit) -> None:
        if not unit:
            return
        if unit.find(_PREFIX, 0, _SLICE_START if self._slices[unit[0]] else len(unit)) >= 0:
            self._shortcomings.count(Oddity.START_CODES)
            self.units += split_at_start_codes(unit, self._header_bytes)
            self.has_slice = True
        elif len(unit) > self._header_bytes:
            self.units.append(unit)
            self.has_slice = self.has_slice or bool(self._slices[unit[0]])

    def add_fragment(self, header: bytes, fragment: bytes, *, start: bool, end: bool) -> None:
        """Add a fragment; `header` is the reconstructed header of the NAL unit."""
        if start:
            if self._fragments is not None:
                self.drop_fragments()
            self._fragments = bytearray(header)
        elif self._fragments is None:
            if self._pictures > 1 and self.complete:  # a client joins within a picture
                self._shortcomings.odd(Oddity.FRAGMENT_WITHOUT_START, "fragments without their first part")
            if self._fits(len(fragment)):
                self.break_off(header)
            return
        if not self._fits(len(fragment)) or self._fragments is None:
            return
        self._fragments += fragment
        if end:
            self._ends_seen = True
            self._close()

    def _close(self) -> None:
        unit, self._fragments = self._fragments, None
        if unit is not None:
            self._keep(unit)

    def drop_fragments(self, *, lost: bool = False) -> None:
        """Drop a NAL unit whose last fragment is missing; where a camera marks no last fragments, it is whole."""
        if self._fragments is None:
            return
        if len(self._fragments) <= self._header_bytes:
            self._fragments = None
            return
        if not lost and not self._ends_seen and self.complete:
            self._close()
            return
        self.break_off(self._fragments[:2])
        self._fragments = None

    def break_off(self, header: Unit) -> None:
        """Record a unit that is not whole. A picture without it is whole if it was no slice.

        Nor does a slice ahead of the first whole one spoil it: what lacks its first slice is not whole for that.
        """
        self.broken.append(bytes(header))
        if self.has_slice and self._slices[header[0] & 0x7F]:
            self.spoil()

    def lose(self) -> None:
        """Record that packets were lost at this point."""
        self.drop_fragments(lost=True)
        self.spoil()

    def begin(self, timestamp: int) -> None:
        """Start the next access unit; `broken` collects the headers of its incomplete NAL units."""
        self.units = []
        self.broken = []
        self._fragments = None
        self.size = 0
        self.complete = True
        self.spoiled_at = 0
        self._oversized = self.has_slice = False
        self._pictures += 1
        self.timestamp = self.began = timestamp

    def carry(self, units: list[Unit], *, complete: bool) -> None:
        """Take units into the access unit that has just begun."""
        self.units = units
        self.size = sum(map(len, units))
        self.complete = complete

    def cut(self, index: int) -> Rest:
        """Take out the units from an index on, and the unit that is still open."""
        complete = self.complete or self.spoiled_at < index
        rest = Rest(self.units[index:], self._fragments, complete, self.timestamp or 0)
        self.units, self._fragments = self.units[:index], None
        self.size = sum(map(len, self.units))
        return rest

    def resume(self, rest: Rest) -> None:
        """Start the next access unit with what was cut off."""
        self.begin(rest.timestamp)
        self.carry(rest.units, complete=rest.complete)
        self._fragments = rest.fragments


class RecoveryRun:
    """The pictures from a recovery point to the first correct one (H.264, D.2.8)."""

    def __init__(self, head: bytes, left: int) -> None:
        self._parts = [head]
        self._left = left
        self.pictures = 0
        self.size = 0

    @property
    def is_oversized(self) -> bool:
        """Whether the pictures together exceed what one picture may have."""
        return self.size > MAX_ACCESS_UNIT_BYTES

    def add(self, data: bytes) -> bool:
        """Add the next complete picture; return whether it is the first correct one."""
        self._parts.append(data)
        self.size += len(data)
        self.pictures += 1
        self._left -= 1
        return self._left < 0

    @property
    def data(self) -> bytes:
        """All pictures, as Annex B bytes."""
        return b"".join(self._parts)


def annex_b(units: Sequence[Unit]) -> bytes:
    """Join NAL units into a byte stream (H.264 and H.265, annex B)."""
    return b"".join(part for unit in units for part in (START_CODE, unit))
