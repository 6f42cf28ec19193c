"""The parts of a NAL depacketizer: fragments, parameter sets, and pictures from a recovery point."""

from __future__ import annotations

from collections.abc import Sequence

from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES, START_CODE

MAX_UNITS = 4096
MAX_PARAMETER_SET_BYTES = 4096
MAX_SETS_A_KIND = 8

Unit = bytes | bytearray
"""A NAL unit, received whole or assembled from fragments."""


class NalAssembler:
    """Collects the NAL units of one access unit (H.264 or H.265), up to a number of units and bytes."""

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
        """Add a complete NAL unit."""
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
        """Add a fragment; `header` is the reconstructed header of the NAL unit."""
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
        """Drop a NAL unit whose last fragment is missing."""
        if self._fragments is not None:
            self.complete = False
            if len(self.broken) >= MAX_UNITS:
                raise MalformedMediaError(f"a picture of over {MAX_UNITS} unfinished NAL units")
            self.broken.append(bytes(self._fragments[:2]))
            self._fragments = None

    def lose(self) -> None:
        """Record that packets were lost at this point."""
        self.complete = False
        self.drop_fragments()

    def begin(self, timestamp: int) -> None:
        """Start the next access unit; `broken` collects the headers of its incomplete NAL units."""
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
    """The last parameter sets, a few of each kind, by identifier."""

    def __init__(self, kinds: Sequence[int]) -> None:
        self._kinds = kinds
        self._sets: dict[tuple[int, int], bytes] = {}

    def remember(self, kind: int, identifier: int, unit: Unit) -> None:
        """Store a set, and replace the one with its kind and identifier."""
        if kind in self._kinds and len(unit) <= MAX_PARAMETER_SET_BYTES and identifier < MAX_SETS_A_KIND:
            self._sets[(kind, identifier)] = bytes(unit)

    def of(self, kind: int) -> list[bytes]:
        """Return the sets of a kind."""
        return [unit for (known, _), unit in sorted(self._sets.items()) if known == kind]

    @property
    def complete(self) -> bool:
        """Whether there is a set of each kind, which decoding requires."""
        return {kind for kind, _ in self._sets} == set(self._kinds)

    def absent_from(self, kinds: Sequence[int]) -> list[bytes]:
        """Return the sets of the kinds that are not in `kinds`, the NAL unit types of a picture."""
        return [unit for kind in self._kinds if kind not in kinds for unit in self.of(kind)]


class RecoveryRun:
    """The pictures from a recovery point to the first correct one (H.264, D.2.8)."""

    def __init__(self, head: bytes, left: int) -> None:
        self._parts = [head]
        self._left = left
        self.pictures = 0
        self.size = 0

    def add(self, data: bytes) -> bool:
        """Add the next complete picture; return whether it is the first correct one.

        Raises:
            MalformedMediaError: the pictures together are too large.

        """
        self._parts.append(data)
        self.size += len(data)
        if self.size > MAX_ACCESS_UNIT_BYTES:
            raise MalformedMediaError(f"a recovery point with over {MAX_ACCESS_UNIT_BYTES} bytes")
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
