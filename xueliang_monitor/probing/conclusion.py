"""The end of a visit: its result, and what is remembered of the camera."""

from __future__ import annotations

from dataclasses import replace

from xueliang_monitor.model import NO_NUMBERS, Finding, Rung, RungResult, Target, VisitResult
from xueliang_monitor.picture.look import Look
from xueliang_monitor.probing.climbed import Climbed, DeviceAnswers, Examined, Played, Reached
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.dome_aim import aim_of, dome_after_picture, steady_of
from xueliang_monitor.probing.findings import Findings
from xueliang_monitor.probing.login import RETRY_SECONDS, Login, LoginOutcome
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rung import VisitContext
from xueliang_monitor.probing.rungs import OFFLINE_RUNGS
from xueliang_monitor.probing.rungs.picture import CHECK_FAILED
from xueliang_monitor.probing.rungs.rtsp import AUTH_FAILED, SESSION_LIMIT, STREAM_NOT_FOUND, login_outcome
from xueliang_monitor.wire import auth

MAX_SECOND_LOOKS = 4
"""Early second looks in a row, so that a doubtful picture does not keep a camera visited more often."""


def untold(target: Target, now: float, why: str, seconds: float) -> VisitResult:
    """Return the result of a visit that failed for a reason of our own and says nothing about the camera."""
    finding = Finding(CHECK_FAILED.code, why, Rung.REACH)
    rung = RungResult(Rung.REACH, False, seconds, fault=finding.code, detail=finding.detail)
    return VisitResult(target.id, now, (rung,), (finding,))


def conclude(context: VisitContext, found: Findings) -> tuple[VisitResult, Memory]:
    """Return the result of a visit that is over, and what to remember of it."""
    climbed, before, at = found.climbed, context.memory, context.started_at
    reached, played, asked = climbed.find(Reached), climbed.find(Played), climbed.find(DeviceAnswers)
    examined = climbed.find(Examined)
    look = examined.look if examined is not None else None
    dome = asked.dome if asked is not None and asked.dome_asked else dome_after_picture(before, climbed, at)
    aim = aim_of(climbed)
    placed = aim is None or steady_of(before, aim) is not None
    memory = before if look is None else _after_look(before, look, again=found.look_again, placed=placed)
    found.look_again = found.look_again and memory.second_looks <= MAX_SECOND_LOOKS
    device = asked.memory if asked is not None else before.device
    found.seen = [_name_path(finding, context, device) for finding in found.seen]
    rtsp = LoginOutcome.OPEN if reached is None else login_outcome(reached.connection, climbed.codes)
    result = _result(context, found, look, has_keyframe=played is not None)
    context.logins.close(at)
    offered = reached is not None and auth.offers_digest(reached.connection.login.offered)
    memory = memory.with_login(context.logins.login.guarded_by(Login(offered_digest=offered)))
    if asked is not None or played is not None or dome is not memory.dome:
        normal = played.normal if played is not None else before.normal
        memory = replace(memory, device=device, normal=normal, dome=dome)
    return _judge_login(result, context, rtsp), memory


def conclude_look(context: VisitContext, found: Findings) -> VisitResult:
    """Return the result of a look after its visit. It tells of the picture only, as of when it ended."""
    examined = found.climbed.find(Examined)
    found.look_again = found.look_again and context.memory.second_looks < MAX_SECOND_LOOKS
    ended = replace(context, started_at=context.now())
    return _result(ended, found, examined.look if examined is not None else None, has_keyframe=False)


def memory_after_look(memory: Memory, context: VisitContext, climbed: Climbed, look: Look) -> Memory:
    """Return the memory as it is now, after a look at a picture of an earlier visit.

    `context` is that of the visit. If the past was replaced meanwhile, the look teaches nothing.
    """
    before, aim = context.memory, aim_of(climbed)
    steady = steady_of(before, aim) if aim is not None else None
    unchanged = memory.reference is before.reference and (aim is None or steady is not None)
    after = _after_look(memory, look, again=look.look_again, placed=unchanged)
    dome = after.dome
    if dome is None or not unchanged:
        return after
    # A camera that this visit found to be a dome was looked at where it reported to be afterwards.
    return replace(after, dome=dome.with_reference(dome.status if before.dome is None else steady, look.reference))


def _after_look(memory: Memory, look: Look, *, again: bool, placed: bool) -> Memory:
    """Return the memory after a look. One that belongs to no place of a dome teaches nothing."""
    return replace(
        memory,
        reference=look.reference if placed else memory.reference,
        bursts=memory.bursts.after(look),
        second_looks=memory.second_looks + 1 if again else 0,
    )


def _name_path(finding: Finding, context: VisitContext, device: DeviceMemory) -> Finding:
    """Add the path that the device itself names to a stream that is not found."""
    path = device.stream_path
    known = context.target.path
    if finding.code != STREAM_NOT_FOUND.code or not path or path in (known, context.gate.text(known)):
        return finding
    return replace(finding, detail=f"{finding.detail}; the camera itself names {path} over ONVIF (rtsp_path)")


def _online(found: Findings) -> bool | None:
    """Return whether the camera is online, None if the visit cannot tell."""
    if any(result.rung == Rung.RTSP and result.ok for result in found.rungs):
        return True
    own_error = any(finding.code == CHECK_FAILED.code and finding.rung == found.stopped_at for finding in found.seen)
    return False if found.stopped_at in OFFLINE_RUNGS and not own_error else None


def _result(context: VisitContext, found: Findings, look: Look | None, *, has_keyframe: bool) -> VisitResult:
    at = context.started_at
    return VisitResult(
        camera=context.target.id,
        at=at,
        rungs=tuple(found.rungs),
        seen=tuple(found.seen),
        ruled_out=frozenset(found.ruled_out) - {finding.code for finding in found.seen},
        look_again=found.look_again,
        readings=found.readings,
        online=_online(found),
        keyframe_at=at if has_keyframe else None,
        scores=look.scores if look is not None else NO_NUMBERS,
        evidence=look.evidence if look is not None else b"",
        shortages=tuple(found.shortages),
        failures=tuple(found.failures),
        learning=look is not None and not look.reference.learned,
    )


def _judge_login(result: VisitResult, context: VisitContext, rtsp: LoginOutcome) -> VisitResult:
    """Withhold a refused login that cannot be judged yet, or add the session limit that the last refusal was."""
    login = context.memory.login
    if login.was_session_limit(rtsp):
        detail = f"a login was refused, and {RETRY_SECONDS:.0f} s or more later the same one was accepted"
        return replace(
            result,
            seen=(*result.seen, Finding(SESSION_LIMIT.code, detail, Rung.RTSP)),
            ruled_out=result.ruled_out - {SESSION_LIMIT.code},
        )
    why = login.why_withheld(rtsp, result.at, context.logins.permitted)
    if why is None:
        return result
    return replace(
        result,
        seen=tuple(finding for finding in result.seen if finding.code != AUTH_FAILED.code),
        ruled_out=result.ruled_out - {AUTH_FAILED.code},
        online=None,
        rungs=tuple(
            replace(each, detail=f"{each.detail} ({why})") if each.fault == AUTH_FAILED.code else each
            for each in result.rungs
        ),
    )
