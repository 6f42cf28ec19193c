"""Reads the RTSP URLs that people write, with whatever characters their passwords have. Pure.

RFC 3986 asks for `/ ? # @ %` in a password to be percent-encoded, but people paste passwords as they are. A URL is read
as meant if only one reading of it makes sense. Otherwise it is refused, and the message never repeats a part of it that
may be a password.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from xueliang_monitor.net.host_validation import check_host

HOW_TO_WRITE = (
    "write / ? # @ % : in the user name and the password as %2F %3F %23 %40 %25 %3A, and @ in the path as %40; "
    "or leave the login out and set XUELIANG_USERNAME and XUELIANG_PASSWORD"
)
MAX_CHARACTERS = 4096
_NOT_A_URL = "the address is not an RTSP URL; write rtsp://host:port/path, or rtsps:// for RTSP over TLS"
_URL = re.compile(r"(?P<scheme>rtsps?)://(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_LOGIN = re.compile(r"(?!/[^/])[^\s:@]\S*:\S*@\S|(?!/[^/])[^\s:@]+:[^@]*@\S+$")
_RESERVED = re.compile(r"[/?#]")
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{0,5}))?")
_PORTS = {"rtsp": 554, "rtsps": 322}
_ADDRESS_RANK = 3


class RtspUrlError(ValueError):
    """The text is not an RTSP URL, or can be read in more than one way. The message holds no login."""


@dataclass(frozen=True, slots=True)
class RtspUrl:
    """An RTSP URL. `path` has its query, and is ASCII without white space. `password` is None if none is written."""

    scheme: str
    host: str
    port: int
    path: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def secure(self) -> bool:
        """Whether it is RTSP over TLS."""
        return self.scheme == "rtsps"

    def without_login(self, path: str | None = None) -> str:
        """Return the URL without login, and with another path if one is given. A default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path if path is None else path}"


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to split a URL; `rank` says how much the host looks like one, from a single word to an IP address."""

    login: str | None
    host: str
    port: str
    path: str
    rank: int


def looks_like_rtsp_url(text: str) -> bool:
    """Return whether a text is meant as an RTSP URL."""
    return _URL.match(text.strip()) is not None


def holds_login_without_url(text: str) -> bool:
    """Return whether a text looks like a login before an address, but is no RTSP URL. A path is none."""
    return "@" in text and not looks_like_rtsp_url(text) and _LOGIN.match(text.strip()) is not None


def read_rtsp_url(text: str) -> RtspUrl:
    """Read an RTSP URL.

    Without a port it is 554, or 322 for rtsps. In the login, `%` and two hexadecimal digits stand for a byte.

    Raises:
        RtspUrlError: the text is not an RTSP URL, or it can be read in more than one way.

    """
    match = _URL.fullmatch(text.strip())
    if match is None:
        raise RtspUrlError(_NOT_A_URL)
    rest, scheme = match["rest"], match["scheme"].lower()
    if len(rest) > MAX_CHARACTERS:
        raise RtspUrlError(f"the address is longer than {MAX_CHARACTERS} characters")
    if not rest.isprintable() and any(unicodedata.category(character) in {"Cc", "Cs"} for character in rest):
        raise RtspUrlError("the address has a control character, or is not UTF-8; write it as percent-encoding")
    chosen = _choose(rest)
    port = int(chosen.port or _PORTS[scheme])
    username, password = _login(chosen.login)
    return RtspUrl(scheme, chosen.host, port, _path(chosen.path), username, password)


def _choose(rest: str) -> _Reading:
    """Return the only reading that makes sense: that of RFC 3986, or one whose password has reserved characters."""
    standard, error = _standard(rest)
    others = _others(rest, after=0 if standard is None else len(rest) - len(standard.path))
    if standard is not None:
        rivals = [other for other in others if _rivals(other, standard)]
        if not rivals:
            return standard
    elif others:
        addresses = [other for other in others if other.rank == _ADDRESS_RANK]
        # An address after a host that is a name may be a part of the path there.
        if not others[1:] or addresses == others[:1]:
            return others[0]
    elif error is not None and "@" not in rest[_authority_end(rest) :]:
        raise error
    raise RtspUrlError(f"the login in the address cannot be told from its host and path; {HOW_TO_WRITE}")


def _rivals(other: _Reading, standard: _Reading) -> bool:
    """Return whether another reading is as likely as the standard's. A user name with / ? or # is less likely.

    A host name with fewer labels is as likely if a path follows it, and the standard reading has a login too.
    """
    if standard.rank == _ADDRESS_RANK > other.rank:
        return False
    username = (other.login or "").partition(":")[0]
    as_likely = other.rank == standard.rank or (standard.login is not None and other.path != "")
    return other.rank > standard.rank or (as_likely and not _RESERVED.search(username))


def _authority_end(rest: str) -> int:
    end = _RESERVED.search(rest)
    return end.start() if end else len(rest)


def _standard(rest: str) -> tuple[_Reading | None, RtspUrlError | None]:
    """Return the reading of RFC 3986, 3.2, or None and why there is none."""
    cut = _authority_end(rest)
    login, at, place = rest[:cut].rpartition("@")
    try:
        return _reading(login if at else None, place, rest[cut:]), None
    except RtspUrlError as error:
        return None, error


def _others(rest: str, *, after: int) -> list[_Reading]:
    """Return the readings that end the login at an @ beyond `after`."""
    found = []
    for at in re.finditer("@", rest):
        login, tail = rest[: at.start()], rest[at.end() :]
        if at.start() < after or ":" not in login:
            continue
        cut = _authority_end(tail)
        try:
            found.append(_reading(login, tail[:cut], tail[cut:]))
        except RtspUrlError:
            continue
    return found


def _reading(login: str | None, place: str, path: str) -> _Reading:
    match = _HOST_AND_PORT.fullmatch(place)
    if match is None or not match["host"]:
        raise RtspUrlError(_NOT_A_URL)
    host, port = match["host"], match["port"] or ""
    if port and not 0 < int(port) < 65536:
        raise RtspUrlError("the port in the address is not a number from 1 to 65535")
    bare = host.strip("[]") if host.startswith("[") else host
    if host.startswith("[") and ":" not in bare:
        raise RtspUrlError(_NOT_A_URL)
    try:
        check_host(bare)
    except ValueError as error:
        raise RtspUrlError(str(error)) from error
    return _Reading(login, bare.lower(), port, path, _rank(bare.lower()))


def _rank(host: str) -> int:
    if host == "localhost":
        return _ADDRESS_RANK
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return 2 if "." in host.rstrip(".") else 1
    return _ADDRESS_RANK


def _login(written: str | None) -> tuple[str | None, str | None]:
    if written is None:
        return None, None
    username, colon, password = written.partition(":")
    try:
        decoded = [unquote(part, errors="strict") for part in (username, password)]
    except UnicodeDecodeError:
        raise RtspUrlError("the percent-encoding of the login in the address is not UTF-8") from None
    if any(unicodedata.category(character) == "Cc" for part in decoded for character in part):
        raise RtspUrlError("the login in the address has a control character")
    if not decoded[0]:
        raise RtspUrlError("the address has an empty user name; write it before the password, or leave out the @")
    return decoded[0], decoded[1] if colon else None


def _path(written: str) -> str:
    if "#" in written:
        raise RtspUrlError("the address has a # after its host, which is never sent; write it as %23")
    path = written if written.startswith("/") else f"/{written}"
    return re.sub(r"[^\x21-\x7e]+", lambda match: quote(match[0], safe=""), path)
