"""Sends a simulated camera's clip in real time, with what is wrong with it at the moment."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from typing import TYPE_CHECKING

from xueliang_monitor.simulator.clips import RATE, Clip, Picture
from xueliang_monitor.wire import rtcp, rtp
from xueliang_monitor.wire.media import Codec

if TYPE_CHECKING:
    from xueliang_monitor.simulator.camera import SimulatedCamera
    from xueliang_monitor.simulator.transports import Outlet

PAYLOAD_TYPES = {Codec.H264: 96, Codec.H265: 96, Codec.MJPEG: 26}
CLOCK_RATE = 90_000
REPORT_EVERY = RATE * 2
_FILLER = {Codec.H264: b"\x0c", Codec.H265: b"\x4c\x01"}
"""Headers of filler NAL units (H.264, 7.3.2.7; H.265, 7.3.2.8)."""

_FILLER_BYTES = 1000


class ConnectionLost(Exception):
    """The camera is to reset the connection now."""


class Player:
    """One client's stream, from the live position or, as most cameras do, from its keyframe."""

    def __init__(self, camera: SimulatedCamera, outlet: Outlet, seed: str) -> None:
        self._camera = camera
        self._outlet = outlet
        self._chance = random.Random(seed)
        self._sequence = self._chance.randrange(0x10000)
        self._sent = 0

    async def run(self) -> None:
        """Send pictures at their rate for as long as the task lasts.

        Raises:
            ConnectionLost: the camera ends it.

        """
        loop = asyncio.get_running_loop()
        camera = self._camera
        clip = camera.clip()
        index = int(loop.time() * RATE) % len(clip.pictures)
        if camera.keyframe_at_play:
            index = clip.keyframe_at_or_before(index)
        started, asked = loop.time(), camera.keyframe_requests
        for number in itertools.count():
            if (current := camera.clip()) is not clip:
                clip, index = current, 0
            if asked != camera.keyframe_requests:
                asked, index = camera.keyframe_requests, clip.keyframe_at_or_before(index)
            picture = clip.pictures[index]
            index = (index + 1) % len(clip.pictures)
            await self._show(clip, picture, number)
            await asyncio.sleep(max(0.0, started + (number + 1) / RATE - loop.time()))

    async def _show(self, clip: Clip, picture: Picture, number: int) -> None:
        behaviour = self._camera.behaviour
        if not behaviour.keyframes and (clip.codec is Codec.MJPEG or picture.keyframe):
            return
        if number % behaviour.thinning and not picture.keyframe:
            return
        if number % behaviour.thinning and clip.codec is Codec.MJPEG:
            return
        media: list[bytes] = []
        for packet in self._packets(clip, picture, number):
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
        await self._outlet.send(media, [self._report(number)] if number % REPORT_EVERY == 0 else [])

    def _report(self, number: int) -> bytes:
        at = time.time() + self._camera.behaviour.clock_offset
        return rtcp.serialize_sender_report(rtcp.SenderReport(self._camera.ssrc, at, _timestamp(number), self._sent))

    def _packets(self, clip: Clip, picture: Picture, number: int) -> list[bytes]:
        behaviour = self._camera.behaviour
        payloads = list(picture.payloads)
        if behaviour.damaged:
            payloads = [_damage(payload, 4 if clip.codec is Codec.MJPEG else 12) for payload in payloads]
        payloads += _padding(clip.codec, payloads, behaviour.padding)
        packets = []
        for offset, payload in enumerate(payloads):
            marker = offset == len(payloads) - 1
            packet = rtp.RtpPacket(
                PAYLOAD_TYPES[clip.codec], self._sequence, _timestamp(number), self._camera.ssrc, marker, payload
            )
            packets.append(rtp.serialize(packet))
            self._sequence = (self._sequence + 1) & 0xFFFF
        return packets


def _timestamp(number: int) -> int:
    return (number * CLOCK_RATE // RATE) & 0xFFFFFFFF


def _padding(codec: Codec, payloads: list[bytes], size: int) -> list[bytes]:
    """Return payloads that add nothing to a picture but about `size` bytes."""
    count = size // _FILLER_BYTES
    if codec is not Codec.MJPEG:
        return [_FILLER[codec] + b"\xff" * (_FILLER_BYTES - 2) + b"\x80"] * count
    offset = sum(len(payload) - 8 for payload in payloads) - (4 + 128)  # behind the first one's tables
    head = payloads[0][4:8]
    return [
        (offset + number * _FILLER_BYTES).to_bytes(4, "big") + head + bytes(_FILLER_BYTES) for number in range(count)
    ]


def _damage(payload: bytes, kept: int) -> bytes:
    """Keep the payload's own headers, and put nonsense in place of the picture."""
    kept = min(len(payload), kept)
    return payload[:kept] + bytes((value * 7 + 13) & 0xFF for value in range(len(payload) - kept))
