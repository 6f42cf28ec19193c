"""What a camera's numbers usually are at each hour of the day, over the last days. Pure, without numpy.

A day is divided into periods of two hours. Each keeps the lowest and the highest value of a number on healthy looks.
Both follow an extreme value at once and move back towards later ones, so that they tell of the last three days or so.
Dusk is compared with dusk and night with night, however many looks of other light lie between them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence

PERIODS = 12
"""Periods of a day."""

PERIOD_HOURS = 24 / PERIODS

WITHIN_HOURS = 1.5
"""A look is compared with the periods that it lies in or is this near to."""

_RETURN = 0.03
"""Share of the way to a value inside the range that each end moves back: half of it is forgotten in 24 looks."""

_ANCHOR, _ANCHOR_LOOKS = "_anchor", 1000.0
"""Ending of the name of a slow mean, and the looks after which it follows no faster: six weeks at 24 looks a day."""

_FORMAT = struct.Struct(f"<{2 * PERIODS}e")
_RANGE = struct.Struct("<2e")
"""The range of one period: its lowest and its highest value."""

_LARGEST = 60_000.0
"""Largest number that half precision keeps."""

STORED_BYTES = _FORMAT.size
"""Bytes in which the ranges of one number are stored."""

QUARTERS = 96
"""Quarters of an hour in a day: each light keeps in which it was seen."""

SEEN_BYTES = QUARTERS // 8
"""Bytes in which the quarters of a light are stored, a bit each."""

_DENSE = QUARTERS // 2
"""Quarters seen from which a longer gap between looks means something: a camera with few looks a day has fewer."""

_GAP = 4
"""Quarters in a row without a look in which a dusk or a dawn may have passed: it takes about an hour."""

UNKNOWN = _FORMAT.pack(*(math.nan,) * (2 * PERIODS))
"""The stored ranges of a number that no hour has shown yet."""


def hours_with(stored: Mapping[str, bytes], numbers: Mapping[str, float], hour: float) -> dict[str, bytes]:
    """Return the stored ranges after a healthy look at a local hour in [0, 24)."""
    period = int(hour / PERIOD_HOURS) % PERIODS
    after = dict(stored)
    for name, value in numbers.items():
        if math.isfinite(value):
            ranges = stored.get(name, UNKNOWN)
            after[name] = _with_range(ranges, period, *_widened(*_range(ranges, period), value))
    return after


def hours_with_anchor(stored: Mapping[str, bytes], name: str, value: float, hour: float) -> dict[str, bytes]:
    """Return the stored ranges with the slow mean of a number at an hour, which follows within months.

    It is kept under a name of its own, with the number of looks in place of the highest value.
    """
    period, key = int(hour / PERIOD_HOURS) % PERIODS, f"{name}{_ANCHOR}"
    kept = stored.get(key, UNKNOWN)
    mean, looks = _range(kept, period)
    if math.isnan(mean):
        mean, looks = value, 0.0
    looks = min(_ANCHOR_LOOKS, looks + 1)
    return {**stored, key: _with_range(kept, period, mean + (value - mean) / looks, looks)}


def highest_anchor(stored: Mapping[str, bytes], name: str) -> float | None:
    """Return the highest slow mean of a number over the hours of the day; None before it is known for a day or so."""
    kept = _FORMAT.unpack(stored.get(f"{name}{_ANCHOR}", UNKNOWN))
    known = [mean for mean in kept[::2] if not math.isnan(mean)]
    return max(known) if len(known) == PERIODS else None


def looks_at(stored: Mapping[str, bytes], name: str, hour: float) -> float:
    """Return how many looks a slow mean has seen around a local hour."""
    kept = stored.get(f"{name}{_ANCHOR}", UNKNOWN)
    looks = [_range(kept, place)[1] for place in _periods_near(hour)]
    return sum(each for each in looks if not math.isnan(each))


def seen_with(seen: bytes, hour: float) -> bytes:
    """Return the quarters in which a light was seen after a look at a local hour."""
    bits = int.from_bytes(seen, "little") | 1 << int(hour * QUARTERS / 24) % QUARTERS
    return bits.to_bytes(SEEN_BYTES, "little")


def _unseen_near(seen: Sequence[bytes], hour: float) -> bool:
    """Whether no light of a camera that is often looked at was seen for long within `WITHIN_HOURS` of an hour."""
    bits = 0
    for each in seen:
        bits |= int.from_bytes(each, "little")
    if bits.bit_count() < _DENSE:
        return False
    first = math.floor((hour - WITHIN_HOURS) * QUARTERS / 24)
    last = math.floor((hour + WITHIN_HOURS) * QUARTERS / 24)
    near = "".join(str(bits >> place % QUARTERS & 1) for place in range(first, last + 1))
    return "0" * _GAP in near


def known_around(stored: Mapping[str, bytes], name: str, hour: float, seen: Sequence[bytes]) -> bool:
    """Return whether the period of a local hour, and those before and after, have shown a number with a slow mean.

    `seen` are the quarters in which the known lights were seen: without a look for an hour, a dusk is not known.
    """
    if _unseen_near(seen, hour):
        return False
    kept = stored.get(f"{name}{_ANCHOR}", UNKNOWN)
    period = int(hour / PERIOD_HOURS)
    return not any(math.isnan(_range(kept, place % PERIODS)[0]) for place in range(period - 1, period + 2))


def usual_at(stored: Mapping[str, bytes], hour: float) -> dict[str, tuple[float, ...]]:
    """Return the ends of the ranges of each number around a local hour, without those that are not known yet."""
    places = _periods_near(hour)
    found = {}
    for name, packed in stored.items():
        if name.endswith(_ANCHOR):
            continue
        values: tuple[float, ...] = ()
        for place in places:
            ends = _range(packed, place)
            if not math.isnan(ends[0] + ends[1]):
                values += ends
        if values:
            found[name] = values
    return found


def _periods_near(hour: float) -> Sequence[int]:
    """Return the periods that begin or end within `WITHIN_HOURS` of an hour, or contain it."""
    first = math.floor((hour - WITHIN_HOURS) / PERIOD_HOURS)
    last = math.floor((hour + WITHIN_HOURS) / PERIOD_HOURS)
    return [place % PERIODS for place in range(first, last + 1)]


def _range(ranges: bytes, period: int) -> tuple[float, float]:
    """Return the lowest and the highest value of a period; both are not a number if it has shown none."""
    lowest, highest = _RANGE.unpack_from(ranges, _RANGE.size * period)
    return lowest, highest


def _with_range(ranges: bytes, period: int, lowest: float, highest: float) -> bytes:
    """Return stored ranges with another range of one period."""
    start = _RANGE.size * period
    return ranges[:start] + _RANGE.pack(lowest, highest) + ranges[start + _RANGE.size :]


def _widened(lowest: float, highest: float, value: float) -> tuple[float, float]:
    value = min(_LARGEST, max(-_LARGEST, value))
    if math.isnan(lowest):
        return value, value
    low = value if value < lowest else lowest + _RETURN * (value - lowest)
    high = value if value > highest else highest - _RETURN * (highest - value)
    return low, high
