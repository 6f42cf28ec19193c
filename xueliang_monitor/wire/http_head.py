"""The head of an HTTP answer as cameras write it: the status line, the header lines, and what frames the body. Pure.

A line that cannot be read costs that line. Only headers that the monitor uses are kept.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_HEAD_BYTES = 64 * 1024
"""The size of a head. Real ones have 400 bytes."""

MAX_LINES = 1000
MAX_VALUE_CHARACTERS = 8000
MAX_KEPT = 32
"""How many headers are kept. aiohttp would refuse 128."""


STATUS_LINE = re.compile(rb"(?:HTTP/?(?:\d+(?:\.\d+)?)?|ICY)[ \t]+([1-9]\d\d)(?!\d)([^\r\n]{0,1000})", re.IGNORECASE)
"""Of any version and in any case, with or without a reason."""

_KEPT = frozenset(
    {"www-authenticate", "authentication-info", "date", "content-type", "content-encoding", "location", "allow"}
)
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection"})
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_LENGTH = re.compile(r"\+?(\d{1,12})(?:\s*bytes?)?")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BLANKS = " \t\x00"
_SENT_BACK = frozenset({"www-authenticate", "authentication-info"})
_UNSENDABLE = "\udcff"
"""Stands for a control character in a value that is sent back. With a blank there, a login would be refused."""


class Framing(enum.Enum):
    """What ends a body: nothing at all, a length, chunks, or what it contains, the end of the connection, silence."""

    EMPTY = "empty"
    LENGTH = "length"
    CHUNKS = "chunks"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HttpHead:
    """The status, the kept headers with names in lower case, what frames the body, and whether more may be asked."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    framing: Framing = Framing.UNKNOWN
    length: int = 0
    keeps_open: bool = True

    def get(self, name: str) -> str:
        """Return the first value of a header, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")


def _pairs(lines: Iterable[bytes]) -> list[tuple[str, str]]:
    """Return the header fields that the monitor uses; folded lines are joined (RFC 9112, 5.2)."""
    pairs: list[tuple[str, str]] = []
    folds = False
    for raw in lines:
        text = raw[: MAX_VALUE_CHARACTERS + 200].decode("utf-8", "surrogateescape")
        line = _CONTROL.sub(" ", text)
        name, colon, value = line.partition(":")
        key = name.strip().lower()
        if key in _SENT_BACK:
            value = _CONTROL.sub(_UNSENDABLE, text.partition(":")[2].strip(_BLANKS))
        used = bool(colon) and key in _KEPT | _FRAMING
        if line[:1] in " \t" and not used:
            if folds and len(pairs[-1][1]) + len(line) <= MAX_VALUE_CHARACTERS:
                pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {line.strip()}".strip())
            continue
        folds = used and len(value) <= MAX_VALUE_CHARACTERS and _NAME.fullmatch(key) is not None
        if folds:
            pairs.append((key, value.strip()))
    return pairs


def _length(values: Iterable[str]) -> int | None:
    """Return the length on which all values that can be read agree, None if there is none."""
    numbers = set()
    for item in ",".join(values).split(","):
        found = _LENGTH.fullmatch(item.strip())
        if found is not None:
            numbers.add(int(found[1]))
        elif item.strip():
            return None
    return numbers.pop() if len(numbers) == 1 else None


def read_head(status_line: re.Match[bytes], lines: Iterable[bytes]) -> HttpHead:
    """Return the head of a status line and the header lines after it."""
    status = int(status_line[1])
    pairs = _pairs(lines)
    framed: dict[str, list[str]] = {}
    for name, value in pairs:
        framed.setdefault(name, []).append(value)
    length = _length(framed.get("content-length", ()))
    encodings = ",".join(framed.get("transfer-encoding", ())).lower()
    if status < 200 or status in (204, 304):
        framing = Framing.EMPTY
    elif "chunked" in encodings:
        framing = Framing.CHUNKS
    else:
        framing = Framing.UNKNOWN if length is None else Framing.LENGTH
    wishes = ",".join(framed.get("connection", ())).lower()
    old = status_line[0][:8].upper() != b"HTTP/1.1"
    keeps_open = "close" not in wishes and (not old or "keep-alive" in wishes) and framing is not Framing.UNKNOWN
    kept = tuple((name, value) for name, value in pairs if name in _KEPT)[:MAX_KEPT]
    return HttpHead(status, kept, framing, length=length or 0, keeps_open=keeps_open)
