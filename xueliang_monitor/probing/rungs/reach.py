"""First rung: does the camera accept a TCP connection?"""

from __future__ import annotations

import time

from xueliang_monitor.model import Fault, FaultSeen, Rung, Severity, Text
from xueliang_monitor.net.errors import ConnectError, ConnectRefusedError, NameUnresolvedError
from xueliang_monitor.net.names import LOOKUP_SECONDS
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.probing.rung import Climb, Probe, RungOutcome

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


async def _look_up(climb: Climb) -> None:
    """Find the host's addresses; a name server that gives none is a shortage of ours, and no fault of the camera."""
    left = LOOKUP_SECONDS if climb.ends_at is None else climb.ends_at - time.monotonic()
    try:
        climb.addresses = await climb.names.addresses(climb.target.host, min(LOOKUP_SECONDS, max(0.0, left)))
    except NameUnresolvedError as error:
        raise FaultSeen(NAME_UNRESOLVED, str(error)) from error


async def _climb(climb: Climb) -> RungOutcome:
    started = time.monotonic()
    try:
        climb.connection = await RtspConnection.open(climb.target.host, climb.target.port, climb.addresses)
    except ConnectRefusedError as error:
        raise FaultSeen(CONNECTION_REFUSED, str(error)) from error
    except ConnectError as error:
        raise FaultSeen(HOST_UNREACHABLE, str(error)) from error
    return RungOutcome({"connect_seconds": time.monotonic() - started})


_FAULTS = (NAME_UNRESOLVED, HOST_UNREACHABLE, CONNECTION_REFUSED, CONNECT_TIMEOUT)

REACH = Probe(
    Rung.REACH,
    _FAULTS,
    frozenset(fault.code for fault in _FAULTS),
    _climb,
    lambda timeouts: timeouts.reach,
    CONNECT_TIMEOUT,
    _look_up,
)
