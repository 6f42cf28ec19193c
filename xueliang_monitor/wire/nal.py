"""NAL units to pictures: what H.264 and H.265 over RTP share (RFC 6184, RFC 7798)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES, START_CODE, AccessUnit, Codec
from xueliang_monitor.wire.rtp import RtpPacket

MAX_UNITS = 4096
MAX_PARAMETER_SET_BYTES = 4096
MAX_SETS_A_KIND = 8

Unit = bytes | bytearray
"""A NAL unit, in one piece or grown from fragments."""


class NalAssembler:
    """Collects the NAL units of one access unit (H.264 and H.265 alike), bounded in bytes and number."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.broken: list[Unit] = []
        self.timestamp: int | None = None
        self.complete = True
        self._fragments: bytearray | None = None
        self._size = 0

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MAX_ACCESS_UNIT_BYTES:
            raise MalformedMediaError(f"a picture of over {MAX_ACCESS_UNIT_BYTES} bytes")

    def add(self, unit: bytes) -> None:
        """Add a whole NAL unit."""
        self.drop_fragments()
        if not unit:
            self.complete = False
            return
        self._count(len(unit))
        self._keep(unit)

    def _keep(self, unit: Unit) -> None:
        if len(self.units) >= MAX_UNITS:
            raise MalformedMediaError(f"a picture of over {MAX_UNITS} NAL units")
        self.units.append(unit)

    def add_fragment(self, header: bytes, fragment: bytes, *, start: bool, end: bool) -> None:
        """Add a fragment; `header` is the NAL unit's own, rebuilt."""
        if start:
            self.drop_fragments()
            self._fragments = bytearray(header)
        elif self._fragments is None:
            self.complete = False
            return
        self._count(len(fragment))
        if self._fragments is not None:
            self._fragments += fragment
        if end and self._fragments is not None:
            unit, self._fragments = self._fragments, None
            self._keep(unit)

    def drop_fragments(self) -> None:
        """Forget a NAL unit that never ended."""
        if self._fragments is not None:
            self.complete = False
            if len(self.broken) >= MAX_UNITS:
                raise MalformedMediaError(f"a picture of over {MAX_UNITS} NAL units that never end")
            self.broken.append(bytes(self._fragments[:2]))
            self._fragments = None

    def lose(self) -> None:
        """Note that packets were lost just now."""
        self.complete = False
        self.drop_fragments()

    def begin(self, timestamp: int) -> None:
        """Start the next access unit; `broken` keeps the headers of NAL units of which a part was lost."""
        self.units = []
        self.broken = []
        self._fragments = None
        self._size = 0
        self.complete = True
        self.timestamp = timestamp

    @property
    def size(self) -> int:
        """Bytes collected so far."""
        return self._size


class ParameterSets:
    """The parameter sets last seen, a few of each kind, by their identifiers."""

    def __init__(self, kinds: Sequence[int]) -> None:
        self._kinds = kinds
        self._sets: dict[tuple[int, int], bytes] = {}

    def remember(self, kind: int, identifier: int, unit: Unit) -> None:
        """Keep a set in place of the one of its kind and identifier."""
        if kind in self._kinds and len(unit) <= MAX_PARAMETER_SET_BYTES and identifier < MAX_SETS_A_KIND:
            self._sets[(kind, identifier)] = bytes(unit)

    def of(self, kind: int) -> list[bytes]:
        """Return those of a kind."""
        return [unit for (known, _), unit in sorted(self._sets.items()) if known == kind]

    @property
    def complete(self) -> bool:
        """Whether there is one of each kind, without which nothing can be decoded."""
        return {kind for kind, _ in self._sets} == set(self._kinds)

    def absent_from(self, kinds: Sequence[int]) -> list[bytes]:
        """Return the sets of those kinds that a picture does not bring itself."""
        return [unit for kind in self._kinds if kind not in kinds for unit in self.of(kind)]


class RecoveryRun:
    """Pictures from a recovery point on, of which the last one is whole (H.264, D.2.8; H.265, D.3.8)."""

    def __init__(self, head: bytes, left: int) -> None:
        self._parts = [head]
        self._left = left
        self.pictures = 0
        self.size = 0

    def add(self, data: bytes) -> bool:
        """Take the next whole picture; return whether the run is over.

        Raises:
            MalformedMediaError: it exceeds its bound.

        """
        self._parts.append(data)
        self.size += len(data)
        if self.size > MAX_ACCESS_UNIT_BYTES:
            raise MalformedMediaError(f"a recovery of over {MAX_ACCESS_UNIT_BYTES} bytes")
        self.pictures += 1
        self._left -= 1
        return self._left < 0

    @property
    def data(self) -> bytes:
        """All of it, as Annex B bytes."""
        return b"".join(self._parts)


class NalDepacketizer(ABC):
    """What H.264 and H.265 share: where a picture begins and ends (RFC 6184, 5.1; RFC 7798, 4.1)."""

    codec: ClassVar[Codec]

    def __init__(self, sets: Sequence[int]) -> None:
        self._assembler = NalAssembler()
        self._sets = ParameterSets(sets)
        self._run: RecoveryRun | None = None
        self._ended = self._by_timestamp = False

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

    @abstractmethod
    def _recovery_point(self, units: Sequence[Unit]) -> int | None:
        """Return after how many pictures one is whole that starts here, None where it does not start."""

    def _finish(self) -> list[AccessUnit]:
        """End the picture under way and return it."""
        assembler = self._assembler
        assembler.drop_fragments()
        units, timestamp, complete = assembler.units, assembler.timestamp, assembler.complete
        kinds = [self._kind(unit) for unit in (*units, *assembler.broken)]
        size = assembler.size
        assembler.begin(timestamp or 0)
        self._remember(units)
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
        return [AccessUnit(self.codec, False, complete, timestamp, size)]

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


def annex_b(units: Sequence[Unit]) -> bytes:
    """Join NAL units into a byte stream (H.264 and H.265, annex B)."""
    return b"".join(part for unit in units for part in (START_CODE, unit))


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
