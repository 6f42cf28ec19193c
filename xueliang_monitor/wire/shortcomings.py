"""What a depacketizer could not use of a stream: packets that are odd, and keyframes that lack something."""

from __future__ import annotations

import enum
from collections import Counter

from xueliang_monitor.wire.oddities import Oddities, Oddity

MAX_NAMES = 80
"""Kinds of odd packets that are told apart; there are 64 types of units."""


class Flaw(enum.StrEnum):
    """Why a keyframe is not complete."""

    CUT = "cut"
    """A part of it never came."""
    SETS = "sets"
    """Every part came, but a parameter set that it refers to never did."""
    OVERSIZED = "oversized"
    """It is larger than `MAX_ACCESS_UNIT_BYTES`, or has more than `MAX_UNITS` units."""
    SIZE = "size"
    """Nothing tells its width and height."""
    TABLES = "tables"
    """Its quantization tables never came, or cannot be read."""


class Shortcomings:
    """Counts the odd packets and the incomplete keyframes of one depacketizer."""

    def __init__(self, oddities: Oddities | None = None) -> None:
        self.oddities = oddities if oddities is not None else Oddities()
        self.packets: Counter[str] = Counter()
        self._counted: Counter[Oddity] = Counter()
        self.keyframes: Counter[Flaw] = Counter()
        self.missing: tuple[str, ...] = ()
        """The parameter sets that the last keyframe refers to, and that never came."""

    def count(self, oddity: Oddity) -> None:
        """Count an oddity of the visit."""
        self.oddities.count(oddity)
        self._counted[oddity] += 1

    def take_back(self) -> None:
        """Take back the oddities that were counted: the packets were read in a codec that they are not in."""
        for oddity, number in self._counted.items():
            self.oddities.count(oddity, -number)
        self._counted.clear()

    def odd(self, oddity: Oddity, name: str) -> None:
        """Count an odd packet or unit, and what is odd about it."""
        self.count(oddity)
        if name in self.packets or len(self.packets) < MAX_NAMES:
            self.packets[name] += 1

    def oversized(self) -> None:
        """Count a picture that is larger than what is read."""
        self.count(Oddity.OVERSIZED_PICTURE)
        self.keyframes[Flaw.OVERSIZED] += 1

    @property
    def odd_packets(self) -> int:
        """The number of odd packets."""
        return self.packets.total()

    @property
    def main_flaw(self) -> Flaw | None:
        """What most of the incomplete keyframes lack, or None if there were none."""
        most = self.keyframes.most_common(1)
        return most[0][0] if most else None
