"""Parameter sets of H.264 and H.265: as an SDP writes them, and the ones that a stream last sent."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence

from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.units import Unit, split_at_start_codes, starts_with_start_code

MAX_SET_BYTES = 4096
MAX_SETS_A_KIND = 8
MAX_DESCRIBED = 32
"""Base64 strings that are read of an SDP."""

_MAX_DESCRIBED_CHARACTERS = 4 * MAX_SET_BYTES
_FOREIGN = re.compile(r"[^A-Za-z0-9+/]")
_OTHER_ALPHABET = str.maketrans("-_", "+/")


def _decoded(text: str) -> bytes:
    """Decode base64 of either alphabet, with or without padding, quotes and spaces (RFC 4648); empty if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return _decoded_leniently(text)


def _decoded_leniently(text: str) -> bytes:
    plain = text.strip(" \t\"'")
    digits = _FOREIGN.sub("", plain.translate(_OTHER_ALPHABET))
    if len(digits) < len(plain.rstrip("=")) - plain.count(" ") - plain.count("\t"):
        return b""
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def described(text: str, header_bytes: int = 1, oddities: Oddities | None = None) -> list[bytes]:
    """Parse `sprop-parameter-sets`, `sprop-vps`, `-sps` or `-pps` (RFC 6184, 8.1; RFC 7798, 7.1).

    What is not base64 is skipped. A string that holds a byte stream is split at its start codes.
    """
    units: list[bytes] = []
    for part in text.split(",", MAX_DESCRIBED)[:MAX_DESCRIBED]:
        unit = _decoded(part[:_MAX_DESCRIBED_CHARACTERS])
        if b"\x00\x00\x01" in unit:
            if oddities is not None:
                oddities.count(Oddity.START_CODES_IN_DESCRIPTION)
            units += map(bytes, split_at_start_codes(unit, header_bytes))
        elif not starts_with_start_code(unit):
            units.append(unit.rstrip(b"\x00"))
    return [unit for unit in units if header_bytes < len(unit) <= MAX_SET_BYTES]


class ParameterSets:
    """The last parameter sets, a few of each kind, by identifier."""

    def __init__(self, kinds: Sequence[int]) -> None:
        self._kinds = frozenset(kinds)
        self._order = tuple(kinds)
        self._sets: dict[tuple[int, int], bytes] = {}

    def remember(self, kind: int, identifier: int, unit: Unit) -> None:
        """Store a set, and replace the one with its kind and identifier."""
        if kind not in self._kinds or len(unit) > MAX_SET_BYTES or not 0 <= identifier < 256:
            return
        self._sets.pop((kind, identifier), None)
        known = [key for key in self._sets if key[0] == kind]
        if len(known) >= MAX_SETS_A_KIND:
            del self._sets[known[0]]
        self._sets[(kind, identifier)] = bytes(unit)

    def of(self, kind: int) -> list[bytes]:
        """Return the sets of a kind, the last one first."""
        return [unit for (known, _), unit in reversed(self._sets.items()) if known == kind]

    def get(self, kind: int, identifier: int) -> bytes | None:
        """Return a set, or None if it never came."""
        return self._sets.get((kind, identifier))

    def __len__(self) -> int:
        """Return the number of sets."""
        return len(self._sets)

    @property
    def all(self) -> list[bytes]:
        """The sets, in the order of their kinds."""
        return [unit for kind in self._order for unit in self.of(kind)]

    def before(self, units: Sequence[Unit], kinds: Sequence[int], first_slice: int) -> list[Unit]:
        """Return a picture's units with every known set ahead of its slices; `kinds` are the types of the units."""
        if sum(kind in self._kinds for kind in kinds[:first_slice]) == len(self._sets):
            return list(units)
        return [*self.all, *(unit for unit, kind in zip(units, kinds, strict=True) if kind not in self._kinds)]
