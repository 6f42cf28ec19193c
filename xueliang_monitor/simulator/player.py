"""Sends the clip of a simulated camera in real time, with the changes that its faults make."""

from __future__ import annotations

import asyncio
import itertools
import random

from xueliang_monitor.simulator.behaviour import PictureSent
from xueliang_monitor.simulator.camera_state import CameraState
from xueliang_monitor.simulator.clips import RATE, Clip, Picture
from xueliang_monitor.simulator.transports import Outlet
from xueliang_monitor.wire import rtcp, rtp
from xueliang_monitor.wire.media import Codec

PAYLOAD_TYPES = {Codec.H264: 96, Codec.H265: 96, Codec.MJPEG: 26}
CLOCK_RATE = 90_000
REPORT_EVERY = RATE * 2
"""Pictures between two sender reports."""


class ConnectionLost(Exception):
    """A fault resets the connection."""


class Player:
    """The stream to one client. It starts at the live position or, as on most cameras, at the keyframe before it."""

    def __init__(self, camera: CameraState, outlet: Outlet, seed: str) -> None:
        self._camera = camera
        self._outlet = outlet
        self._chance = random.Random(seed)
        self._sequence = self._chance.randrange(0x10000)
        self._sent = self._since_keyframe = self._keyframes = self._until_keyframe = 0

    async def run(self) -> None:
        """Send pictures at their rate until cancelled.

        Raises:
            ConnectionLost: a fault resets the connection.

        """
        loop = asyncio.get_running_loop()
        camera = self._camera
        clip = camera.clip()
        index = int(loop.time() * RATE) % len(clip.pictures)
        if camera.keyframe_at_play:
            index = clip.keyframe_at_or_before(index)
        started, keyframe_requests = loop.time(), camera.keyframe_requests
        self._until_keyframe = 0 if camera.keyframe_at_play else camera.keyframe_gap - 1
        for number in itertools.count():
            if (current := camera.clip()) is not clip:
                clip, index = current, 0
            if keyframe_requests != camera.keyframe_requests:
                keyframe_requests, index = camera.keyframe_requests, clip.keyframe_at_or_before(index)
                self._until_keyframe = 0
            picture = self._spared(clip, index)
            index = (index + 1) % len(clip.pictures)
            await self._send(clip, picture, number)
            await asyncio.sleep(max(0.0, started + (number + 1) / RATE - loop.time()))

    def _spared(self, clip: Clip, index: int) -> Picture:
        """Return the picture at a place of the clip; the one before in place of a keyframe that is spared."""
        picture = clip.pictures[index]
        if not picture.keyframe or clip.codec is Codec.MJPEG or self._until_keyframe <= 0:
            self._until_keyframe = self._camera.keyframe_gap - 1 if picture.keyframe else self._until_keyframe - 1
            return picture
        self._until_keyframe -= 1
        return clip.pictures[index - 1]

    async def _send(self, clip: Clip, picture: Picture, number: int) -> None:
        behaviour = self._camera.behaviour
        if not behaviour.keyframes and (clip.codec is Codec.MJPEG or picture.keyframe):
            return
        if number % behaviour.thinning and not picture.keyframe:
            return
        if number % behaviour.thinning and clip.codec is Codec.MJPEG:
            return
        if picture.keyframe:
            self._since_keyframe = 0
        sent = PictureSent(
            clip.codec,
            number,
            picture.keyframe,
            packets=self._sent,
            since_keyframe=self._since_keyframe,
            keyframes=self._keyframes,
            ssrc=self._camera.ssrc,
            timestamp=_timestamp(number),
        )
        media: list[bytes] = []
        for packet in self._packets(clip, picture, sent):
            if behaviour.loss and self._chance.random() < behaviour.loss:
                continue
            if behaviour.stall_after_packets is not None and self._sent >= behaviour.stall_after_packets:
                break
            if behaviour.reset_after_packets is not None and self._sent >= behaviour.reset_after_packets:
                await self._outlet.send(media, [])
                raise ConnectionLost
            media.append(packet)
            self._sent += 1
        for place in range(len(media) - 1):
            if behaviour.disorder and self._chance.random() < behaviour.disorder:
                media[place], media[place + 1] = media[place + 1], media[place]
        self._since_keyframe += len(media)
        self._keyframes += picture.keyframe
        control = [self._report(number)] if number % REPORT_EVERY == 0 else []
        control += [packet for further in behaviour.control_packets for packet in further(sent)]
        await self._outlet.send(media, control)

    def _report(self, number: int) -> bytes:
        at = self._camera.now()
        return rtcp.serialize_sender_report(rtcp.SenderReport(self._camera.ssrc, at, _timestamp(number), self._sent))

    def _packets(self, clip: Clip, picture: Picture, sent: PictureSent) -> list[bytes]:
        behaviour = self._camera.behaviour
        payloads = list(picture.payloads)
        for payload_filter in behaviour.payload_filters:
            payloads = payload_filter(clip.codec, payloads)
        packets = []
        for offset, payload in enumerate(payloads):
            marker = offset == len(payloads) - 1
            packet = rtp.RtpPacket(
                payload_type=PAYLOAD_TYPES[clip.codec],
                sequence=self._sequence,
                timestamp=sent.timestamp,
                ssrc=self._camera.ssrc,
                marker=marker,
                payload=payload,
            )
            packets.append(rtp.serialize(packet))
            self._sequence = (self._sequence + 1) & 0xFFFF
        for packet_filter in behaviour.packet_filters:
            packets = packet_filter(sent, packets)
        return packets


def _timestamp(number: int) -> int:
    return (number * CLOCK_RATE // RATE) & 0xFFFFFFFF
