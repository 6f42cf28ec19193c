"""The faults of the stream rung, and which of them a stream without a whole keyframe shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xueliang_monitor.model import Fault, FaultSeen, Rung, Severity, Text
from xueliang_monitor.probing.decode_reasons import (
    CODEC_DIFFERS,
    CODEC_REASONS,
    DECODE_REASONS,
    NO_KEYFRAME_REASONS,
    NO_PICTURES,
    ODD_PACKETS,
    OVERSIZED,
    SETS_MISSING,
    SIZE_UNKNOWN,
    TABLES_MISSING,
)
from xueliang_monitor.probing.reception import Reception
from xueliang_monitor.probing.stream_reasons import INTERRUPTED_REASONS, SILENT_REASONS
from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES
from xueliang_monitor.wire.shortcomings import Flaw
from xueliang_monitor.wire.telling import TellingDepacketizer
from xueliang_monitor.wire.units import MAX_UNITS

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
    reasons=SILENT_REASONS,
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
    reasons=NO_KEYFRAME_REASONS,
)
CODEC_UNSUPPORTED = Fault(
    "codec_unsupported",
    Rung.STREAM,
    Severity.WARNING,
    name=Text("Codec not supported", "编码格式不支持"),
    cause=Text("The stream's codec is not H.264, H.265 or MJPEG.", "码流编码不是 H.264、H.265 或 MJPEG。"),
    advice=Text("Select another codec, or another stream of the camera.", "更换编码格式，或使用摄像机的另一路码流。"),
    reasons=CODEC_REASONS,
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
    reasons=DECODE_REASONS,
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
    reasons=INTERRUPTED_REASONS,
)

FOREIGN_BYTES = Fault(
    "foreign_bytes",
    Rung.STREAM,
    Severity.WARNING,
    name=Text("Bytes of no packet", "码流夹带无效字节"),
    cause=Text(
        "Between the packets of the stream stand bytes that belong to none. Pictures may be lost with them.",
        "码流的数据包之间夹有不属于任何数据包的字节，可能因此丢失画面。",
    ),
    advice=Text(
        "Update the camera's firmware. Or select UDP (transport: udp) if the camera offers it.",
        "升级摄像机固件；若摄像机支持，也可改用 UDP（transport: udp）。",
    ),
)

FOREIGN_SHARE = 0.05
"""A share of bytes that belong to no packet above which they are a fault."""

LOSS_RATIO = 0.01
"""A share of lost packets above which loss is named."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A fault of a stream without a complete keyframe: when it applies, and what its detail says."""

    applies: Callable[[Reception], bool]
    fault: Fault
    detail: Callable[[Reception], str]
    reason: str = ""


def _lacks(flaw: Flaw) -> Callable[[Reception], bool]:
    return lambda reception: reception.depacketizer.shortcomings.main_flaw is flaw


def _is_lossy(reception: Reception) -> bool:
    order = reception.order
    damaged = reception.depacketizer.shortcomings.keyframes[Flaw.CUT]
    return bool(order.lost) and (damaged > 0 or order.loss_ratio > LOSS_RATIO)


def _is_odd(reception: Reception) -> bool:
    return 2 * reception.depacketizer.shortcomings.odd_packets >= reception.order.received


def _differs(reception: Reception) -> bool:
    reader = reception.depacketizer
    return isinstance(reader, TellingDepacketizer) and reader.sent is not reader.announced


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _keyframes(reception: Reception, of_one: str, of_several: str) -> str:
    """Return how many keyframes arrived, and what is said of them."""
    count = reception.depacketizer.shortcomings.keyframes.total()
    return f"{count} keyframes {of_several}" if count > 1 else f"a keyframe {of_one}"


def _packets(reception: Reception) -> str:
    return _counted(reception.order.received, "packet")


def _jpegs(reception: Reception) -> str:
    return f"{_counted(reception.damaged, 'JPEG picture')} arrived"


def _missing_sets(reception: Reception) -> str:
    names = " and ".join(reception.depacketizer.shortcomings.missing)
    whole = f"arrived whole, but the {names} that"
    return _keyframes(reception, f"{whole} it needs never came", f"{whole} they need never came")


def _odd_packets(reception: Reception) -> str:
    shortcomings = reception.depacketizer.shortcomings
    most = ", ".join(f"{name} ({count})" for name, count in shortcomings.packets.most_common(3))
    return f"{shortcomings.odd_packets} of {_packets(reception)} cannot be read; most are {most}"


def _both_codecs(reception: Reception) -> str:
    reader = reception.depacketizer
    codecs = f"announced {reader.announced}, sent {reader.sent}" if isinstance(reader, TellingDepacketizer) else ""
    return f"{codecs}; {_keyframes(reception, 'arrived, and is not complete', 'arrived, and none was complete')}"


def _incomplete(reception: Reception) -> str:
    whole = "arrived without packet loss, and"
    return _keyframes(reception, f"{whole} is not complete", f"{whole} none was complete")


_ROWS = (
    _Row(lambda reception: not reception.order.received, NO_MEDIA, lambda _: "PLAY was answered, but no video came"),
    _Row(_lacks(Flaw.SETS), DECODE_FAILED, _missing_sets, SETS_MISSING),
    _Row(_is_lossy, PACKET_LOSS, lambda reception: f"{loss_of(reception)}; no complete keyframe arrived"),
    _Row(
        _lacks(Flaw.SIZE),
        DECODE_FAILED,
        lambda reception: f"{_jpegs(reception)} with no size in their packets or the SDP",
        SIZE_UNKNOWN,
    ),
    _Row(
        _lacks(Flaw.TABLES),
        DECODE_FAILED,
        lambda reception: f"{_jpegs(reception)}, and the quantization tables never came",
        TABLES_MISSING,
    ),
    _Row(
        _lacks(Flaw.OVERSIZED),
        DECODE_FAILED,
        lambda _: (
            f"a picture of over {MAX_ACCESS_UNIT_BYTES} bytes or {MAX_UNITS} units arrived, and no complete keyframe"
        ),
        OVERSIZED,
    ),
    _Row(_is_odd, DECODE_FAILED, _odd_packets, ODD_PACKETS),
    _Row(
        lambda reception: _differs(reception) and _lacks(Flaw.CUT)(reception),
        DECODE_FAILED,
        _both_codecs,
        CODEC_DIFFERS,
    ),
    _Row(
        _lacks(Flaw.CUT),
        DECODE_FAILED,
        _incomplete,
    ),
    _Row(
        lambda reception: not reception.pictures,
        NO_KEYFRAME,
        lambda reception: f"{_packets(reception)} arrived without a picture",
        NO_PICTURES,
    ),
    _Row(
        lambda _: True,
        NO_KEYFRAME,
        lambda reception: f"{_packets(reception)} and {_counted(reception.pictures, 'frame')} without a keyframe",
    ),
)
"""The first row that applies is the fault."""


def why_no_keyframe(reception: Reception, seconds: float) -> FaultSeen:
    """Return the fault of a stream without a complete keyframe."""
    row = next(row for row in _ROWS if row.applies(reception))
    detail = f"{row.detail(reception)} within {seconds:.1f} s"
    return FaultSeen(row.fault, detail, reception.readings(), reason=row.reason)


def loss_of(reception: Reception) -> str:
    """Return how many packets were lost, for a detail."""
    order = reception.order
    return f"{order.lost} of {order.received + order.lost} packets lost ({order.loss_ratio:.1%})"
