"""Pictures of the package's clips as NAL units, and the ways in which cameras make packets of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from xueliang_monitor.simulator import clips
from xueliang_monitor.wire.media import AccessUnit, Codec
from xueliang_monitor.wire.rtp import RtpPacket
from xueliang_monitor.wire.tracks import VideoDepacketizer

START = b"\x00\x00\x00\x01"
TICKS = 9000
DELIMITERS = {Codec.H264: 9, Codec.H265: 35}
SETS = {Codec.H264: (7, 8), Codec.H265: (32, 33, 34)}
Packet = tuple[bytes, int, bool]
"""Payload, timestamp, marker bit."""


def kind(codec: Codec, unit: bytes) -> int:
    return unit[0] & 0x1F if codec is Codec.H264 else unit[0] >> 1 & 0x3F


def pictures(codec: Codec, scene: str = "street", variant: str = "live") -> list[list[bytes]]:
    """Return the units of each picture, without delimiters; the first one is a keyframe, as is every tenth."""
    file = clips.byte_stream(scene, codec, variant)
    found: list[list[bytes]] = []
    for unit in filter(None, re.split(rb"\x00\x00\x00?\x01", file)):
        if kind(codec, unit) == DELIMITERS[codec]:
            found.append([])
        else:
            found[-1].append(unit)
    return found


def long_gaps(codec: Codec, scene: str = "street") -> list[list[bytes]]:
    """Return 60 pictures as `pictures` does, with a keyframe every 20: those between the keyframes come twice."""
    clip = pictures(codec, scene)
    return [*clip[:10], *clip[1:10], clip[9]] * 3


def is_set(codec: Codec, unit: bytes) -> bool:
    return kind(codec, unit) in SETS[codec]


def without_sets(codec: Codec, units: Iterable[bytes]) -> list[bytes]:
    return [unit for unit in units if not is_set(codec, unit)]


def fragments(codec: Codec, unit: bytes, size: int = 1200, *, ends: bool = True) -> list[bytes]:
    """Return a unit in fragments, even a short one."""
    if codec is Codec.H264:
        head, body = bytes((unit[0] & 0xE0 | 28,)), unit[1:]
    else:
        head, body = bytes((unit[0] & 0x81 | 49 << 1, unit[1])), unit[2:]
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    flags = [0x80 * (not n) | (0x40 if ends and n == len(parts) - 1 else 0) for n in range(len(parts))]
    return [head + bytes((flag | kind(codec, unit),)) + part for flag, part in zip(flags, parts, strict=True)]


def payloads(codec: Codec, units: Iterable[bytes], size: int = 1200) -> list[bytes]:
    return [part for unit in units for part in ([unit] if len(unit) <= size else fragments(codec, unit, size))]


def packed(codec: Codec, shown: Sequence[Sequence[bytes]], *, first: int = 0) -> list[Packet]:
    """Return pictures in order, with a marker bit at the end of each."""
    made: list[Packet] = []
    for number, units in enumerate(shown, first):
        parts = payloads(codec, units)
        made += [(part, number * TICKS, index == len(parts) - 1) for index, part in enumerate(parts)]
    return made


def read(depacketizer: VideoDepacketizer, packets: Iterable[Packet]) -> list[AccessUnit]:
    """Return what a depacketizer makes of packets, none of which is lost."""
    return [
        unit
        for number, (payload, timestamp, marker) in enumerate(packets)
        for unit in depacketizer.push(
            RtpPacket(96, number & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc=1, marker=marker, payload=payload), lost=False
        )
    ]
