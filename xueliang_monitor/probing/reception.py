"""Assembles and counts what arrives of a stream: pictures, bytes, loss, jitter, the camera's clock. No I/O."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, replace

from xueliang_monitor.readings import Readings
from xueliang_monitor.wire import rtcp, rtp
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import AccessUnit, Codec
from xueliang_monitor.wire.tracks import VideoDepacketizer

FOLLOWING_PICTURES = 4
MAX_FOLLOWING_BYTES = 512 * 1024
BURST_PICTURES = 3
"""Pictures after the keyframe that are examined too. Rolling and shaking show in four pictures."""

MAX_BAD_PACKETS = 100
MIN_PACKETS = 20
"""Fewer packets say nothing about loss."""

MAX_PICTURES = 3000
MAX_LISTENED_BYTES = 8 * 1024 * 1024
_PLAUSIBLE_CLOCK = 946_684_800.0
"""The year 2000. A sender clock before it counts from the sender's start, not from the epoch."""


@dataclass(slots=True)
class Reception:
    """One track's packets, assembled into pictures. Times are monotonic seconds."""

    depacketizer: VideoDepacketizer
    payload_type: int
    clock_rate: int
    order: rtp.Resequencer
    jitter: rtp.Jitter
    listen_seconds: float = 0.0
    started: float | None = None
    last_packet: float = 0.0
    received_bytes: int = 0
    bad_packets: int = 0
    damaged: int = 0
    interrupted: str = ""
    left: bool = False
    asked_for_keyframe: bool = False
    keyframe: AccessUnit | None = None
    keyframe_after: float = 0.0
    following: list[AccessUnit] = field(default_factory=list)
    clock_offset: float | None = None
    _source: int | None = None
    _pictures: list[tuple[int, int, float]] = field(default_factory=list)
    _keyframes: list[int] = field(default_factory=list)

    def push(self, data: bytes, now: float) -> None:
        """Take an RTP packet that arrived at `now`.

        Raises:
            MalformedMediaError: the picture violates its standard, or too many packets did.

        """
        try:
            packet = rtp.parse(data)
        except MalformedMediaError:
            self.bad_packets += 1
            if self.bad_packets > MAX_BAD_PACKETS:
                raise
            return
        if packet.payload_type != self.payload_type:
            return
        if self._source is None:
            self._source, self.started = packet.ssrc, now
        elif packet.ssrc != self._source:
            return
        self.last_packet = now
        self.received_bytes += len(data)
        self.jitter.push(now, packet.timestamp)
        for each, lost in self.order.push(packet):
            for unit in self.depacketizer.push(each, lost=lost):
                self._take(unit, now)

    def push_control(self, data: bytes, wall: float) -> None:
        """Take an RTCP packet that arrived at `wall`, in seconds since the epoch."""
        packet = rtcp.parse(data)
        self.left = self.left or packet.bye
        if packet.sender_report is not None and packet.sender_report.at > _PLAUSIBLE_CLOCK:
            self.clock_offset = packet.sender_report.at - wall

    def _take(self, unit: AccessUnit, now: float) -> None:
        if len(self._pictures) < MAX_PICTURES:
            self._pictures.append((unit.timestamp, unit.size, now))
            if unit.keyframe:
                self._keyframes.append(unit.timestamp)
        if self.keyframe is not None:
            if unit.continues and not self.following:
                self.keyframe = None  # it was not a whole picture but the first part of one
            elif len(self.following) < FOLLOWING_PICTURES:
                self.following.append(unit if len(unit.data) <= MAX_FOLLOWING_BYTES else replace(unit, data=b""))
        elif unit.keyframe and unit.complete:
            self.keyframe = unit
            self.keyframe_after = now - (self.started or now)
            self.depacketizer.keep_following = True
        elif unit.keyframe:
            self.damaged += 1

    @property
    def burst(self) -> tuple[bytes, ...]:
        """The pictures after the keyframe, up to the first damaged or lost one."""
        whole: list[bytes] = []
        for unit in self.following[:BURST_PICTURES]:
            if not unit.complete or not unit.data or (self.keyframe is not None and self.keyframe.pictures > 1):
                break
            whole.append(unit.data)
        return tuple(whole)

    @property
    def pictures(self) -> int:
        """The number of pictures that arrived, complete or not."""
        return len(self._pictures)

    def is_enough(self, now: float) -> bool:
        """Return whether enough arrived to judge the keyframe, motion and loss, and to take readings."""
        if len(self.following) < FOLLOWING_PICTURES or self.order.received < MIN_PACKETS:
            return False
        if self.received_bytes > MAX_LISTENED_BYTES:
            return True  # the camera sends faster than real time
        return self.started is not None and now - self.started >= self.listen_seconds

    def _steps(self) -> list[int]:
        """Return the steps between the pictures' timestamps, in clock ticks."""
        steps = [
            (later[0] - earlier[0]) & 0xFFFFFFFF
            for earlier, later in zip(self._pictures, self._pictures[1:], strict=False)
        ]
        return [step for step in steps if 0 < step < 60 * self.clock_rate]

    @property
    def frame_rate(self) -> float | None:
        """Frames per second by timestamps, by arrival if timestamps do not advance; None with too few frames."""
        steps = self._steps()
        return self.clock_rate / statistics.median(steps) if len(steps) >= 3 else self.arrival_rate

    @property
    def _arrival_seconds(self) -> float:
        return self._pictures[-1][2] - self._pictures[0][2] if self._pictures else 0.0

    @property
    def arrival_rate(self) -> float | None:
        """Frames per second by arrival; None before a second has passed."""
        seconds = self._arrival_seconds
        return (len(self._pictures) - 1) / seconds if seconds >= 1.0 else None

    @property
    def bits_per_second(self) -> float | None:
        """Payload bits per second by timestamps, else by arrival; None before a second has passed."""
        seconds = sum(self._steps()) / self.clock_rate or self._arrival_seconds
        return 8 * sum(size for _, size, _ in self._pictures[:-1]) / seconds if seconds >= 1.0 else None

    @property
    def keyframe_interval(self) -> float | None:
        """Seconds between keyframes by their timestamps; None with fewer than two."""
        if len(self._keyframes) < 2:
            return None
        steps = zip(self._keyframes, self._keyframes[1:], strict=False)
        usual = statistics.median((later - earlier) & 0xFFFFFFFF for earlier, later in steps)
        return usual / self.clock_rate if usual else None

    @property
    def motion_ratio(self) -> float | None:
        """The median size of the frames after the keyframe over the keyframe's size; None if unknown.

        MJPEG frames are all keyframes: the ratio is 0 if the next ones are identical to the byte, else 1.
        """
        if self.keyframe is None or self.keyframe.pictures > 1:
            return None
        if self.keyframe.codec is Codec.MJPEG:
            others = [unit.data for unit in self.following if unit.complete]
            return float(any(data != self.keyframe.data for data in others)) if others else None
        sizes = [unit.size for unit in self.following if not unit.keyframe]
        return statistics.median(sizes) / self.keyframe.size if len(sizes) >= 2 else None

    def readings(self) -> Readings:
        """Return what was measured."""
        bits_per_second = self.bits_per_second
        return Readings(
            codec=self.keyframe.codec.value if self.keyframe is not None else None,
            keyframe_bytes=float(len(self.keyframe.data)) if self.keyframe is not None else None,
            profile=self.depacketizer.profile or None,
            packet_loss_ratio=self.order.loss_ratio,
            reordered_packets=float(self.order.reordered),
            jitter_seconds=self.jitter.seconds,
            frame_rate_hertz=self.frame_rate,
            arrival_rate_hertz=self.arrival_rate,
            bits_per_second=bits_per_second,
            bytes_per_second=bits_per_second / 8 if bits_per_second is not None else None,
            keyframe_interval_seconds=self.keyframe_interval,
            stream_clock_offset_seconds=self.clock_offset,
            keyframe_requested=1.0 if self.asked_for_keyframe else None,
        )
