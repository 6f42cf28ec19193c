"""Second rung: does the camera speak RTSP, accept the login, and describe the stream?"""

from __future__ import annotations

from collections.abc import Collection

from xueliang_monitor.model import Fault, FaultSeen, Rung, Severity, Text
from xueliang_monitor.net.errors import (
    ClosedError,
    LoginError,
    LoginInsecureError,
    LoginLockedError,
    NetError,
    ProtocolError,
    RedirectError,
    RtspStatusError,
    TlsError,
)
from xueliang_monitor.net.login_rules import LoginRules
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.probing import rtsp_reasons
from xueliang_monitor.probing.climbed import Climbed, Described, Reached
from xueliang_monitor.probing.login import LoginOutcome, Permission, Protocol
from xueliang_monitor.probing.rung import (
    PICTURE_SHARE_SECONDS,
    QUICK_RECHECK,
    Probe,
    RungOutcome,
    VisitContext,
)
from xueliang_monitor.readings import NO_READINGS, Readings
from xueliang_monitor.wire import auth

TLS_FAILED = Fault(
    "tls_failed",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("TLS failed", "TLS 连接失败"),
    cause=Text(
        "The port does not speak TLS, or the camera's certificate is untrusted or expired.",
        "该端口不支持 TLS，或摄像机证书不受信任、已过期。",
    ),
    advice=Text(
        "Renew the camera's certificate. Or set tls: FILE in the camera's file to trust it, or tls: insecure.",
        "更新摄像机证书；或在摄像机配置文件中用 tls: 证书文件 指定信任的证书，或设置 tls: insecure。",
    ),
    reasons=rtsp_reasons.TLS,
)
RTSP_TIMEOUT = Fault(
    "rtsp_timeout",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("RTSP timeout", "RTSP 无应答"),
    cause=Text(
        "The camera accepts connections but does not answer. It hangs or is overloaded.",
        "摄像机接受连接但不应答：设备死机或过载。",
    ),
    advice=Text("Restart the camera. Check how many clients read its stream.", "重启摄像机；检查有多少客户端在取流。"),
)
RTSP_MALFORMED = Fault(
    "rtsp_malformed",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("Not RTSP", "应答不是 RTSP"),
    cause=Text(
        "Another service uses that port, or the camera's firmware is damaged.",
        "该端口运行着其他服务，或摄像机固件损坏。",
    ),
    advice=Text(
        "Check the port in the camera's file. Restart the camera or update its firmware.",
        "检查摄像机配置文件中的端口；重启摄像机或升级固件。",
    ),
    reasons=rtsp_reasons.MALFORMED,
)
AUTH_FAILED = Fault(
    "auth_failed",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("Login refused", "登录失败"),
    cause=Text("The camera does not accept the user name or the password.", "摄像机不接受该用户名或密码。"),
    advice=Text(
        "Correct the credentials. Until then, logins are tried less and less often to avoid a lock-out.",
        "更正账号密码；在此之前登录重试间隔会逐渐加长，以免触发摄像机锁定。",
    ),
    at_first_sight=True,
    reasons=rtsp_reasons.AUTH_REFUSED,
)
AUTH_LOCKED = Fault(
    "auth_locked",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("Login locked", "登录已被锁定"),
    cause=Text(
        "The camera refuses all logins for a while, because somebody tried wrong passwords.",
        "因多次输错密码，摄像机暂时拒绝一切登录。",
    ),
    advice=Text(
        "Wait half an hour, or restart the camera. Find out who else logs in, and correct the credentials.",
        "等待半小时或重启摄像机；查明还有谁在登录，并更正账号密码。",
    ),
    at_first_sight=True,
)
AUTH_INSECURE = Fault(
    "auth_insecure",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("Only an unencrypted login", "仅支持明文登录"),
    cause=Text(
        "The camera offers only Basic, which would send the password unencrypted. The login was not tried.",
        "摄像机仅提供 Basic 认证，密码将以明文发送；程序未尝试登录。",
    ),
    advice=Text(
        "Enable Digest in the camera. If it has none, write auth: basic in its file. If it offered Digest before, find "
        "out what answers at its address.",
        "在摄像机中启用 Digest 认证；若不支持，请在其配置文件中设置 auth: basic。若原先支持，请查明是什么设备在应答。",
    ),
)
STREAM_NOT_FOUND = Fault(
    "stream_not_found",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("Stream not found", "码流不存在"),
    cause=Text("The camera has no stream at that path.", "摄像机在该路径下没有码流。"),
    advice=Text(
        "Correct rtsp_path in the camera's file. A firmware update may have changed it.",
        "更正摄像机配置文件中的 rtsp_path；固件升级可能改变了路径。",
    ),
    reasons=rtsp_reasons.NOT_FOUND,
)
SESSION_LIMIT = Fault(
    "session_limit",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("No free session", "会话数已满"),
    cause=Text("The camera already serves as many clients as it can.", "取流客户端数量已达摄像机上限。"),
    advice=Text("Close unused clients, or raise the camera's limit.", "关闭不用的客户端，或提高摄像机的连接上限。"),
    at_first_sight=True,
)
SERVER_ERROR = Fault(
    "server_error",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("Camera reports an error", "摄像机报错"),
    cause=Text("The camera answered with an internal error.", "摄像机返回内部错误。"),
    advice=Text("Restart the camera. If the error stays, update its firmware.", "重启摄像机；若仍存在，请升级固件。"),
    reasons=rtsp_reasons.SERVER,
)
CONNECTION_CLOSED = Fault(
    "connection_closed",
    Rung.RTSP,
    Severity.CRITICAL,
    name=Text("Connection closed", "连接被关闭"),
    cause=Text("The camera closed the connection before it answered.", "摄像机在应答之前关闭了连接。"),
    advice=Text(
        "Check the camera's connection limit and its IP filter. Restart it.",
        "检查摄像机的连接上限与 IP 地址过滤；重启摄像机。",
    ),
    reasons=rtsp_reasons.CLOSED,
)

_BY_STATUS = {
    401: AUTH_FAILED,
    403: AUTH_FAILED,
    404: STREAM_NOT_FOUND,
    410: STREAM_NOT_FOUND,
    453: SESSION_LIMIT,
}
"""Any other status, such as 461 or 5xx, is an internal error of the camera (RFC 2326, 11.3)."""

_BY_ERROR: tuple[tuple[type[NetError], Fault], ...] = (
    (TlsError, TLS_FAILED),
    (RedirectError, STREAM_NOT_FOUND),
    (LoginLockedError, AUTH_LOCKED),
    (LoginInsecureError, AUTH_INSECURE),
    (LoginError, AUTH_FAILED),
    (ProtocolError, RTSP_MALFORMED),
    (ClosedError, CONNECTION_CLOSED),
)


def fault_of(error: NetError) -> Fault:
    """Return the fault for an error of the RTSP client."""
    if isinstance(error, RtspStatusError) and not isinstance(error, RedirectError):
        return _BY_STATUS.get(error.status, SERVER_ERROR)
    return next((fault for kind, fault in _BY_ERROR if isinstance(error, kind)), SERVER_ERROR)


def seen_of(error: NetError, readings: Readings = NO_READINGS) -> FaultSeen:
    """Return the fault that an error of the RTSP client shows, with the reason for it."""
    return FaultSeen(fault_of(error), str(error), readings, reason=rtsp_reasons.reason_of(error))


def login_outcome(connection: RtspConnection, codes: Collection[str]) -> LoginOutcome:
    """Return the outcome of the login over RTSP, from the connection and the codes of the faults seen."""
    refused, locked = AUTH_FAILED.code in codes, AUTH_LOCKED.code in codes
    if connection.login.accepted:
        return LoginOutcome.REVOKED if refused or locked else LoginOutcome.ACCEPTED
    if locked:
        return LoginOutcome.LOCKED if connection.login.tried else LoginOutcome.LOCKED_UNTRIED
    if refused and connection.login.tried:
        return LoginOutcome.REFUSED
    if refused and connection.login.credentials is None:
        return LoginOutcome.HELD_BACK
    return LoginOutcome.OPEN


async def _prepare(context: VisitContext) -> Permission:
    """Ask for leave to try the login. Other attempts at the same address are waited for outside the rung's time."""
    return await context.logins.rtsp(context.started_at)


async def _climb(context: VisitContext, climbed: Climbed, _seconds: float) -> RungOutcome:
    connection, target = climbed.need(Reached).connection, context.target
    permission, outcome = climbed.need(Permission), LoginOutcome.OPEN
    try:
        if target.secure:
            await connection.secure(target.tls)
        if not permission.allowed and target.login_in_path:
            detail = "DESCRIBE: rtsp_path contains the login, which is held back"
            raise LoginError(detail, tried=False, reason="held_back")
        credentials = target.credentials if permission.allowed else None
        rules = LoginRules.of(target, offered_digest=context.memory.login.offered_digest)
        description = await connection.describe(target.request_url, credentials, rules)
        connection.login.accepted = connection.login.accepted or target.login_in_path
        outcome = login_outcome(connection, ())
    except NetError as error:
        connection.login.tried = connection.login.tried or (permission.allowed and target.login_in_path)
        outcome = login_outcome(connection, (fault_of(error).code,))
        raise seen_of(error, _readings(connection)) from error
    finally:
        sent = connection.login.sent
        unanswered = sent if outcome is LoginOutcome.OPEN else 0
        more = max(0, sent - 1) if outcome.is_refusal else 0
        context.logins.over(Protocol.RTSP, outcome, context.started_at, more_refused=more, unanswered=unanswered)
    return RungOutcome(_readings(connection, description.server), value=Described(description))


def _readings(connection: RtspConnection, server: str = "") -> Readings:
    return Readings(server=server or None, login_offered=auth.describe(connection.login.offered) or None)


_FAULTS = (
    TLS_FAILED,
    RTSP_TIMEOUT,
    RTSP_MALFORMED,
    AUTH_FAILED,
    AUTH_LOCKED,
    AUTH_INSECURE,
    STREAM_NOT_FOUND,
    SESSION_LIMIT,
    SERVER_ERROR,
    CONNECTION_CLOSED,
)

RTSP = Probe(
    rung=Rung.RTSP,
    title=Text("RTSP", "RTSP 会话"),
    summary=Text("The monitor logs in and asks for the stream's description.", "登录并获取码流描述。"),
    faults=_FAULTS,
    excludes=frozenset(fault.code for fault in _FAULTS if fault is not SESSION_LIMIT),
    timed=(RTSP_TIMEOUT, CONNECTION_CLOSED),
    timed_out=RTSP_TIMEOUT,
    climb=_climb,
    prepare=_prepare,
    interval_seconds=15.0,
    recheck=QUICK_RECHECK,
    timeout_seconds=3.0,
    confirmations=3,
    offline=True,
    leaves_seconds=PICTURE_SHARE_SECONDS,
)
