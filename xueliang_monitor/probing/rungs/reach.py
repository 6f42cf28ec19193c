"""First rung: does the camera accept a TCP connection?"""

from __future__ import annotations

import time
from dataclasses import dataclass

from xueliang_monitor.model import Fault, FaultSeen, Rung, Severity, Text
from xueliang_monitor.net.errors import ConnectError, ConnectRefusedError, NameUnresolvedError
from xueliang_monitor.net.names import LOOKUP_SECONDS
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.probing.rung import (
    PICTURE_SHARE_SECONDS,
    QUICK_RECHECK,
    Climbed,
    Probe,
    RungOutcome,
    VisitContext,
)

NAME_UNRESOLVED = Fault(
    "name_unresolved",
    Rung.REACH,
    Severity.CRITICAL,
    Text("Name not found", "域名无法解析"),
    Text("The name server says that the camera's name has no address.", "域名服务器答复：该摄像机域名没有对应的地址。"),
    Text("Correct the address in the camera's file, or the name server.", "更正摄像机文件中的地址，或检查域名服务器。"),
)
HOST_UNREACHABLE = Fault(
    "host_unreachable",
    Rung.REACH,
    Severity.CRITICAL,
    Text("Host unreachable", "主机不可达"),
    Text(
        "The network has no way to the camera: a route, a switch or a line is down.",
        "网络无法到达摄像机：路由、交换机或线路中断。",
    ),
    Text(
        "Check the uplink and the switch, then the camera's power and cable.",
        "先检查上联线路与交换机，再检查摄像机电源与网线。",
    ),
)
CONNECTION_REFUSED = Fault(
    "connection_refused",
    Rung.REACH,
    Severity.CRITICAL,
    Text("Connection refused", "连接被拒绝"),
    Text(
        "A device answers at the address, but nothing listens on the RTSP port.",
        "该地址有设备响应，但 RTSP 端口无服务。",
    ),
    Text(
        "Check the RTSP port and that RTSP is switched on; restart the camera.",
        "检查 RTSP 端口及 RTSP 是否启用；重启摄像机。",
    ),
)
CONNECT_TIMEOUT = Fault(
    "connect_timeout",
    Rung.REACH,
    Severity.CRITICAL,
    Text("No answer", "无响应"),
    Text(
        "Nothing answers at the camera's address: power, cable or network.",
        "摄像机地址无任何响应：电源、网线或网络故障。",
    ),
    Text(
        "Check power and cable at the camera, then the switch port and firewall.",
        "检查摄像机电源与网线，再检查交换机端口与防火墙。",
    ),
)


UNANSWERED = frozenset({CONNECT_TIMEOUT.code, HOST_UNREACHABLE.code})
"""Codes that a network which is not up yet also causes."""

UNREACHED = UNANSWERED | {NAME_UNRESOLVED.code}
"""Codes after which nothing else is asked of the camera: other findings would only repeat them."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The addresses of the camera's host."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """The open connection to the camera's RTSP port."""

    connection: RtspConnection


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
        connection = await RtspConnection.open(target.host, target.port, climbed.need(Resolved).addresses)
    except ConnectRefusedError as error:
        raise FaultSeen(CONNECTION_REFUSED, str(error)) from error
    except ConnectError as error:
        raise FaultSeen(HOST_UNREACHABLE, str(error)) from error
    return RungOutcome({"connect_seconds": time.monotonic() - started}, value=Reached(connection))


_FAULTS = (NAME_UNRESOLVED, HOST_UNREACHABLE, CONNECTION_REFUSED, CONNECT_TIMEOUT)

REACH = Probe(
    rung=Rung.REACH,
    title=Text("Reach", "连接"),
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
