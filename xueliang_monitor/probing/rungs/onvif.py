"""Beside the ladder: clock, identity, firmware, media profiles and last start as the device reports them (ONVIF)."""

from __future__ import annotations

import time
from dataclasses import replace

from xueliang_monitor.model import Fault, FaultSeen, Finding, Identity, Rung, Severity, Text
from xueliang_monitor.net.errors import ClosedError, ConnectError, LoginError, NetError
from xueliang_monitor.probing.climbed import Climbed, DeviceAnswers, Reached
from xueliang_monitor.probing.device_changes import (
    CLOCK_DRIFT,
    DEVICE_REBOOTED,
    DEVICE_REPLACED,
    FIRMWARE_CHANGED,
    judge_clock,
    judge_identity,
    judge_restart,
    untold_changes,
)
from xueliang_monitor.probing.device_interview import (
    ask_last_start,
    ask_time,
    conversation,
    interview,
    login_outcome_of,
)
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.login import LoginOutcome, Permission, Protocol
from xueliang_monitor.probing.rung import Probe, RungOutcome, VisitContext
from xueliang_monitor.probing.rungs.reach import UNREACHED
from xueliang_monitor.probing.rungs.rtsp import STREAM_NOT_FOUND, login_outcome
from xueliang_monitor.readings import Readings
from xueliang_monitor.wire.errors import EmptyResponseError, OnvifResponseError, SoapFaultError, WebPageError

INTERVIEW_SECONDS = 3600.0
"""How often profiles, host name and services are asked."""

PATH_ASKED_SECONDS = 300.0
"""How often the path of the stream is asked while the stream is not found."""

MIN_SECONDS = 1.0
"""With less time left of a bounded visit, the device is not asked."""

ONVIF_UNREACHABLE = Fault(
    "onvif_unreachable",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("ONVIF unreachable", "ONVIF 不可达"),
    cause=Text("The camera's ONVIF port does not answer.", "摄像机的 ONVIF 端口没有应答。"),
    advice=Text(
        "Enable ONVIF in the camera, or correct onvif_port in its file. Write onvif: none if it has no ONVIF.",
        "在摄像机中启用 ONVIF，或更正其配置文件中的 onvif_port；若不支持请写 onvif: none。",
    ),
)
ONVIF_AUTH_FAILED = Fault(
    "onvif_auth_failed",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("ONVIF login refused", "ONVIF 登录失败"),
    cause=Text(
        "The camera does not accept the login for ONVIF. Many cameras have separate ONVIF users.",
        "该账号对 ONVIF 无效；许多摄像机为 ONVIF 单独设置用户。",
    ),
    advice=Text(
        "Add an ONVIF user in the camera, or name another login as onvif_credentials in its file.",
        "在摄像机中添加 ONVIF 用户，或在其配置文件中用 onvif_credentials 指定其他账号。",
    ),
    at_first_sight=True,
)
ONVIF_MALFORMED = Fault(
    "onvif_malformed",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("ONVIF answers unreadable", "ONVIF 应答无法解析"),
    cause=Text(
        "Another service answers on that port, or the camera's firmware is damaged.",
        "该端口的应答并非 ONVIF，或摄像机固件损坏。",
    ),
    advice=Text(
        "Check onvif_port and onvif_path in the camera's file. Update the firmware.",
        "检查摄像机配置文件中的 onvif_port 与 onvif_path；升级固件。",
    ),
)
ONVIF_FAULT = Fault(
    "onvif_fault",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("ONVIF reports an error", "ONVIF 报错"),
    cause=Text(
        "The camera refuses a request that every ONVIF camera must answer.", "摄像机拒绝了 ONVIF 设备必须应答的请求。"
    ),
    advice=Text("Restart the camera. If the error stays, update its firmware.", "重启摄像机；若仍存在，请升级固件。"),
)
ONVIF_WEB_PAGE = Fault(
    "onvif_web_page",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("Web page instead of ONVIF", "返回网页而非 ONVIF"),
    cause=Text(
        "The camera's web server answers with a web page, such as its login page. ONVIF is off or on another port.",
        "摄像机的网页服务返回了网页（如登录页）：ONVIF 未启用或位于其他端口。",
    ),
    advice=Text(
        "Enable ONVIF in the camera, or correct onvif_port and onvif_path.",
        "在摄像机设置中启用 ONVIF，或更正 onvif_port 与 onvif_path。",
    ),
)
ONVIF_EMPTY = Fault(
    "onvif_empty",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("ONVIF answers are empty", "ONVIF 应答为空"),
    cause=Text("The camera sends empty answers. Its ONVIF service hangs.", "摄像机应答无内容：ONVIF 服务异常。"),
    advice=Text("Restart the camera. If the fault stays, update its firmware.", "重启摄像机；若仍存在，请升级固件。"),
)
_BY_RESPONSE: tuple[tuple[type[OnvifResponseError], Fault], ...] = (
    (EmptyResponseError, ONVIF_EMPTY),
    (WebPageError, ONVIF_WEB_PAGE),
    (SoapFaultError, ONVIF_FAULT),
)


def _fault_of(error: NetError | OnvifResponseError) -> FaultSeen:
    if isinstance(error, ConnectError | ClosedError):
        return FaultSeen(ONVIF_UNREACHABLE, str(error))
    if isinstance(error, NetError):
        return FaultSeen(ONVIF_MALFORMED, str(error))
    return FaultSeen(
        next((fault for kind, fault in _BY_RESPONSE if isinstance(error, kind)), ONVIF_MALFORMED), str(error)
    )


def _readings(known: DeviceMemory, reported: Identity | None) -> Readings:
    readings = Readings(
        clock_offset_seconds=known.hints.clock_offset_seconds,
        hostname=known.hostname or None,
        last_start_timestamp_seconds=known.last_start[1] if known.last_start is not None else None,
    )
    if reported is None:
        return readings
    return replace(
        readings,
        manufacturer=reported.manufacturer,
        model=reported.model,
        firmware=reported.firmware,
        serial=reported.serial,
    )


def _asks_for_path(context: VisitContext, climbed: Climbed) -> bool:
    """Return whether to ask the device for its stream path, as the stream was not found at the known path."""
    asked_at = context.memory.device.interviewed_at
    lost = STREAM_NOT_FOUND.code in climbed.codes
    return lost and (asked_at is None or context.now() - asked_at >= PATH_ASKED_SECONDS)


async def _permission(context: VisitContext, climbed: Climbed) -> Permission:
    """Return whether a login may be tried, given its outcome over RTSP in the same visit."""
    reached = climbed.find(Reached)
    rtsp = LoginOutcome.OPEN if reached is None else login_outcome(reached.connection, climbed.codes)
    return await context.logins.onvif(context.now(), rtsp)


async def _prepare(context: VisitContext) -> DeviceAnswers:
    return DeviceAnswers(context.memory.device)


async def _climb(context: VisitContext, climbed: Climbed, _seconds: float) -> RungOutcome:
    target, asked = context.target.onvif, climbed.need(DeviceAnswers)
    if target is None:
        raise RuntimeError("the camera has no ONVIF")
    seen: list[Finding] = []
    reported: Identity | None = None
    async with await conversation(context, climbed, target, await _permission(context, climbed)) as client:
        try:
            await ask_time(client)
            reported = await client.identity()
            asked.memory = replace(asked.memory, reported=reported, identity=asked.memory.identity or reported)
            interviewed = asked.memory.interviewed_at
            due = interviewed is None or context.now() - interviewed >= INTERVIEW_SECONDS
            if due or _asks_for_path(context, climbed):
                asked.memory = await interview(client, context, asked.memory)
            if asked.memory.tells_last_start:
                asked.memory = await ask_last_start(client, context, asked.memory)
        except LoginError as error:
            if error.tried or target.credentials is None:
                seen.append(Finding(ONVIF_AUTH_FAILED.code, str(error)))
        except (NetError, OnvifResponseError) as error:
            raise _fault_of(error) from error
        finally:
            asked.login = login_outcome_of(client)
            context.logins.over(Protocol.ONVIF, asked.login, context.started_at)
            asked.memory = replace(asked.memory, hints=client.hints)
    return _judge(context, asked.memory, reported, seen)


def _judge(context: VisitContext, known: DeviceMemory, reported: Identity | None, seen: list[Finding]) -> RungOutcome:
    """Return the faults seen and ruled out. Without a login that is the clock only."""
    offset = known.hints.clock_offset_seconds
    found: list[tuple[str, Finding | None]] = []
    if offset is not None:
        found.append((CLOCK_DRIFT.code, judge_clock(offset, context.target)))
    ruled_out: frozenset[str] = frozenset()
    if reported is not None:
        from xueliang_monitor.net.onvif import identity_through

        ruled_out = frozenset({ONVIF_AUTH_FAILED.code})
        expected = context.target.identity or known.identity
        expected = expected and identity_through(context.gate, expected)
        change, untold = judge_identity(reported, expected), untold_changes(reported, expected)
        found += [
            (code, change if change is not None and change.code == code else None)
            for code in (DEVICE_REPLACED.code, FIRMWARE_CHANGED.code)
            if code not in untold or (change is not None and change.code == code)
        ]
        found.append((DEVICE_REBOOTED.code, judge_restart(known, context.now())))
    seen += [finding for _, finding in found if finding is not None]
    clear = frozenset(code for code, finding in found if finding is None)
    return RungOutcome(_readings(known, reported), tuple(seen), (ruled_out | clear) - {item.code for item in seen})


def _wanted(context: VisitContext, climbed: Climbed, *, due: bool) -> bool:
    """Return whether the device is asked: when it is due, or to learn the path of a stream that was not found."""
    if climbed.codes & UNREACHED:
        return False
    if context.ends_at is not None and context.ends_at - time.monotonic() < MIN_SECONDS:
        return False
    return due or _asks_for_path(context, climbed)


_STOPPING = (ONVIF_UNREACHABLE, ONVIF_AUTH_FAILED, ONVIF_MALFORMED, ONVIF_FAULT, ONVIF_WEB_PAGE, ONVIF_EMPTY)
_EXCLUDES = frozenset(fault.code for fault in _STOPPING if fault is not ONVIF_AUTH_FAILED)

ONVIF = Probe(
    rung=Rung.ONVIF,
    title=Text("ONVIF", "设备信息"),
    summary=Text(
        "The monitor asks the device over ONVIF for its clock, identity and last start.",
        "通过 ONVIF 查询设备的时钟、身份和上次启动时间。",
    ),
    faults=(*_STOPPING, CLOCK_DRIFT, DEVICE_REBOOTED, DEVICE_REPLACED, FIRMWARE_CHANGED),
    excludes=_EXCLUDES,
    timed=(ONVIF_UNREACHABLE, CLOCK_DRIFT),
    timed_out=ONVIF_UNREACHABLE,
    climb=_climb,
    prepare=_prepare,
    timeout_seconds=8.0,
    beside=Rung.RTSP,
    applies=lambda target: target.onvif is not None,
    wanted=_wanted,
    port=lambda target: target.onvif.port if target.onvif is not None else target.port,
)
