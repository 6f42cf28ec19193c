"""Tells the codec of a stream by its packets, where a camera announces one and sends another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from xueliang_monitor.wire.h264 import H264Depacketizer
from xueliang_monitor.wire.h265 import H265Depacketizer
from xueliang_monitor.wire.media import AccessUnit, Codec
from xueliang_monitor.wire.mjpeg import MjpegDepacketizer
from xueliang_monitor.wire.oddities import Oddity
from xueliang_monitor.wire.rtp import RtpPacket
from xueliang_monitor.wire.shortcomings import Shortcomings

NalOrJpeg = H264Depacketizer | H265Depacketizer | MjpegDepacketizer

FEWEST_PACKETS = 12
MOST_PACKETS = 48
MOST_BYTES = 1024 * 1024
"""Up to so many packets and bytes are kept until the codec is told, and read again."""

_H264_KINDS = frozenset({1, 5, 6, 7, 8, 9, 24, 28})
_H264_IN_FRAGMENTS = frozenset({1, 5, 6, 7, 8})
_H265_KINDS = frozenset({*range(10), *range(16, 22), *range(32, 41), 48, 49})


def _without_start_code(payload: bytes) -> bytes:
    head = payload[:8]
    return payload[head.index(1) + 1 :] if head.startswith(b"\x00\x00") and 1 in head[2:5] else payload


def _is_h264(payload: bytes) -> bool:
    unit = _without_start_code(payload)
    if len(unit) < 2 or unit[0] & 0x80 or unit[0] & 0x1F not in _H264_KINDS:
        return False
    return unit[0] & 0x1F != 28 or unit[1] & 0x1F in _H264_IN_FRAGMENTS


def _is_h265(payload: bytes) -> bool:
    unit = _without_start_code(payload)
    return len(unit) > 2 and not unit[0] & 0x81 and 0 < unit[1] < 8 and unit[0] >> 1 in _H265_KINDS


def _is_jpeg(payload: bytes) -> bool:
    if payload.startswith(b"\xff\xd8\xff"):
        return True
    return len(payload) > 8 and payload[0] <= 3 and payload[4] & 0x3F <= 1 and payload[4] < 128 and payload[5] > 0


READS: Mapping[Codec, Callable[[bytes], bool]] = MappingProxyType(
    {Codec.H264: _is_h264, Codec.H265: _is_h265, Codec.MJPEG: _is_jpeg}
)
"""Whether a payload makes sense in a codec. Few payloads of one codec make sense in another."""


def told_by(payloads: Sequence[bytes], announced: Codec) -> Codec | None:
    """Return the codec that payloads are in, or None if that cannot be told yet.

    Another codec than the announced one needs most of the payloads, and few of them in the announced one.
    """
    counts = {codec: sum(map(reads, payloads)) for codec, reads in READS.items()}
    if 2 * counts[announced] >= len(payloads):
        return announced
    best = max(counts, key=lambda codec: counts[codec])
    return best if 4 * counts[best] >= 3 * len(payloads) and 4 * counts[announced] <= len(payloads) else None


class Push(Protocol):
    """Adds the next packet; see `Depacketizer`."""

    def __call__(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Return the finished access units."""
        ...


class TellingDepacketizer:
    """Reads packets in the announced codec, and in another one if they make sense in that one alone.

    The packets that came before this was told are read again, so that no time is lost.
    """

    def __init__(self, announced: NalOrJpeg, codec: Codec, make: Callable[[Codec], NalOrJpeg]) -> None:
        self._reader = announced
        self._announced = codec
        self._make = make
        self._kept: list[tuple[RtpPacket, bool]] = []
        self._kept_bytes = 0
        self.push: Push = self._push
        """Adds the next packet, see `Depacketizer`; that of the reader once the codec is told."""

    def _push(self, packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        units = self._tell(self._kept, packet, lost=lost)
        return [*units, *self._reader.push(packet, lost=lost)]

    def _tell(self, kept: list[tuple[RtpPacket, bool]], packet: RtpPacket, *, lost: bool) -> list[AccessUnit]:
        """Decide if enough packets were seen; return what the earlier ones are in another codec."""
        if len(kept) >= FEWEST_PACKETS:
            codec = told_by([each.payload for each, _ in kept], self._announced)
            if codec is not None or len(kept) >= MOST_PACKETS or self._kept_bytes > MOST_BYTES:
                units = self._read_again(codec, kept) if codec not in {None, self._announced} else []
                self._kept, self.push = [], self._reader.push
                return units
        kept.append((packet, lost))
        self._kept_bytes += len(packet.payload)
        return []

    def _read_again(self, codec: Codec | None, kept: Sequence[tuple[RtpPacket, bool]]) -> list[AccessUnit]:
        oddities, following = self._reader.shortcomings.oddities, self._reader.keep_following
        self._reader.shortcomings.take_back()
        self._reader = self._make(codec or self._announced)
        self._reader.keep_following = following
        oddities.count(Oddity.CODEC_DIFFERS)
        return [unit for packet, lost in kept for unit in self._reader.push(packet, lost=lost)]

    def begins(self, payload: bytes) -> bool:
        """Return whether a payload may begin a picture."""
        return self._reader.begins(payload)

    @property
    def sent(self) -> Codec:
        """The codec that the packets are read in."""
        match self._reader:
            case H264Depacketizer():
                return Codec.H264
            case H265Depacketizer():
                return Codec.H265
            case _:
                return Codec.MJPEG

    @property
    def announced(self) -> Codec:
        """The codec of the session description."""
        return self._announced

    @property
    def shortcomings(self) -> Shortcomings:
        """What could not be used."""
        return self._reader.shortcomings

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the stream, or None."""
        return self._reader.size

    @property
    def profile(self) -> str:
        """The profile of the stream, or an empty string."""
        return self._reader.profile

    @property
    def keep_following(self) -> bool:
        """Whether the data of pictures that are no keyframes are kept."""
        return self._reader.keep_following

    @keep_following.setter
    def keep_following(self, keep: bool) -> None:
        self._reader.keep_following = keep
