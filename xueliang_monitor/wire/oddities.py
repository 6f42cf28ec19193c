"""What a camera sends against its standard, and is read all the same: counted by kind, never a fault by itself."""

from __future__ import annotations

import enum
from collections import Counter


class Oddity(enum.StrEnum):
    """A kind of departure from RFC 2326, 3550, 6184, 7798 or 2435. `probing.oddity_texts` has a sentence for each."""

    FOREIGN_BYTES = "foreign_bytes"
    BAD_HEADER_LINE = "bad_header_line"
    OTHER_CSEQ = "other_cseq"
    NEW_NONCE = "new_nonce"
    CLOSED_AFTER_CHALLENGE = "closed_after_challenge"
    SESSION_CHANGED = "session_changed"
    ALL_TRACKS_NEEDED = "all_tracks_needed"
    OTHER_PORT = "other_port"
    BAD_PACKET = "bad_packet"
    OTHER_PAYLOAD_TYPE = "other_payload_type"
    OTHER_SOURCE = "other_source"
    SOURCE_CHANGED = "source_changed"
    NUMBERS_RESTARTED = "numbers_restarted"
    DUPLICATE_PACKET = "duplicate_packet"
    EMPTY_PAYLOAD = "empty_payload"
    UNKNOWN_UNIT = "unknown_unit"
    DAMAGED_UNIT = "damaged_unit"
    BAD_AGGREGATE = "bad_aggregate"
    FRAGMENT_WITHOUT_START = "fragment_without_start"
    START_CODES = "start_codes"
    START_CODES_IN_DESCRIPTION = "start_codes_in_description"
    OVERSIZED_PICTURE = "oversized_picture"
    SIZE_CHANGED = "size_changed"
    CODEC_DIFFERS = "codec_differs"


_BY_NAME = {oddity.value: oddity for oddity in Oddity}


class Oddities:
    """Counts the oddities of one visit."""

    def __init__(self) -> None:
        self._counts: Counter[Oddity] = Counter()

    def count(self, oddity: Oddity, number: int = 1) -> None:
        """Count one more, or `number` more: packets, lines, responses or bytes, as the kind says."""
        self._counts[oddity] += number

    def of(self, oddity: Oddity) -> int:
        """Return how many were counted."""
        return self._counts[oddity]

    def __str__(self) -> str:
        """Return the kinds and counts in the order of `Oddity`, such as `other_cseq 3, start_codes 1`, or `none`."""
        return ", ".join(f"{oddity} {count}" for oddity in Oddity if (count := self._counts[oddity])) or "none"


def read(text: str) -> tuple[tuple[Oddity, int], ...]:
    """Return the kinds and counts of a text that `Oddities` wrote; what this version does not know is left out."""
    pairs = (part.strip().partition(" ") for part in text.split(","))
    return tuple((_BY_NAME[name], int(count)) for name, _, count in pairs if name in _BY_NAME and count.isdecimal())
