"""Session descriptions in responses to DESCRIBE (RFC 8866; RFC 2326, appendix C).

Cameras depart from the grammar in many ways. Whatever can be understood is, and the rest is ignored.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.wire.errors import MalformedDescriptionError

MAX_LINES = 2000
MAX_MEDIA = 32
MAX_FORMATS = 8
MAX_PARAMETERS = 64
MAX_FOLDED_CHARACTERS = 65_536

REMEMBERED_DESCRIPTIONS, REMEMBERED_BYTES = 8192, 2048
"""How many descriptions are remembered, and of which size at most. Real ones have 400 to 1,200 bytes."""

_ORIGIN = re.compile(rb"^o=[ -~]*", re.MULTILINE)
_STATIC_ENCODINGS = {26: ("JPEG", 90000), 32: ("MPV", 90000), 33: ("MP2T", 90000), 31: ("H261", 90000)}
_RTPMAP = re.compile(r"(\d{1,3})\s+([^/\s]+)(?:\s*/\s*(\d{1,9}))?")
_TYPES = frozenset("abceikmoprstuvz")
_LINE = re.compile(r"\s*([A-Za-z])\s*=")
_NUMBER = re.compile(r"\d{1,5}")
_NEXT_PARAMETER = re.compile(r";|[ \t](?=(?:sprop-|packetization-mode|profile-level-id)[\w-]{0,40}=)")


@dataclass(frozen=True, slots=True)
class Media:
    """One `m=` section, which describes a track, in one of its formats; `others` are its other formats.

    `encoding` is in upper case. `rtpmap` is the attribute that it comes from as the camera wrote it, for the gate.
    """

    kind: str
    payload_type: int
    encoding: str = ""
    rtpmap: str = ""
    clock_rate: int = 90000
    format_parameters: Mapping[str, str] = field(default_factory=dict)
    control: str = ""
    frame_size: tuple[int, int] | None = None
    others: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A session description: the aggregate control and the tracks."""

    control: str
    media: tuple[Media, ...]

    @property
    def videos(self) -> tuple[Media, ...]:
        """The video tracks."""
        return tuple(item for item in self.media if item.kind == "video")


def _format_parameters(text: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in _NEXT_PARAMETER.split(text, MAX_PARAMETERS)[:MAX_PARAMETERS])
    return {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs if key.strip()}


class _Section:
    """An `m=` section in the making."""

    def __init__(self, value: str) -> None:
        words = value[:MAX_FOLDED_CHARACTERS].split(None, MAX_FORMATS + 3)
        has_port = len(words) > 1 and words[1].partition("/")[0].isdecimal()
        formats = [word.rstrip(",") for word in words[2 if has_port else 1 :] if word[:1].isdecimal()]
        self.kind = words[0].lower() if words else ""
        self.formats = [int(word) for word in formats if len(word) <= 3 and word.isdecimal()][:MAX_FORMATS]
        self.control = ""
        self.size: tuple[int, int] | None = None
        self._sides: dict[str, int] = {}
        self._mappings: dict[int, tuple[str, str, int]] = {}
        self._parameters: dict[int, dict[str, str]] = {}

    def add(self, name: str, value: str) -> None:
        """Take an attribute."""
        match name:
            case "control":
                self.control = value
            case "rtpmap":
                if (found := _RTPMAP.match(value)) and len(self._mappings) < MAX_FORMATS:
                    self._mappings[int(found[1])] = (found[2].upper(), value, int(found[3] or 0) or 90000)
            case "fmtp":
                number, _, parameters = value.replace("\t", " ").partition(" ")
                if number.isdecimal() and len(number) <= 3 and len(self._parameters) < MAX_FORMATS:
                    known = self._parameters.get(int(number), {})
                    self._parameters[int(number)] = {**known, **_format_parameters(parameters)}
            case "x-dimensions" | "framesize" | "cliprect" | "width" | "height":
                self._add_size(name, value)

    def _add_size(self, name: str, value: str) -> None:
        numbers = [int(number) for number in _NUMBER.findall(value[:80])]
        if name in {"width", "height"} and numbers:
            self._sides[name] = numbers[-1]
            if len(self._sides) == 2:
                self.size = self.size or (self._sides["width"], self._sides["height"])
        elif len(numbers) >= 2:
            # A clipping rectangle ends with its bottom and right (RFC 4566 has none; QuickTime's servers write it).
            self.size = (numbers[-1], numbers[-2]) if name == "cliprect" else (numbers[-2], numbers[-1])

    def media(self) -> Media:
        """Return the track in its first format, with the others."""
        first, *others = [self._in_format(number) for number in self.formats or list(self._mappings)[:1] or [-1]]
        return replace(first, others=tuple(others)) if others else first

    def _in_format(self, number: int) -> Media:
        encoding, rate = _STATIC_ENCODINGS.get(number, ("", 90000))
        mapping = self._mappings.get(number)
        alone = len(self.formats) == 1
        if mapping is None and not encoding and alone and len(self._mappings) == 1:
            mapping = next(iter(self._mappings.values()))  # it names another payload type than the track
        encoding, written, rate = mapping or (encoding, "", rate)
        parameters = self._parameters.get(number)
        if parameters is None:
            parameters = next(iter(self._parameters.values())) if alone and len(self._parameters) == 1 else {}
        return Media(self.kind, number, encoding, written, rate, parameters, self.control, self.size)


def _lines(body: bytes) -> Iterator[tuple[str, str]]:
    """Return the types and values of the lines. What continues an `a=fmtp` line is joined to it.

    Raises:
        MalformedDescriptionError: there are too many lines.

    """
    text = body.decode("utf-8-sig", "replace")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise MalformedDescriptionError(f"a session description of {len(lines)} lines; the limit is {MAX_LINES}")
    kind, parts = "", list[str]()
    for raw in lines:
        found = None if raw[1:2] == "=" and raw[:1] in _TYPES else _LINE.match(raw)
        if found is None and raw[1:2] != "=":
            if kind == "a" and parts[0].lower().startswith("fmtp") and raw.strip():
                parts.append(raw.strip())
            continue
        if kind:
            yield kind, (parts[0] if len(parts) == 1 else "".join(parts)).strip()
        kind, parts = (raw[0], [raw[2:]]) if found is None else (found[1].lower(), [raw[found.end() :]])
    if kind:
        yield kind, "".join(parts).strip()


def parse(body: bytes) -> SessionDescription:
    """Parse a session description; unknown and malformed lines are ignored.

    A camera sends the same one at each visit, but for its origin, which is not used.

    Raises:
        MalformedDescriptionError: there is no track, or the description exceeds a limit.

    """
    if len(body) > REMEMBERED_BYTES:
        return _parse(body)
    return _remembered(_ORIGIN.sub(b"o=", body, count=1))


def _parse(body: bytes) -> SessionDescription:
    control = ""
    sections: list[_Section] = []
    for kind, value in _lines(body):
        if kind == "m":
            sections.append(_Section(value))
            if len(sections) > MAX_MEDIA:
                raise MalformedDescriptionError(f"a session description of more than {MAX_MEDIA} tracks")
        elif kind == "a":
            name, _, text = value.partition(":")
            name = name.strip().lower()
            if sections:
                sections[-1].add(name, text.strip())
            elif name == "control":
                control = text.strip()
    if not sections:
        raise MalformedDescriptionError("the session description has no track")
    return SessionDescription(control, tuple(section.media() for section in sections))


_remembered = functools.lru_cache(maxsize=REMEMBERED_DESCRIPTIONS)(_parse)


def resolve_control(base: str, control: str) -> str:
    """Return a control URL. A relative one is appended to the base, behind its query too, as cameras expect it."""
    if not control or control == "*":
        return base
    if re.match(r"rtsps?://", control, re.IGNORECASE):
        return control
    return base.rstrip("/") + "/" + control.lstrip("/")
