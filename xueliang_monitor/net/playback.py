"""SETUP, PLAY and what then comes: interleaved in the connection, or by UDP beside it (RFC 2326, 10.4 to 10.12)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from xueliang_monitor.model import Transport
from xueliang_monitor.net.errors import NetError, RtspStatusError
from xueliang_monitor.net.rtsp import Description, RtspConnection
from xueliang_monitor.net.udp import PortPair, open_pair
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.wire import sdp
from xueliang_monitor.wire.messages import Response

MAX_STREAM_BYTES = 64 * 1024 * 1024
UNSUPPORTED_TRANSPORT = 461


@dataclass(frozen=True, slots=True)
class Batch:
    """The RTP and RTCP packets that came together."""

    rtp: list[bytes]
    rtcp: list[bytes]


class Playback(ABC):
    """One track that is set up; `transport` says how it comes."""

    transport: Transport

    def __init__(self, connection: RtspConnection) -> None:
        self._connection = connection

    @property
    @abstractmethod
    def asked(self) -> str:
        """The Transport header to ask with (RFC 2326, 12.39)."""

    @abstractmethod
    def granted(self, response: Response) -> None:
        """Take the Transport header that the camera answered with."""

    @abstractmethod
    async def next(self) -> Batch:
        """Wait for packets."""

    def live(self) -> None:
        """Give a sign of life, so that the camera keeps the session."""
        self._connection.keep_alive()

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Yield packets as they come, up to 64 MiB, and keep the session alive at half its time.

        Raises:
            ClosedError, ProtocolError: the connection failed.

        """
        loop = asyncio.get_running_loop()
        pause = self._connection.session_seconds / 2
        alive = loop.time()
        received = 0
        while received < MAX_STREAM_BYTES:
            batch = await self.next()
            received += sum(map(len, batch.rtp)) + sum(map(len, batch.rtcp))
            yield batch
            if loop.time() - alive > pause:
                alive = loop.time()
                self.live()


class Interleaved(Playback):
    """In the RTSP connection itself, on a pair of channels (RFC 2326, 10.12)."""

    transport = Transport.TCP

    def __init__(self, connection: RtspConnection) -> None:
        super().__init__(connection)
        self._channels = (0, 1)

    @property
    def asked(self) -> str:
        """See `Playback`."""
        return "RTP/AVP/TCP;unicast;interleaved=0-1"

    def granted(self, response: Response) -> None:
        """Take the channels, which need not be those asked for."""
        if told := re.search(r"interleaved\s*=\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?", response.headers.get("transport")):
            first = int(told[1])
            self._channels = (first, int(told[2]) if told[2] else first + 1)

    async def next(self) -> Batch:
        """See `Playback`."""
        frames = await self._connection.receive()
        media, control = self._channels
        return Batch(
            [frame.payload for frame in frames if frame.channel == media],
            [frame.payload for frame in frames if frame.channel == control],
        )


class Datagrams(Playback):
    """By UDP to a pair of our ports (RFC 2326, 12.39; RFC 3550, 11)."""

    transport = Transport.UDP

    def __init__(self, connection: RtspConnection, pair: PortPair) -> None:
        super().__init__(connection)
        self._pair = pair
        self._watching: asyncio.Task[None] | None = None

    @property
    def asked(self) -> str:
        """See `Playback`."""
        return f"RTP/AVP;unicast;client_port={self._pair.port}-{self._pair.port + 1}"

    def granted(self, response: Response) -> None:
        """Take the camera's ports, and whether it sends from another of its addresses."""
        transport = response.headers.get("transport")
        ports = re.search(r"server_port\s*=\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?", transport)
        source = re.search(r"source\s*=\s*([0-9A-Fa-f.:]{2,45})", transport)
        theirs = (int(ports[1]), int(ports[2] or int(ports[1]) + 1)) if ports else None
        self._pair.expect(source[1] if source else None, theirs)
        self._pair.open_way()

    async def next(self) -> Batch:
        """See `Playback`; the connection is watched beside, as its end is the stream's."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        media, control = await self._pair.receive()
        return Batch(media, control)

    async def _watch(self) -> None:
        try:
            while True:
                await self._connection.receive()
        except (NetError, ShortageError) as error:
            self._pair.fail(error)

    def live(self) -> None:
        """Answer the camera by RTCP too, as some end the session without it (RFC 3550, 6.2)."""
        super().live()
        self._pair.report()

    async def close(self) -> None:
        """Close the ports, and give the connection back for TEARDOWN."""
        self._pair.close()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])


@contextlib.asynccontextmanager
async def playing(
    connection: RtspConnection, description: Description, media: sdp.Media, transport: Transport
) -> AsyncIterator[Playback]:
    """Set one track up and start it; interleaved first, by UDP where the camera wants that or it is asked for.

    Raises:
        NetError: the camera does not play it.

    """
    async with contextlib.AsyncExitStack() as stack:
        playback = await _set_up(connection, description, media, transport, stack)
        await connection.request("PLAY", description.aggregate, (*connection.session_headers, ("Range", "npt=0.000-")))
        yield playback


async def _set_up(
    connection: RtspConnection,
    description: Description,
    media: sdp.Media,
    transport: Transport,
    stack: contextlib.AsyncExitStack,
) -> Playback:
    track = description.track(media)
    connection.begin_session(description.aggregate)
    if transport is not Transport.UDP:
        try:
            return await _ask(connection, track, Interleaved(connection))
        except RtspStatusError as error:
            if error.status != UNSUPPORTED_TRANSPORT or transport is Transport.TCP:
                raise
    pair = await open_pair(*connection.addresses)
    playback = Datagrams(connection, pair)
    stack.push_async_callback(playback.close)
    return await _ask(connection, track, playback)


async def _ask(connection: RtspConnection, track: str, playback: Playback) -> Playback:
    response = await connection.request("SETUP", track, (("Transport", playback.asked),))
    connection.take_session(response)
    playback.granted(response)
    return playback
