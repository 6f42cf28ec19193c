"""Why a fault of the RTSP rung was seen, where its usual cause would be untrue: the cause and what to do."""

from __future__ import annotations

from xueliang_monitor.model import Reason, Text
from xueliang_monitor.net.errors import NetError, RedirectError, RtspStatusError

MALFORMED = (
    Reason(
        "not_rtsp",
        Text("What answers on that port does not speak RTSP.", "该端口上的服务不是 RTSP 服务。"),
        Text("Check the port in the camera's file.", "检查摄像机配置文件中的端口。"),
    ),
    Reason(
        "web_server",
        Text("A web server answers on that port.", "该端口上运行的是网页服务（HTTP）。"),
        Text(
            "Correct the port in the camera's file. The usual port of RTSP is 554.",
            "更正摄像机配置文件中的端口；RTSP 的常用端口为 554。",
        ),
    ),
    Reason(
        "over_limit",
        Text("The camera's answer is larger than any real one.", "摄像机的应答超出正常大小。"),
        Text(
            "Find out what answers on that port. Restart the camera or update its firmware.",
            "查明该端口上是什么服务；重启摄像机或升级固件。",
        ),
    ),
    Reason(
        "framing_lost",
        Text(
            "The camera's stream holds so many bytes of no packet that it cannot be read.",
            "码流中混有大量不属于任何数据包的字节，无法继续读取。",
        ),
        Text(
            "Restart the camera or update its firmware. Select UDP (transport: udp) if the camera offers it.",
            "重启摄像机或升级固件；若摄像机支持，可改用 UDP（transport: udp）。",
        ),
    ),
    Reason(
        "bad_description",
        Text(
            "The camera answered, but its description of the stream (SDP) has no track that can be read.",
            "摄像机已应答，但其码流描述（SDP）中没有可读取的媒体轨道。",
        ),
        Text(
            "Check rtsp_path and the stream's settings in the camera. Restart the camera.",
            "检查 rtsp_path 与摄像机的码流设置；重启摄像机。",
        ),
    ),
    Reason(
        "redirected_in_a_circle",
        Text("The camera refers to one address after another.", "摄像机不断将请求指向新的地址。"),
        Text("Correct rtsp_path in the camera's file. Restart the camera.", "更正 rtsp_path；重启摄像机。"),
    ),
    Reason(
        "no_answer_among_data",
        Text(
            "The camera sends other data without end, and does not answer the request.",
            "摄像机不断发送其他数据，却不应答请求。",
        ),
        Text("Restart the camera or update its firmware.", "重启摄像机或升级固件。"),
    ),
)

TLS = (
    Reason(
        "no_tls",
        Text("What answers on that port does not speak TLS.", "该端口上的服务不支持 TLS。"),
        Text(
            "Check the port in the camera's file, or set rtsp: plain.",
            "检查摄像机配置文件中的端口，或设置 rtsp: plain。",
        ),
    ),
    Reason(
        "old_tls",
        Text(
            "The camera has no protocol and cipher of TLS that can be trusted.",
            "摄像机不支持可信任的 TLS 版本与加密套件。",
        ),
        Text(
            "Update the camera's firmware. Or set tls: insecure, which takes old TLS and checks no certificate.",
            "升级固件；或设置 tls: insecure：接受旧版 TLS，且不校验证书。",
        ),
    ),
    Reason(
        "older_tls",
        Text(
            "The camera has no protocol and cipher of TLS that tls: insecure takes.",
            "摄像机的 TLS 版本与加密套件过旧。",
        ),
        Text(
            "Update the camera's firmware. Or set tls: legacy, which takes the oldest TLS and checks no certificate.",
            "升级固件；或设置 tls: legacy：接受最旧的 TLS，且不校验证书。",
        ),
    ),
    Reason(
        "no_common_tls",
        Text(
            "The camera and the monitor have no protocol and cipher of TLS in common.",
            "摄像机与本系统没有共同支持的 TLS 版本与加密套件。",
        ),
        Text("Update the camera's firmware, or set rtsp: plain.", "升级固件，或设置 rtsp: plain。"),
    ),
)

AUTH_REFUSED = (
    Reason(
        "forbidden",
        Text(
            "The camera forbids the access (403): the account has no right to this stream, or the address is blocked.",
            "摄像机禁止访问（403）：该账号无权查看此码流，或本机地址被限制。",
        ),
        Text(
            "Check the account's rights and the camera's IP filter.",
            "检查账号权限与摄像机的 IP 地址过滤。",
        ),
    ),
    Reason(
        "no_supported_method",
        Text(
            "The camera requires a login, but offers no method that the monitor knows. No login was sent.",
            "摄像机要求登录，但未提供程序支持的认证方式；程序未发送登录信息。",
        ),
        Text("Enable Digest in the camera, or update its firmware.", "在摄像机中启用 Digest 认证，或升级固件。"),
    ),
    Reason(
        "held_back",
        Text(
            "The camera requires a login, and none was sent: there is none in its file, or it is held back.",
            "摄像机要求登录，但未发送登录信息：配置文件中没有账号，或登录暂缓。",
        ),
        Text(
            "Write credentials in the camera's file. A login is held back for a while after it was refused.",
            "在摄像机配置文件中填写账号；登录被拒绝后，程序会暂缓一段时间再试。",
        ),
    ),
    Reason(
        "new_nonce_each_time",
        Text(
            "The camera asks for another login after each one, and accepts none.",
            "摄像机每次登录后都要求重新认证，始终不接受。",
        ),
        Text("Restart the camera or update its firmware.", "重启摄像机或升级固件。"),
    ),
    Reason(
        "revoked",
        Text(
            "The camera accepted the login, and refused it later in the same session.",
            "摄像机接受了登录，但在同一会话中随后又拒绝。",
        ),
        Text(
            "Check the account's rights to this stream, and how many clients the camera serves.",
            "检查账号对该码流的权限，以及摄像机的取流客户端数量。",
        ),
    ),
)

NOT_FOUND = (
    Reason(
        "redirected",
        Text("The camera refers to another address for this stream.", "摄像机将该码流指向另一个地址。"),
        Text(
            "Write that address in the camera's file, if it is known and trusted.",
            "若该地址可信，请将其写入摄像机配置文件。",
        ),
    ),
)

SERVER = (
    Reason(
        "unsupported_transport",
        Text(
            "The camera supports neither of the transports that were tried (461).",
            "摄像机不支持所请求的传输方式（461）。",
        ),
        Text(
            "Set transport: auto in the camera's file, or enable RTP over TCP or UDP in the camera.",
            "在摄像机配置文件中设置 transport: auto，或在摄像机中启用 RTP over TCP 或 UDP。",
        ),
    ),
    Reason(
        "busy",
        Text("The camera is busy and does not serve the request now.", "摄像机繁忙，暂时无法提供服务。"),
        Text("Check how many clients read its streams. Restart the camera.", "检查有多少客户端在取流；重启摄像机。"),
    ),
    Reason(
        "request_rejected",
        Text("The camera does not accept the request.", "摄像机不接受该请求。"),
        Text(
            "Check rtsp_path in the camera's file, and that RTSP is enabled in the camera. Update its firmware.",
            "检查摄像机配置文件中的 rtsp_path 以及摄像机是否启用 RTSP；升级固件。",
        ),
    ),
)

CLOSED = (
    Reason(
        "reset_on_accept",
        Text(
            "The camera ends each connection in the moment in which it accepts it.", "摄像机在接受连接的同时立即断开。"
        ),
        Text(
            "Check its connection limit and IP filter, and that RTSP runs on this port. Restart it.",
            "检查连接上限、IP 地址过滤以及该端口是否为 RTSP；重启摄像机。",
        ),
    ),
    Reason(
        "closed_after_challenge",
        Text(
            "The camera asks for a login, and closes the connection when it gets one.",
            "摄像机要求登录，但收到登录信息后断开连接。",
        ),
        Text(
            "Check the user name and the password, and the camera's connection limit. Restart it.",
            "检查账号密码与摄像机的连接上限；重启摄像机。",
        ),
    ),
    Reason(
        "connection_lost",
        Text(
            "The connection to the camera broke while it was asked: the line or the camera failed.",
            "与摄像机通信过程中连接中断：线路或摄像机故障。",
        ),
        Text("Check the line, the switch port and the camera's power.", "检查线路、交换机端口与摄像机电源。"),
    ),
)

_BY_STATUS = {401: "", 403: "forbidden", 404: "", 410: "", 453: "", 461: "unsupported_transport", 503: "busy"}


def reason_of(error: NetError) -> str:
    """Return the key of why an error was seen, empty for the usual cause of its fault."""
    if isinstance(error, RedirectError):
        return "redirected"
    if isinstance(error, RtspStatusError):
        return _BY_STATUS.get(error.status, "" if error.status >= 500 else "request_rejected")
    return error.reason
