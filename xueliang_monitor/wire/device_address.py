"""The gate for addresses that a device names: of services, streams and snapshots.

The host is never used: behind NAT it is the device's own idea, and a device must not send the monitor elsewhere. What
is left is a scheme, a port and a path. Devices write their login, or that of whoever asked, into addresses in many
ways; `holds_login` finds them, so that no such address is written to a file.
"""

from __future__ import annotations

import base64
import binascii
import html
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from xueliang_monitor.model import PATH_PASSWORD, PATH_USERNAME
from xueliang_monitor.wire.device_text import Gate

HTTP = frozenset({"http", "https"})
RTSP = frozenset({"rtsp", "rtsps", "rtspu", "rtspt"})
SECURE = frozenset({"https", "rtsps"})

MAX_PATH_CHARACTERS = 256
"""The path of a service. Those of cameras have 40 characters."""

_MAX_CHARACTERS = 1000
_NOTHING = frozenset({"", "(null)", "null", "nil", "none", "n/a", "na", "nan", "undefined", "unknown", "/"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,11}):/{1,2}", re.IGNORECASE)
_HOST_FIRST = re.compile(
    r"(?:(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?|[a-z0-9][a-z0-9.-]*:\d{1,5})(?=[/?#]|$)",
    re.IGNORECASE,
)
_LOGIN_BEFORE_ADDRESS = re.compile(
    r"^([a-z]+://).*@(?=(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])(?::\d+)?(?:[/?]|$))", re.IGNORECASE
)
_LOGIN_BEFORE_HOST = re.compile(r"^([a-z]+://)[^/?#]*@", re.IGNORECASE)

_NAMES = (
    r"user(?:_?name|_?id)?|usr(?:_?name)?|uid|uname|account|login(?:use|user|name|pas|pass|pwd)?|"
    r"pass(?:_?word|_?wd|_?code|phrase)?|pas|psw|psd|pswd|pw|pwd|passwd|secret|credentials?|"
    r"auth(?:[_-]?(?:key|token|code|user|pass(?:word)?|basic|info))?|authorization|"
    r"(?:access[_-]?|auth[_-]?|session[_-]?)?token|session(?:[_-]?(?:id|key))?|sess|sid|ticket|"
    r"(?:api|access|private|secret)[_-]?key|sign(?:ature)?|hash|digest"
)
_PARAMETER = re.compile(rf"(?:^|[/?&;,_|:#\s])-?(?:{_NAMES})=(?=[^&;#\s/])", re.IGNORECASE)
_PLACEHOLDERS = re.compile(rf"={re.escape(PATH_USERNAME)}|={re.escape(PATH_PASSWORD)}")
_PIECES = re.compile(r"[/?&;,=:|\s]+")
_PARTS = re.compile(r"[/?&;,:|]+")
_PASSWORD_NAME = re.compile("pass|password|passwd|pwd|psw|pw", re.IGNORECASE)
_SHORT_NAMES = re.compile(r"(?=.*[?&;]u=[^&;#])(?=.*[?&;]p=[^&;#])", re.IGNORECASE)
_ENCODED = re.compile(r"(?<![A-Za-z0-9+_-])[A-Za-z0-9+/_-]{5,}")
_LOGIN = re.compile(r"[^\s:]{1,64}:\S{1,128}")
_USUAL_USERS = frozenset(["admin", "administrator", "root", "user", "guest", "viewer", "operator", "supervisor"])
_COMMON_WORDS = re.compile(
    r"\d{1,5}|(?:ch|cam|channel|camera|stream|profile|video|ipcam|media|track|view|user|snap|snapshot|picture|image|pic|img|jpeg|jpg|"
    r"live|main|sub|cgi|cgi-bin|bin|api|auto|current|latest|still|capture|tmpfs|web|onvif|isapi|streaming|download|"
    r"photo|preview|thumb|thumbnail|view\d|axis-cgi|stw-cgi|goform|form|config|login|info|system|home|data|get)[_-]?\d{0,4}|"
    r".*(?:service|onvif).*|.*\.(?:jpe?g|png|gif|bmp|cgi|php|asp|aspx|htm|html|fcgi|sdp|mjpe?g)",
    re.IGNORECASE,
)
"""Parts of a path that are no password although they follow the name of a user."""


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """An address without its host: the scheme in lower case, the port if it is named, the path with its query.

    `complete` says that the device named a host, so that without a port the scheme's own one is meant.
    """

    scheme: str
    port: int | None
    path: str
    complete: bool = True

    @property
    def secure(self) -> bool:
        """Whether the scheme uses TLS."""
        return self.scheme in SECURE


def without_login(address: str) -> str:
    """Return a URL without the login before its host, whatever characters the login has before an IP address."""
    return _LOGIN_BEFORE_HOST.sub(r"\1", _LOGIN_BEFORE_ADDRESS.sub(r"\1", address))


def parse_address(raw: str, schemes: frozenset[str]) -> DeviceAddress | None:
    """Return the first address in a text if it can be used and has one of the schemes; None otherwise.

    Several addresses may stand in one element, one for each network. Some cameras escape them twice, put white space
    or quotation marks around them, write backslashes, or leave out the scheme or the host. Braces, which no URL may
    have (RFC 3986, 2), are percent-encoded: in a path of ours they are placeholders for the login.
    """
    first = _first(raw, schemes)
    if first is None:
        return None
    found = _SCHEME.match(first)
    if found is not None:
        scheme, rest = found[1].lower(), first[found.end() :]
    elif ":" in first.split("/", 1)[0].split("?", 1)[0] and not _HOST_FIRST.match(first):
        return None  # such as `uuid:...`
    else:
        scheme, bare = "http" if "http" in schemes else "rtsp", first.lstrip("/")
        rest = bare if _HOST_FIRST.match(bare) else f"/{bare}"
    return _parsed(scheme, rest) if scheme in schemes else None


def _first(raw: str, schemes: frozenset[str]) -> str | None:
    """Return the first of the addresses in a text, or None if one of the words is no address."""
    if len(raw) > _MAX_CHARACTERS:
        return None
    words = _unescaped(raw).strip().strip("\"'<>").split() or [""]
    first, others = words[0].rstrip(",;"), words[1:]
    if first.lower() in _NOTHING or _CONTROL.search(first) or not first.isprintable():
        return None
    if not all(other.lower().startswith(tuple(f"{scheme}:" for scheme in schemes)) for other in others):
        return None
    head, mark, query = first.partition("?")
    return head.replace("\\", "/") + mark + query


def _unescaped(raw: str) -> str:
    """Return a text without the escapes of XML that are left if a device escapes twice."""
    return html.unescape(raw) if "&amp;" in raw or "&#" in raw else raw


def _parsed(scheme: str, rest: str) -> DeviceAddress | None:
    try:
        parts = urlsplit(without_login(f"{scheme}://{rest}"))
        port = parts.port or None
    except ValueError:
        return None
    if not parts.netloc and rest in {"", "/"}:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if path.strip("/").lower() in _NOTHING - {""}:
        return None
    return DeviceAddress(scheme, port, path.replace("{", "%7B").replace("}", "%7D"), complete=bool(parts.netloc))


def path_of(address: str) -> str:
    """Return the path and query of an address of any usual scheme, or an empty string."""
    found = parse_address(address, HTTP | RTSP)
    return found.path if found is not None else ""


def _spellings(path: str) -> Iterator[str]:
    for _ in range(3):
        yield path
        if (path := html.unescape(unquote(path))) == path and "%" not in path:
            break
    yield path


def _decoded(word: str) -> str:
    """Return what Base64 in either alphabet says, empty if it is none or not text."""
    word = word.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(word + "=" * (-len(word) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def holds_encoded_login(path: str) -> bool:
    """Return whether a part of a path is Base64 of any user name and password, as of Basic: `?auth=YWRtaW46MTIz`."""
    for text in dict.fromkeys(_spellings(_PLACEHOLDERS.sub("", path))):
        for found in _ENCODED.finditer(text):
            for word in {found[0], *found[0].split("/")}:
                decoded = _decoded(word)
                if decoded.isprintable() and _LOGIN.fullmatch(decoded):
                    return True
    return False


def _names_user_and_password(path: str, gate: Gate) -> bool:
    """Return whether a part of a path is the name of a user or says `pwd`, and the next one may be the password."""
    for text in dict.fromkeys(_spellings(path)):
        parts = [part for part in _PARTS.split(text) if part]
        for name, password in itertools.pairwise(parts):
            before = gate.is_username(name) or name.lower() in _USUAL_USERS or _PASSWORD_NAME.fullmatch(name)
            if before and "=" not in password and not _COMMON_WORDS.fullmatch(password):
                return True
    return False


def holds_known_login(path: str, gate: Gate) -> bool:
    """Return whether a path holds a login that the gate knows, in any form; placeholders for it are none."""
    plain = _PLACEHOLDERS.sub("", path)
    if gate.holds_secret(plain):
        return True
    return any(gate.is_login(tuple(filter(None, _PIECES.split(text)))) for text in dict.fromkeys(_spellings(plain)))


def holds_login(path: str, gate: Gate, *, profile: str = "") -> bool:
    """Return whether a path holds a login: one that the gate knows, or a parameter that names one or a session.

    An unknown login counts in Base64, and as a password behind the name of a user. `profile` is the token of the
    profile that was asked for: as the value of a parameter it is none.
    """
    if holds_known_login(path, gate) or _names_user_and_password(path, gate):
        return True
    if holds_encoded_login(path.replace(f"={profile}", "=") if profile else path):
        return True
    plain = _PLACEHOLDERS.sub("", path)
    texts = (text.replace(f"={profile}", "=") if profile else text for text in dict.fromkeys(_spellings(plain)))
    return any(_PARAMETER.search(text) or _SHORT_NAMES.match(text) for text in texts)


def shown_path(path: str, gate: Gate) -> str:
    """Return a path to show: without a query that holds a login, and with anything else that does masked."""
    plain, mark, _ = path.partition("?")
    return f"{gate.address(plain)}{mark}…" if mark and holds_login(path, gate) else gate.address(path)


def service_path(path: str, gate: Gate) -> str:
    """Return the path of a service that may be remembered: without a query that holds a login; empty if none is."""
    if holds_login(path, gate):
        path = path.partition("?")[0]
        if holds_login(path, gate):
            return ""
    return path if len(path) <= MAX_PATH_CHARACTERS else ""


def snapshot_path(address: str, gate: Gate, *, profile: str = "") -> str | None:
    """Return the path of snapshots over HTTP, or None if the address is not one that may be written to a file."""
    found = parse_address(address, HTTP)
    if found is None or found.path == "/" or holds_login(found.path, gate, profile=profile):
        return None
    return found.path
