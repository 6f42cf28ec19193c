"""NAL units to access units: the common part of H.264 and H.265 over RTP (RFC 6184, RFC 7798)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import AccessUnit, Codec
from xueliang_monitor.wire.rtp import RtpPacket
from xueliang_monitor.wire.units import NalAssembler, ParameterSets, RecoveryRun, Unit, annex_b

MAX_AGGREGATED_UNITS = 128
"""NAL units in one packet. Cameras aggregate parameter sets and a slice or two."""


class NalDepacketizer(ABC):
    """Finds where a picture begins and ends (RFC 6184, 5.1; RFC 7798, 4.1); the base of both depacketizers."""

    codec: ClassVar[Codec]

    def __init__(self, sets: Sequence[int]) -> None:
        self._assembler = NalAssembler()
        self._sets = ParameterSets(sets)
        self._run: RecoveryRun | None = None
        self._ended = self._by_timestamp = False
        self.keep_following = False

    def push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Add the next packet; see `Depacketizer`."""
        units: list[AccessUnit] = []
        assembler = self._assembler
        if lost:
            assembler.lose()  # the end of the current picture may be among the lost packets
        if assembler.timestamp != packet.timestamp:
            units += self._finish()
            assembler.begin(packet.timestamp)
            assembler.complete = not lost
            self._ended = False
        self._unpack(packet.payload)
        if packet.marker and not self._by_timestamp:
            units += self._finish()
            self._ended = True
        return units

    @abstractmethod
    def _unpack(self, payload: bytes) -> None:
        """Add the NAL units of one payload."""

    @abstractmethod
    def _kind(self, unit: Unit) -> int:
        """Return the type of a NAL unit."""

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

    def _recovery_point(self, _units: Sequence[Unit]) -> int | None:
        """Return the number of pictures up to the first correct one, or None if this is not a recovery point."""
        return None

    def _finish(self) -> list[AccessUnit]:
        """End the current picture and return it."""
        assembler = self._assembler
        assembler.drop_fragments()
        units, timestamp, complete = assembler.units, assembler.timestamp, assembler.complete
        kinds = [self._kind(unit) for unit in (*units, *assembler.broken)]
        size = assembler.size
        assembler.begin(timestamp or 0)
        self._remember(units)
        if not complete:
            self._run = None
        first = next((unit for unit in units if self._is_slice(self._kind(unit))), b"")
        if timestamp is None or not any(map(self._is_slice, kinds)):
            return []
        keyframe = any(map(self._is_random_access, kinds))
        unit = AccessUnit(codec=self.codec, keyframe=keyframe, complete=False, timestamp=timestamp, size=size)
        if self._ended and complete and first and not self._starts_picture(first):
            self._by_timestamp = (
                True  # the camera sets the marker bit on every slice: only the timestamp ends a picture
            )
            return [replace(unit, continues=True)]
        complete = complete and bool(first) and self._starts_picture(first)
        if keyframe:
            self._run = None
            complete = complete and self._sets.complete
            data = annex_b([*self._sets.absent_from(kinds), *units]) if complete else b""
            return [replace(unit, complete=complete, data=data)]
        if (recovered := self._recover(units, kinds, complete=complete)) is not None:
            data, pictures = recovered.data, recovered.pictures
            return [replace(unit, keyframe=True, complete=True, data=data, pictures=pictures)]
        return [replace(unit, complete=complete, data=annex_b(units) if complete and self.keep_following else b"")]

    def _recover(self, units: Sequence[Unit], kinds: Sequence[int], *, complete: bool) -> RecoveryRun | None:
        """Start or continue a run of pictures from a recovery point; return it when it is complete."""
        if not complete:
            self._run = None
            return None
        if self._run is None:
            after = self._recovery_point(units)
            if after is None or not self._sets.complete:
                return None
            self._run = RecoveryRun(annex_b(self._sets.absent_from(kinds)), after)
        if not self._run.add(annex_b(units)):
            return None
        finished, self._run = self._run, None
        return finished


def split_aggregate(payload: bytes, start: int) -> list[bytes]:
    """Return the NAL units of an aggregation packet, each after its 16-bit size (RFC 6184, 5.7.1; RFC 7798, 4.4.2).

    Raises:
        MalformedMediaError: the sizes do not add up, or there are too many units.

    """
    units: list[bytes] = []
    position = start
    while position + 2 <= len(payload):
        size = int.from_bytes(payload[position : position + 2], "big")
        position += 2
        if size == 0 or position + size > len(payload):
            raise MalformedMediaError("an aggregation packet whose sizes do not add up")
        if len(units) >= MAX_AGGREGATED_UNITS:
            raise MalformedMediaError(f"an aggregation packet of over {MAX_AGGREGATED_UNITS} NAL units")
        units.append(payload[position : position + size])
        position += size
    return units
