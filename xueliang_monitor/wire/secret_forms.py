"""Finds a secret in a text, however it is written: encoded, escaped, in Base64, in hexadecimal, or cut off. Pure."""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Self
from urllib.parse import quote, unquote

from xueliang_monitor.wire.printable import CUT, clean

MASK = "***"
MIN_SECRET_CHARACTERS = 3
"""A shorter password cannot be told from ordinary text; it is hidden in URLs and in Base64 of the whole login only."""

_MIN_HEX_CHARACTERS = 4
_MIN_BASE64_LETTERS = 5
_PREFIX = 3
"""How many characters of a secret at the end of a shortened text hide the word that they stand in."""

_LONGEST_SPELLING = 12
"""How many characters an encoding makes of one."""

_MAX_WORDS = 24
_MAX_SEARCHED_CHARACTERS = 240
"""A larger text that holds a secret in an unusual form is taken out as a whole: each word costs a search of its own."""

_UNFINISHED = re.compile(r"(?:[%\\][0-9A-Fa-f%\\ux]{0,5}|&[#\w]{0,8})$")
"""An escape at the end of a text that was cut within it."""

_ROUNDS = 3
"""How many encodings around each other are decoded."""

_BYTES = re.compile(r"(?:\\x[0-9a-fA-F]{2})+")
_ESCAPED = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|(["'\\/]))""")
_PIECE = re.compile(r"""[^\s/?&=@:,;"'<>()\[\]{}]+""")
_WORD = re.compile(r"\S+")
_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
_NOT_HEXADECIMAL = re.compile(r"[^0-9a-f]+")

_OWN_WORDS = (
    "the camera closed refused reset requires connection login user name password answer answered response request "
    "redirects redirections location describe setup options play teardown rtsp rtsps onvif http https basic digest "
    "monitor stream frame frames keyframe packet packets seconds within without address another service server header "
    "unauthorized forbidden error found not supported method offers reports firmware serial number registered now "
    "started clock limit wrong time zone picture video audio codec track session body empty page"
)
"""Words of the monitor's own messages. Hiding them there would tell that one of them is the password."""


def _folded(text: str) -> str:
    """Return a text for comparison: in lower case, with composed letters, and full-width letters as ASCII."""
    if not text.isascii():
        narrow = _FULL_WIDTH.sub(lambda match: chr(ord(match[0]) - 0xFEE0), text)
        text = unicodedata.normalize("NFC", narrow)
    return text.casefold()


def _standard(text: str) -> str:
    """Return a text with the letters of URL-safe Base64 as those of the standard one (RFC 4648, 5)."""
    return text.replace("-", "+").replace("_", "/")


def _without_backslashes(text: str) -> str:
    def raw(match: re.Match[str]) -> str:
        return bytes.fromhex(match[0].replace("\\x", "")).decode("utf-8", "replace")

    plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)) if match[1] else match[2], _BYTES.sub(raw, text))
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # joins pairs of surrogates


def _decoded(text: str) -> Iterator[str]:
    """Yield a text, and the text as decoders of percent, HTML and backslash escapes read it."""
    yield text
    for _ in range(_ROUNDS):
        before = text
        if "%" in text:
            text = unquote(text)
            yield text
        if "&" in text:
            text = html.unescape(text)
            yield text
        if "\\" in text:
            text = _without_backslashes(text)
            yield text
        if text == before:
            return


def _base64_forms(secret: bytes) -> Iterator[str]:
    """Yield the letters that Base64 of any text has where the secret stands in it, by its three alignments."""
    for skipped, start in ((0, 0), (1, 2), (2, 3)):
        data = bytes(skipped) + secret
        core = base64.b64encode(data).decode()[start : len(data) * 8 // 6]
        if len(core) >= _MIN_BASE64_LETTERS:
            yield core


class View(NamedTuple):
    """A text as it is searched: folded, its hexadecimal digits, and its letters as Base64, with and without spaces."""

    folded: str
    hexadecimal: str
    standard: str
    squeezed: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the view of one reading of a text."""
        folded, standard = _folded(text), _standard(text)
        return cls(folded, _NOT_HEXADECIMAL.sub("", folded), standard, standard.replace(" ", ""))


def views_of(text: str) -> tuple[View, ...]:
    """Return the views of a text and of what decoders make of it."""
    return tuple(map(View.of, _decoded(text)))


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret in the forms that are looked for."""

    plain: frozenset[str] = field(repr=False)
    base64: frozenset[str] = field(repr=False)
    hexadecimal: str = field(repr=False)
    literals: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, password: str, username: str = "") -> Self:
        """Return the forms of a password; `username` is the one that it is sent with."""
        raw = password.encode("utf-8", "surrogatepass")
        login = base64.b64encode(f"{username}:{password}".encode("utf-8", "surrogatepass")).decode().rstrip("=")
        long = len(password) >= MIN_SECRET_CHARACTERS
        spaced = {password, clean(password)} | ({password.replace(" ", "+")} if " " in password else set())
        usual = {*spaced, quote(password, safe=""), quote(password), html.escape(password)} if long else set()
        return cls(
            plain=frozenset(map(_folded, spaced)) - {""} if long else frozenset(),
            base64=frozenset({*_base64_forms(raw), *([login] if username else [])}),
            hexadecimal=raw.hex() if len(password) >= _MIN_HEX_CHARACTERS else "",
            literals=tuple(sorted(usual - {""}, key=len, reverse=True)),
        )

    @property
    def common(self) -> bool:
        """Whether the monitor's own messages contain it."""
        return any(form in _OWN_WORDS for form in self.plain)

    def found_in(self, views: tuple[View, ...], *, plainly: bool = True) -> bool:
        """Return whether a text contains the secret in any form; its plain form counts only if `plainly`."""
        for view in views:
            if plainly and any(form in view.folded for form in self.plain):
                return True
            if self.hexadecimal and self.hexadecimal in view.hexadecimal:
                return True
            if any(form in view.standard or form in view.squeezed for form in self.base64):
                return True
        return False

    def cut_off_in(self, word: str) -> bool:
        """Return whether a word holds the beginning of the secret in any form."""
        starts = [form[:_PREFIX] for form in self.plain]
        forms = [*(form[: _PREFIX + 1] for form in self.base64), self.hexadecimal[: 2 * _PREFIX]]
        return any(
            any(start in _folded(form) for start in starts)
            or any(start and start in _standard(form) for start in forms)
            for form in _decoded(word)
        )


def without(text: str, secret: Secret, *, plainly: bool) -> str:
    """Return a text without a secret that it contains: without its usual spellings, or the words that hold it."""

    def holds(part: str) -> bool:
        return secret.found_in(views_of(part), plainly=plainly)

    if plainly and secret.literals:
        text = re.sub("|".join(map(re.escape, secret.literals)), MASK, text, flags=re.IGNORECASE)
    for part in (_PIECE, _WORD):
        if not holds(text):
            return text
        if len(text) > _MAX_SEARCHED_CHARACTERS or len(part.findall(text)) > _MAX_WORDS:
            return MASK
        text = part.sub(lambda found: MASK if holds(found[0]) else found[0], text)
    return MASK if holds(text) else text


def without_beginning(text: str, secret: Secret) -> str:
    """Return a shortened text without the beginning of a secret at its end."""
    shown = text.removesuffix(CUT)
    for form in secret.plain:
        tail = _UNFINISHED.sub("", shown[-_LONGEST_SPELLING * len(form) :])
        ends = tuple(form[:length] for length in range(_PREFIX, len(form)))
        if any(_folded(read).endswith(ends) for read in _decoded(tail)):
            words = shown.split(" ")
            return " ".join([*words[: -1 - form.count(" ")], MASK]) + CUT
    before, space, last = shown.rpartition(" ")
    return f"{before}{space}{MASK}{CUT}" if secret.cut_off_in(last) else text
