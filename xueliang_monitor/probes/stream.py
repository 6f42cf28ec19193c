"""Third rung: does the stream play, up to one whole keyframe and a few pictures more?"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field

from xueliang_monitor.model import Fault, FaultSeen, Finding, Rung, Severity, Text
from xueliang_monitor.net.errors import ClosedError, NetError
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.probes.climb import Climb, Outcome, Probe
from xueliang_monitor.probes.keyframe import ask_for_keyframe
from xueliang_monitor.probes.rtsp import SESSION_LIMIT, connection_of, fault_of
from xueliang_monitor.wire import rtp, tracks
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import AccessUnit, Codec
from xueliang_monitor.wire.sdp import Media

MAX_PIXELS = 64_000_000
FIRST_PACKET_SECONDS = 5.0
KEYFRAME_GRACE_SECONDS = 0.3
FOLLOWING_PICTURES = 4
FOLLOWING_SECONDS = 2.0
MAX_BAD_PACKETS = 100
LOSS_RATIO = 0.01
MIN_PACKETS_FOR_LOSS = 20

NO_MEDIA = Fault(
    "no_media",
    Rung.STREAM,
    Severity.CRITICAL,
    Text("No video arrives", "无视频数据"),
    Text(
        "The camera says it plays, but sends nothing: the encoder hangs.",
        "摄像机声称已播放但未发送数据：编码器可能死机。",
    ),
    Text("Restart the camera; check the encoder's settings.", "重启摄像机；检查编码设置。"),
)
NO_KEYFRAME = Fault(
    "no_keyframe",
    Rung.STREAM,
    Severity.CRITICAL,
    Text("No whole picture arrives", "无关键帧"),
    Text(
        "Video arrives, but no keyframe: a very long interval or a damaged encoder.",
        "有视频数据但没有关键帧：关键帧间隔过长或编码器损坏。",
    ),
    Text(
        "Shorten the keyframe interval to at most 5 s; restart the camera.", "将关键帧间隔设为不超过 5 秒；重启摄像机。"
    ),
)
CODEC_UNSUPPORTED = Fault(
    "codec_unsupported",
    Rung.STREAM,
    Severity.WARNING,
    Text("Codec not supported", "编码格式不支持"),
    Text("The stream's codec is none of H.264, H.265 and MJPEG.", "码流编码不是 H.264、H.265 或 MJPEG。"),
    Text("Choose another codec or another stream of the camera.", "更换编码格式或使用摄像机的另一路码流。"),
)
DECODE_FAILED = Fault(
    "decode_failed",
    Rung.STREAM,
    Severity.CRITICAL,
    Text("Picture cannot be decoded", "画面无法解码"),
    Text("What the camera sends is damaged or against its standard.", "摄像机发送的数据损坏或不合标准。"),
    Text(
        "Restart the camera; if it stays, update its firmware or choose another codec.",
        "重启摄像机；若仍存在，升级固件或更换编码。",
    ),
)
PACKET_LOSS = Fault(
    "packet_loss",
    Rung.STREAM,
    Severity.WARNING,
    Text("Packets are lost", "丢包"),
    Text("The line is overloaded or disturbed, or the camera drops packets.", "线路拥塞或受干扰，或摄像机自身丢包。"),
    Text("Check cable, radio link and switch port; lower the bitrate.", "检查网线、无线链路与交换机端口；降低码率。"),
)
STREAM_INTERRUPTED = Fault(
    "stream_interrupted",
    Rung.STREAM,
    Severity.CRITICAL,
    Text("Stream breaks off", "码流中断"),
    Text("The camera ends the connection while it plays.", "摄像机在播放过程中断开连接。"),
    Text("Check the power supply and the line; restart the camera.", "检查供电与线路；重启摄像机。"),
)


@dataclass(slots=True)
class _Reception:
    """What has arrived so far."""

    depacketizer: tracks.VideoDepacketizer
    payload_type: int
    clock_rate: int
    tracker: rtp.SequenceTracker = field(default_factory=rtp.SequenceTracker)
    bad_packets: int = 0
    damaged: int = 0
    interrupted: str = ""
    asked_for_keyframe: bool = False
    keyframe: AccessUnit | None = None
    following: list[AccessUnit] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)

    def push(self, data: bytes) -> None:
        try:
            packet = rtp.parse(data)
        except MalformedMediaError:
            self.bad_packets += 1
            if self.bad_packets > MAX_BAD_PACKETS:
                raise
            return
        if packet.payload_type != self.payload_type:
            return
        lost = self.tracker.push(packet.sequence)
        for unit in self.depacketizer.push(packet, lost=lost > 0):
            self._take(unit)

    def _take(self, unit: AccessUnit) -> None:
        if len(self.timestamps) < 600:
            self.timestamps.append(unit.timestamp)
        if self.keyframe is not None:
            if len(self.following) < FOLLOWING_PICTURES:
                self.following.append(unit)
        elif unit.keyframe and unit.complete:
            self.keyframe = unit
        elif unit.keyframe:
            self.damaged += 1

    @property
    def complete(self) -> bool:
        """Whether there is a keyframe, and enough around it to tell motion and loss."""
        return len(self.following) >= FOLLOWING_PICTURES and self.tracker.received >= MIN_PACKETS_FOR_LOSS

    @property
    def frame_rate(self) -> float | None:
        """Pictures a second by their timestamps, None with fewer than four."""
        steps = [
            (later - earlier) & 0xFFFFFFFF for earlier, later in zip(self.timestamps, self.timestamps[1:], strict=False)
        ]
        steps = [step for step in steps if 0 < step < 60 * self.clock_rate]
        return self.clock_rate / statistics.median(steps) if len(steps) >= 3 else None

    @property
    def motion_ratio(self) -> float | None:
        """How much the pictures after the keyframe change it: their median size over its own; None if unknown.

        For MJPEG, whose pictures stand alone: 0 where the next ones are the same to the byte, else 1.
        """
        if self.keyframe is None:
            return None
        if self.keyframe.codec is Codec.MJPEG:
            others = [unit.data for unit in self.following if unit.complete]
            return float(any(data != self.keyframe.data for data in others)) if others else None
        sizes = [unit.size for unit in self.following if not unit.keyframe]
        return statistics.median(sizes) / self.keyframe.size if len(sizes) >= 2 else None

    def why_no_keyframe(self, seconds: float) -> FaultSeen:
        """Return what to say when the time is up."""
        received = self.tracker.received
        if not received:
            return FaultSeen(NO_MEDIA, f"PLAY was answered, but no video packet came within {seconds:.1f} s")
        if self.damaged or self.tracker.lost:
            ratio = self.tracker.loss_ratio
            return FaultSeen(
                PACKET_LOSS,
                f"{self.tracker.lost} of {received + self.tracker.lost} packets lost ({ratio:.1%}); "
                f"no keyframe was whole within {seconds:.1f} s",
                {"packet_loss_ratio": ratio},
            )
        return FaultSeen(
            NO_KEYFRAME,
            f"{received} packets and {len(self.timestamps)} pictures within {seconds:.1f} s, none a keyframe",
        )


async def _hurry(climb: Climb, reception: _Reception) -> None:
    """Where no keyframe comes by itself, ask the camera for one."""
    await asyncio.sleep(KEYFRAME_GRACE_SECONDS)
    if reception.keyframe is None:
        reception.asked_for_keyframe = await ask_for_keyframe(climb)


async def _receive(connection: RtspConnection, channel: int, reception: _Reception, seconds: float) -> None:
    """Read until the keyframe and a few pictures after it, or until the time is up."""
    started = time.monotonic()
    first_until = started + min(seconds, FIRST_PACKET_SECONDS)
    payloads = connection.payloads(channel)
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + first_until - started) as limit:
            async for batch in payloads:
                had_keyframe, had_packets = reception.keyframe is not None, reception.tracker.received > 0
                for data in batch:
                    reception.push(data)
                now = asyncio.get_running_loop().time()
                if not had_packets and reception.tracker.received:
                    limit.reschedule(now + seconds - (time.monotonic() - started))
                if reception.complete:
                    return
                if reception.keyframe is not None and not had_keyframe:
                    limit.reschedule(now + FOLLOWING_SECONDS)
    except TimeoutError:
        return
    finally:
        await payloads.aclose()


def _check_size(size: tuple[int, int] | None) -> None:
    if size and size[0] * size[1] > MAX_PIXELS:
        raise MalformedMediaError(
            f"its parameter set claims {size[0]}x{size[1]} pixels, over {MAX_PIXELS // 1_000_000} million"
        )


def _video(climb: Climb) -> tuple[Media, tracks.VideoDepacketizer]:
    if climb.description is None:
        raise RuntimeError("the ladder was climbed out of order")
    media = climb.description.session.video
    if media is None:
        raise FaultSeen(NO_MEDIA, "the camera's description names no video track")
    depacketizer = tracks.depacketizer(media)
    if depacketizer is None:
        raise FaultSeen(CODEC_UNSUPPORTED, f"the stream's codec is {media.encoding[:40] or 'not named'}")
    return media, depacketizer


async def _play(climb: Climb, reception: _Reception, media: Media, seconds: float) -> None:
    connection = connection_of(climb)
    if climb.description is None:
        raise RuntimeError("the ladder was climbed out of order")
    started = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            channel = await connection.play(climb.description, media)
    except NetError as error:
        raise FaultSeen(
            STREAM_INTERRUPTED if isinstance(error, ClosedError) else fault_of(error), str(error)
        ) from error
    except TimeoutError as error:
        raise FaultSeen(NO_MEDIA, f"SETUP and PLAY were not answered within {seconds:.1f} s") from error
    hurry = asyncio.create_task(_hurry(climb, reception))
    try:
        await _receive(connection, channel, reception, seconds - (time.monotonic() - started))
    except MalformedMediaError as error:
        raise FaultSeen(DECODE_FAILED, str(error)) from error
    except ClosedError as error:
        detail = f"{error} after {reception.tracker.received} packets"
        if reception.keyframe is None:
            raise FaultSeen(STREAM_INTERRUPTED, detail) from error
        reception.interrupted = detail
    except NetError as error:
        raise FaultSeen(fault_of(error), str(error)) from error
    finally:
        hurry.cancel()
        await asyncio.gather(hurry, return_exceptions=True)


async def _climb(climb: Climb) -> Outcome:
    media, depacketizer = _video(climb)
    reception = _Reception(depacketizer, media.payload_type, media.clock_rate)
    started = time.monotonic()
    await _play(climb, reception, media, climb.timeouts.stream)
    seconds = time.monotonic() - started
    if reception.keyframe is None:
        raise reception.why_no_keyframe(seconds)
    try:
        climb.size = depacketizer.size
        _check_size(climb.size)
    except MalformedMediaError as error:
        raise FaultSeen(DECODE_FAILED, str(error)) from error
    climb.keyframe, climb.motion_ratio = reception.keyframe, reception.motion_ratio
    return _outcome(climb, reception, reception.keyframe, seconds)


def _outcome(climb: Climb, reception: _Reception, keyframe: AccessUnit, seconds: float) -> Outcome:
    tracker = reception.tracker
    readings: dict[str, float | str] = {
        "codec": keyframe.codec.value,
        "keyframe_wait_seconds": seconds,
        "keyframe_bytes": float(len(keyframe.data)),
        "packet_loss_ratio": tracker.loss_ratio,
    }
    if reception.asked_for_keyframe:
        readings["keyframe_requested"] = 1.0
    if climb.size:
        readings["resolution"] = f"{climb.size[0]}x{climb.size[1]}"
    if (rate := reception.frame_rate) is not None:
        readings["frame_rate_hertz"] = rate
    if (motion := reception.motion_ratio) is not None:
        readings["motion_ratio"] = motion
    ruled_out = _EXCLUDES | {SESSION_LIMIT.code}
    if reception.interrupted:
        return Outcome(readings, seen=(Finding(STREAM_INTERRUPTED.code, reception.interrupted),), ruled_out=ruled_out)
    if tracker.loss_ratio <= LOSS_RATIO:
        return Outcome(readings, ruled_out=ruled_out | {PACKET_LOSS.code})
    detail = f"{tracker.lost} of {tracker.received + tracker.lost} packets lost ({tracker.loss_ratio:.1%})"
    return Outcome(readings, seen=(Finding(PACKET_LOSS.code, detail),), ruled_out=ruled_out)


_FAULTS = (NO_MEDIA, NO_KEYFRAME, CODEC_UNSUPPORTED, DECODE_FAILED, PACKET_LOSS, STREAM_INTERRUPTED)
_EXCLUDES = frozenset({NO_MEDIA.code, NO_KEYFRAME.code, CODEC_UNSUPPORTED.code, STREAM_INTERRUPTED.code})

STREAM = Probe(Rung.STREAM, _FAULTS, _EXCLUDES, _climb, lambda timeouts: timeouts.stream + 1.0, NO_MEDIA)
