"""One source of a stream: its packets in order, its pictures, its keyframe and what follows. No I/O."""

from __future__ import annotations

from dataclasses import replace

from xueliang_monitor.probing.pace import Arrived
from xueliang_monitor.wire.media import AccessUnit
from xueliang_monitor.wire.packet_order import PacketOrder
from xueliang_monitor.wire.rtp import RtpPacket
from xueliang_monitor.wire.tracks import VideoDepacketizer

FOLLOWING_PICTURES = 4
MAX_FOLLOWING_BYTES = 512 * 1024
MAX_PICTURES = 3000


class Lane:
    """The packets of one source (SSRC), assembled into pictures. Times are monotonic seconds."""

    def __init__(self, source: int, depacketizer: VideoDepacketizer, order: PacketOrder, now: float) -> None:
        self.source = source
        self.depacketizer = depacketizer
        self.order = order
        self.started = self.last_packet = now
        self.bytes = 0
        self.damaged = 0
        self.keyframe: AccessUnit | None = None
        self.keyframe_at = 0.0
        self.following: list[AccessUnit] = []
        self.pictures: list[Arrived] = []
        self.keyframes: list[int] = []
        self._finished_bytes = 0
        self._left_after: int | None = None
        self._timestamp: int | None = None
        self._first = self._first_before = now

    def push(self, packet: RtpPacket, now: float) -> None:
        """Take a packet that arrived at `now`.

        Raises:
            MalformedMediaError: the picture violates its standard.

        """
        self.last_packet = now
        self.bytes += len(packet.payload)
        if packet.timestamp != self._timestamp:
            self._timestamp, self._first, self._first_before = packet.timestamp, now, self._first
        for each, lost in self.order.push(packet):
            for unit in self.depacketizer.push(each, lost=lost):
                self._take(unit, now)

    def leave(self) -> None:
        """Take note that the source said BYE (RFC 3550, 6.6)."""
        self._left_after = self.bytes

    @property
    def left(self) -> bool:
        """Whether the source said BYE and sent nothing since."""
        return self._left_after == self.bytes

    @property
    def kept_bytes(self) -> int:
        """About how many bytes of pictures are kept, finished or not."""
        return (
            self.bytes - self._finished_bytes + sum(len(unit.data) for unit in (self.keyframe, *self.following) if unit)
        )

    @property
    def is_settled(self) -> bool:
        """Whether the keyframe and enough pictures after it are here."""
        return len(self.following) >= FOLLOWING_PICTURES

    def _take(self, unit: AccessUnit, now: float) -> None:
        self._finished_bytes = self.bytes
        if len(self.pictures) < MAX_PICTURES:
            first = self._first if unit.timestamp == self._timestamp else self._first_before
            self.pictures.append(Arrived(unit.timestamp, unit.size, first, now))
            if unit.keyframe:
                self.keyframes.append(unit.timestamp)
        if self.keyframe is not None:
            if unit.continues and not self.following:
                self.keyframe = None  # it was not a whole picture but the first part of one
            elif len(self.following) < FOLLOWING_PICTURES:
                self.following.append(unit if len(unit.data) <= MAX_FOLLOWING_BYTES else replace(unit, data=b""))
        elif unit.keyframe and unit.complete:
            self.keyframe, self.keyframe_at = unit, now
            self.depacketizer.keep_following = True
        elif unit.keyframe:
            self.damaged += 1
