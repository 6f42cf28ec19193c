"""Assembles and counts what arrives of a stream: pictures, bytes, loss, jitter, the camera's clock. No I/O.

A stream may come from several sources, one after the other or at once: the end of the stream before, another stream on
the same channel, or a new source with each group of pictures. Each source has its own lane. One lane is judged.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from xueliang_monitor.model import Transport
from xueliang_monitor.probing.lane import Lane
from xueliang_monitor.probing.pace import Pace, keyframe_interval, measure
from xueliang_monitor.readings import Readings
from xueliang_monitor.wire import rtcp, rtp
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import AccessUnit, Codec
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.packet_order import GivenOrder, PacketOrder, Resequencer
from xueliang_monitor.wire.tracks import VideoDepacketizer

BURST_PICTURES = 3
"""Pictures after the keyframe that are examined too. Rolling and shaking show in four pictures."""

MIN_PACKETS = 20
"""Fewer packets say nothing about loss."""

MAX_LISTENED_BYTES = 8 * 1024 * 1024
MAX_LANES = 4
MAX_KEPT_BYTES = 12 * 1024 * 1024
"""Of pictures in all lanes. With more, only the judged lane is kept."""

SILENT_SECONDS = 1.0
"""A source without a packet for this long, while another one sends, is over."""

TOGETHER_SECONDS = 2.0
"""How long two sources must send at once to be two streams, and not the end of one and the start of the other."""

MEANINGLESS_SOURCES = 3
"""After so many new sources in a row, none of which came back, the source says nothing."""

UDP_REORDER_DEPTH = 32
_MAX_CLOCKS = 8
_PLAUSIBLE_CLOCK = 946_684_800.0
"""The year 2000. A sender clock before it counts from the sender's start, not from the epoch."""


@dataclass(slots=True)
class Reception:
    """One track's packets, assembled into pictures. Times are monotonic seconds.

    Packets come over TCP, unless `begin` says otherwise. `wall_offset` is what the monotonic clock lacks to the seconds
    since the epoch. `interrupted` is what ended the stream too early, and `interrupted_by` the key of its reason.
    """

    new_depacketizer: Callable[[], VideoDepacketizer]
    payload_type: int
    clock_rate: int
    oddities: Oddities
    listen_seconds: float = 0.0
    least_packets: int = MIN_PACKETS
    wall_offset: float = 0.0
    started: float | None = None
    bad_packets: int = 0
    other_types: Counter[int] = field(default_factory=Counter)
    interrupted: str = ""
    interrupted_by: str = ""
    asked_for_keyframe: bool = False
    foreign_before: int = 0
    _transport: Transport = Transport.TCP
    _lanes: dict[int, Lane] = field(default_factory=dict)
    _lane: Lane = field(init=False)
    _judged: Lane = field(init=False)
    _new_sources: int = 0
    _clocks: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with a lane that the first source takes."""
        self._lane = self._judged = self._new_lane(0, 0.0)

    def begin(self, transport: Transport) -> None:
        """Start anew, with packets in the order of the transport."""
        if self.started is None and transport is self._transport:
            return
        self._transport = transport
        self._lanes = {}
        self.started = None
        self._lane = self._judged = self._new_lane(0, 0.0)

    def push(self, data: bytes, now: float) -> None:
        """Take an RTP packet that arrived at `now`. What is not RTP is counted.

        Raises:
            MalformedMediaError: the picture violates its standard.

        """
        try:
            packet = rtp.parse(data)
        except MalformedMediaError:
            self._pass_over(data, None, now)
            return
        if packet.payload_type != self.payload_type:
            self._pass_over(data, packet, now)
            return
        lane = self._lane
        if packet.ssrc != lane.source or self.started is None:
            lane = self._change_lane(packet, now)
        try:
            lane.push(packet, now)
        except MalformedMediaError:
            if lane.keyframe is not None or len(self._lanes) < 2:
                raise
            self._drop(lane)
        if lane is not self._judged and lane is self._lane:
            self._compare(lane, now)

    def push_control(self, data: bytes, wall: float) -> None:
        """Take an RTCP packet that arrived at `wall`, in seconds since the epoch."""
        packet = rtcp.parse(data)
        for source in packet.bye:
            if source in self._lanes:
                self._lanes[source].leave()
        report = packet.sender_report
        if report is None or report.at <= _PLAUSIBLE_CLOCK:
            return
        if report.ssrc in self._clocks or len(self._clocks) < _MAX_CLOCKS:
            self._clocks.pop(report.ssrc, None)
            self._clocks[report.ssrc] = report.at - wall

    def _pass_over(self, data: bytes, packet: rtp.RtpPacket | None, now: float) -> None:
        """Count a packet that is not of the video. One that is RTCP is read as such (RFC 5761)."""
        if rtcp.is_control(data):
            self.push_control(data, now + self.wall_offset)
        elif packet is None:
            self.bad_packets += 1
            self.oddities.count(Oddity.BAD_PACKET)
        else:
            self.other_types[packet.payload_type] += 1
            self.oddities.count(Oddity.OTHER_PAYLOAD_TYPE)
            self._lane.order.pass_over(packet.sequence)

    def _new_lane(self, source: int, now: float) -> Lane:
        udp = self._transport is Transport.UDP
        depacketizer = self.new_depacketizer()
        order: PacketOrder = (
            Resequencer(UDP_REORDER_DEPTH, self.oddities, self.clock_rate)
            if udp
            else GivenOrder(self.oddities, self.clock_rate, begins=depacketizer.begins)
        )
        return Lane(source, depacketizer, order, now)

    def _change_lane(self, packet: rtp.RtpPacket, now: float) -> Lane:
        """Return the lane of a packet whose source is not that of the packet before."""
        lane, known = self._lane, self._lanes.get(packet.ssrc)
        if self.started is None:
            self.started = lane.started = now
            self._rename(lane, packet.ssrc)
        elif known is not None:
            lane, self._new_sources = known, 0
        elif lane.order.continues_with(packet) or self._new_sources >= MEANINGLESS_SOURCES:
            self.oddities.count(Oddity.SOURCE_CHANGED)
            self._rename(lane, packet.ssrc)
        else:
            self._new_sources += 1
            lane = self._lanes[packet.ssrc] = self._new_lane(packet.ssrc, now)
        self._lane = lane
        self._bound()
        return lane

    def _rename(self, lane: Lane, source: int) -> None:
        self._lanes.pop(lane.source, None)
        lane.source = source
        self._lanes[source] = lane

    def _bound(self) -> None:
        """Drop the lanes that are silent for the longest time, and all but two if they keep too much."""
        if len(self._lanes) < 2:
            return
        others = [lane for lane in self._lanes.values() if lane is not self._judged and lane is not self._lane]
        if sum(lane.kept_bytes for lane in self._lanes.values()) > MAX_KEPT_BYTES:
            for lane in others:
                self._drop(lane)
        elif len(self._lanes) > MAX_LANES:
            self._drop(min(others, key=lambda lane: lane.last_packet))

    def _drop(self, lane: Lane) -> None:
        del self._lanes[lane.source]
        if self._judged is lane:
            self._judged = max(self._lanes.values(), key=lambda other: other.order.received)
        if self._lane is lane:
            self._lane = self._judged

    def _compare(self, lane: Lane, now: float) -> None:
        """Judge a lane that is not the judged one and just received a packet, if it is the better one."""
        self.oddities.count(Oddity.OTHER_SOURCE)
        judged = self._judged
        silent = now - judged.last_packet > SILENT_SECONDS
        if judged.keyframe is None:
            better = lane.keyframe is not None or silent or lane.order.received > judged.order.received
        else:
            better = silent and lane.keyframe is not None
        if better:
            self.oddities.count(Oddity.SOURCE_CHANGED)
            self._judged = lane

    @property
    def depacketizer(self) -> VideoDepacketizer:
        """The depacketizer of the judged source."""
        return self._judged.depacketizer

    @property
    def order(self) -> PacketOrder:
        """The order and the loss of the judged source."""
        return self._judged.order

    @property
    def keyframe(self) -> AccessUnit | None:
        """The first complete keyframe of the judged source."""
        return self._judged.keyframe

    @property
    def keyframe_at(self) -> float:
        """When the keyframe was complete."""
        return self._judged.keyframe_at

    @property
    def keyframe_after(self) -> float:
        """Seconds from the first packet to the keyframe."""
        return self.keyframe_at - (self.started or self.keyframe_at)

    @property
    def following(self) -> list[AccessUnit]:
        """The pictures after the keyframe."""
        return self._judged.following

    @property
    def damaged(self) -> int:
        """How many keyframes came and were not complete."""
        return self._judged.damaged

    @property
    def last_packet(self) -> float:
        """When the last packet arrived."""
        return self._lane.last_packet

    @property
    def left(self) -> bool:
        """Whether the source that is judged said BYE, and nothing came since."""
        return self._judged.left and self._lane.left

    def is_superseded(self, now: float) -> bool:
        """Return whether the judged source is over and another one sends, from which more may come."""
        judged = self._judged
        return not judged.is_settled and self._lane is not judged and now - judged.last_packet > SILENT_SECONDS

    @property
    def clock_offset(self) -> float | None:
        """How far the camera's clock is ahead of ours in seconds, by the sender report of the judged source."""
        if self._judged.source in self._clocks:
            return self._clocks[self._judged.source]
        return next((offset for source, offset in reversed(self._clocks.items()) if source not in self._lanes), None)

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
    def foreign_bytes(self) -> int:
        """How many bytes of no packet came since `foreign_before` was noted, as the stream was set up."""
        return self.oddities.of(Oddity.FOREIGN_BYTES) - self.foreign_before

    @property
    def pictures(self) -> int:
        """The number of pictures that arrived, complete or not."""
        return len(self._judged.pictures)

    def is_enough(self, now: float) -> bool:
        """Return whether enough arrived to judge the keyframe, motion and loss, and to take readings."""
        judged = self._judged
        if not judged.is_settled or judged.order.received < self.least_packets:
            return False
        if sum(lane.bytes for lane in self._lanes.values()) > MAX_LISTENED_BYTES:
            return True  # the camera sends faster than real time
        if len(self._lanes) > 1 and any(
            now - lane.last_packet <= SILENT_SECONDS and now - lane.started <= TOGETHER_SECONDS
            for lane in self._lanes.values()
            if lane is not judged
        ):
            return False
        return self.started is not None and now - self.started >= self.listen_seconds

    @property
    def pace(self) -> Pace:
        """Frame rate, bitrate and jitter."""
        return measure(self._judged.pictures, self.clock_rate)

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
        pace, order = self.pace, self.order
        return Readings(
            codec=self.keyframe.codec.value if self.keyframe is not None else None,
            keyframe_bytes=float(len(self.keyframe.data)) if self.keyframe is not None else None,
            profile=self.depacketizer.profile or None,
            packet_loss_ratio=order.loss_ratio if order.numbers_tell else None,
            reordered_packets=float(order.reordered),
            jitter_seconds=pace.jitter_seconds,
            frame_rate_hertz=pace.frame_rate,
            arrival_rate_hertz=pace.arrival_rate,
            bits_per_second=pace.bits_per_second,
            bytes_per_second=pace.bits_per_second / 8 if pace.bits_per_second is not None else None,
            keyframe_interval_seconds=keyframe_interval(self._judged.keyframes, self.clock_rate / pace.clock_ratio),
            stream_clock_offset_seconds=self.clock_offset,
            keyframe_requested=1.0 if self.asked_for_keyframe else None,
            oddities=str(self.oddities),
            skipped_bytes=float(self.oddities.of(Oddity.FOREIGN_BYTES)),
        )
