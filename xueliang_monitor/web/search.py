"""The text searches of pages and API: every word must be found, in any order. Pure."""

from __future__ import annotations

from collections.abc import Iterable

MOST_WORDS = 8
"""Words of a search that are looked for; more are ignored."""


def words_of(text: str) -> tuple[str, ...]:
    """Return the different words of a search in lower case, at most `MOST_WORDS`."""
    return tuple(dict.fromkeys(text.lower().split()))[:MOST_WORDS]


def finds(words: Iterable[str], texts: Iterable[str]) -> bool:
    """Return whether every word is in one of the texts, in upper or lower case."""
    searched = "\n".join(texts).lower()
    return all(word in searched for word in words)
