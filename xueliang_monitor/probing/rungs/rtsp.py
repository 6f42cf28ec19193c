"""Second rung: does the camera speak RTSP, accept the login, and describe the stream?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from xueliang_monitor.model import Fault, FaultSeen, Rung, Severity, Text
from xueliang_monitor.net.errors import (
    ClosedError,
    LoginError,
    LoginLockedError,
    NetError,
    ProtocolError,
    RedirectError,
    RtspStatusError,
    TlsError,
)
from xueliang_monitor.net.rtsp import Description, RtspConnection
from xueliang_monitor.probing.login import LoginOutcome, Protocol
from xueliang_monitor.probing.rung import (
    PICTURE_SHARE_SECONDS,
    QUICK_RECHECK,
    Climbed,
    Probe,
    RungOutcome,
    VisitContext,
)
from xueliang_monitor.probing.rungs.reach import Reached

TLS_FAILED = Fault(
    "tls_failed",
    Rung.RTSP,
    Severity.CRITICAL,
    Text("No trusted encryption", "TLS 连接失败"),
    Text(
        "The camera speaks no TLS on that port, or its certificate is not trusted or has expired.",
        "该端口不支持 TLS，或摄像机证书不受信任或已过期。",
    ),
    Text(
        "Renew the camera's certificate; or name it with tls: FILE in the camera's file, or set tls: insecure.",
        "更新摄像机证书；或在摄像机文件中用 tls: 文件 指定证书，或设置 tls: insecure。",
    ),
)
RTSP_TIMEOUT = Fault(
    "rtsp_timeout",
    Rung.RTSP,
    Severity.CRITICAL,
    Text("RTSP gives no answer", "RTSP 无应答"),
    Text(
        "The camera accepts connections but does not answer: it hangs or is overloaded.",
        "摄像机接受连接但不应答：设备死机或过载。",
    ),
    Text("Restart the camera; check how many clients read it.", "重启摄像机；检查有多少客户端在取流。"),
)
RTSP_MALFORMED = Fault(
    "rtsp_malformed",
    Rung.RTSP,
    Severity.CRITICAL,
    Text("Answers are not RTSP", "应答不是 RTSP"),
    Text("Something else listens on that port, or the firmware is damaged.", "该端口运行着其他服务，或固件损坏。"),
    Text(
        "Check the port in the camera's file; restart or update the camera.", "检查摄像机文件中的端口；重启或升级固件。"
    ),
)
AUTH_FAILED = Fault(
    "auth_failed",
    Rung.RTSP,
    Severity.CRITICAL,
    Text("Login refused", "登录失败"),
    Text("The user name or the password is not the camera's.", "用户名或密码与摄像机不符。"),
    Text(
        "Correct the credentials; until then logins are spaced out so that the camera is not locked.",
        "更正凭据；在此之前登录尝试会逐渐放缓，以免摄像机锁定。",
    ),
    at_first_sight=True,
)
AUTH_LOCKED = Fault(
    "auth_locked",
    Rung.RTSP,
    Severity.CRITICAL,
    Text("Logins are locked", "登录已被锁定"),
    Text(
        "The camera takes no login for a while, as somebody tried wrong passwords.",
        "因多次输错密码，摄像机暂时拒绝登录。",
    ),
    Text(
        "Wait half an hour, or restart the camera; find out who else logs in, and correct the credentials.",
        "等待半小时或重启摄像机；查明还有谁在登录，并更正凭据。",
    ),
    at_first_sight=True,
)
STREAM_NOT_FOUND = Fault(
    "stream_not_found",
    Rung.RTSP,
    Severity.CRITICAL,
    Text("Stream not found", "码流不存在"),
    Text("The camera has no stream at that path.", "摄像机在该路径下没有码流。"),
    Text(
        "Correct the path in the camera's file, for example after a firmware update.",
        "更正摄像机文件中的路径（例如固件升级之后）。",
    ),
)
SESSION_LIMIT = Fault(
    "session_limit",
    Rung.RTSP,
    Severity.CRITICAL,
    Text("No session free", "会话数已满"),
    Text("As many clients read the camera as it can serve.", "取流客户端数量已达摄像机上限。"),
    Text("Close unused clients, or raise the camera's limit.", "关闭不用的客户端，或提高摄像机的连接上限。"),
    at_first_sight=True,
)
SERVER_ERROR = Fault(
    "server_error",
    Rung.RTSP,
    Severity.CRITICAL,
    Text("Camera reports an error", "摄像机报错"),
    Text("The camera answered with an error of its own.", "摄像机返回了自身错误。"),
    Text("Restart the camera; if it stays, update its firmware.", "重启摄像机；若仍存在，请升级固件。"),
)
CONNECTION_CLOSED = Fault(
    "connection_closed",
    Rung.RTSP,
    Severity.CRITICAL,
    Text("Connection closed", "连接被关闭"),
    Text("The camera ended the connection before it answered.", "摄像机在应答之前关闭了连接。"),
    Text("Check the camera's client limit and address filter; restart it.", "检查连接上限与地址过滤；重启摄像机。"),
)

_BY_STATUS = {
    401: AUTH_FAILED,
    403: AUTH_FAILED,
    404: STREAM_NOT_FOUND,
    410: STREAM_NOT_FOUND,
    453: SESSION_LIMIT,
}
"""Any other status, 461 and 5xx among them, is an error of the camera's own (RFC 2326, 11.3)."""

_BY_ERROR: tuple[tuple[type[NetError], Fault], ...] = (
    (TlsError, TLS_FAILED),
    (RedirectError, STREAM_NOT_FOUND),
    (LoginLockedError, AUTH_LOCKED),
    (LoginError, AUTH_FAILED),
    (ProtocolError, RTSP_MALFORMED),
    (ClosedError, CONNECTION_CLOSED),
)


def fault_of(error: NetError) -> Fault:
    """Return the fault that an error of the RTSP client stands for."""
    if isinstance(error, RtspStatusError) and not isinstance(error, RedirectError):
        return _BY_STATUS.get(error.status, SERVER_ERROR)
    return next((fault for kind, fault in _BY_ERROR if isinstance(error, kind)), SERVER_ERROR)


def login_outcome(connection: RtspConnection, codes: Collection[str]) -> LoginOutcome:
    """Return how the login over RTSP went, by the connection and the codes of the faults seen."""
    refused, locked = AUTH_FAILED.code in codes, AUTH_LOCKED.code in codes
    if connection.login_accepted:
        return LoginOutcome.REVOKED if refused or locked else LoginOutcome.ACCEPTED
    if locked:
        return LoginOutcome.LOCKED if connection.login_tried else LoginOutcome.LOCKED_UNTRIED
    if refused:
        return LoginOutcome.REFUSED if connection.login_tried else LoginOutcome.HELD_BACK
    return LoginOutcome.OPEN


@dataclass(frozen=True, slots=True)
class Described:
    """The camera's description of its streams."""

    description: Description


async def _climb(context: VisitContext, climbed: Climbed, _seconds: float) -> RungOutcome:
    connection, target = climbed.need(Reached).connection, context.target
    permission = context.memory.login.before(Protocol.RTSP, context.started_at)
    try:
        if target.secure:
            await connection.secure(target.tls)
        credentials = target.credentials if permission.allowed else None
        description = await connection.describe(target.request_url, credentials)
    except NetError as error:
        raise FaultSeen(fault_of(error), str(error)) from error
    server = description.server
    return RungOutcome({"server": server} if server else {}, value=Described(description))


_FAULTS = (
    TLS_FAILED,
    RTSP_TIMEOUT,
    RTSP_MALFORMED,
    AUTH_FAILED,
    AUTH_LOCKED,
    STREAM_NOT_FOUND,
    SESSION_LIMIT,
    SERVER_ERROR,
    CONNECTION_CLOSED,
)

RTSP = Probe(
    rung=Rung.RTSP,
    title=Text("RTSP", "RTSP 会话"),
    faults=_FAULTS,
    excludes=frozenset(fault.code for fault in _FAULTS if fault is not SESSION_LIMIT),
    timed=(RTSP_TIMEOUT, CONNECTION_CLOSED),
    timed_out=RTSP_TIMEOUT,
    climb=_climb,
    interval_seconds=15.0,
    recheck=QUICK_RECHECK,
    timeout_seconds=3.0,
    confirmations=3,
    offline=True,
    leaves_seconds=PICTURE_SHARE_SECONDS,
)
