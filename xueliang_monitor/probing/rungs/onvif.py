"""Beside the ladder: what does the device say of itself? Clock, make, firmware, profiles, last start (ONVIF)."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from xueliang_monitor.model import Fault, FaultSeen, Finding, Identity, OnvifTarget, Rung, Severity, Text
from xueliang_monitor.net.errors import ClosedError, ConnectError, LoginError, NetError
from xueliang_monitor.probing.device_changes import (
    CLOCK_DRIFT,
    DEVICE_REBOOTED,
    DEVICE_REPLACED,
    FIRMWARE_CHANGED,
    judge_clock,
    judge_identity,
    judge_restart,
)
from xueliang_monitor.probing.device_memory import DeviceMemory, choose_profile
from xueliang_monitor.probing.rung import Climb, Probe, RungOutcome
from xueliang_monitor.wire.errors import EmptyResponseError, OnvifResponseError, SoapFaultError, WebPageError

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient

INTERVIEW_SECONDS = 3600.0
"""How long profiles, host name and services are taken as told."""

ONVIF_UNREACHABLE = Fault(
    "onvif_unreachable",
    Rung.ONVIF,
    Severity.WARNING,
    Text("ONVIF unreachable", "ONVIF 不可达"),
    Text("Nothing answers where the camera is to speak ONVIF.", "摄像机的 ONVIF 端口没有应答。"),
    Text(
        "Switch ONVIF on in the camera, or correct onvif_port in its file; write onvif: none where it has none.",
        "在摄像机中启用 ONVIF，或更正其文件中的 onvif_port；若不支持请写 onvif: none。",
    ),
)
ONVIF_AUTH_FAILED = Fault(
    "onvif_auth_failed",
    Rung.ONVIF,
    Severity.WARNING,
    Text("ONVIF login refused", "ONVIF 登录失败"),
    Text(
        "The login is not valid for ONVIF; many cameras keep users of their own for it.",
        "该登录对 ONVIF 无效；许多摄像机为 ONVIF 单独设置用户。",
    ),
    Text(
        "Add the user for ONVIF in the camera, or name another login as onvif_credentials in its file.",
        "在摄像机中添加 ONVIF 用户，或在其文件中用 onvif_credentials 指定其他登录。",
    ),
    at_first_sight=True,
)
ONVIF_MALFORMED = Fault(
    "onvif_malformed",
    Rung.ONVIF,
    Severity.WARNING,
    Text("ONVIF answers unreadable", "ONVIF 应答无法解析"),
    Text("What answers is no ONVIF, or the firmware is damaged.", "应答并非 ONVIF，或固件损坏。"),
    Text(
        "Check onvif_port and onvif_path in the camera's file; update the firmware.",
        "检查摄像机文件中的 onvif_port 与 onvif_path；升级固件。",
    ),
)
ONVIF_FAULT = Fault(
    "onvif_fault",
    Rung.ONVIF,
    Severity.WARNING,
    Text("ONVIF reports an error", "ONVIF 报错"),
    Text("The camera refuses what every ONVIF camera must answer.", "摄像机拒绝了 ONVIF 设备必须应答的请求。"),
    Text("Restart the camera; if it stays, update its firmware.", "重启摄像机；若仍存在，请升级固件。"),
)
ONVIF_WEB_PAGE = Fault(
    "onvif_web_page",
    Rung.ONVIF,
    Severity.WARNING,
    Text("Web page in place of ONVIF", "返回网页而非 ONVIF"),
    Text(
        "The camera's web server answers with a page, such as its login page: ONVIF is off or elsewhere.",
        "摄像机网页服务返回页面（如登录页）：ONVIF 未启用或位于其他端口。",
    ),
    Text(
        "Switch ONVIF on in the camera's settings, or correct onvif_port and onvif_path.",
        "在摄像机设置中启用 ONVIF，或更正 onvif_port 与 onvif_path。",
    ),
)
ONVIF_EMPTY = Fault(
    "onvif_empty",
    Rung.ONVIF,
    Severity.WARNING,
    Text("ONVIF answers are empty", "ONVIF 应答为空"),
    Text("The camera answers without saying anything: its ONVIF service hangs.", "摄像机应答无内容：ONVIF 服务异常。"),
    Text("Restart the camera; if it stays, update its firmware.", "重启摄像机；若仍存在，请升级固件。"),
)
_BY_ANSWER: tuple[tuple[type[OnvifResponseError], Fault], ...] = (
    (EmptyResponseError, ONVIF_EMPTY),
    (WebPageError, ONVIF_WEB_PAGE),
    (SoapFaultError, ONVIF_FAULT),
)
SAME_START_SECONDS = 60.0
OPTIONAL_SECONDS = 2.5
Answer = TypeVar("Answer")


@functools.cache
def _load() -> None:
    """Load zeep and parse the service definitions, once, and only where a camera speaks ONVIF."""
    from xueliang_monitor.net.onvif_wsdl import definitions

    definitions()


async def conversation(climb: Climb, target: OnvifTarget) -> OnvifClient:
    """Return the conversation of one visit, to be used as an async context manager."""
    if not _load.cache_info().currsize:
        await asyncio.to_thread(_load)
    from xueliang_monitor.net.onvif import OnvifClient

    return OnvifClient(
        climb.target.host,
        target,
        climb.now,
        climb.device.acquaintance,
        tls=climb.target.tls,
        may_log_in=climb.may_log_in_to_device,
        # Where the stream came from: a name may have several addresses.
        addresses=(climb.connection.address,) if climb.connection is not None else climb.addresses,
    )


async def _optional(answer: Awaitable[Answer], otherwise: Answer) -> Answer:
    """Take what a camera need not tell; nothing is made of its silence."""
    try:
        async with asyncio.timeout(OPTIONAL_SECONDS):
            return await answer
    except (OnvifResponseError, NetError, TimeoutError):
        return otherwise


async def _interview(talk: OnvifClient, climb: Climb, known: DeviceMemory) -> DeviceMemory:
    """Ask what seldom changes: profiles, host name, where the stream is, whether the last start is told."""
    from xueliang_monitor.wire.onvif import path_of

    profiles = await _optional(talk.profiles(), known.profiles)
    token = climb.target.onvif.profile if climb.target.onvif else ""
    watched = next((item for item in profiles if item.token == token), None) or choose_profile(profiles)
    path = ""
    if watched is not None:
        path = path_of(await _optional(talk.stream_uri(watched.token), ""))
    return replace(
        known,
        profiles=profiles,
        hostname=await _optional(talk.hostname(), known.hostname),
        stream_path=path or known.stream_path,
        tells_last_start=await _optional(talk.offers_last_reboot(), otherwise=False),
        interviewed_at=climb.now(),
    )


async def _ask_last_start(talk: OnvifClient, climb: Climb, known: DeviceMemory) -> DeviceMemory:
    """Notice a restart: the last start moved by the camera's clock and by ours, so that setting a clock is none."""
    told = await _optional(talk.last_reboot(), None)
    if told is None:
        return known
    ours = told - (talk.hints.clock_offset_seconds or 0.0)
    before = known.last_start
    moved = before is not None and min(abs(told - before[0]), abs(ours - before[1])) > SAME_START_SECONDS
    return replace(
        known, last_start=(told, ours), restart_noticed_at=climb.now() if moved else known.restart_noticed_at
    )


def _fault_of(error: NetError | OnvifResponseError) -> FaultSeen:
    if isinstance(error, ConnectError | ClosedError):
        return FaultSeen(ONVIF_UNREACHABLE, str(error))
    if isinstance(error, NetError):
        return FaultSeen(ONVIF_MALFORMED, str(error))
    return FaultSeen(
        next((fault for kind, fault in _BY_ANSWER if isinstance(error, kind)), ONVIF_MALFORMED), str(error)
    )


def _readings(known: DeviceMemory, told: Identity | None) -> dict[str, float | str]:
    readings: dict[str, float | str] = {}
    if known.acquaintance.clock_offset_seconds is not None:
        readings["clock_offset_seconds"] = known.acquaintance.clock_offset_seconds
    if told is not None:
        readings |= {"manufacturer": told.manufacturer, "model": told.model, "firmware": told.firmware}
        readings["serial"] = told.serial
    if known.hostname:
        readings["hostname"] = known.hostname
    if known.last_start is not None:
        readings["last_start_timestamp_seconds"] = known.last_start[1]
    return readings


async def _ask_time(talk: OnvifClient) -> None:
    """Ask the clock first, as a login needs it; that some cameras refuse even this is found out again by the login."""
    try:
        await talk.time()
    except SoapFaultError as error:
        if not error.fault.refuses_login:
            raise
    except OnvifResponseError as error:
        if isinstance(error, EmptyResponseError | WebPageError):
            raise
        # What cannot be read of the clock alone is no reason to say nothing of the device.


async def _climb(climb: Climb) -> RungOutcome:
    target = climb.target.onvif
    if target is None:
        raise RuntimeError("a camera without ONVIF was asked")
    known, seen, told = climb.device, [], None
    async with await conversation(climb, target) as talk:
        try:
            await _ask_time(talk)
            told = await talk.identity()
            known = replace(known, told=told, identity=known.identity or told)
            interviewed = known.interviewed_at
            if interviewed is None or climb.now() - interviewed >= INTERVIEW_SECONDS or climb.interview:
                known = await _interview(talk, climb, known)
            if known.tells_last_start:
                known = await _ask_last_start(talk, climb, known)
        except LoginError as error:
            if error.tried or target.credentials is None:
                seen.append(Finding(ONVIF_AUTH_FAILED.code, str(error)))
        except (NetError, OnvifResponseError) as error:
            raise _fault_of(error) from error
        finally:
            climb.device_login = (talk.login_tried, talk.login_accepted)
            climb.device = known = replace(known, acquaintance=talk.hints)
    return _judge(climb, known, told, seen)


def _judge(climb: Climb, known: DeviceMemory, told: Identity | None, seen: list[Finding]) -> RungOutcome:
    """Say what was seen and what could be ruled out; without a login that is the clock alone."""
    offset = known.acquaintance.clock_offset_seconds
    found: list[tuple[str, Finding | None]] = []
    if offset is not None:
        found.append((CLOCK_DRIFT.code, judge_clock(offset, climb.target)))
    ruled_out: frozenset[str] = frozenset()
    if told is not None:
        ruled_out = frozenset({ONVIF_AUTH_FAILED.code})
        change = judge_identity(told, climb.target.identity or known.identity)
        found += [
            (code, change if change is not None and change.code == code else None)
            for code in (DEVICE_REPLACED.code, FIRMWARE_CHANGED.code)
        ]
        found.append((DEVICE_REBOOTED.code, judge_restart(known, climb.now())))
    seen += [finding for _, finding in found if finding is not None]
    clear = frozenset(code for code, finding in found if finding is None)
    return RungOutcome(_readings(known, told), tuple(seen), (ruled_out | clear) - {item.code for item in seen})


_STOPPING = (ONVIF_UNREACHABLE, ONVIF_AUTH_FAILED, ONVIF_MALFORMED, ONVIF_FAULT, ONVIF_WEB_PAGE, ONVIF_EMPTY)
_EXCLUDES = frozenset(fault.code for fault in _STOPPING if fault is not ONVIF_AUTH_FAILED)

ONVIF = Probe(
    Rung.ONVIF,
    (*_STOPPING, CLOCK_DRIFT, DEVICE_REBOOTED, DEVICE_REPLACED, FIRMWARE_CHANGED),
    _EXCLUDES,
    _climb,
    lambda timeouts: timeouts.onvif,
    ONVIF_UNREACHABLE,
)
