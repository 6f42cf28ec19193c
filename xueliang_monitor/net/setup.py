"""SETUP and PLAY: sets up the video, and other tracks where a camera needs that (RFC 2326, 10.4 and 10.5)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from xueliang_monitor.model import Transport
from xueliang_monitor.net.errors import ClosedError, NetError, RtspStatusError, TransportError
from xueliang_monitor.net.playback import InterleavedPlayback, Playback, UdpPlayback
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.rtsp_description import Description
from xueliang_monitor.net.udp import open_pair
from xueliang_monitor.wire import sdp
from xueliang_monitor.wire.messages import Response
from xueliang_monitor.wire.oddities import Oddity

MAX_OTHER_TRACKS = 4
UNSUPPORTED_TRANSPORT, SESSION_NOT_FOUND = 461, 454
_DESTINATION = re.compile(r"destination\s*=\s*([0-9A-Fa-f.:]{2,45})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tracks:
    """The tracks to set up: the video that is received, and others that are set up but never read."""

    video: sdp.Media
    others: tuple[sdp.Media, ...] = ()


@contextlib.asynccontextmanager
async def playing(
    connection: RtspConnection, description: Description, tracks: Tracks, transport: Transport
) -> AsyncIterator[Playback]:
    """Set up the tracks and start them: interleaved first, over UDP if the camera or `transport` requires it.

    Raises:
        NetError: the camera does not play the video.

    """
    async with contextlib.AsyncExitStack() as stack:
        setup = _Setup(connection, description, stack)
        playback = await setup.video(tracks.video, transport)
        for number, media in enumerate(tracks.others[:MAX_OTHER_TRACKS], start=1):
            await setup.other(media, playback, number)
        if not tracks.others and isinstance(playback, InterleavedPlayback):
            playback.be_alone()
        await setup.play()
        yield playback


class _Setup:
    """Sets up the tracks of one session; the stack closes their ports."""

    def __init__(self, connection: RtspConnection, description: Description, stack: contextlib.AsyncExitStack) -> None:
        self._connection = connection
        self._description = description
        self._stack = stack
        self._first: Response | None = None
        connection.begin_session(description.aggregate)

    async def video(self, media: sdp.Media, transport: Transport) -> Playback:
        """Set up the video; return it."""
        track = self._description.track(media)
        if transport is not Transport.UDP:
            try:
                return await self._interleaved(track)
            except RtspStatusError as error:
                if error.status != UNSUPPORTED_TRANSPORT or transport is Transport.TCP:
                    raise
            except TransportError:
                if transport is Transport.TCP:
                    raise
        playback = UdpPlayback(self._connection, await open_pair(*self._connection.addresses))
        self._stack.push_async_callback(playback.close)
        response = await self._request(track, playback, self._connection.session_headers)
        named = response.headers.get("transport")
        if _is_interleaved(named):
            await playback.close()
            return self._as_interleaved(response)
        _refuse_multicast(named)
        playback.apply_response(response)
        return playback

    async def _interleaved(self, track: str) -> Playback:
        playback = InterleavedPlayback(self._connection)
        response = await self._request(track, playback)
        named = response.headers.get("transport")
        _refuse_multicast(named)
        if "server_port" in named.lower() and not _is_interleaved(named):
            raise TransportError("SETUP asked for TCP, and the camera answered with UDP")
        return self._as_interleaved(response)

    def _as_interleaved(self, response: Response) -> InterleavedPlayback:
        playback = InterleavedPlayback(self._connection)
        playback.apply_response(response)
        return playback

    async def other(self, media: sdp.Media, video: Playback, number: int) -> None:
        """Set up a track that is not read. One that the camera refuses costs nothing."""
        track = self._description.track(media)
        headers = self._connection.session_headers
        try:
            if not isinstance(video, UdpPlayback):
                await self._request(track, InterleavedPlayback(self._connection, number), headers)
                return
            playback = UdpPlayback(self._connection, await open_pair(*self._connection.addresses, keeps=False))
            self._stack.push_async_callback(playback.close)
            playback.apply_response(await self._request(track, playback, headers))
            video.keep_alive_too(playback)
        except ClosedError:
            raise
        except NetError:
            return

    async def _request(self, track: str, playback: Playback, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        connection = self._connection
        response = await connection.request("SETUP", track, (("Transport", playback.transport_header), *headers))
        if self._first is None or response.headers.get("session"):
            connection.take_session(response)
        if headers and connection.session_headers != headers:
            connection.oddities.count(Oddity.SESSION_CHANGED)
        self._first = self._first or response
        return response

    async def play(self) -> None:
        """Start the tracks, in the last session that the camera named; if it does not know that, in the first."""
        try:
            await self._request_play()
        except RtspStatusError as error:
            if error.status != SESSION_NOT_FOUND or self._first is None:
                raise
            last = self._connection.session_headers
            self._connection.take_session(self._first)
            if self._connection.session_headers == last:
                raise
            await self._request_play()

    async def _request_play(self) -> None:
        headers = (*self._connection.session_headers, ("Range", "npt=0.000-"))
        await self._connection.request("PLAY", self._description.aggregate, headers)


def _is_interleaved(named: str) -> bool:
    return "interleaved" in named.lower() or "/tcp" in named.lower()


def _refuse_multicast(named: str) -> None:
    if "multicast" not in named.lower():
        return
    group = _DESTINATION.search(named)
    where = f" to {group[1]}" if group else ""
    raise TransportError(f"SETUP asked for unicast, and the camera answered with multicast{where}")
