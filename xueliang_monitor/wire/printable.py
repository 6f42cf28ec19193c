"""Makes a text of a stranger safe to show: one line, only characters with a glyph, bounded in length. Pure."""

from __future__ import annotations

import re
import unicodedata

CUT = "…"
"""Stands at the end of a text that was shortened."""

TEXT_CHARACTERS = 200
"""The default limit of one text of a device."""

MAX_EXAMINED_CHARACTERS = 512
"""What follows is dropped unread, so that the work is bounded."""

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters without a glyph that are neither controls nor format characters (Default_Ignorable_Code_Point)."""

_COMBINING = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_STACKED = re.compile(f"({_COMBINING}{{2}}){_COMBINING}+")
"""More than two marks on one letter reach into the lines above and below."""

_SPACES = re.compile(r"\s+")


def _readable(character: str) -> str:
    """Return a character that is not printable as a space if it separates words, otherwise as nothing."""
    return " " if character.isspace() or unicodedata.category(character)[0] == "Z" else ""


def clean(text: str, limit: int = TEXT_CHARACTERS) -> str:
    """Return a text on one line of at most `limit` characters that are safe to show.

    Controls, format characters (bidirectional ones, zero-width ones), surrogates, private and unassigned characters
    are taken out. White space and line separators become one space. A longer text ends with `…`.
    """
    bound = max(MAX_EXAMINED_CHARACTERS, limit)
    examined = text[:bound]
    if not examined.isprintable():
        examined = "".join(letter if letter.isprintable() else _readable(letter) for letter in examined)
    if not examined.isascii():
        examined = _STACKED.sub(r"\1", _INVISIBLE.sub("", examined))
    examined = _SPACES.sub(" ", examined).strip()
    return shorten(examined if len(text) <= bound else examined + CUT, limit)


def shorten(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters. A longer one ends with `…`."""
    return text if len(text) <= limit else text[: limit - 1].rstrip(f" {CUT}") + CUT


def escaped(text: str) -> str:
    r"""Return a text with every character that is neither printable nor a space as a JSON escape, such as `\u001b`.

    Line feeds stay. The result is the same text to a reader of JSON, if it is used within a JSON string.
    """
    if text.isprintable():
        return text
    return "".join(letter if _harmless(letter) else _as_escape(letter) for letter in text)


def _harmless(letter: str) -> bool:
    return letter.isprintable() or letter == "\n" or unicodedata.category(letter) == "Zs"


def _as_escape(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
