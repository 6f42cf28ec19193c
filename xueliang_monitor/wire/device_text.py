"""The gate for every text that comes from a device: takes out control characters, excess length and known secrets.

A device is not trusted. Its texts reach terminals, the journal, pages, metrics and files, and it can send back the
login and the URL that it was asked with. Two steps keep this apart:

- `printable.clean` needs no knowledge of the camera. Parsers in `wire` call it for all text that is shown to people.
- `Gate` knows the logins of one camera. `net` passes each text of a device through `Gate.text` before it becomes part
  of a message; `probing` passes complete messages through `Gate.message` as a second line, where a visit's findings are
  collected.

A secret is found by decoding the text as its readers would (`decodings`) and by its Base64 and hexadecimal forms
(`secret_forms`). What cannot be removed precisely is removed with its surroundings: the word, then the whole text.
Values that a protocol sends back to the device (nonces, sessions, control URLs) stay as they were received and are
never shown.
"""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote

from xueliang_monitor.model import Credentials, Target, passwords_in, redact_path
from xueliang_monitor.wire.printable import CUT, MAX_EXAMINED_CHARACTERS, TEXT_CHARACTERS, clean, shorten
from xueliang_monitor.wire.secret_forms import (
    MASK,
    MIN_SECRET_CHARACTERS,
    Secret,
    secret_of,
    views_of,
    without,
    without_beginning,
)

MESSAGE_CHARACTERS = 1000
"""The limit of a complete message."""

REMEMBERED_GATES, REMEMBERED_TEXTS = 16_384, 4096
"""A camera's gate is the same in each visit, and so is nearly every text of it: its server's name, its reasons."""

_WHOLE, _WHOLE_MESSAGE = MAX_EXAMINED_CHARACTERS + 1, MESSAGE_CHARACTERS + 1

_USER_INFORMATION = re.compile(r"(//)[^/\s]*@")
_LOGIN_PARAMETERS = re.compile(r"""(?i)\b(c?nonce|opaque|response)(\s*=\s*)(?:"[^"]*"|[0-9a-f]{16,})""")


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate for the texts of one camera, which knows its logins. Its representation shows none."""

    _secrets: tuple[Secret, ...] = field(default=(), repr=False)
    _usernames: tuple[str, ...] = field(default=(), repr=False)
    _logins: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, *logins: Credentials | None, passwords: tuple[str, ...] = ()) -> Self:
        """Return the gate for a camera with these logins and other passwords."""
        known = dict.fromkeys((item.password, item.username) for item in logins if item is not None)
        known |= dict.fromkeys((password, "") for password in passwords)
        names = dict.fromkeys(item.username for item in logins if item is not None)
        return cls(
            tuple(secret_of(password, username) for password, username in known if password),
            tuple(sorted((name for name in names if len(name) >= MIN_SECRET_CHARACTERS), key=len, reverse=True)),
            tuple((username, password) for password, username in known if password),
        )

    @classmethod
    def of_target(cls, target: Target) -> Self:
        """Return the gate for a camera: its logins over RTSP and ONVIF, and any password written in its paths."""
        onvif = target.onvif
        paths = (target.path, onvif.path) if onvif is not None else (target.path,)
        return cls.of_camera(paths, target.credentials, onvif.credentials if onvif is not None else None)

    @classmethod
    @functools.lru_cache(maxsize=REMEMBERED_GATES)
    def of_camera(cls, paths: tuple[str, ...], *logins: Credentials | None) -> Self:
        """Return the gate for a camera with these logins, and with any password written in its paths."""
        return cls.of(*logins, passwords=tuple(password for path in paths for password in passwords_in(path)))

    def text(self, raw: str, limit: int = TEXT_CHARACTERS) -> str:
        """Return a text of the device that is safe to show: clean, without secrets, of at most `limit` characters."""
        return shorten(_safe(self, raw[: _WHOLE + 1], _WHOLE, own=False), limit)

    def address(self, raw: str, limit: int = TEXT_CHARACTERS) -> str:
        """Return an address that the device names, as `text` does and without any user name."""
        return shorten(self._without_names(_without_url_logins(self.hide(clean(raw, _WHOLE)))), limit)

    def message(self, text: str, limit: int = MESSAGE_CHARACTERS) -> str:
        """Return a complete message that is safe to show.

        A password that is a word of the monitor's own messages stays: hiding it would tell which word it is. `text`
        has hidden it in what the device sent.
        """
        return shorten(_safe(self, text[: _WHOLE_MESSAGE + 1], _WHOLE_MESSAGE, own=True), limit)

    def lines(self, text: str) -> str:
        """Return several lines, such as a traceback, without secrets and with other controls taken out."""
        return "\n".join(self.hidden(_indented(line), own=True) for line in text.split("\n"))

    def hide(self, text: str) -> str:
        """Return a text without secrets; its characters stay as they are."""
        return self.hidden(text, own=False)

    def hide_login(self, text: str) -> str:
        """Return a text without secrets and user names."""
        return self._without_names(self.hide(text))

    def _without_names(self, text: str) -> str:
        for name in self._usernames:
            text = re.sub("|".join({re.escape(name), re.escape(quote(name, safe=""))}), MASK, text)
        return text

    def holds_secret(self, text: str) -> bool:
        """Return whether a text contains a secret that is not a common word."""
        text = clean(text, _WHOLE_MESSAGE)
        return self.hidden(text, own=True) != text

    def is_login(self, pieces: tuple[str, ...]) -> bool:
        """Return whether two neighbours among the pieces of an address are a user name and its password."""
        pairs = set(itertools.pairwise(pieces))
        return any(login in pairs for login in self._logins)

    def is_username(self, text: str) -> bool:
        """Return whether a text is the user name of a known login."""
        return any(text == username for username, _ in self._logins if username)

    def hidden(self, text: str, *, own: bool) -> str:
        """Return a text without secrets; with `own`, it is a message of the monitor, whose words stay."""
        views = views_of(text) if text and self._secrets else ()
        for secret in self._secrets:
            plainly = not (own and secret.common)
            if found := secret.found_in(views, plainly=plainly):
                text = without(text, secret, plainly=plainly)
                views = views_of(text)
            if found or text.endswith(CUT):
                text = without_beginning(text, secret, repeated=found)
        return text


NO_SECRETS = Gate()
"""The gate for a device without a known login."""


@functools.lru_cache(maxsize=REMEMBERED_TEXTS)
def _safe(gate: Gate, raw: str, most: int, *, own: bool) -> str:
    """Return at most so many characters of a text, clean, without secrets and without the logins of URLs."""
    return _without_url_logins(gate.hidden(clean(raw, most), own=own))


def _without_url_logins(text: str) -> str:
    """Return a text without the user information of URLs, passwords in their paths, and the values of logins."""
    text = redact_path(_USER_INFORMATION.sub(r"\1", text))
    return _LOGIN_PARAMETERS.sub(rf"\1\2{MASK}", text)


def _indented(line: str) -> str:
    body = line.lstrip(" ")
    return " " * min(40, len(line) - len(body)) + clean(body, _WHOLE_MESSAGE)
