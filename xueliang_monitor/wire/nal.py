"""NAL units to pictures: what H.264 and H.265 over RTP share (RFC 6184, RFC 7798)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import AccessUnit, Codec
from xueliang_monitor.wire.rtp import RtpPacket
from xueliang_monitor.wire.units import NalAssembler, ParameterSets, RecoveryRun, Unit, annex_b


class NalDepacketizer(ABC):
    """What H.264 and H.265 share: where a picture begins and ends (RFC 6184, 5.1; RFC 7798, 4.1)."""

    codec: ClassVar[Codec]

    def __init__(self, sets: Sequence[int]) -> None:
        self._assembler = NalAssembler()
        self._sets = ParameterSets(sets)
        self._run: RecoveryRun | None = None
        self._ended = self._by_timestamp = False
        self.keep_following = False

    def push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Take the next packet; see `Depacketizer`."""
        units: list[AccessUnit] = []
        assembler = self._assembler
        if lost:
            assembler.lose()  # the end of the picture under way may be among what was lost
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
        """Add what one payload holds."""

    @abstractmethod
    def _kind(self, unit: Unit) -> int:
        """Return a NAL unit's type."""

    @abstractmethod
    def _remember(self, units: Sequence[Unit]) -> None:
        """Keep the parameter sets among the units."""

    @abstractmethod
    def _is_slice(self, kind: int) -> bool:
        """Say whether a type is a piece of a picture."""

    @abstractmethod
    def _is_random_access(self, kind: int) -> bool:
        """Say whether a type is a piece of a picture that stands alone."""

    @abstractmethod
    def _starts_a_picture(self, first: Unit) -> bool:
        """Say whether a slice is a picture's first."""

    def _recovery_point(self, _units: Sequence[Unit]) -> int | None:
        """Return after how many pictures one is whole that starts here, None where it does not start."""
        return None

    def _finish(self) -> list[AccessUnit]:
        """End the picture under way and return it."""
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
        if self._ended and complete and first and not self._starts_a_picture(first):
            self._by_timestamp = True  # a camera that marks every slice: its pictures end with their timestamp
            return [AccessUnit(self.codec, keyframe, False, timestamp, size, continues=True)]
        complete = complete and bool(first) and self._starts_a_picture(first)
        if keyframe:
            self._run = None
            complete = complete and self._sets.complete
            data = annex_b([*self._sets.absent_from(kinds), *units]) if complete else b""
            return [AccessUnit(self.codec, True, complete, timestamp, size, data)]
        recovered = self._recover(units, kinds, complete=complete)
        if recovered is not None:
            return [AccessUnit(self.codec, True, True, timestamp, size, recovered.data, recovered.pictures)]
        return [
            AccessUnit(
                self.codec,
                False,
                complete,
                timestamp,
                size,
                annex_b(units) if complete and self.keep_following else b"",
            )
        ]

    def _recover(self, units: Sequence[Unit], kinds: Sequence[int], *, complete: bool) -> RecoveryRun | None:
        """Go on with a run of pictures from a recovery point; return it when its last picture is whole."""
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
    """Split the NAL units of an aggregation packet, each behind a 16-bit size (RFC 6184, 5.7.1; RFC 7798, 4.4.2)."""
    units: list[bytes] = []
    position = start
    while position + 2 <= len(payload):
        size = int.from_bytes(payload[position : position + 2], "big")
        position += 2
        if size == 0 or position + size > len(payload):
            raise MalformedMediaError("an aggregation packet whose sizes do not add up")
        units.append(payload[position : position + size])
        position += size
    return units
