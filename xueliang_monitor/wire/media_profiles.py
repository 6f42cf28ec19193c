"""Reads media profiles (ONVIF Media 5.2, Media2 5.2), merges those of both services, finds a recorder's channels."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from xueliang_monitor.model import StreamParameters
from xueliang_monitor.wire.errors import MalformedResponseError
from xueliang_monitor.wire.soap import Element, child, children, number, text

MAX_PROFILES = 1024
"""Three for each of 256 channels, and more than a response within the limits of SOAP has."""

MAX_TOKEN_CHARACTERS = 120
"""ONVIF allows 64 (ReferenceToken)."""

_CODECS = {
    "H264": "h264",
    "AVC": "h264",
    "H265": "h265",
    "HEVC": "h265",
    "JPEG": "mjpeg",
    "MJPEG": "mjpeg",
    "MPEG4": "mpeg4",
    "MPV4ES": "mpeg4",
    "MP4VES": "mpeg4",
}
_NO_LIMIT_KILOBITS = 2_000_000
"""AXIS writes 2147483647 for "no limit"."""

_MAX_CHANNEL = 4096


@dataclass(frozen=True, slots=True)
class Profile:
    """A media profile: its token, its name, the settings of its video encoder, and the token of its video source.

    An unknown codec stays as the camera wrote it, because its name has to pass the gate. `by_media2` says that Media2
    has to be asked for its stream, because Media does not know the profile or hides its encoder.
    """

    token: str
    name: str
    stream: StreamParameters
    source: str = ""
    by_media2: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A video input of a recorder or a lens of a camera: its number from 1, its source, its name, its profiles."""

    number: int
    source: str
    name: str
    profiles: tuple[Profile, ...]


def read_profiles(response: Element) -> tuple[Profile, ...]:
    """Parse GetProfilesResponse (ONVIF Media, 5.2.2); profiles without a video source or a token are skipped.

    Raises:
        MalformedResponseError: there are more than `MAX_PROFILES`.

    """
    return _profiles(response, by_media2=False)


def read_media2_profiles(response: Element) -> tuple[Profile, ...]:
    """Parse GetProfilesResponse of Media2 (ONVIF Media2, 5.2.2) as `read_profiles` does."""
    return _profiles(response, by_media2=True)


def _profiles(response: Element, *, by_media2: bool) -> tuple[Profile, ...]:
    items = children(response, "Profiles")
    if len(items) > MAX_PROFILES:
        raise MalformedResponseError(f"the camera reports more than {MAX_PROFILES} media profiles")
    found: dict[str, Profile] = {}
    for item in items:
        token = _token(item.get("token"))
        encoder = _configuration(item, "VideoEncoder")
        source = _configuration(item, "VideoSource")
        if token and token not in found and (encoder is not None or source is not None):
            found[token] = Profile(token, text(item, "Name", limit=120), _stream(encoder), _source(source), by_media2)
    return tuple(found.values())


def _configuration(profile: Element, kind: str) -> Element | None:
    """Return a configuration where Media or Media2 has it; some cameras mix the two."""
    inner = child(profile, "Configurations")
    for parent in (profile, inner):
        for name in (f"{kind}Configuration", kind):
            if (found := child(parent, name)) is not None:
                return found
    return None


def _token(raw: str | None) -> str:
    """Return a token that can be sent back and shown, or an empty string."""
    token = (raw or "").strip()
    return token if len(token) <= MAX_TOKEN_CHARACTERS and token.isprintable() else ""


def _source(configuration: Element | None) -> str:
    if configuration is None:
        return ""
    return _token(text(configuration, "SourceToken", limit=MAX_TOKEN_CHARACTERS + 1)) or _token(
        configuration.get("token")
    )


def _codec(encoding: str) -> str:
    """Return the codec of an encoding such as `H264`, `H.265`, `video/H265`, `H265+` or `HEVC`."""
    short = re.sub(r"[\s._+-]", "", encoding.rpartition("/")[2]).upper()
    return _CODECS.get(short, encoding.replace(".", ""))


def _stream(encoder: Element | None) -> StreamParameters:
    codec = _codec(text(encoder, "Encoding"))
    width, height = number(encoder, "Resolution", "Width"), number(encoder, "Resolution", "Height")
    rate = number(encoder, "RateControl", "FrameRateLimit")
    thinned = number(encoder, "RateControl", "EncodingInterval")
    rate = rate / thinned if rate and thinned and thinned > 1 else rate
    kilobits = number(encoder, "RateControl", "BitrateLimit")
    pictures = _pictures_between_keyframes(encoder)
    return StreamParameters(
        codec=codec,
        width=int(width or 0),
        height=int(height or 0),
        frame_rate_hertz=rate or None,
        bits_per_second=kilobits * 1000 if kilobits and kilobits < _NO_LIMIT_KILOBITS else None,
        keyframe_interval_seconds=pictures / rate if pictures and rate and codec != "mjpeg" else None,
    )


def _pictures_between_keyframes(encoder: Element | None) -> float | None:
    """Return GovLength: an element of the codec's settings in Media, an attribute in Media2."""
    groups = [number(encoder, name, "GovLength") for name in ("H264", "H265", "MPEG4")]
    written = encoder.get("GovLength", "") if encoder is not None else ""
    groups.append(float(written) if written.isascii() and written.isdigit() and len(written) < 7 else None)
    return next((value for value in groups if value), None)


def merge(media: tuple[Profile, ...], media2: tuple[Profile, ...]) -> tuple[Profile, ...]:
    """Return the profiles of both services, by token: those of Media in their order, then those that only Media2 has.

    Media cannot name H.265: cameras hide such an encoder or its whole profile from it, or name H.264 in its place. What
    Media2 says of an encoder is therefore taken where the two differ.
    """
    known = {item.token: item for item in media2}
    both = [_merged(item, known.pop(item.token)) if item.token in known else item for item in media]
    return (*both, *known.values())


def _merged(one: Profile, two: Profile) -> Profile:
    complete = replace(two, name=two.name or one.name, source=one.source or two.source)
    if not two.stream.codec or not two.stream.width:
        return replace(one, name=one.name or two.name, source=one.source or two.source)
    if one.stream.codec.lower() != two.stream.codec.lower() or not one.stream.width:
        return complete
    stream = replace(
        two.stream,
        frame_rate_hertz=two.stream.frame_rate_hertz or one.stream.frame_rate_hertz,
        bits_per_second=two.stream.bits_per_second or one.stream.bits_per_second,
        keyframe_interval_seconds=two.stream.keyframe_interval_seconds or one.stream.keyframe_interval_seconds,
    )
    return replace(complete, name=one.name or two.name, stream=stream, by_media2=False)


def has_every_encoder(profiles: tuple[Profile, ...]) -> bool:
    """Return whether there are profiles, and the codec and size of each is known."""
    return bool(profiles) and all(item.stream.codec and item.stream.width for item in profiles)


def of_same_source(profiles: tuple[Profile, ...], token: str) -> tuple[Profile, ...]:
    """Return the profiles of the channel that a profile belongs to; all if there is no such profile."""
    own = next((item for item in profiles if item.token == token), None)
    return profiles if own is None else tuple(item for item in profiles if item.source == own.source)


def channels_of(profiles: tuple[Profile, ...]) -> tuple[Channel, ...]:
    """Return the channels of a device by their numbers: profiles of one video source are one channel.

    The number is the one at the end of the source's token if all have one, as channels without a camera may be left
    out; otherwise it is the place in the list.
    """
    by_source: dict[str, list[Profile]] = {}
    for item in profiles:
        by_source.setdefault(item.source, []).append(item)
    numbers = _numbers(tuple(by_source))
    channels = [
        Channel(at, source, _channel_name(tuple(found)), tuple(found))
        for at, (source, found) in zip(numbers, by_source.items(), strict=True)
    ]
    return tuple(sorted(channels, key=lambda item: item.number))


def _numbers(sources: tuple[str, ...]) -> tuple[int, ...]:
    matches = [re.search(r"[0-9]{1,5}$", source) for source in sources]
    numbers = [int(match[0]) for match in matches if match is not None]
    if len(numbers) == len(sources) == len(set(numbers)) and len(sources) > 1 and max(numbers) < _MAX_CHANNEL:
        return tuple(item + 1 for item in numbers) if 0 in numbers else tuple(numbers)
    return tuple(range(1, len(sources) + 1))


def _channel_name(profiles: tuple[Profile, ...]) -> str:
    """Return what the names of a channel's profiles begin with, such as `Gate` of `Gate main` and `Gate sub`."""
    names = [item.name for item in profiles if item.name]
    common = names[0] if names else ""
    for other in names[1:]:
        same = (one == two for one, two in zip(common, other, strict=False))
        common = common[: next((at for at, equal in enumerate(same) if not equal), min(len(common), len(other)))]
    return common.rstrip(" -_/.:#(") if len(common) > 1 else ""
