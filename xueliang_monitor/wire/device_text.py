"""The gate for every text that comes from a device: takes out control characters, excess length and known secrets.

A device is not trusted. Its texts reach terminals, the journal, pages, metrics and files, and it can send back the
login and the URL that it was asked with. Two steps keep this apart:

- `clean` needs no knowledge of the camera. Parsers in `wire` call it for all text that is shown to people.
- `Gate` knows the logins of one camera. `net` passes each text of a device through `Gate.text` before it becomes part
  of a message; `probing` passes complete messages through `Gate.message` as a second line, where a visit's findings are
  collected.

A secret is found by decoding the text as its readers would (percent, HTML, JSON and Python escapes, repeatedly) and by
its Base64 and hexadecimal forms. What cannot be removed precisely is removed with its surroundings: the word, then the
whole text. Values that a protocol sends back to the device (nonces, sessions, control URLs) stay as they were received
and are never shown.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, unquote

from xueliang_monitor.model import Credentials, Target, passwords_in, redact_path

MASK = "***"
CUT = "…"
"""Stands at the end of a text that was shortened."""

TEXT_CHARACTERS = 200
"""The default limit of one text of a device."""

MESSAGE_CHARACTERS = 1000
"""The limit of a complete message."""

MAX_EXAMINED_CHARACTERS = 2048
"""What follows is dropped unread, so that the work is bounded."""

_WHOLE = MAX_EXAMINED_CHARACTERS + 1

MIN_SECRET_CHARACTERS = 3
"""A shorter password cannot be told from ordinary text; it is hidden in URLs and in Base64 of the whole login only."""

_MIN_HEX_CHARACTERS = 4
_MIN_BASE64_LETTERS = 5
_PREFIX = 3
"""How many characters of a secret at the end of a shortened text hide the word that they stand in."""

_LONGEST_SPELLING = 12
"""How many characters an encoding makes of one."""

_UNFINISHED = re.compile(r"(?:[%\\][0-9A-Fa-f%\\ux]{0,5}|&[#\w]{0,8})$")
"""An escape at the end of a text that was cut within it."""

_ROUNDS = 3
"""How many encodings around each other are decoded."""

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters without a glyph that are neither controls nor format characters (Default_Ignorable_Code_Point)."""

_COMBINING = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_STACKED = re.compile(f"({_COMBINING}{{2}}){_COMBINING}+")
"""More than two marks on one letter reach into the lines above and below."""

_SPACES = re.compile(r"\s+")
_USER_INFORMATION = re.compile(r"(//)[^/\s]*@")
_LOGIN_PARAMETERS = re.compile(r"""(?i)\b(c?nonce|opaque|response)(\s*=\s*)(?:"[^"]*"|[0-9a-f]{16,})""")
_BYTES = re.compile(r"(?:\\x[0-9a-fA-F]{2})+")
_ESCAPED = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|(["'\\/]))""")
_PIECE = re.compile(r"""[^\s/?&=@:,;"'<>()\[\]{}]+""")
_WORD = re.compile(r"\S+")
_BASE64_URL = str.maketrans("-_", "+/")
_NOT_HEXADECIMAL = re.compile(r"[^0-9a-f]+")

_OWN_WORDS = (
    "the camera closed refused reset requires connection login user name password answer answered response request "
    "redirects redirections location describe setup options play teardown rtsp rtsps onvif http https basic digest "
    "monitor stream frame frames keyframe packet packets seconds within without address another service server header "
    "unauthorized forbidden error found not supported method offers reports firmware serial number registered now "
    "started clock limit wrong time zone picture video audio codec track session body empty page root admin"
)
"""Words of the monitor's own messages. Hiding them there would tell that one of them is the password."""


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
    """Return a text with every character that is not printable as a JSON escape, such as `\\u001b`.

    Line feeds stay. The result is the same text to a reader of JSON, if it is used within a JSON string.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\n" else _as_escape(letter) for letter in text)


def _as_escape(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _folded(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


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


@dataclass(frozen=True, slots=True)
class _Secret:
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

    def found_in(self, text: str, *, plainly: bool = True) -> bool:
        """Return whether a text contains the secret in any form; its plain form counts only if `plainly`."""
        return any(self._found_in(form, plainly=plainly) for form in _decoded(text))

    def _found_in(self, text: str, *, plainly: bool) -> bool:
        folded = _folded(text)
        if plainly and any(form in folded for form in self.plain):
            return True
        if self.hexadecimal and (self.hexadecimal in folded or self.hexadecimal in _NOT_HEXADECIMAL.sub("", folded)):
            return True
        standard = text.translate(_BASE64_URL)
        squeezed = _SPACES.sub("", standard)
        return any(form in standard or form in squeezed for form in self.base64)

    def cut_off_in(self, word: str) -> bool:
        """Return whether a word holds the beginning of the secret in any form."""
        starts = [form[:_PREFIX] for form in self.plain]
        forms = [*(form[: _PREFIX + 1] for form in self.base64), self.hexadecimal[: 2 * _PREFIX]]
        return any(
            any(start in _folded(form) for start in starts)
            or any(start and start in form.translate(_BASE64_URL) for start in forms)
            for form in _decoded(word)
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate for the texts of one camera, which knows its logins. Its representation shows none."""

    _secrets: tuple[_Secret, ...] = field(default=(), repr=False)
    _usernames: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, *logins: Credentials | None, passwords: tuple[str, ...] = ()) -> Self:
        """Return the gate for a camera with these logins and other passwords."""
        known = dict.fromkeys((item.password, item.username) for item in logins if item is not None)
        known |= dict.fromkeys((password, "") for password in passwords)
        names = dict.fromkeys(item.username for item in logins if item is not None)
        return cls(
            tuple(_Secret.of(password, username) for password, username in known if password),
            tuple(sorted((name for name in names if len(name) >= MIN_SECRET_CHARACTERS), key=len, reverse=True)),
        )

    @classmethod
    def of_target(cls, target: Target) -> Self:
        """Return the gate for a camera: its logins over RTSP and ONVIF, and any password written in its paths."""
        onvif = target.onvif
        paths = (target.path, onvif.path) if onvif is not None else (target.path,)
        written = tuple(password for path in paths for password in passwords_in(path))
        return cls.of(target.credentials, onvif.credentials if onvif is not None else None, passwords=written)

    def text(self, raw: str, limit: int = TEXT_CHARACTERS) -> str:
        """Return a text of the device that is safe to show: clean, without secrets, of at most `limit` characters."""
        return shorten(_without_url_logins(self.hide(clean(raw, _WHOLE))), limit)

    def address(self, raw: str, limit: int = TEXT_CHARACTERS) -> str:
        """Return an address that the device names, as `text` does and without any user name."""
        return shorten(self.hide_login(_without_url_logins(self.hide(clean(raw, _WHOLE)))), limit)

    def message(self, text: str, limit: int = MESSAGE_CHARACTERS) -> str:
        """Return a complete message that is safe to show.

        A password that is a word of the monitor's own messages stays: hiding it would tell which word it is. `text`
        has hidden it in what the device sent.
        """
        return shorten(self._hidden(clean(text, _WHOLE), own=True), limit)

    def lines(self, text: str) -> str:
        """Return several lines, such as a traceback, without secrets and with other controls taken out."""
        return "\n".join(self._hidden(_indented(line), own=True) for line in text.split("\n"))

    def hide(self, text: str) -> str:
        """Return a text without secrets; its characters stay as they are."""
        return self._hidden(text, own=False)

    def hide_login(self, text: str) -> str:
        """Return a text without secrets and user names."""
        text = self.hide(text)
        for name in self._usernames:
            text = re.sub("|".join({re.escape(name), re.escape(quote(name, safe=""))}), MASK, text)
        return text

    def holds_secret(self, text: str) -> bool:
        """Return whether a text contains a secret that is not a common word."""
        return self.message(text, _WHOLE) != clean(text, _WHOLE)

    def _hidden(self, text: str, *, own: bool) -> str:
        for secret in self._secrets:
            text = _hidden(text, secret, plainly=not (own and secret.common))
        return text


NO_SECRETS = Gate()
"""The gate for a device without a known login."""


def _without_url_logins(text: str) -> str:
    """Return a text without the user information of URLs, passwords in their paths, and the values of logins."""
    text = redact_path(_USER_INFORMATION.sub(r"\1", text))
    return _LOGIN_PARAMETERS.sub(rf"\1\2{MASK}", text)


def _indented(line: str) -> str:
    body = line.lstrip(" ")
    return " " * min(40, len(line) - len(body)) + clean(body, _WHOLE)


def _hidden(text: str, secret: _Secret, *, plainly: bool) -> str:
    if not text:
        return text
    if secret.found_in(text, plainly=plainly):
        if plainly and secret.literals:
            text = re.sub("|".join(map(re.escape, secret.literals)), MASK, text, flags=re.IGNORECASE)
        for part in (_PIECE, _WORD):
            if not secret.found_in(text, plainly=plainly):
                break
            text = part.sub(lambda found: MASK if secret.found_in(found[0], plainly=plainly) else found[0], text)
        if secret.found_in(text, plainly=plainly):
            return MASK
    return _without_beginning(text, secret) if text.endswith(CUT) else text


def _without_beginning(text: str, secret: _Secret) -> str:
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
