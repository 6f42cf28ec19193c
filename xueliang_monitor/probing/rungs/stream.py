"""Third rung: does the stream play, up to one complete keyframe and a few pictures after it?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from xueliang_monitor.model import Fault, FaultSeen, Finding, Rung, Severity, Text, Transport
from xueliang_monitor.net.errors import ClosedError, NetError, RtspStatusError
from xueliang_monitor.net.playback import Playback, playing
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.rtsp_description import Description
from xueliang_monitor.probing import stream_baseline
from xueliang_monitor.probing.climbed import Climbed, Described, Played, Reached
from xueliang_monitor.probing.keyframe_request import ask_for_keyframe
from xueliang_monitor.probing.reception import MIN_PACKETS, Reception
from xueliang_monitor.probing.rung import PICTURE_SHARE_SECONDS, Probe, RungOutcome, VisitContext
from xueliang_monitor.probing.rungs.rtsp import SESSION_LIMIT, fault_of
from xueliang_monitor.wire import rtp, tracks
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.sdp import Media

MAX_PIXELS = 64_000_000
FIRST_PACKET_SECONDS = 5.0
STALL_SECONDS = 4.0
"""Without a packet for this long, a stream is interrupted. It leaves room for one frame per second."""

KEYFRAME_GRACE_SECONDS = 0.3
FOLLOWING_SECONDS = 2.0
READ_AGAIN_SECONDS = 240.0
"""The age of the last readings at which new ones are due."""

TCP_REORDER_DEPTH, UDP_REORDER_DEPTH = 4, 32
LOSS_RATIO = 0.01
SESSION_NOT_FOUND = 454

NO_MEDIA = Fault(
    "no_media",
    Rung.STREAM,
    Severity.CRITICAL,
    name=Text("No video data", "无视频数据"),
    cause=Text(
        "The camera accepts PLAY but sends no video. Its encoder may hang.",
        "摄像机应答了 PLAY 但未发送视频数据：编码器可能死机。",
    ),
    advice=Text("Restart the camera. Check the encoder settings.", "重启摄像机；检查编码设置。"),
)
NO_KEYFRAME = Fault(
    "no_keyframe",
    Rung.STREAM,
    Severity.CRITICAL,
    name=Text("No keyframe", "无关键帧"),
    cause=Text(
        "Video arrives without a keyframe: the keyframe interval is very long, or the encoder is faulty.",
        "有视频数据但没有关键帧：关键帧间隔过长或编码器故障。",
    ),
    advice=Text(
        "Set the keyframe interval to 5 s or less. Restart the camera.", "将关键帧间隔设为不超过 5 秒；重启摄像机。"
    ),
)
CODEC_UNSUPPORTED = Fault(
    "codec_unsupported",
    Rung.STREAM,
    Severity.WARNING,
    name=Text("Codec not supported", "编码格式不支持"),
    cause=Text("The stream's codec is not H.264, H.265 or MJPEG.", "码流编码不是 H.264、H.265 或 MJPEG。"),
    advice=Text("Select another codec, or another stream of the camera.", "更换编码格式，或使用摄像机的另一路码流。"),
)
DECODE_FAILED = Fault(
    "decode_failed",
    Rung.STREAM,
    Severity.CRITICAL,
    name=Text("Video cannot be decoded", "画面无法解码"),
    cause=Text(
        "The video data are damaged or violate the codec's standard.", "摄像机发送的视频数据损坏或不符合编码标准。"
    ),
    advice=Text(
        "Restart the camera. If the fault stays, update its firmware or select another codec.",
        "重启摄像机；若仍存在，请升级固件或更换编码格式。",
    ),
)
PACKET_LOSS = Fault(
    "packet_loss",
    Rung.STREAM,
    Severity.WARNING,
    name=Text("Packet loss", "丢包"),
    cause=Text(
        "The line is overloaded or disturbed, or the camera drops packets.", "线路拥塞或受干扰，或摄像机自身丢包。"
    ),
    advice=Text(
        "Check cable, radio link and switch port. Lower the bitrate.", "检查网线、无线链路与交换机端口；降低码率。"
    ),
)
STREAM_INTERRUPTED = Fault(
    "stream_interrupted",
    Rung.STREAM,
    Severity.CRITICAL,
    name=Text("Stream interrupted", "码流中断"),
    cause=Text(
        "The camera closes the connection or stops sending while it plays.",
        "摄像机在播放过程中断开连接或停止发送数据。",
    ),
    advice=Text("Check the power supply and the line. Restart the camera.", "检查供电与线路；重启摄像机。"),
)


@dataclass(frozen=True, slots=True)
class _Session:
    """What playing the stream needs of the visit."""

    context: VisitContext
    climbed: Climbed

    @property
    def description(self) -> Description:
        return self.climbed.need(Described).description

    @property
    def connection(self) -> RtspConnection:
        return self.climbed.need(Reached).connection


def _why_no_keyframe(reception: Reception, seconds: float) -> FaultSeen:
    """Return the fault of a stream without a complete keyframe."""
    order = reception.order
    readings = reception.readings()
    if not order.received:
        return FaultSeen(NO_MEDIA, f"PLAY was answered, but no video packet arrived within {seconds:.1f} s")
    if order.lost:
        return FaultSeen(
            PACKET_LOSS, f"{_loss(reception)}; no complete keyframe arrived within {seconds:.1f} s", readings
        )
    if reception.damaged:
        detail = (
            f"{reception.damaged} keyframes arrived within {seconds:.1f} s without packet loss, and none was complete"
        )
        return FaultSeen(DECODE_FAILED, detail, readings)
    detail = f"{order.received} packets and {reception.pictures} frames within {seconds:.1f} s, without a keyframe"
    return FaultSeen(NO_KEYFRAME, detail, readings)


def _loss(reception: Reception) -> str:
    order = reception.order
    return f"{order.lost} of {order.received + order.lost} packets lost ({order.loss_ratio:.1%})"


async def _request_keyframe(session: _Session, reception: Reception) -> None:
    """Ask the camera for a keyframe if none arrives by itself."""
    await asyncio.sleep(KEYFRAME_GRACE_SECONDS)
    if reception.keyframe is None:
        reception.asked_for_keyframe = await ask_for_keyframe(session.context, session.climbed)


async def _receive(session: _Session, playback: Playback, reception: Reception, seconds: float) -> None:
    """Receive until enough arrived, or until the time is up."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    ends = started + seconds
    batches = playback.batches()
    try:
        async with asyncio.timeout_at(started + min(seconds, FIRST_PACKET_SECONDS)) as limit:
            async for batch in batches:
                now = loop.time()
                had_keyframe = reception.keyframe is not None
                for data in batch.rtp:
                    reception.push(data, now)
                for data in batch.rtcp:
                    reception.push_control(data, session.context.now())
                if reception.is_enough(now) or reception.left:
                    return
                if reception.keyframe is not None and not had_keyframe:
                    ends = min(ends, now + max(FOLLOWING_SECONDS, reception.listen_seconds + 1.0))
                if reception.started is not None:
                    limit.reschedule(min(ends, max(reception.last_packet, started) + STALL_SECONDS))
    except TimeoutError:
        if reception.started is not None and loop.time() < ends:
            reception.interrupted = f"no packet arrived for {STALL_SECONDS:.0f} s"
    finally:
        await batches.aclose()


def _check_size(size: tuple[int, int] | None) -> None:
    if size and size[0] * size[1] > MAX_PIXELS:
        raise MalformedMediaError(
            f"its parameter set claims {size[0]}x{size[1]} pixels; the limit is {MAX_PIXELS // 1_000_000} million"
        )


def _video(description: Description, gate: Gate) -> tuple[Media, tracks.VideoDepacketizer]:
    videos = description.session.videos
    if not videos:
        raise FaultSeen(NO_MEDIA, "the camera's SDP has no video track")
    chosen = tracks.choose(videos)
    if chosen is None:
        names = ", ".join(tracks.codec_name(media, gate) for media in videos[:4])
        raise FaultSeen(CODEC_UNSUPPORTED, f"the stream's codec is {names}")
    return chosen


def _reception(context: VisitContext, media: Media, depacketizer: tracks.VideoDepacketizer) -> Reception:
    normal = context.memory.normal
    due = normal.read_at is None or normal.doubtful or context.now() - normal.read_at >= READ_AGAIN_SECONDS
    return Reception(
        depacketizer,
        media.payload_type,
        media.clock_rate,
        order=rtp.Resequencer(TCP_REORDER_DEPTH),
        jitter=rtp.Jitter(media.clock_rate),
        listen_seconds=context.target.listen_seconds if due else 0.0,
    )


async def _play(session: _Session, reception: Reception, media: Media, seconds: float) -> Transport:
    """Play the stream into `reception`; return how it came."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    wanted = session.context.target.transport
    try:
        async with asyncio.timeout(seconds) as starting:
            async with playing(session.connection, session.description, media, wanted) as playback:
                starting.reschedule(None)
                if playback.transport is Transport.UDP:
                    reception.order = rtp.Resequencer(UDP_REORDER_DEPTH)
                await _listen(session, playback, reception, seconds - (loop.time() - started))
                return playback.transport
    except TimeoutError as error:
        raise FaultSeen(NO_MEDIA, f"SETUP and PLAY were not answered within {seconds:.1f} s") from error
    except MalformedMediaError as error:
        raise FaultSeen(DECODE_FAILED, str(error)) from error
    except NetError as error:
        raise FaultSeen(STREAM_INTERRUPTED if _is_interruption(error) else fault_of(error), str(error)) from error


def _is_interruption(error: NetError) -> bool:
    """Return whether the camera closed the connection, or no longer knows the session (454)."""
    return isinstance(error, ClosedError) or (isinstance(error, RtspStatusError) and error.status == SESSION_NOT_FOUND)


async def _listen(session: _Session, playback: Playback, reception: Reception, seconds: float) -> None:
    """Receive, and ask for a keyframe if none arrives.

    An interruption after the keyframe is noted in `reception`. One before it raises.
    """
    requesting = asyncio.create_task(_request_keyframe(session, reception))
    try:
        await _receive(session, playback, reception, seconds)
    except ClosedError as error:
        reception.interrupted = str(error)
    finally:
        requesting.cancel()
        await asyncio.gather(requesting, return_exceptions=True)
    if reception.interrupted:
        reception.interrupted += f" after {reception.order.received} packets"
        if reception.keyframe is None:
            raise FaultSeen(STREAM_INTERRUPTED, reception.interrupted)


async def _climb(context: VisitContext, climbed: Climbed, seconds: float) -> RungOutcome:
    session = _Session(context, climbed)
    media, depacketizer = _video(session.description, context.gate)
    reception = _reception(context, media, depacketizer)
    started = time.monotonic()
    transport = await _play(session, reception, media, seconds)
    taken = time.monotonic() - started
    if reception.keyframe is None:
        raise _why_no_keyframe(reception, taken)
    try:
        size = depacketizer.size
        _check_size(size)
    except MalformedMediaError as error:
        raise FaultSeen(DECODE_FAILED, str(error)) from error
    memory = context.memory
    played = Played(
        reception.keyframe,
        following=reception.burst[: context.target.picture.burst] if memory.bursts.due else (),
        motion_ratio=reception.motion_ratio,
        size=size,
        normal=memory.normal,
    )
    return _outcome(context, reception, played, transport)


def _outcome(context: VisitContext, reception: Reception, played: Played, transport: Transport) -> RungOutcome:
    readings = replace(
        reception.readings(),
        keyframe_wait_seconds=reception.keyframe_after,
        transport=transport.value,
        resolution=f"{played.size[0]}x{played.size[1]}" if played.size else None,
    )
    ruled_out = _EXCLUDES | {SESSION_LIMIT.code}
    if reception.interrupted:
        seen: tuple[Finding, ...] = (Finding(STREAM_INTERRUPTED.code, reception.interrupted),)
        return RungOutcome(readings, seen=seen, ruled_out=ruled_out, value=played)
    seen = ()
    if reception.order.loss_ratio > LOSS_RATIO:
        seen = (Finding(PACKET_LOSS.code, _loss(reception)),)
    elif reception.order.received >= MIN_PACKETS:
        ruled_out |= {PACKET_LOSS.code}
    if reception.listen_seconds and not seen:
        judged = stream_baseline.judge(context.target, played.normal, readings, played.size, now=context.now())
        played = replace(played, normal=judged.normal)
        seen, ruled_out = judged.seen, ruled_out | judged.ruled_out
    return RungOutcome(readings, seen=seen, ruled_out=ruled_out, value=played)


_FAULTS = (
    NO_MEDIA,
    NO_KEYFRAME,
    CODEC_UNSUPPORTED,
    DECODE_FAILED,
    PACKET_LOSS,
    STREAM_INTERRUPTED,
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
    timeout_seconds=12.0,
    grace_seconds=1.0,
    leaves_seconds=PICTURE_SHARE_SECONDS,
)
