"""Beside the ladder: clock, identity, firmware, media profiles and last start as the device reports them (ONVIF)."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace

from xueliang_monitor.model import Fault, FaultSeen, Finding, Identity, Rung, Severity, Text
from xueliang_monitor.net.errors import ClosedError, ConnectError, LoginError, NetError, UnansweredError
from xueliang_monitor.net.onvif_hints import ClockKind
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
    FIRST_SECONDS,
    Questions,
    ask_last_start,
    ask_time,
    ask_time_again,
    conversation,
    interview,
    note_login,
)
from xueliang_monitor.probing.device_memory import DeviceMemory, Subject
from xueliang_monitor.probing.dome import PTZ_AWAY, DomeMemory, judge_away
from xueliang_monitor.probing.dome_aim import ask_dome
from xueliang_monitor.probing.login import LoginOutcome, Permission
from xueliang_monitor.probing.rung import Probe, RungOutcome, VisitContext
from xueliang_monitor.probing.rungs.reach import UNREACHED
from xueliang_monitor.probing.rungs.rtsp import STREAM_NOT_FOUND, login_outcome
from xueliang_monitor.readings import NO_READINGS, Readings
from xueliang_monitor.wire.errors import EmptyResponseError, OnvifResponseError, SoapFaultError, WebPageError

INTERVIEW_SECONDS = 3600.0
"""How often profiles, host name and services are asked."""

PATH_ASKED_SECONDS = 300.0
"""How often the path of the stream is asked while the stream is not found."""

MIN_SECONDS = 1.0
"""With less time left of a bounded visit, the device is not asked."""

STALE_SECONDS = 3600.0
"""After this time without ONVIF, what the device told is no longer shown as a reading."""

SPARE_SECONDS = 0.3
"""What is left of the rung's time when the last question ends."""

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


_READINGS_OF: dict[Subject, tuple[str, ...]] = {
    Subject.CLOCK: ("clock_offset_seconds",),
    Subject.IDENTITY: ("manufacturer", "model", "firmware", "serial"),
    Subject.HOSTNAME: ("hostname",),
    Subject.LAST_START: ("last_start_timestamp_seconds",),
    Subject.TIME_KEEPING: ("time_source", "time_zone"),
    Subject.NTP: ("ntp_server",),
}
"""The readings that are known from each subject."""


def _stale(known: DeviceMemory, now: float) -> Readings:
    """Return the withdrawal of what the device has not told for long."""
    old = {subject for subject, at in known.told_at.items() if now - at > STALE_SECONDS}
    return replace(NO_READINGS, withdrawn=frozenset(name for each in old for name in _READINGS_OF.get(each, ())))


def _fault_of(error: NetError | OnvifResponseError | TimeoutError, context: VisitContext) -> FaultSeen:
    stale = _stale(context.memory.device, context.now())
    if isinstance(error, TimeoutError):
        port = context.target.onvif.port if context.target.onvif is not None else context.target.port
        return FaultSeen(ONVIF_UNREACHABLE, f"{context.target.host}:{port} gave {error}", stale)
    if isinstance(error, ConnectError | ClosedError | UnansweredError):
        return FaultSeen(ONVIF_UNREACHABLE, str(error), stale)
    if isinstance(error, NetError):
        return FaultSeen(ONVIF_MALFORMED, str(error), stale)
    fault = next((fault for kind, fault in _BY_RESPONSE if isinstance(error, kind)), ONVIF_MALFORMED)
    return FaultSeen(fault, str(error), stale)


def _clock_offset(known: DeviceMemory) -> float | None:
    """Return the UTC that the device tells minus ours, even where it tells its local time as UTC."""
    hints = known.hints
    return hints.told_offset_seconds if hints.clock is ClockKind.LOCAL_AS_UTC else hints.clock_offset_seconds


def _readings(known: DeviceMemory, told: Collection[Subject]) -> Readings:
    """Return what the device told, without what it does not tell any more."""
    reported, keeping = known.reported or Identity(), known.time_keeping
    current = {
        # What it shows of its clock, and not the local time that it tells as UTC: our own clock is compared with it.
        "clock_offset_seconds": known.hints.clock_offset_seconds if Subject.CLOCK in told else None,
        "manufacturer": reported.manufacturer,
        "model": reported.model,
        "firmware": reported.firmware,
        "serial": reported.serial,
        "hostname": known.hostname or None,
        "last_start_timestamp_seconds": known.last_start[1] if known.last_start is not None else None,
        "time_source": (keeping.source or "unknown") if keeping is not None else None,
        "time_zone": keeping.zone or None if keeping is not None else None,
        "ntp_server": known.ntp.servers[0] if known.ntp is not None and known.ntp.servers else None,
    }
    unknown = {name for subject in known.not_told for name in _READINGS_OF.get(subject, ())}
    untold = unknown if Subject.IDENTITY in told else {*unknown, *_READINGS_OF[Subject.IDENTITY]}
    values = {name: value for name, value in current.items() if value is not None and name not in untold}
    return replace(NO_READINGS, **values, withdrawn=frozenset(unknown))  # type: ignore[arg-type]


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


async def _climb(context: VisitContext, climbed: Climbed, seconds: float) -> RungOutcome:
    target, asked = context.target.onvif, climbed.need(DeviceAnswers)
    if target is None:
        raise RuntimeError("the camera has no ONVIF")
    seen: list[Finding] = []
    async with await conversation(context, climbed, target, await _permission(context, climbed)) as client:
        questions = Questions(client, context, asked.memory, seconds - SPARE_SECONDS)
        try:
            await _ask(questions, climbed)
        except LoginError as error:
            if error.tried or target.credentials is None:
                seen.append(Finding(ONVIF_AUTH_FAILED.code, str(error)))
        except (NetError, OnvifResponseError) as error:
            raise _fault_of(error, context) from error
        finally:
            asked.login = note_login(context, client)
            asked.memory = replace(questions.memory, hints=client.hints)
    came = questions.error
    if not (questions.answered or seen or came is None or questions.is_login_withheld):
        raise _fault_of(came, context) from came
    outcome = _judge(context, asked, questions.told, seen)
    if asked.login is LoginOutcome.ACCEPTED or not (questions.is_login_withheld or _is_in_doubt(context, asked)):
        return outcome
    return replace(outcome, ruled_out=outcome.ruled_out - {ONVIF_AUTH_FAILED.code})


def _is_in_doubt(context: VisitContext, asked: DeviceAnswers) -> bool:
    """Return whether the login was refused before, and this visit did not ask all that may need it."""
    interviewed = asked.memory.interviewed_at != context.memory.device.interviewed_at
    return context.logins.login.onvif.failures > 0 and not interviewed


async def _ask(questions: Questions, climbed: Climbed) -> None:
    """Ask the device what is due. What one answer lacks does not end the conversation."""
    context, client = questions.context, questions.client
    await ask_time(questions)
    reported = await questions.ask(Subject.IDENTITY, client.identity, seconds=FIRST_SECONDS)
    if reported is not None:
        known = questions.memory
        questions.memory = replace(known, reported=reported, identity=known.identity or reported)
    await ask_time_again(questions)
    interviewed = questions.memory.interviewed_at
    due = interviewed is None or context.now() - interviewed >= INTERVIEW_SECONDS
    mute = not questions.answered and isinstance(
        questions.error, SoapFaultError | TimeoutError | ClosedError | UnansweredError
    )
    if (due and questions.answered) or mute or _asks_for_path(context, climbed):
        await interview(questions)
    if questions.memory.tells_last_start and questions.answered:
        questions.memory = await ask_last_start(client, context, questions.memory)
    if questions.answered:
        asked = climbed.need(DeviceAnswers)
        asked.dome, asked.dome_asked = await ask_dome(questions, climbed, due=due), True


def _judge(context: VisitContext, asked: DeviceAnswers, told: Collection[Subject], seen: list[Finding]) -> RungOutcome:
    """Return the faults seen and ruled out, of what the device told in this visit."""
    known = asked.memory
    offset, reported = _clock_offset(known), known.reported
    found: list[tuple[str, Finding | None]] = []
    if offset is not None and Subject.CLOCK in told:
        drift = judge_clock(
            offset,
            context.target,
            known.time_keeping,
            context.now(),
            local_as_utc=known.hints.clock is ClockKind.LOCAL_AS_UTC,
        )
        found.append((CLOCK_DRIFT.code, drift))
    ruled_out: frozenset[str] = frozenset()
    if reported is not None and Subject.IDENTITY in told:
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
    if told:
        found.append((DEVICE_REBOOTED.code, judge_restart(known, context.now())))
    if asked.dome_asked:
        away, is_back = judge_away(asked.dome or DomeMemory(), context.target.ptz_away_seconds, context.now())
        found += [(PTZ_AWAY.code, away)] if away is not None or is_back or asked.dome is None else []
    seen += [finding for _, finding in found if finding is not None]
    clear = frozenset(code for code, finding in found if finding is None)
    return RungOutcome(_readings(known, told), tuple(seen), (ruled_out | clear) - {item.code for item in seen})


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
    faults=(*_STOPPING, CLOCK_DRIFT, DEVICE_REBOOTED, DEVICE_REPLACED, FIRMWARE_CHANGED, PTZ_AWAY),
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
