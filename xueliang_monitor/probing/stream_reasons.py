"""Why a stream stays silent or ends too early, where the usual cause of the fault would be untrue."""

from __future__ import annotations

from xueliang_monitor.model import Reason, Text, Transport
from xueliang_monitor.net.errors import ClosedError
from xueliang_monitor.probing.reception import Reception

NOT_ANSWERED, NOT_PLAYED, UDP_SILENT = "not_answered", "not_played", "udp_silent"
OTHER_PACKETS, OTHER_TRANSPORT = "other_packets", "other_transport"
ONLY_FOREIGN_BYTES = "only_foreign_bytes"
CLOSED_BEFORE_PLAY, CLOSED_AFTER_CHALLENGE = "closed_before_play", "closed_after_challenge"
CONNECTION_LOST = "connection_lost"
CLOSED, STALLED, SESSION_LOST, BYE, UNREADABLE = "closed", "stalled", "session_lost", "bye", "unreadable"
MAX_NAMED_TYPES = 4
CHANCE_BYTES = 1500
"""With more foreign bytes than this for each packet that is not of the video, the packets are chance among them."""

_CHECK_LINE = Text("Check the power supply and the line. Restart the camera.", "检查供电与线路；重启摄像机。")

SILENT_REASONS = (
    Reason(
        NOT_ANSWERED,
        Text(
            "The camera described the stream but did not answer SETUP or PLAY.",
            "摄像机给出了码流描述，但未应答 SETUP 或 PLAY。",
        ),
        Text("Check how many clients read its stream. Restart the camera.", "检查有多少客户端在取流；重启摄像机。"),
    ),
    Reason(
        NOT_PLAYED,
        Text(
            "The camera did not send its video track alone, and refused a second attempt with all tracks.",
            "摄像机未单独发送视频轨道，并拒绝了建立所有轨道的第二次尝试。",
        ),
        Text("Check how many clients read its stream. Restart the camera.", "检查有多少客户端在取流；重启摄像机。"),
    ),
    Reason(
        UDP_SILENT,
        Text(
            "The camera accepts PLAY, but no packet came over UDP. A firewall or NAT may drop them.",
            "摄像机应答了 PLAY，但未收到任何 UDP 数据包，可能被防火墙或 NAT 丢弃。",
        ),
        Text(
            "Set transport: tcp in the camera's file, or let UDP pass from the camera to the monitor.",
            "在摄像机配置文件中设置 transport: tcp，或放行摄像机到监控程序的 UDP 数据。",
        ),
    ),
    Reason(
        OTHER_PACKETS,
        Text(
            "Packets come, but none has the payload type that the SDP announces for the video, or they are not RTP.",
            "收到了数据包，但负载类型与 SDP 中视频的不同，或不是 RTP 数据包。",
        ),
        Text(
            "Restart the camera or update its firmware. Or use another stream of it.",
            "重启摄像机或升级固件；或使用其另一路码流。",
        ),
    ),
    Reason(
        ONLY_FOREIGN_BYTES,
        Text(
            "The camera accepts PLAY, but what it sends are bytes that belong to no packet.",
            "摄像机应答了 PLAY，但发送的是不属于任何数据包的字节。",
        ),
        Text(
            "Restart the camera or update its firmware. Or select UDP (transport: udp) if the camera offers it.",
            "重启摄像机或升级固件；若摄像机支持，也可改用 UDP（transport: udp）。",
        ),
    ),
    Reason(
        OTHER_TRANSPORT,
        Text(
            "The camera answered SETUP with another transport than the requested one.",
            "摄像机对 SETUP 的应答使用了与请求不同的传输方式。",
        ),
        Text(
            "Set transport in the camera's file to what the camera supports. Disable multicast in the camera.",
            "在摄像机配置文件中将 transport 设为摄像机支持的方式；在摄像机中关闭组播。",
        ),
    ),
)
INTERRUPTED_REASONS = (
    Reason(
        CLOSED_BEFORE_PLAY,
        Text(
            "The camera closed the connection at SETUP or PLAY, before it played.",
            "摄像机在 SETUP 或 PLAY 阶段断开连接，尚未开始播放。",
        ),
        Text(
            "Check how many clients read its stream, and the camera's limit. Restart the camera.",
            "检查有多少客户端在取流以及摄像机的连接上限；重启摄像机。",
        ),
    ),
    Reason(
        CLOSED_AFTER_CHALLENGE,
        Text(
            "The camera asks for a login at SETUP or PLAY, and closes the connection when it gets one.",
            "摄像机在 SETUP 或 PLAY 阶段要求登录，但收到登录信息后断开连接。",
        ),
        Text(
            "Check the account's right to watch, and the camera's connection limit. Restart the camera.",
            "检查该账号的预览权限与摄像机的连接上限；重启摄像机。",
        ),
    ),
    Reason(
        CONNECTION_LOST,
        Text(
            "The connection to the camera broke: the line or the camera failed.",
            "与摄像机的连接中断：线路或摄像机故障。",
        ),
        Text("Check the line, the switch port and the camera's power.", "检查线路、交换机端口与摄像机电源。"),
    ),
    Reason(
        CLOSED,
        Text("The camera closed the connection while it played.", "摄像机在播放过程中断开了连接。"),
        _CHECK_LINE,
    ),
    Reason(
        STALLED,
        Text(
            "The camera stopped sending while it played. The connection stays open.",
            "摄像机在播放过程中停止发送数据，连接仍保持。",
        ),
        _CHECK_LINE,
    ),
    Reason(
        SESSION_LOST,
        Text("The camera no longer knew the session that it had just set up.", "摄像机不再识别刚刚建立的会话。"),
        Text("Check how many clients read its stream. Restart the camera.", "检查有多少客户端在取流；重启摄像机。"),
    ),
    Reason(
        BYE,
        Text("The camera itself ended the stream, with RTCP BYE.", "摄像机以 RTCP BYE 主动结束了码流。"),
        Text(
            "Check whether the stream's settings were just changed. Restart the camera.",
            "检查码流设置是否刚被修改；重启摄像机。",
        ),
    ),
    Reason(
        UNREADABLE,
        Text(
            "The first pictures can be read. What came after them cannot be told apart as RTSP and media.",
            "最初的画面可以读取，但其后的数据无法识别为 RTSP 消息或媒体数据。",
        ),
        Text("Restart the camera or update its firmware.", "重启摄像机或升级固件。"),
    ),
)


def why_closed(error: ClosedError, usual: str) -> str:
    """Return the key of why a connection was closed: what the connection itself knows of it, or else the usual one."""
    return error.reason if error.reason in {CLOSED_AFTER_CHALLENGE, CONNECTION_LOST} else usual


def why_silent(reception: Reception, transport: Transport) -> tuple[str, str]:
    """Return what came instead of video, as a clause for a detail, and the key of the reason; both may be empty."""
    types = reception.other_types
    foreign = reception.foreign_bytes if transport is Transport.TCP else 0
    if foreign > CHANCE_BYTES * (types.total() + reception.bad_packets):
        return f"{foreign} bytes that belong to no packet came instead", ONLY_FOREIGN_BYTES
    if types:
        named = ", ".join(f"{kind} ({count} packets)" for kind, count in types.most_common(MAX_NAMED_TYPES))
        return f"packets of payload type {named} instead of {reception.payload_type}", OTHER_PACKETS
    if reception.bad_packets:
        return f"{reception.bad_packets} packets that are not RTP", OTHER_PACKETS
    return "", UDP_SILENT if transport is Transport.UDP else ""
