"""Finds a secret in a text, however it is written: encoded, in Base64 or hexadecimal, as a digest, or cut off. Pure."""

from __future__ import annotations

import base64
import contextlib
import functools
import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Self
from urllib.parse import quote

from xueliang_monitor.wire.decodings import readings, standard_base64, unescaped
from xueliang_monitor.wire.login_digests import digests_of
from xueliang_monitor.wire.printable import CUT, clean

MASK = "***"
MIN_SECRET_CHARACTERS = 3
"""A shorter password cannot be told from ordinary text; it is hidden in URLs and in Base64 of the whole login only."""

REMEMBERED_SECRETS = 1024
"""Every visit of a camera makes a gate for its login, and its forms take 0.3 ms."""

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

_ENCODINGS = ("utf-8", "gb18030", "latin-1", "utf-16-le", "utf-16-be")
_PIECE = re.compile(r"""[^\s/?&=@:,;"'<>()\[\]{}]+""")
_SEPARATORS = re.compile(r"^\W+")
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


def _base64_forms(secret: bytes) -> Iterator[str]:
    """Yield the letters that Base64 of any text has where the secret stands in it, by its three alignments."""
    for skipped, start in ((0, 0), (1, 2), (2, 3)):
        data = bytes(skipped) + secret
        core = base64.b64encode(data).decode()[start : len(data) * 8 // 6]
        if len(core) >= _MIN_BASE64_LETTERS:
            yield core


class View(NamedTuple):
    """A text as it is searched: folded, its hexadecimal digits, and its letters as Base64, with and without spaces.

    Base64 is searched without regard to case: a reader of protocols changes it, and people can change it back.
    """

    folded: str
    hexadecimal: str
    standard: str
    squeezed: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the view of one reading of a text."""
        folded = _folded(text)
        standard = standard_base64(folded)
        return cls(folded, _NOT_HEXADECIMAL.sub("", folded.replace("0x", "")), standard, standard.replace(" ", ""))


@functools.lru_cache(maxsize=REMEMBERED_SECRETS)
def secret_of(password: str, username: str = "") -> Secret:
    """Return the forms of a password as `Secret.of` does; those of the logins in use are remembered."""
    return Secret.of(password, username)


def views_of(text: str) -> tuple[View, ...] | None:
    """Return the views of a text and of what decoders make of it; None if there are too many to be searched."""
    found = readings(text)
    return None if found is None else tuple(map(View.of, found))


def _byte_forms(text: str) -> tuple[bytes, ...]:
    """Return a text in the encodings that devices use."""
    forms: dict[bytes, None] = {}
    for encoding in _ENCODINGS:
        with contextlib.suppress(UnicodeEncodeError):
            forms[text.encode(encoding)] = None
    return tuple(forms) or (text.encode("utf-8", "surrogatepass"),)


def _misread(forms: tuple[bytes, ...]) -> Iterator[str]:
    """Yield what a reader of Latin-1 makes of a text outside ASCII, with and without what cannot be printed."""
    for form in forms:
        if not form.isascii() and b"\0" not in form:
            text = form.decode("latin-1")
            yield from (item for item in (text, clean(text)) if len(item) >= MIN_SECRET_CHARACTERS)


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret in the forms that are looked for."""

    plain: frozenset[str] = field(repr=False)
    base64: frozenset[str] = field(repr=False)
    hexadecimal: tuple[str, ...] = field(repr=False)
    literals: tuple[str, ...] = field(repr=False)
    digests: frozenset[str] = field(repr=False)

    @classmethod
    def of(cls, password: str, username: str = "") -> Self:
        """Return the forms of a password; `username` is the one that it is sent with."""
        raw = _byte_forms(password)
        logins = [base64.b64encode(form).decode().rstrip("=") for form in _byte_forms(f"{username}:{password}")]
        sent = set(logins) if username else set()
        long = len(password) >= MIN_SECRET_CHARACTERS
        spaced = {password, clean(password)} | ({password.replace(" ", "+")} if " " in password else set())
        usual = {*spaced, quote(password, safe=""), quote(password), html.escape(password)} if long else set()
        return cls(
            plain=frozenset(map(_folded, {*spaced, *_misread(raw)})) - {""} if long else frozenset(),
            base64=frozenset(map(_folded, {core for form in raw for core in _base64_forms(form)} | sent)),
            hexadecimal=tuple(form.hex() for form in raw) if len(password) >= _MIN_HEX_CHARACTERS else (),
            literals=tuple(sorted(usual - {""}, key=len, reverse=True)),
            digests=frozenset(map(_folded, digests_of(username, password))) if password else frozenset(),
        )

    @property
    def common(self) -> bool:
        """Whether the monitor's own messages contain it."""
        return any(form in _OWN_WORDS for form in self.plain)

    def found_in(self, views: tuple[View, ...] | None, *, plainly: bool = True) -> bool:
        """Return whether a text contains the secret in any form; its plain form counts only if `plainly`.

        A text with too many views is taken to contain it.
        """
        if views is None:
            return True
        for view in views:
            if plainly and any(form in view.folded for form in self.plain):
                return True
            if any(form in view.folded for form in self.digests):
                return True
            if any(form in view.hexadecimal for form in self.hexadecimal):
                return True
            if any(form in view.standard or form in view.squeezed for form in self.base64):
                return True
        return False

    def cut_off_in(self, word: str) -> bool:
        """Return whether a word holds the beginning of the secret in any form."""
        starts = [form[:_PREFIX] for form in self.plain]
        forms = [*(form[: _PREFIX + 1] for form in self.base64), *(form[: 2 * _PREFIX] for form in self.hexadecimal)]
        return any(
            any(start in _folded(form) for start in starts)
            or any(start and start in standard_base64(_folded(form)) for start in forms)
            for form in unescaped(word)
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


def without_beginning(text: str, secret: Secret, *, repeated: bool) -> str:
    """Return a text without the beginning of a secret at its end, where it was shortened.

    `repeated` says that the text held the whole secret as well. What follows is then likely to be the same again, so
    that one letter is too much.
    """
    shown = text.removesuffix(CUT)
    cut = text[len(shown) :]
    for form in secret.plain if cut else ():
        tail = _UNFINISHED.sub("", shown[-_LONGEST_SPELLING * len(form) :])
        ends = tuple(form[:length] for length in range(_PREFIX, len(form)))
        if any(_folded(read).endswith(ends) for read in unescaped(tail)):
            words = shown.split(" ")
            return " ".join([*words[: -1 - form.count(" ")], MASK]) + CUT
    before, space, last = shown.rpartition(" ")
    tail = _folded(shown.rpartition(MASK)[2].lstrip())
    begun = {tail, _SEPARATORS.sub("", tail)} - {""}
    again = repeated and (cut or any(form.startswith(each) for form in secret.plain for each in begun))
    return f"{before}{space}{MASK}{cut}" if again or (cut and secret.cut_off_in(last)) else text
