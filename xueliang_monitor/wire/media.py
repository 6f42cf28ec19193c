"""Access units: what the payload formats are put together into."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from xueliang_monitor.wire.rtp import RtpPacket

MAX_ACCESS_UNIT_BYTES = 6 * 1024 * 1024
"""With one copy to join its parts, a picture stays under the 16 MB that one camera may cost."""

START_CODE = b"\x00\x00\x00\x01"


class Codec(enum.StrEnum):
    """The codecs whose keyframes can be judged."""

    H264 = "h264"
    H265 = "h265"
    MJPEG = "mjpeg"


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture as sent: Annex B bytes, with parameter sets for a keyframe, or a whole JPEG.

    `complete` is False where a packet was lost within it; `data` is then empty, and for pictures that are no keyframe
    unless they are to be kept.
    `timestamp` counts in the track's clock rate. `pictures` is over 1 where no single picture stands alone, and `data`
    holds those after which one is whole (a recovery point; H.264, D.2.8). `continues` says that it is the rest of the
    one before, which was marked as whole and was not.
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
    """Puts packets together into access units."""

    def push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Take the next packet; `lost` says that others were missed just before it."""
        ...
