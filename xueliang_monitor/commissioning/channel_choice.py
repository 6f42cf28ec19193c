"""Reads which channels of a recorder are meant, such as `all`, `1-16` or `1,3,5-8`. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from xueliang_monitor.commissioning.registration_error import RegistrationError

MAX_CHANNEL = 4096
_PART = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


def read_choice(written: str) -> tuple[int, ...] | None:
    """Return the numbers of the chosen channels in order, None for all of them.

    Raises:
        RegistrationError: it is not a choice of channels.

    """
    plain = unicodedata.normalize("NFKC", written).strip().casefold()
    if plain in {"all", "全部", "所有"}:
        return None
    plain = re.sub(r"\s*[-~–—到至]\s*", "-", plain)
    numbers: set[int] = set()
    for part in filter(None, re.split(r"[\s,;、]+", plain)):
        found = _PART.fullmatch(part)
        first = int(found[1]) if found is not None else 0
        last = int(found[2] or first) if found is not None else 0
        if not 1 <= first <= last <= MAX_CHANNEL:
            raise _not_a_choice(written)
        numbers.update(range(first, last + 1))
    if not numbers:
        raise _not_a_choice(written)
    return tuple(sorted(numbers))


def _not_a_choice(written: str) -> RegistrationError:
    return RegistrationError(f"--channels: {written!r} is no choice; write all, 1-16 or 1,3,5-8", usage=True)


def shown_numbers(numbers: Iterable[int]) -> str:
    """Return numbers as a choice of channels, such as `1-4, 7`; `none` without any."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges) or "none"
