"""Access units: one picture of a stream, assembled from RTP packets."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from xueliang_monitor.wire.rtp import RtpPacket

MAX_ACCESS_UNIT_BYTES = 6 * 1024 * 1024
"""Joining the parts needs a second copy; both stay under the 16 MB that one camera may use."""

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded; a worker needs some ten bytes a pixel."""

START_CODE = b"\x00\x00\x00\x01"


class Codec(enum.StrEnum):
    """The supported codecs."""

    H264 = "h264"
    H265 = "h265"
    MJPEG = "mjpeg"


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture: Annex B bytes, with parameter sets for a keyframe, or a JPEG file.

    `complete` is False if one of its packets was lost; `data` is then empty. `data` is also empty for pictures that
    are not keyframes, unless `keep_following` is set. `timestamp` is in units of the track's clock rate. `size` is in
    bytes. `pictures` is more than 1 for a recovery point (H.264, D.2.8), where `data` holds the pictures up to the
    first correct one. `continues` is True for the rest of the previous access unit, whose marker bit came too early.
    """

    codec: Codec
    keyframe: bool
    complete: bool
    timestamp: int
    size: int
    data: bytes = b""
    pictures: int = 1
    continues: bool = False


class Depacketizer(Protocol):
    """Assembles packets into access units."""

    def push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Add the next packet; `lost` is True if packets before it are missing. Return the finished access units."""
        ...
