r"""Reads a text as decoders do: escapes of URLs, HTML, JSON, C and Python, Base64 and hexadecimal. Pure.

Escapes are `%41`, `%u0041`, `&#65;`, `\u0041`, `\u{41}`, `\U00000041`, `\x41` and `\101`. Encodings within each other
are read up to three deep.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

ROUNDS = 3
"""How many encodings around each other are decoded."""

MAX_READINGS, MAX_READ_CHARACTERS = 64, 12 * 1024
"""What one text may become. The texts of devices stay below a tenth of it."""

_PERCENT_U = re.compile(r"%[uU]([0-9a-fA-F]{4})")
_BYTES = re.compile(r"(?:\\(?:x[0-9a-fA-F]{2}|[0-3][0-7]{2}))+")
_BYTE = re.compile(r"\\(?:x(..)|([0-7]{3}))")
_CHARACTER = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,5})\}|U(000[0-9a-fA-F]{5})|(["'\\/]))""")

_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}")
_HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2}[:, -]?){8,}")
_SEPARATORS = re.compile(r"[:, -]")
_ASCII = re.compile(rb"[\x20-\x7e]{8,}")
"""What may be encoded once more. Other bytes come from texts that are neither Base64 nor hexadecimal."""


def _raw(match: re.Match[str]) -> str:
    found = _BYTE.findall(match[0])
    values = bytes(int(hexadecimal, 16) if hexadecimal else int(octal, 8) for hexadecimal, octal in found)
    return values.decode("utf-8", "replace")


def _character(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3]
    return chr(int(number, 16)) if number else match[4]


def _without_backslashes(text: str) -> str:
    plain = _CHARACTER.sub(_character, _BYTES.sub(_raw, text))
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # joins pairs of surrogates


def unescaped(text: str) -> Iterator[str]:
    """Yield a text, and the text as decoders of percent, HTML and backslash escapes read it."""
    yield text
    for _ in range(ROUNDS):
        before = text
        if "%" in text:
            other = unquote(text, encoding="latin-1")
            text = unquote(_PERCENT_U.sub(lambda match: chr(int(match[1], 16)), text))
            yield text
            if "\ufffd" in text:  # percent-encoding of GBK, for example
                yield other
        if "&" in text:
            text = html.unescape(text)
            yield text
        if "\\" in text:
            text = _without_backslashes(text)
            yield text
        if text == before:
            return


def standard_base64(text: str) -> str:
    """Return a text with the letters of URL-safe Base64 as those of the standard one (RFC 4648, 5)."""
    return text.replace("-", "+").replace("_", "/")


def _unpacked(text: str) -> Iterator[str]:
    """Yield what Base64 and hexadecimal digits within a text stand for, wherever in it they begin."""
    runs = _BASE64.findall(standard_base64(text))
    for start in range(4):
        yield _printable(_bytes_of(run[start:]) for run in runs)
    digits = [_SEPARATORS.sub("", run) for run in _HEXADECIMAL.findall(text)]
    for start in range(2):
        yield _printable(bytes.fromhex(run[start : start + (len(run) - start) // 2 * 2]) for run in digits)


def _bytes_of(letters: str) -> bytes:
    """Decode Base64 without its padding; a single letter at the end stands for no byte."""
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + "=" * (-len(letters) % 4))


def _printable(parts: Iterator[bytes]) -> str:
    found = (piece for part in parts for piece in _ASCII.findall(part.replace(b"\0", b"")))  # UTF-16 has NUL bytes
    return b"\n".join(found).decode("ascii")


def readings(text: str) -> tuple[str, ...] | None:
    """Return a text and what decoders make of it; None if that is more than is read."""
    found: dict[str, None] = {}
    characters = 0
    level = [text]
    for _ in range(ROUNDS + 1):
        deeper: dict[str, None] = {}
        for reading in (each for item in level for each in unescaped(item)):
            if reading in found:
                continue
            found[reading] = None
            characters += len(reading)
            if characters > MAX_READ_CHARACTERS or len(found) > MAX_READINGS:
                return None
            deeper |= dict.fromkeys(filter(None, _unpacked(reading)))
        level = list(deeper)
    return tuple(found)
