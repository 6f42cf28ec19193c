"""The media profiles of a device by channel: as lines for people, and those beside a profile. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from xueliang_monitor.commissioning.channel_names import group_channels
from xueliang_monitor.wire.media_profiles import Channel, Profile


def profile_lines(channels: Sequence[Channel]) -> list[str]:
    """Return all profiles by channel in columns that a pipe keeps: channel, token, name, stream."""
    rows = [("channel", "profile", "name", "stream")]
    rows += [
        (str(channel.number), profile.token, profile.name, str(profile.stream))
        for channel in channels
        for profile in channel.profiles
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3])).rstrip()
        for row in rows
    ]


def channel_of(profiles: Sequence[Profile], token: str) -> Channel | None:
    """Return the channel that a profile belongs to, None if there is no such profile."""
    return next(
        (channel for channel in group_channels(profiles) if any(item.token == token for item in channel.profiles)), None
    )
