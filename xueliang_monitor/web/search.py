"""What pages and API are asked for: values of the address, and words that must all be found. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MOST_WORDS = 8
"""Words of a search that are looked for; more are ignored."""


MOST_LETTERS = 120
"""Letters of a value in the address of a page that are read."""


def asked(query: Mapping[str, str], name: str) -> str:
    """Return a value in the address of a page, cut to `MOST_LETTERS`; empty if it is not there."""
    return query.get(name, "")[:MOST_LETTERS].strip()


def words_of(text: str) -> tuple[str, ...]:
    """Return the different words of a search in lower case, at most `MOST_WORDS`."""
    return tuple(dict.fromkeys(text.lower().split()))[:MOST_WORDS]


def finds(words: Iterable[str], texts: Iterable[str]) -> bool:
    """Return whether every word is in one of the texts, in upper or lower case."""
    searched = "\n".join(texts).lower()
    return all(word in searched for word in words)
