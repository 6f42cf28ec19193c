"""Finds the number of a channel in the names that makers give to profiles and stream paths. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from xueliang_monitor.wire.media_profiles import Channel, Profile, channels_of

MAX_CHANNEL = 4096
_Place = tuple[int, str]
"""A channel, and what tells its streams apart."""

_CHANNEL_WORD = re.compile(
    r"(?:channel|chan|chn|ch|camera|ipcam|cam|ipc|input|videosource|source|c(?=\d)|d(?=\d)|通道|路)[\s_.\-#:]*(\d{1,4})"
    r"|(\d{1,4})\s*(?:通道|路)",
    re.IGNORECASE,
)
_STREAM_WORD = re.compile(
    r"main|sub|third|second|minor|extra|mobile|primary|secondary|high|low|主|子|第三|辅", re.IGNORECASE
)
_HUNDREDS = re.compile(r"(?<!\d)(\d{1,2})(0[1-9])(?!\d)")
"""Channel and stream as Hikvision numbers them: 302 is the second stream of channel 3."""

_ZERO_BASED = re.compile(r"profile_?(\d{3})(\d{2})(?!\d)", re.IGNORECASE)
"""Channel and stream from 0 as Dahua's recorders number them: MediaProfile00201."""

_PAIR = re.compile(r"(?<!\d)(\d{1,3})[_\-/](\d{1,2})(?!\d)")
_NUMBER = re.compile(r"(?<!\d)(\d{1,4})(?!\d)")

_PATHS = (
    re.compile(r"/channels?/(\d{1,3})0\d(?!\d)", re.IGNORECASE),
    re.compile(r"[?&_/]ch(?:annel|n|id|no)?[=_/]?(\d{1,4})(?!\d)", re.IGNORECASE),
    re.compile(r"/c(\d{1,4})(?=[/_s])", re.IGNORECASE),
    re.compile(r"preview_(\d{1,3})_", re.IGNORECASE),
    re.compile(r"/unicast/(?:c)?(\d{1,3})/", re.IGNORECASE),
    re.compile(r"/video(\d{1,3})(?!\d)", re.IGNORECASE),
)


def channel_in_path(path: str) -> int | None:
    """Return the channel that a stream path names, None if it names none.

    Such paths are /Streaming/Channels/302, /cam/realmonitor?channel=3&subtype=1, /unicast/c3/s1/live,
    /h264Preview_03_sub and /ch03/0.
    """
    for pattern in _PATHS:
        if (found := pattern.search(path)) is not None:
            return int(found[1])
    return None


def channel_in_name(name: str) -> int | None:
    """Return the channel that a profile's token or name says in a word, such as `ch03_main`; None if it says none."""
    found = _by_word(name)
    return found[0] if found is not None else None


def group_channels(profiles: Sequence[Profile]) -> tuple[Channel, ...]:
    """Return the channels of a device: by its video sources, or by numbers in names where the sources do not tell.

    Some recorders name one source for all channels, others a source for each stream.
    """
    by_source = channels_of(tuple(profiles))
    if len(by_source) > 1 and any(len(item.profiles) > 1 for item in by_source):
        return by_source
    by_name = _by_names(profiles)
    if by_name is None:
        return by_source
    if len(by_source) > 1 and len(by_name) >= len(by_source):
        return by_source
    return by_name


def group_by_paths(profiles: Sequence[Profile], paths: Sequence[str]) -> tuple[Channel, ...] | None:
    """Return the channels by what the stream paths of the profiles name, None if they name fewer than two."""
    numbers = [channel_in_path(path) for path in paths]
    if None in numbers or len(set(numbers)) < 2:
        return None
    return _channels(profiles, [(number or 0, "") for number in numbers])


def _by_names(profiles: Sequence[Profile]) -> tuple[Channel, ...] | None:
    for labels in ([item.name for item in profiles], [item.token for item in profiles]):
        for place, explicit in _READINGS:
            places = [place(label) for label in labels]
            found = [each for each in places if each is not None]
            if len(found) == len(profiles) and _are_channels(found, explicit=explicit):
                return _channels(profiles, found)
    return None


def _by_word(label: str) -> _Place | None:
    found = _CHANNEL_WORD.search(label)
    return (int(found[1] or found[2]), label[found.end() :] or label[: found.start()]) if found is not None else None


def _by_hundreds(label: str) -> _Place | None:
    found = _HUNDREDS.search(label)
    return (int(found[1]), found[2]) if found is not None else None


def _by_zero_based(label: str) -> _Place | None:
    found = _ZERO_BASED.search(label)
    return (int(found[1]), found[2]) if found is not None else None


def _by_pair(label: str) -> _Place | None:
    found = _PAIR.search(label)
    return (int(found[1]), found[2]) if found is not None else None


def _by_stream_word(label: str) -> _Place | None:
    """Read a number beside the name of a stream: `3 main`, `SubStream_03`, `主码流3`."""
    if (word := _STREAM_WORD.search(label)) is None:
        return None
    numbers = _NUMBER.findall(label)
    return (int(numbers[-1]), word[0].lower()) if len(numbers) == 1 else None


_READINGS: tuple[tuple[Callable[[str], _Place | None], bool], ...] = (
    (_by_word, True),
    (_by_zero_based, False),
    (_by_hundreds, False),
    (_by_stream_word, False),
    (_by_pair, False),
)
"""How labels are read, and whether a word in them says that the number is a channel's."""


def _are_channels(places: Sequence[_Place], *, explicit: bool) -> bool:
    """Return whether what was read can be channels: at least two, and without a word, all with the same streams."""
    streams: dict[int, list[str]] = {}
    for number, stream in places:
        streams.setdefault(number, []).append(stream)
    if len(streams) < 2 or max(streams) >= MAX_CHANNEL:
        return False
    if explicit:
        return True
    alike = {tuple(sorted(each)) for each in streams.values()}
    return len(alike) == 1 and all(len(set(each)) == len(each) > 1 for each in streams.values())


def _channels(profiles: Sequence[Profile], places: Sequence[_Place]) -> tuple[Channel, ...]:
    """Return channels by number from 1; numbers that begin with 0 are raised by one."""
    found: dict[int, list[Profile]] = {}
    for item, (number, _) in zip(profiles, places, strict=True):
        found.setdefault(number, []).append(item)
    first = 1 if 0 in found else 0
    return tuple(
        Channel(number + first, each[0].source, _name(each), tuple(each)) for number, each in sorted(found.items())
    )


def _name(profiles: Sequence[Profile]) -> str:
    (channel,) = channels_of(tuple(Profile(item.token, item.name, item.stream) for item in profiles))
    return channel.name
