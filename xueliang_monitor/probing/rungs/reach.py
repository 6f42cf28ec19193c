"""First rung: does the camera accept a TCP connection?"""

from __future__ import annotations

import time

from xueliang_monitor.model import Fault, FaultSeen, Rung, Severity, Text
from xueliang_monitor.net.errors import ConnectError, ConnectRefusedError, NameUnresolvedError
from xueliang_monitor.net.names import LOOKUP_SECONDS
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.probing.climbed import Climbed, Reached, Resolved
from xueliang_monitor.probing.rung import (
    PICTURE_SHARE_SECONDS,
    QUICK_RECHECK,
    Probe,
    RungOutcome,
    VisitContext,
)
from xueliang_monitor.readings import Readings

NAME_UNRESOLVED = Fault(
    "name_unresolved",
    Rung.REACH,
    Severity.CRITICAL,
    name=Text("Name not resolved", "域名无法解析"),
    cause=Text("DNS has no address for the camera's host name.", "DNS 中没有该摄像机域名对应的地址。"),
    advice=Text(
        "Correct the address in the camera's file, or the DNS record.", "更正摄像机配置文件中的地址，或修正 DNS 记录。"
    ),
)
HOST_UNREACHABLE = Fault(
    "host_unreachable",
    Rung.REACH,
    Severity.CRITICAL,
    name=Text("Host unreachable", "主机不可达"),
    cause=Text(
        "The network has no route to the camera: a route, a switch or a line is down.",
        "网络无法到达摄像机：路由、交换机或线路中断。",
    ),
    advice=Text(
        "Check the uplink and the switch, then the camera's power and cable.",
        "先检查上联线路与交换机，再检查摄像机电源与网线。",
    ),
)
CONNECTION_REFUSED = Fault(
    "connection_refused",
    Rung.REACH,
    Severity.CRITICAL,
    name=Text("Connection refused", "连接被拒绝"),
    cause=Text(
        "A device answers at the address, but its RTSP port is closed.", "该地址有设备响应，但 RTSP 端口未开放。"
    ),
    advice=Text(
        "Check the RTSP port, and that RTSP is enabled. Restart the camera.",
        "检查 RTSP 端口及 RTSP 服务是否启用；重启摄像机。",
    ),
)
CONNECT_TIMEOUT = Fault(
    "connect_timeout",
    Rung.REACH,
    Severity.CRITICAL,
    name=Text("No answer", "无响应"),
    cause=Text(
        "No device answers at the camera's address: no power, a broken cable, or a network fault.",
        "摄像机地址无任何响应：断电、网线故障或网络故障。",
    ),
    advice=Text(
        "Check power and cable at the camera, then the switch port and the firewall.",
        "检查摄像机电源与网线，再检查交换机端口与防火墙。",
    ),
)


UNANSWERED = frozenset({CONNECT_TIMEOUT.code, HOST_UNREACHABLE.code})
"""Codes that a network which is still starting may also cause."""

UNREACHED = UNANSWERED | {NAME_UNRESOLVED.code}
"""Codes after which nothing else is asked of the camera: other findings would only repeat them."""


async def _look_up(context: VisitContext) -> Resolved:
    """Look up the host's addresses; a name server that does not answer is a shortage of ours, not a fault."""
    left = LOOKUP_SECONDS if context.ends_at is None else context.ends_at - time.monotonic()
    try:
        return Resolved(await context.names.addresses(context.target.host, min(LOOKUP_SECONDS, max(0.0, left))))
    except NameUnresolvedError as error:
        raise FaultSeen(NAME_UNRESOLVED, str(error)) from error


async def _climb(context: VisitContext, climbed: Climbed, _seconds: float) -> RungOutcome:
    target, started = context.target, time.monotonic()
    try:
        connection = await RtspConnection.open(target.host, target.port, climbed.need(Resolved).addresses, context.gate)
    except ConnectRefusedError as error:
        raise FaultSeen(CONNECTION_REFUSED, str(error)) from error
    except ConnectError as error:
        raise FaultSeen(HOST_UNREACHABLE, str(error)) from error
    return RungOutcome(Readings(connect_seconds=time.monotonic() - started), value=Reached(connection))


_FAULTS = (NAME_UNRESOLVED, HOST_UNREACHABLE, CONNECTION_REFUSED, CONNECT_TIMEOUT)

REACH = Probe(
    rung=Rung.REACH,
    title=Text("Reach", "网络连接"),
    summary=Text("The monitor opens a TCP connection to the RTSP port.", "与 RTSP 端口建立 TCP 连接。"),
    faults=_FAULTS,
    excludes=frozenset(fault.code for fault in _FAULTS),
    timed=(CONNECT_TIMEOUT,),
    timed_out=CONNECT_TIMEOUT,
    climb=_climb,
    prepare=_look_up,
    interval_seconds=15.0,
    recheck=QUICK_RECHECK,
    timeout_seconds=2.0,
    confirmations=3,
    offline=True,
    leaves_seconds=PICTURE_SHARE_SECONDS,
)
