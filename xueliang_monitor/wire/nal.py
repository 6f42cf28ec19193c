"""NAL units to access units: the common part of H.264 and H.265 over RTP (RFC 6184, RFC 7798)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from xueliang_monitor.wire.media import AccessUnit, Codec
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.parameter_sets import ParameterSets
from xueliang_monitor.wire.rtp import RtpPacket
from xueliang_monitor.wire.shortcomings import Flaw, Shortcomings
from xueliang_monitor.wire.units import NalAssembler, RecoveryRun, Unit, annex_b, starts_with_start_code

MAX_AGGREGATED_UNITS = 128
"""NAL units in one packet. Cameras aggregate parameter sets and a slice or two."""

MAX_CARRIED_UNITS = 16
UNKNOWN, CORRUPT = -1, -2
"""Kinds of units that a decoder drops: not defined, and marked as damaged (forbidden_zero_bit)."""

FIELDS = 2
"""Slices that begin a picture, in one frame: interlaced cameras send two fields with one timestamp."""


class NalDepacketizer(ABC):
    """Finds where a picture begins and ends (RFC 6184, 5.1; RFC 7798, 4.1); the base of both depacketizers."""

    codec: ClassVar[Codec]
    header_bytes: ClassVar[int]
    kinds: ClassVar[Sequence[int]]
    """The kind of a unit, by its first byte."""
    slices: ClassVar[bytes]
    """Whether a unit is a slice, by its first byte."""
    recovery_unit: ClassVar[bytes] = b""
    """A unit that tells a decoder to start at a picture."""

    def __init__(self, sets: Sequence[int], oddities: Oddities | None = None) -> None:
        self.shortcomings = Shortcomings(oddities)
        self._assembler = NalAssembler(self.shortcomings, self.header_bytes, self.slices)
        self._sets = ParameterSets(sets)
        self._run: RecoveryRun | None = None
        self._ended = self._by_timestamp = self._by_slice = self._marks = False
        self._examined = self._firsts = 0
        self.keep_following = False

    def push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Add the next packet; see `Depacketizer`."""
        units: list[AccessUnit] = []
        assembler = self._assembler
        if lost:
            assembler.lose()  # the end of the current picture may be among the lost packets
        if assembler.timestamp != packet.timestamp:
            if not self._is_defined(packet.payload):
                self._unpack(packet.payload)
                return units
            if lost or self._ended or not self._goes_on(packet.payload):
                if not assembler.is_empty:
                    units += self._finish()
                self._begin(packet.timestamp, complete=not lost)
            assembler.timestamp = packet.timestamp
        is_defined = self._unpack(packet.payload)
        if not self._marks and len(assembler.units) != self._examined:
            units += self._examine()
        if packet.marker and is_defined and not self._by_timestamp and not assembler.is_open:
            units += self._end_at_marker()
        return units

    @abstractmethod
    def _unpack(self, payload: bytes) -> bool:
        """Add the NAL units of one payload; return False if it is of a type that no standard defines."""

    @abstractmethod
    def _is_defined(self, payload: bytes) -> bool:
        """Return whether a payload is of a type that its standard defines, or a byte stream."""

    def _kind(self, unit: Unit) -> int:
        """Return the type of a NAL unit, or `UNKNOWN` or `CORRUPT`."""
        return self.kinds[unit[0]]

    @abstractmethod
    def _remember(self, units: Sequence[Unit]) -> None:
        """Keep the parameter sets among the units."""

    @abstractmethod
    def _is_slice(self, kind: int) -> bool:
        """Return whether a type is a slice of a picture."""

    @abstractmethod
    def _is_random_access(self, kind: int) -> bool:
        """Return whether a type is a slice of a random access picture."""

    @abstractmethod
    def _starts_picture(self, first: Unit) -> bool:
        """Return whether a slice is the first one of its picture."""

    @abstractmethod
    def _leads(self, kind: int) -> bool:
        """Return whether a unit that is no slice can only stand before the slices of its picture."""

    @abstractmethod
    def _fragment(self, payload: bytes) -> tuple[bool, bytes] | None:
        """Return whether a fragment is the first one, and the beginning of its unit; None for other payloads."""

    @abstractmethod
    def _missing(self, first: Unit) -> tuple[str, ...]:
        """Return the names of the parameter sets that a slice refers to and that never came."""

    def _recovery_point(self, _units: Sequence[Unit]) -> int | None:
        """Return the number of pictures up to the first correct one, or None if this is not a recovery point."""
        return None

    def _is_intra(self, _units: Sequence[Unit], _kinds: Sequence[int]) -> bool:
        """Return whether a picture that says nothing of random access is one all the same."""
        return False

    def _begin(self, timestamp: int, *, complete: bool) -> None:
        assembler = self._assembler
        carried = self._carried() if assembler.units else []
        assembler.begin(timestamp)
        if carried or not complete:
            assembler.carry(carried, complete=complete)
        self._ended = False
        self._examined = self._firsts = 0

    def _carried(self) -> list[Unit]:
        """Return what stands ahead of a picture with the timestamp of the one before it: its recovery point."""
        units = self._assembler.units
        if not units or not self._assembler.complete or any(self._is_slice(self._kind(unit)) for unit in units):
            return []
        return [unit for unit in units if self._carries(self._kind(unit))][:MAX_CARRIED_UNITS]

    def _carries(self, _kind: int) -> bool:
        """Return whether a unit is kept for the picture that follows."""
        return False

    def _goes_on(self, payload: bytes) -> bool:
        """Return whether a payload with a new timestamp belongs to the picture before: a camera stamps each packet."""
        assembler = self._assembler
        fragment = self._fragment(payload)
        if fragment is not None and not fragment[0]:
            return assembler.is_open
        unit = payload if fragment is None else fragment[1]
        if len(unit) <= self.header_bytes or not self._is_slice(self._kind(unit)) or self._starts_picture(unit):
            return False
        return any(self._is_slice(self._kind(known)) for known in assembler.units)

    def begins(self, payload: bytes) -> bool:
        """Return whether a payload may begin a picture."""
        fragment = self._fragment(payload)
        if fragment is not None and not fragment[0]:
            return False
        unit = payload if fragment is None else fragment[1]
        if len(unit) <= self.header_bytes or starts_with_start_code(unit):
            return True
        return not self._is_slice(self._kind(unit)) or self._starts_picture(unit)

    def _end_at_marker(self) -> list[AccessUnit]:
        """End the picture at a marker bit, unless only parameter sets came yet."""
        assembler = self._assembler
        if not (assembler.has_slice or assembler.broken):
            self._remember(assembler.units)
            return []
        ended = self._finish()
        began, assembler.began = assembler.began, assembler.timestamp or 0
        assembler.begin(assembler.began)
        assembler.began = began
        self._examined = self._firsts = 0
        self._ended = self._marks = not self._by_timestamp
        return ended

    def _examine(self) -> list[AccessUnit]:
        """Find the pictures of a stream in which neither marker bit nor timestamp ends one."""
        assembler = self._assembler
        finished: list[AccessUnit] = []
        index = min(self._examined, len(assembler.units))
        while index < len(assembler.units):
            unit = assembler.units[index]
            kind = self._kind(unit)
            begins = self._is_slice(kind) and self._starts_picture(unit)
            if not self._by_slice and begins and self._firsts >= FIELDS:
                self._by_slice, self._firsts, index = True, 0, 0
                continue
            if self._by_slice and self._firsts and (begins or self._leads(kind)):
                finished += self._cut_at(index)
                index = 0
            self._firsts += begins
            index += 1
        self._examined = index
        return finished

    def _cut_at(self, index: int) -> list[AccessUnit]:
        """End the current picture before one of its units."""
        assembler = self._assembler
        rest = assembler.cut(index)
        finished = self._finish()
        assembler.resume(rest)
        self._firsts = 0
        return finished

    def _finish(self) -> list[AccessUnit]:
        """Return the current picture, if there is one."""
        assembler = self._assembler
        assembler.drop_fragments()
        units, kinds = assembler.units, [self._kind(unit) for unit in assembler.units]
        if kinds and min(kinds) < 0:
            units, kinds = self._without_odd(units, kinds)
        self._remember(units)
        if not assembler.complete:
            self._run = None
        slices = [index for index, kind in enumerate(kinds) if self._is_slice(kind)]
        if assembler.timestamp is None or not slices:
            return self._finish_broken()
        first = next((index for index in slices if self._starts_picture(units[index])), None)
        if not assembler.complete or first is None:
            return [self._incomplete(kinds, starts=first is not None)]
        if first > slices[0]:  # slices of no picture, which a decoder drops
            kept = [index for index in range(len(units)) if index >= first or index not in slices]
            units, kinds = [units[index] for index in kept], [kinds[index] for index in kept]
            first -= slices.index(first)
        if any(map(self._is_random_access, kinds)):
            return [self._keyframe(units, kinds, first)]
        return [self._other(units, kinds, first)]

    def _finish_broken(self) -> list[AccessUnit]:
        """Return a picture of which no slice is whole, if there is one."""
        broken = [self._kind(unit) for unit in self._assembler.broken]
        return [self._incomplete(broken, starts=False)] if any(map(self._is_slice, broken)) else []

    def _incomplete(self, kinds: Sequence[int], *, starts: bool) -> AccessUnit:
        """Return a picture that lacks a part, or that is the rest of the one before."""
        assembler = self._assembler
        keyframe = any(map(self._is_random_access, kinds))
        continues = self._ended and assembler.complete and assembler.has_slice and not starts
        if continues:
            # The camera sets the marker bit on every slice: only the timestamp ends a picture.
            self._by_timestamp, self._ended, self._marks = True, False, False
        elif keyframe and not assembler.is_oversized:
            self.shortcomings.keyframes[Flaw.CUT] += 1
        return AccessUnit(
            self.codec, keyframe, False, timestamp=assembler.began, size=assembler.size, continues=continues
        )

    def _without_odd(self, units: Sequence[Unit], kinds: Sequence[int]) -> tuple[list[Unit], list[int]]:
        """Return a picture without the units that a decoder drops.

        A slice that is marked as damaged is missing, unless it stands ahead of the picture.
        """
        has_slice = False
        for unit, kind in zip(units, kinds, strict=True):
            has_slice = has_slice or self._is_slice(kind)
            if kind == CORRUPT:
                self.shortcomings.odd(Oddity.DAMAGED_UNIT, "units marked as damaged")
                if has_slice and self._is_slice(self.kinds[unit[0] & 0x7F]):
                    self._assembler.spoil()
            elif kind == UNKNOWN:
                self.shortcomings.odd(Oddity.UNKNOWN_UNIT, "units of no known type")
        kept = [(unit, kind) for unit, kind in zip(units, kinds, strict=True) if kind >= 0]
        return [unit for unit, _ in kept], [kind for _, kind in kept]

    def _keyframe(self, units: Sequence[Unit], kinds: Sequence[int], first: int) -> AccessUnit:
        self._run = None
        data = b""
        if missing := self._missing(units[first]):
            self.shortcomings.keyframes[Flaw.SETS] += 1
            self.shortcomings.missing = missing
        else:
            data = annex_b(self._sets.before(units, kinds, first))
        return self._whole(data, keyframe=True, complete=not missing)

    def _other(self, units: Sequence[Unit], kinds: Sequence[int], first: int) -> AccessUnit:
        """Return a picture that is no keyframe; the last one of a run from a recovery point is one."""
        if self._run is None:
            after = self._recovery_point(units)
            if after is None and self._is_intra(units, kinds):
                after, units = 0, [*units[:first], self.recovery_unit, *units[first:]]
                kinds, first = [*kinds[:first], self._kind(self.recovery_unit), *kinds[first:]], first + 1
            if after is not None and not self._missing(units[first]):
                self._run = RecoveryRun(b"", after)
                units = self._sets.before(units, kinds, first)
        if self._run is not None and self._run.add(annex_b(units)):
            run, self._run = self._run, None
            return self._whole(run.data, keyframe=True, complete=True, pictures=run.pictures)
        if self._run is not None and self._run.is_oversized:
            self._run = None
            self.shortcomings.oversized()
        return self._whole(annex_b(units) if self.keep_following else b"", keyframe=False, complete=True)

    def _whole(self, data: bytes, *, keyframe: bool, complete: bool, pictures: int = 1) -> AccessUnit:
        assembler = self._assembler
        return AccessUnit(self.codec, keyframe, complete, assembler.began, assembler.size, data, pictures)

    def _aggregate(self, payload: bytes, start: int, *, skip: int = 0, between: int = 0) -> bool:
        """Add the NAL units of an aggregation packet; see `split_aggregate`."""
        units, rest = split_aggregate(payload, start, skip=skip, between=between)
        for unit in units:
            self._assembler.add(unit)
        if rest is not None:
            self.shortcomings.odd(Oddity.BAD_AGGREGATE, "aggregation packets whose sizes do not add up")
            if len(rest) >= self.header_bytes:
                self._assembler.break_off(rest[:2])
        return True


def split_aggregate(payload: bytes, start: int, *, skip: int = 0, between: int = 0) -> tuple[list[bytes], bytes | None]:
    """Return the NAL units of an aggregation packet, each after its 16-bit size (RFC 6184, 5.7.1; RFC 7798, 4.4.2).

    `skip` is the number of bytes between a size and its unit and `between` that between a unit and the next size: the
    order of decoding and the time, which are not read. The second value is None if the sizes add up. Else it is what
    follows the units before the fault.
    """
    units: list[bytes] = []
    position, adds_up = start, True
    for _ in range(MAX_AGGREGATED_UNITS):
        if position + 2 > len(payload):
            return units, None if adds_up else b""
        size = int.from_bytes(payload[position : position + 2], "big")
        position += 2 + skip
        if position + size > len(payload):
            break
        adds_up = adds_up and size > 0
        if size:
            units.append(payload[position : position + size])
        position += size + between
    return units, payload[position:]
