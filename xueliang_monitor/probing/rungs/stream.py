"""Third rung: does the stream play, up to one complete keyframe and a few pictures after it?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from xueliang_monitor.model import FaultSeen, Finding, Rung, Text, Transport
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.rtsp_description import Description
from xueliang_monitor.probing import stream_baseline
from xueliang_monitor.probing.climbed import Climbed, Played
from xueliang_monitor.probing.decode_reasons import UNNAMED
from xueliang_monitor.probing.dome_aim import aim_before
from xueliang_monitor.probing.picture_sizes import burst_of, size_of
from xueliang_monitor.probing.playing import PlaySession, play
from xueliang_monitor.probing.reception import MIN_PACKETS, Reception
from xueliang_monitor.probing.rung import PICTURE_SHARE_SECONDS, Probe, RungOutcome, VisitContext
from xueliang_monitor.probing.rungs.rtsp import SESSION_LIMIT
from xueliang_monitor.probing.stream_faults import (
    CODEC_UNSUPPORTED,
    DECODE_FAILED,
    FOREIGN_BYTES,
    FOREIGN_SHARE,
    LOSS_RATIO,
    NO_KEYFRAME,
    NO_MEDIA,
    PACKET_LOSS,
    STREAM_INTERRUPTED,
    loss_of,
    why_no_keyframe,
)
from xueliang_monitor.wire import tracks
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.sdp import Media

READ_AGAIN_SECONDS = 240.0
"""The age of the last readings at which new ones are due."""

_NewDepacketizer = Callable[[], tracks.VideoDepacketizer]


def _video(description: Description, gate: Gate, oddities: Oddities) -> tuple[Media, _NewDepacketizer]:
    """Return the track, and what makes a depacketizer for each of its sources."""
    videos = description.session.videos
    if not videos:
        raise FaultSeen(NO_MEDIA, "the camera's SDP has no video track")
    chosen = tracks.choose(videos)
    if chosen is None:
        names = ", ".join(tracks.codec_name(media, gate) for media in videos[:4])
        reason = "" if any(media.encoding for media in videos) else UNNAMED
        raise FaultSeen(CODEC_UNSUPPORTED, f"the stream's codec is {names}", reason=reason)
    media, depacketizer = chosen
    return media, lambda: tracks.depacketizer(media, oddities) or depacketizer


def _reception(
    context: VisitContext, media: Media, new_depacketizer: _NewDepacketizer, oddities: Oddities
) -> Reception:
    normal = context.memory.normal
    due = normal.read_at is None or normal.doubtful or context.now() - normal.read_at >= READ_AGAIN_SECONDS
    return Reception(
        new_depacketizer,
        media.payload_type,
        media.clock_rate,
        oddities=oddities,
        listen_seconds=context.target.listen_seconds if due else 0.0,
        least_packets=MIN_PACKETS if context.target.waits_for_packets else 0,
    )


async def _climb(context: VisitContext, climbed: Climbed, seconds: float) -> RungOutcome:
    session = PlaySession(context, climbed)
    oddities = session.connection.oddities
    media, new_depacketizer = _video(session.description, context.gate, oddities)
    reception = _reception(context, media, new_depacketizer, oddities)
    started = time.monotonic()
    played_by = await play(session, reception, media, seconds)
    taken = time.monotonic() - started
    if reception.keyframe is None:
        raise why_no_keyframe(reception, taken)
    size, burst = size_of(reception), burst_of(reception)
    memory = context.memory
    played = Played(
        reception.keyframe,
        following=burst[: context.target.picture.burst] if memory.bursts.due else (),
        motion_ratio=reception.motion_ratio,
        size=size,
        normal=replace(memory.normal, all_tracks=played_by.needs_all),
    )
    outcome = _outcome(context, reception, played, played_by.transport)
    return _with_foreign_bytes(outcome, session.connection)


def _outcome(context: VisitContext, reception: Reception, played: Played, transport: Transport) -> RungOutcome:
    readings = replace(
        reception.readings(),
        keyframe_wait_seconds=reception.keyframe_after,
        transport=transport.value,
        resolution=f"{played.size[0]}x{played.size[1]}" if played.size else None,
    )
    ruled_out = _EXCLUDES | {SESSION_LIMIT.code}
    if reception.interrupted:
        interruption = Finding(STREAM_INTERRUPTED.code, reception.interrupted, reason=reception.interrupted_by)
        seen: tuple[Finding, ...] = (interruption,)
        return RungOutcome(readings, seen=seen, ruled_out=ruled_out, value=played)
    seen = ()
    if reception.order.loss_ratio > LOSS_RATIO:
        seen = (Finding(PACKET_LOSS.code, loss_of(reception)),)
    elif reception.order.received >= MIN_PACKETS and reception.order.numbers_tell:
        ruled_out |= {PACKET_LOSS.code}
    if reception.listen_seconds and not seen:
        judged = stream_baseline.judge(context.target, played.normal, readings, played.size, now=context.now())
        played = replace(played, normal=judged.normal)
        seen, ruled_out = judged.seen, ruled_out | judged.ruled_out
    return RungOutcome(readings, seen=seen, ruled_out=ruled_out, value=played)


def _with_foreign_bytes(outcome: RungOutcome, connection: RtspConnection) -> RungOutcome:
    """Add that a large part of what arrived belongs to no packet, or rule it out."""
    share = connection.foreign_share
    if share <= FOREIGN_SHARE:
        return replace(outcome, ruled_out=outcome.ruled_out | {FOREIGN_BYTES.code})
    count = connection.oddities.of(Oddity.FOREIGN_BYTES)
    detail = f"{count} bytes were skipped, {share:.0%} of what arrived"
    return replace(outcome, seen=(*outcome.seen, Finding(FOREIGN_BYTES.code, detail)))


_FAULTS = (
    NO_MEDIA,
    NO_KEYFRAME,
    CODEC_UNSUPPORTED,
    DECODE_FAILED,
    PACKET_LOSS,
    STREAM_INTERRUPTED,
    FOREIGN_BYTES,
    *stream_baseline.FAULTS,
)
_EXCLUDES = frozenset({NO_MEDIA.code, NO_KEYFRAME.code, CODEC_UNSUPPORTED.code, STREAM_INTERRUPTED.code})

STREAM = Probe(
    rung=Rung.STREAM,
    title=Text("Stream", "码流"),
    summary=Text(
        "The monitor plays the stream up to a complete keyframe and measures what arrives.",
        "播放码流直到收到完整的关键帧，并测量码流。",
    ),
    faults=_FAULTS,
    excludes=_EXCLUDES,
    timed=(NO_MEDIA, NO_KEYFRAME, PACKET_LOSS, STREAM_INTERRUPTED, DECODE_FAILED),
    timed_out=NO_MEDIA,
    climb=_climb,
    prepare=aim_before,
    timeout_seconds=12.0,
    grace_seconds=1.0,
    leaves_seconds=PICTURE_SHARE_SECONDS,
)
