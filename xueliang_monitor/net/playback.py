"""The packets of a track that plays: interleaved in the connection or over UDP (RFC 2326, 10.12 and 12.39)."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

from xueliang_monitor.model import Transport
from xueliang_monitor.net.errors import NetError
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.udp import MAX_PORT, PortPair
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.wire.messages import Response
from xueliang_monitor.wire.oddities import Oddity

MAX_STREAM_BYTES = 64 * 1024 * 1024
BATCH_BYTES, BATCH_PACKETS = 16 * 1024, 64
"""The size of a batch. The worst one takes 10 ms to be assembled, and one packet of the largest size as long."""

COSTLY_SECONDS = 0.005
PAUSE_FACTOR = 10
MAX_PAUSE_SECONDS = 0.1
"""After a batch that took `COSTLY_SECONDS` of processor time, reading pauses for `PAUSE_FACTOR` times as long. A batch
of a camera takes a fiftieth of that, a keyframe a fifth."""

_CHANNELS = re.compile(r"interleaved\s*=\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PacketBatch:
    """RTP and RTCP packets that were received together."""

    rtp: list[bytes]
    rtcp: list[bytes]

    def split(self) -> Iterator[PacketBatch]:
        """Yield the packets in batches of `BATCH_BYTES` or a packet more, and of at most `BATCH_PACKETS`.

        All packets that wait are received together: thousands of them, if a camera sends before it answers PLAY.
        """
        for control, packets in ((False, self.rtp), (True, self.rtcp)):
            part: list[bytes] = []
            size = 0
            for packet in packets:
                part.append(packet)
                size += len(packet)
                if size >= BATCH_BYTES or len(part) >= BATCH_PACKETS:
                    yield PacketBatch([], part) if control else PacketBatch(part, [])
                    part, size = [], 0
            if part:
                yield PacketBatch([], part) if control else PacketBatch(part, [])


class Playback(ABC):
    """One track that is set up."""

    transport: Transport

    def __init__(self, connection: RtspConnection) -> None:
        self._connection = connection

    @property
    @abstractmethod
    def transport_header(self) -> str:
        """The Transport header of the SETUP request (RFC 2326, 12.39)."""

    @abstractmethod
    def apply_response(self, response: Response) -> None:
        """Apply the Transport header of the response to SETUP."""

    @abstractmethod
    async def receive(self) -> PacketBatch:
        """Wait for packets."""

    def keep_alive(self) -> None:
        """Send a keep-alive, so that the camera does not end the session."""
        self._connection.keep_alive()

    async def batches(self) -> AsyncGenerator[PacketBatch, None]:
        """Yield packets as they arrive, up to 64 MiB; send keep-alives at half the session timeout.

        Raises:
            ClosedError, ProtocolError: the connection failed.

        """
        loop = asyncio.get_running_loop()
        pause = self._connection.session_seconds / 2

        timers: list[asyncio.TimerHandle] = []

        def keep_alive() -> None:
            with contextlib.suppress(NetError):
                self.keep_alive()
            timers[:] = [loop.call_later(pause, keep_alive)]

        timers.append(loop.call_later(pause, keep_alive))
        received = 0
        try:
            while received < MAX_STREAM_BYTES:
                batch = await self.receive()
                received += sum(map(len, batch.rtp)) + sum(map(len, batch.rtcp))
                for number, part in enumerate(batch.split()):
                    if number:
                        await asyncio.sleep(0)  # let other tasks run between two parts
                    began = time.thread_time()
                    yield part
                    took = time.thread_time() - began
                    if took >= COSTLY_SECONDS:
                        await asyncio.sleep(min(PAUSE_FACTOR * took, MAX_PAUSE_SECONDS))
        finally:
            timers[0].cancel()


class InterleavedPlayback(Playback):
    """Packets interleaved in the RTSP connection, on a pair of channels (RFC 2326, 10.12)."""

    transport = Transport.TCP

    def __init__(self, connection: RtspConnection, number: int = 0) -> None:
        super().__init__(connection)
        self._channels = (2 * number, 2 * number + 1)
        self._alone = False
        self._confirmed = False

    @property
    def transport_header(self) -> str:
        """See `Playback`."""
        return f"RTP/AVP/TCP;unicast;interleaved={self._channels[0]}-{self._channels[1]}"

    def apply_response(self, response: Response) -> None:
        """Use the channels of the response, which may differ from the requested ones."""
        if match := _CHANNELS.search(response.headers.get("transport")):
            first = int(match[1])
            self._channels = (first, int(match[2]) if match[2] else first + 1)

    def be_alone(self) -> None:
        """Take packets from any channel until some come on the announced one: no other track is set up."""
        self._alone = True

    async def receive(self) -> PacketBatch:
        """See `Playback`."""
        frames = await self._connection.receive()
        media, control = self._channels
        packets = [frame.payload for frame in frames if frame.channel == media]
        reports = [frame.payload for frame in frames if frame.channel == control]
        if packets:
            self._confirmed = True
        elif self._alone and not self._confirmed:
            packets = [frame.payload for frame in frames if frame.channel != control]
        return PacketBatch(packets, reports)


class UdpPlayback(Playback):
    """Packets over UDP to a pair of local ports (RFC 2326, 12.39; RFC 3550, 11)."""

    transport = Transport.UDP

    def __init__(self, connection: RtspConnection, pair: PortPair) -> None:
        super().__init__(connection)
        self._pair = pair
        self._beside: list[PortPair] = []
        self._watching: asyncio.Task[None] | None = None

    @property
    def transport_header(self) -> str:
        """See `Playback`."""
        return f"RTP/AVP;unicast;client_port={self._pair.port}-{self._pair.port + 1}"

    def apply_response(self, response: Response) -> None:
        """Use the camera's ports, and its source address if it sends from another one."""
        transport = response.headers.get("transport")
        ports = re.search(r"(?i)server_port\s*=\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?", transport)
        source = re.search(r"(?i)source\s*=\s*\[?([0-9A-Fa-f.:]{2,45})", transport)
        theirs = (int(ports[1]), int(ports[2] or int(ports[1]) + 1)) if ports else (0, 0)
        self._pair.expect(source[1] if source else None, theirs if min(theirs) and max(theirs) <= MAX_PORT else None)
        self._pair.open_nat()

    async def receive(self) -> PacketBatch:
        """See `Playback`. The RTSP connection is watched too, because the stream ends with it."""
        if self._watching is None:
            self._pair.open_nat()  # a camera may open its ports only with PLAY
            self._watching = asyncio.create_task(self._watch())
        media, control = await self._pair.receive()
        if media and self._pair.is_strange and self._pair.announced:
            self._connection.oddities.count(Oddity.OTHER_PORT, len(media))
        return PacketBatch(media, control)

    async def _watch(self) -> None:
        try:
            while True:
                await self._connection.receive()
        except (NetError, ShortageError) as error:
            self._pair.fail(error)

    def keep_alive(self) -> None:
        """Also send an RTCP receiver report, because some cameras end the session without one (RFC 3550, 6.2)."""
        super().keep_alive()
        for pair in (self._pair, *self._beside):
            pair.report()

    def keep_alive_too(self, other: UdpPlayback) -> None:
        """Send reports for another track of the session too."""
        self._beside.append(other._pair)

    async def close(self) -> None:
        """Close the ports and stop watching the connection, so that TEARDOWN can use it."""
        self._pair.close()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
