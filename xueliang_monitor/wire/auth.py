"""HTTP Basic and Digest authentication, both sides (RFC 7617, RFC 7616; RFC 2617 for servers without qop)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from xueliang_monitor.model import Credentials
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.printable import MAX_EXAMINED_CHARACTERS, shorten
from xueliang_monitor.wire.secret_forms import MASK

_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_STRENGTH = ("SHA-512-256", "SHA-512-256-SESS", "SHA-256", "SHA-256-SESS", "MD5", "MD5-SESS")

_TOKEN = re.compile(
    r"""[\s,;]*(?:(?P<key>[A-Za-z0-9_.-]+)\s*=\s*"""
    r"""(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|"(?P<cut>[^"]*)\Z|(?P<bare>[^\s,;"]*))"""
    r"""|(?P<scheme>[A-Za-z][A-Za-z0-9-]*)(?=\s|,|;|$))"""
)
_QOPS = frozenset({"auth", "auth-int"})


MAX_CHALLENGE_CHARACTERS = 16 * 1024
"""The characters of all challenges together that are read. Real ones have 200."""

MAX_SHOWN_CHALLENGES = 4
"""How many headers are shown in a message."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a WWW-Authenticate header."""

    scheme: str
    parameters: Mapping[str, str]
    algorithm: str = field(init=False, repr=False, compare=False)
    """The digest algorithm in upper case, by default MD5."""

    def __post_init__(self) -> None:
        """Read the algorithm once."""
        object.__setattr__(self, "algorithm", (self.parameters.get("algorithm") or "MD5").strip().upper())

    @property
    def stale(self) -> bool:
        """Whether the server refused only the nonce, and not the password."""
        return self.parameters.get("stale", "").strip().lower() == "true"


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """Parse the values of WWW-Authenticate headers, each with one or more challenges. Never raises."""
    challenges: list[tuple[str, dict[str, str]]] = []
    left = MAX_CHALLENGE_CHARACTERS
    for value in values:
        left -= len(value)
        if left < 0:
            break
        position = 0
        while match := _TOKEN.match(value, position):
            position = match.end()
            if match["scheme"] and match["scheme"].lower() in _QOPS and challenges and "qop" in challenges[-1][1]:
                challenges[-1][1]["qop"] += f",{match['scheme']}"  # of a list without quotes
            elif match["scheme"]:
                challenges.append((match["scheme"].lower(), {}))
            elif challenges:
                quoted = match["quoted"]
                text = (match["bare"] or match["cut"] or "") if quoted is None else _unquoted(quoted)
                challenges[-1][1].setdefault(match["key"].lower(), text)
    return tuple(Challenge(scheme, parameters) for scheme, parameters in challenges)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text) if "\\" in text else text


def choose(challenges: tuple[Challenge, ...], before: Challenge | None = None) -> Challenge | None:
    """Return the strongest supported challenge, or None.

    Digest comes first. Basic is chosen only if nothing else is offered, and never after a Digest challenge
    (`before`), so that a server cannot downgrade the login.
    """
    digests = [item for item in challenges if item.scheme == "digest" and item.algorithm in _STRENGTH]
    if digests:
        return min(digests, key=lambda item: _STRENGTH.index(item.algorithm))
    if before is not None and before.scheme == "digest":
        return None
    alone = all(item.scheme == "basic" for item in challenges)
    return next((item for item in challenges if item.scheme == "basic"), None) if alone else None


def offers_digest(challenges: Iterable[Challenge]) -> bool:
    """Return whether a supported Digest is offered."""
    return any(item.scheme == "digest" and item.algorithm in _STRENGTH for item in challenges)


def describe(challenges: Iterable[Challenge]) -> str:
    """Return the offered schemes for people, the strongest first, such as `Digest (SHA-256, MD5), Basic`.

    What is not known is counted only, so that the text holds nothing that the server wrote.
    """
    offered = tuple(challenges)
    digests = {item.algorithm for item in offered if item.scheme == "digest"}
    algorithms = [name for name in _STRENGTH if name in digests]
    known = [f"Digest ({', '.join(algorithms)})"] if algorithms else []
    known += ["Basic"] if any(item.scheme == "basic" for item in offered) else []
    others = len(
        {(item.scheme, item.algorithm) for item in offered if item.scheme != "basic" and not offers_digest([item])}
    )
    return ", ".join([*known, f"{others} unsupported"] if others else known)


def names(values: Iterable[str], gate: Gate) -> str:
    """Return the schemes and algorithms in the values of WWW-Authenticate headers, for messages.

    The values pass the gate as the server wrote them: parsing takes quotes away and changes the case.
    """
    offered: list[str] = []
    for value in itertools.islice(values, MAX_SHOWN_CHALLENGES):
        shown = gate.text(value, MAX_EXAMINED_CHARACTERS)
        parsed = [f"{item.scheme} {item.parameters.get('algorithm', '')}".strip() for item in parse_challenges([shown])]
        offered += parsed or ([MASK] if MASK in shown else [])
    return shorten(", ".join(offered), 80) or "none"


_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_SENT_BACK = ("realm", "nonce", "opaque", "algorithm")


def _quote(text: str) -> str:
    one_line = text.replace("\r", "").replace("\n", "")
    return '"' + one_line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _digest(
    algorithm: str,
    credentials: Credentials,
    *,
    realm: str,
    nonce: str,
    method: str,
    uri: str,
    qop: str,
    count: str,
    cnonce: str,
) -> str:
    base = algorithm.removesuffix("-SESS")

    def hashed(text: str) -> str:
        return hashlib.new(_HASHES[base], text.encode(), usedforsecurity=False).hexdigest()

    secret = hashed(f"{credentials.username}:{realm}:{credentials.password}")
    if algorithm.endswith("-SESS"):
        secret = hashed(f"{secret}:{nonce}:{cnonce}")
    action = hashed(f"{method}:{uri}:{hashed('')}" if qop == "auth-int" else f"{method}:{uri}")
    middle = f"{nonce}:{count}:{cnonce}:{qop}" if qop else nonce
    return hashed(f"{secret}:{middle}:{action}")


def authorize(challenge: Challenge, credentials: Credentials, method: str, uri: str, *, count: int, cnonce: str) -> str:
    """Return the Authorization header for a challenge; `count` is the number of uses of its nonce, with this one.

    Raises:
        ValueError: a value of the challenge has a control character or is not UTF-8.

    """
    if challenge.scheme == "basic":
        token = f"{credentials.username}:{credentials.password}".encode()
        return f"Basic {base64.b64encode(token).decode()}"
    for name in _SENT_BACK:
        if _CONTROL.search(challenge.parameters.get(name, "")):
            raise ValueError(f"the {name} of the login challenge cannot be sent back")
    realm, nonce = challenge.parameters.get("realm", ""), challenge.parameters.get("nonce", "")
    offered = [item.strip().lower() for item in challenge.parameters.get("qop", "").split(",")]
    qop = next((each for each in ("auth", "auth-int") if each in offered), "")
    counted = f"{count:08x}"
    response = _digest(
        challenge.algorithm,
        credentials,
        realm=realm,
        nonce=nonce,
        method=method,
        uri=uri,
        qop=qop,
        count=counted,
        cnonce=cnonce,
    )
    fields = [
        f"username={_quote(credentials.username)}",
        f"realm={_quote(realm)}",
        f"nonce={_quote(nonce)}",
        f"uri={_quote(uri)}",
        f"response={_quote(response)}",
    ]
    if challenge.parameters.get("algorithm"):
        fields.append(f"algorithm={challenge.parameters['algorithm']}")
    if "opaque" in challenge.parameters:
        fields.append(f"opaque={_quote(challenge.parameters['opaque'])}")
    if qop:
        fields += [f"qop={qop}", f"nc={counted}", f"cnonce={_quote(cnonce)}"]
    elif challenge.algorithm.endswith("-SESS"):
        fields.append(f"cnonce={_quote(cnonce)}")
    return "Digest " + ", ".join(fields)


def verify(authorization: str, credentials: Credentials, *, method: str, realm: str, nonce: str) -> bool:
    """Return whether an Authorization header is valid for `credentials`; the server side of `authorize`."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "basic":
        expected = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
        return hmac.compare_digest(rest.strip(), expected)
    parsed = parse_challenges([authorization])
    if len(parsed) != 1 or parsed[0].scheme != "digest" or parsed[0].algorithm not in _STRENGTH:
        return False
    given = parsed[0].parameters
    expected = _digest(
        parsed[0].algorithm,
        credentials,
        realm=realm,
        nonce=nonce,
        method=method,
        uri=given.get("uri", ""),
        qop=given.get("qop", ""),
        count=given.get("nc", ""),
        cnonce=given.get("cnonce", ""),
    )
    matches = given.get("username") == credentials.username and given.get("nonce") == nonce
    return matches and hmac.compare_digest(given.get("response", ""), expected)
