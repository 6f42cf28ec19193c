"""Plays a stream into a reception, asks for a keyframe if none comes, and for all tracks if video alone is silent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from xueliang_monitor.model import FaultSeen, Transport
from xueliang_monitor.net.errors import ClosedError, NetError, ProtocolError, RtspStatusError, TransportError
from xueliang_monitor.net.playback import Playback
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.rtsp_description import Description
from xueliang_monitor.net.setup import Tracks, playing
from xueliang_monitor.probing.climbed import Climbed, Described, Reached
from xueliang_monitor.probing.keyframe_request import ask_for_keyframe
from xueliang_monitor.probing.reception import Reception
from xueliang_monitor.probing.rung import VisitContext
from xueliang_monitor.probing.rungs.rtsp import seen_of
from xueliang_monitor.probing.stream_faults import DECODE_FAILED, NO_MEDIA, STREAM_INTERRUPTED
from xueliang_monitor.probing.stream_reasons import (
    BYE,
    CLOSED,
    CLOSED_BEFORE_PLAY,
    NOT_ANSWERED,
    NOT_PLAYED,
    OTHER_TRANSPORT,
    SESSION_LOST,
    STALLED,
    UNREADABLE,
    why_closed,
    why_silent,
)
from xueliang_monitor.wire import rtcp
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.oddities import Oddity
from xueliang_monitor.wire.sdp import Media

FIRST_PACKET_SECONDS = 5.0
ALONE_SECONDS = 2.0
"""How long video alone may stay silent before the other tracks are set up too."""

PROMPT_SECONDS = 1.5
"""How soon after PLAY the first packet must come with all tracks, so that these were what the camera waited for. What
comes later than this may also have come later than `ALONE_SECONDS` with video alone: the camera starts slowly."""

STALL_SECONDS = 4.0
"""Without a packet for this long, a stream is interrupted. It leaves room for one frame per second."""

BYE_SECONDS = 1.5
"""Without a packet for this long after its BYE, a source is gone."""

KEYFRAME_GRACE_SECONDS = 0.3
FOLLOWING_SECONDS = 2.0
SESSION_NOT_FOUND = 454
_FINAL_STATUSES = frozenset({401, 403, 404, 453, SESSION_NOT_FOUND, 503})
"""With these, a camera refuses PLAY for another reason than tracks that are not set up."""


@dataclass(frozen=True, slots=True)
class PlaySession:
    """What playing the stream needs of the visit."""

    context: VisitContext
    climbed: Climbed

    @property
    def description(self) -> Description:
        """What the camera described."""
        return self.climbed.need(Described).description

    @property
    def connection(self) -> RtspConnection:
        """The connection that the stream is set up on."""
        return self.climbed.need(Reached).connection


@dataclass(frozen=True, slots=True)
class PlayedBy:
    """How the stream came: its transport, whether all tracks were set up, and whether the camera needs that."""

    transport: Transport
    all_tracks: bool = False
    needs_all: bool = False


async def play(session: PlaySession, reception: Reception, media: Media, seconds: float) -> PlayedBy:
    """Play the stream into `reception`; return how it came.

    Raises:
        FaultSeen: nothing can be played, or the stream ended before its keyframe.

    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    others = tuple(
        other for other in session.description.session.media if other.control and other.control != media.control
    )
    known = bool(others) and session.context.memory.normal.all_tracks
    reception.wall_offset = session.context.now() - started
    try:
        if known or not others:
            limits = _Limits(started + seconds, FIRST_PACKET_SECONDS)
            tracks = Tracks(media, others if known else ())
            started_by = await _play(session, reception, tracks, limits)
            played_by = PlayedBy(started_by.transport, all_tracks=known, needs_all=known)
        else:
            played_by = await _try_alone(session, reception, Tracks(media, others), started + seconds)
    except MalformedMediaError as error:
        raise FaultSeen(DECODE_FAILED, str(error)) from error
    except TransportError as error:
        raise FaultSeen(NO_MEDIA, str(error), reason=OTHER_TRANSPORT) from error
    except NetError as error:
        raise _fault(error, reception) from error
    if reception.started is None:
        raise _silence(reception, played_by, loop.time() - started, both=not known)
    if played_by.needs_all:
        reception.oddities.count(Oddity.ALL_TRACKS_NEEDED)
    return played_by


async def _try_alone(session: PlaySession, reception: Reception, tracks: Tracks, ends: float) -> PlayedBy:
    """Play the video alone; if it stays silent, or PLAY is refused, with all tracks."""
    loop = asyncio.get_running_loop()
    refused = False
    alone = f"no video packet arrived within {ALONE_SECONDS:.0f} s with the video track alone"
    try:
        limits = _Limits(ends, ALONE_SECONDS)
        started_by = await _play(session, reception, Tracks(tracks.video), limits)
        if reception.started is not None or loop.time() > ends - ALONE_SECONDS / 2:
            return PlayedBy(started_by.transport)
    except RtspStatusError as error:
        if error.step != "PLAY" or error.status in _FINAL_STATUSES:
            raise
        refused, alone = True, f"{error} with the video track alone"
    started_by = await _play_all(session, reception, tracks, _Again(ends, alone))
    came = reception.started is not None and (refused or reception.started - started_by.at <= PROMPT_SECONDS)
    return PlayedBy(started_by.transport, all_tracks=True, needs_all=came)


@dataclass(frozen=True, slots=True)
class _Again:
    """When playing ends at the latest, in monotonic seconds, and what came of the video alone."""

    ends: float
    alone: str


async def _play_all(session: PlaySession, reception: Reception, tracks: Tracks, again: _Again) -> _StartedBy:
    """Play again on a fresh connection, where all tracks are set up. Some cameras allow one attempt on each."""
    try:
        async with asyncio.timeout_at(again.ends):
            await session.connection.reopen()
            url = session.context.target.request_url
            await session.connection.request("DESCRIBE", url, (("Accept", "application/sdp"),))
        return await _play(session, reception, tracks, _Limits(again.ends, FIRST_PACKET_SECONDS))
    except TimeoutError as error:
        detail = f"{again.alone}; a second connection was not answered"
        raise FaultSeen(NO_MEDIA, detail, reason=NOT_ANSWERED) from error
    except NetError as error:
        raise FaultSeen(NO_MEDIA, f"{again.alone}; with all tracks: {error}", reason=NOT_PLAYED) from error


def _silence(reception: Reception, played_by: PlayedBy, seconds: float, *, both: bool) -> FaultSeen:
    instead, reason = why_silent(reception, played_by.transport)
    over = played_by.transport.value.upper()
    detail = f"PLAY was answered, but no video packet arrived within {seconds:.1f} s over {over}"
    if both and played_by.all_tracks:
        detail += ", neither with the video track alone nor with all tracks set up"
    if instead:
        detail += f"; {instead}"
    return FaultSeen(NO_MEDIA, detail, reception.readings(), reason=reason)


def _fault(error: NetError, reception: Reception) -> FaultSeen:
    """Return the fault of an error before the keyframe; one of a connection that is closed came before PLAY."""
    if isinstance(error, RtspStatusError) and error.status == SESSION_NOT_FOUND:
        return FaultSeen(STREAM_INTERRUPTED, str(error), reception.readings(), reason=SESSION_LOST)
    if isinstance(error, ClosedError):
        detail = f"{error} before it answered SETUP or PLAY"
        reason = why_closed(error, CLOSED_BEFORE_PLAY)
        return FaultSeen(STREAM_INTERRUPTED, detail, reception.readings(), reason=reason)
    return seen_of(error, reception.readings())


@dataclass(frozen=True, slots=True)
class _Limits:
    """When playing ends at the latest, in monotonic seconds, and how long it may be silent at first."""

    ends: float
    first_packet_seconds: float


@dataclass(frozen=True, slots=True)
class _StartedBy:
    """The transport that PLAY started, and when it was answered, in monotonic seconds."""

    transport: Transport
    at: float


async def _play(session: PlaySession, reception: Reception, tracks: Tracks, limits: _Limits) -> _StartedBy:
    """Set up the tracks and play them into `reception`; return what was started."""
    wanted = session.context.target.transport
    loop = asyncio.get_running_loop()
    started = loop.time()
    reception.foreign_before = reception.oddities.of(Oddity.FOREIGN_BYTES)  # some come together with the answer to PLAY
    try:
        async with asyncio.timeout_at(limits.ends) as starting:
            async with playing(session.connection, session.description, tracks, wanted) as playback:
                starting.reschedule(None)
                played_at = loop.time()
                reception.begin(playback.transport)
                await _listen(session, playback, reception, limits)
                return _StartedBy(playback.transport, played_at)
    except TimeoutError as error:
        detail = f"SETUP and PLAY were not answered within {loop.time() - started:.1f} s"
        raise FaultSeen(NO_MEDIA, detail, reason=NOT_ANSWERED) from error


async def _listen(session: PlaySession, playback: Playback, reception: Reception, limits: _Limits) -> None:
    """Receive, and ask for a keyframe if none arrives.

    An interruption after the keyframe is noted in `reception`. One before it raises. A picture that violates its
    standard after the keyframe ends the reception.
    """
    requesting = asyncio.create_task(_request_keyframe(session, reception))
    try:
        await _receive(session, playback, reception, limits)
    except ClosedError as error:
        reception.interrupted, reception.interrupted_by = str(error), why_closed(error, CLOSED)
    except ProtocolError as error:
        if reception.keyframe is None:
            raise
        reception.interrupted, reception.interrupted_by = str(error), UNREADABLE
    except MalformedMediaError:
        if reception.keyframe is None:
            raise
    finally:
        requesting.cancel()
        await asyncio.gather(requesting, return_exceptions=True)
    if reception.interrupted:
        reception.interrupted += f" after {reception.order.received} packets"
        if reception.keyframe is None:
            raise FaultSeen(
                STREAM_INTERRUPTED, reception.interrupted, reception.readings(), reason=reception.interrupted_by
            )


async def _request_keyframe(session: PlaySession, reception: Reception) -> None:
    """Ask the camera for a keyframe if none arrives by itself."""
    await asyncio.sleep(KEYFRAME_GRACE_SECONDS)
    if reception.keyframe is None:
        reception.asked_for_keyframe = await ask_for_keyframe(session.context, session.climbed)


async def _receive(session: PlaySession, playback: Playback, reception: Reception, limits: _Limits) -> None:
    """Receive until enough arrived, or until the time is up."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    ends = limits.ends
    batches = playback.batches()
    try:
        async with asyncio.timeout_at(min(ends, started + limits.first_packet_seconds)) as limit:
            async for batch in batches:
                now = loop.time()
                for data in batch.rtp:
                    reception.push(data, now)
                for data in batch.rtcp:
                    if rtcp.is_control(data):
                        reception.push_control(data, session.context.now())
                    else:
                        reception.push(data, now)
                if reception.is_enough(now):
                    return
                if reception.started is not None:
                    ends = _end(reception, limits.ends, now)
                    silent = now + BYE_SECONDS if reception.left else reception.last_packet + STALL_SECONDS
                    limit.reschedule(min(ends, silent))
    except TimeoutError:
        if reception.started is not None and loop.time() < ends:
            _note_silence(reception)
    finally:
        await batches.aclose()


def _end(reception: Reception, latest: float, now: float) -> float:
    """Return when listening ends: a while after the keyframe, unless the source changed since."""
    if reception.keyframe is None or reception.is_superseded(now):
        return latest
    return min(latest, reception.keyframe_at + max(FOLLOWING_SECONDS, reception.listen_seconds + 1.0))


def _note_silence(reception: Reception) -> None:
    """Note why nothing comes any more. A BYE after the keyframe is the end of the stream, and no fault."""
    if not reception.left:
        reception.interrupted, reception.interrupted_by = f"no packet arrived for {STALL_SECONDS:.0f} s", STALLED
    elif reception.keyframe is None:
        reception.interrupted, reception.interrupted_by = "the camera ended the stream (RTCP BYE)", BYE
