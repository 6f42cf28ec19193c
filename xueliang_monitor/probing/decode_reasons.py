"""Why a stream that comes cannot be decoded, where the usual cause of the fault would be untrue."""

from __future__ import annotations

from xueliang_monitor.model import Reason, Text

SETS_MISSING, TABLES_MISSING, SIZE_UNKNOWN = "parameter_sets_missing", "tables_missing", "size_unknown"
OVERSIZED, ODD_PACKETS, CODEC_DIFFERS = "oversized", "odd_packets", "codec_differs"
NO_PICTURES, UNNAMED = "no_pictures", "unnamed"

_RESTART = Text(
    "Restart the camera. If the fault stays, update its firmware or select another codec.",
    "重启摄像机；若仍存在，请升级固件或更换编码格式。",
)

DECODE_REASONS = (
    Reason(
        SETS_MISSING,
        Text(
            "Keyframes arrive whole, but a parameter set that they refer to is neither in the SDP nor in the stream.",
            "关键帧完整，但其引用的参数集既不在 SDP 中，也未在码流中发送。",
        ),
        Text(
            "Restart the camera or update its firmware. Or use another stream of it.",
            "重启摄像机或升级固件；或使用其另一路码流。",
        ),
    ),
    Reason(
        TABLES_MISSING,
        Text(
            "JPEG pictures arrive, but not the quantization tables that they need.",
            "收到了 JPEG 画面，但缺少解码所需的量化表。",
        ),
        _RESTART,
    ),
    Reason(
        SIZE_UNKNOWN,
        Text(
            "JPEG pictures arrive, but neither the packets nor the SDP tell their width and height.",
            "收到了 JPEG 画面，但数据包与 SDP 中均无画面宽高。",
        ),
        Text(
            "Select a resolution of at most 2040 pixels in width and height, or another codec.",
            "将分辨率的宽和高设为不超过 2040 像素，或更换编码格式。",
        ),
    ),
    Reason(
        OVERSIZED,
        Text(
            "A picture is larger than the monitor reads: in bytes, in parts or in pixels. Or a picture never ends.",
            "画面的字节数、单元数或像素数超过程序读取上限，或画面一直没有结束。",
        ),
        Text(
            "Lower the resolution or the bitrate. If the camera's settings are usual ones, restart it.",
            "降低分辨率或码率；若设置并无异常，请重启摄像机。",
        ),
    ),
    Reason(
        ODD_PACKETS,
        Text(
            "Most of the packets are not as the announced codec has them. The camera may send another codec.",
            "大部分数据包不符合所通告的编码格式，摄像机发送的可能是其他编码。",
        ),
        Text(
            "Select the codec in the camera again. Restart the camera or update its firmware.",
            "在摄像机中重新选择编码格式；重启摄像机或升级固件。",
        ),
    ),
    Reason(
        CODEC_DIFFERS,
        Text(
            "The SDP announces another codec than the camera sends, and no picture of what it sends is complete.",
            "SDP 通告的编码格式与实际发送的不同，且实际发送的画面不完整。",
        ),
        Text(
            "Select the codec in the camera again. Restart the camera or update its firmware.",
            "在摄像机中重新选择编码格式；重启摄像机或升级固件。",
        ),
    ),
)

NO_KEYFRAME_REASONS = (
    Reason(
        NO_PICTURES,
        Text(
            "Packets arrive, but there is no picture in them, such as parameter sets alone.",
            "有数据包，但其中没有画面数据（例如仅有参数集）。",
        ),
        Text("Restart the camera. Check the encoder settings.", "重启摄像机；检查编码设置。"),
    ),
)

CODEC_REASONS = (
    Reason(
        UNNAMED,
        Text("The camera's SDP does not name the codec of the stream.", "摄像机的 SDP 未说明码流的编码格式。"),
        Text(
            "Update the camera's firmware, or use another stream of the camera.", "升级固件，或使用摄像机的另一路码流。"
        ),
    ),
)
