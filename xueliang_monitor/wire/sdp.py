"""Session descriptions in responses to DESCRIBE (RFC 8866; RFC 2326, appendix C)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.wire.errors import MalformedDescriptionError

MAX_LINES = 2000
MAX_MEDIA = 32

_STATIC_ENCODINGS = {26: ("JPEG", 90000), 32: ("MPV", 90000), 33: ("MP2T", 90000), 31: ("H261", 90000)}
_RTPMAP = re.compile(r"(\d{1,3})\s+([^/\s]+)/(\d{1,9})")
_MEDIA = re.compile(r"(\S+)\s+\d+(?:/\d+)?\s+(\S+)\s+(.+)")


@dataclass(frozen=True, slots=True)
class Media:
    """One `m=` section, which describes a track.

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


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A session description: the aggregate control and the tracks."""

    control: str
    media: tuple[Media, ...]

    @property
    def videos(self) -> tuple[Media, ...]:
        """The video tracks."""
        return tuple(item for item in self.media if item.kind == "video")


def _media(value: str) -> Media:
    match = _MEDIA.fullmatch(value)
    first = match[3].split()[0] if match else ""
    if match is None or not first.isdecimal():
        return Media(value.split(" ")[0].lower(), -1)
    payload_type = int(first[:4])
    encoding, clock_rate = _STATIC_ENCODINGS.get(payload_type, ("", 90000))
    return Media(match[1].lower(), payload_type, encoding, clock_rate=clock_rate)


def _format_parameters(text: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in text.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs if key.strip()}


def _frame_size(value: str) -> tuple[int, int] | None:
    numbers = re.findall(r"\d{1,5}", value)
    return (int(numbers[-2]), int(numbers[-1])) if len(numbers) >= 2 else None


def _with_attribute(media: Media, name: str, value: str) -> Media:
    if name == "control":
        return replace(media, control=value)
    if name == "rtpmap" and (match := _RTPMAP.match(value)) and int(match[1]) == media.payload_type:
        return replace(media, encoding=match[2].upper(), rtpmap=value, clock_rate=int(match[3]) or 90000)
    if name == "fmtp":
        number, _, parameters = value.partition(" ")
        if number == str(media.payload_type):
            return replace(media, format_parameters=_format_parameters(parameters))
    if name in {"x-dimensions", "framesize"} and (size := _frame_size(value)):
        return replace(media, frame_size=size)
    return media


def parse(body: bytes) -> SessionDescription:
    """Parse a session description; unknown and malformed lines are ignored.

    Raises:
        MalformedDescriptionError: there is no track, or the description exceeds a limit.

    """
    lines = body.decode("utf-8", "replace").splitlines()
    if len(lines) > MAX_LINES:
        raise MalformedDescriptionError(f"a session description of {len(lines)} lines; the limit is {MAX_LINES}")
    control = ""
    media: list[Media] = []
    for raw in lines:
        kind, equals, value = raw.strip().partition("=")
        value = value.strip()
        if not equals:
            continue
        if kind == "m":
            media.append(_media(value))
            if len(media) > MAX_MEDIA:
                raise MalformedDescriptionError(f"a session description of more than {MAX_MEDIA} tracks")
        elif kind == "a":
            name, _, text = value.partition(":")
            if media:
                media[-1] = _with_attribute(media[-1], name.lower(), text.strip())
            elif name == "control":
                control = text.strip()
    if not media:
        raise MalformedDescriptionError("the session description has no track")
    return SessionDescription(control, tuple(media))


def resolve_control(base: str, control: str) -> str:
    """Return a control URL. A relative one is appended to the base, behind its query too, as cameras expect it."""
    if not control or control == "*":
        return base
    if re.match(r"rtsps?://", control, re.IGNORECASE):
        return control
    return base.rstrip("/") + "/" + control.lstrip("/")
