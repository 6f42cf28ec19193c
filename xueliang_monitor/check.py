"""One visit of one camera: climb the ladder over one connection, stop at the first rung that fails."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace

from xueliang_monitor.login import Login
from xueliang_monitor.model import FaultSeen, Finding, Report, Rung, RungResult, Target, Timeouts
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probes import LADDER
from xueliang_monitor.probes.climb import Climb, Outcome, Probe
from xueliang_monitor.probes.picture import CHECK_FAILED
from xueliang_monitor.probes.rtsp import AUTH_FAILED

log = logging.getLogger(__name__)

MAX_SECOND_LOOKS = 4
"""Early second looks in a row, so that a camera that stays doubtful is not visited more often for ever."""

PICTURE_SHARE_SECONDS = 2.5
"""Of a bounded visit, what is kept for the picture."""

OFFLINE_RUNGS = frozenset({Rung.REACH, Rung.RTSP})


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a camera from visit to visit."""

    reference: Reference | None = None
    login: Login = field(default_factory=Login)
    second_looks: int = 0


@dataclass(slots=True)
class _Findings:
    """The report in the making."""

    rungs: list[RungResult]
    seen: list[Finding]
    ruled_out: set[str]
    readings: dict[str, float | str]
    look_again: bool = False
    stopped: bool = False

    def passed(self, probe: Probe, outcome: Outcome, seconds: float) -> None:
        first = outcome.seen[0] if outcome.seen else None
        code, detail = (first.code, first.detail) if first else (None, "")
        self.rungs.append(RungResult(probe.rung, first is None, seconds, code, detail))
        self.seen += outcome.seen
        self.ruled_out |= probe.excludes | outcome.ruled_out
        self.readings |= outcome.readings
        self.look_again = self.look_again or outcome.look_again

    def failed(self, probe: Probe, fault: FaultSeen, seconds: float) -> None:
        code = fault.fault.code
        self.stopped = True
        self.rungs.append(RungResult(probe.rung, False, seconds, code, fault.detail))
        self.seen.append(Finding(code, fault.detail))
        if code in probe.excludes:
            self.ruled_out |= probe.excludes - {code}
        self.readings |= fault.readings


async def _climb_rung(probe: Probe, climb: Climb) -> Outcome:
    """Climb one rung within its time; whatever is no fault of the camera becomes `check_failed`."""
    limit = probe.timeout(climb.timeouts)
    try:
        async with asyncio.timeout(limit):
            return await probe.climb(climb)
    except TimeoutError as error:
        where = f"{climb.target.host}:{climb.target.port}"
        raise FaultSeen(probe.timed_out, f"{where} gave no answer within {limit:.1f} s ({probe.rung})") from error
    except FaultSeen:
        raise
    except Exception as error:
        log.exception("camera %s: the %s check itself failed", climb.target.id, probe.rung)
        raise FaultSeen(CHECK_FAILED, f"the {probe.rung} check itself failed: {type(error).__name__}") from error


async def _climb_ladder(climb: Climb, top: Rung) -> _Findings:
    found = _Findings([], [], set(), {})
    try:
        for probe in LADDER:
            if probe.rung is Rung.PICTURE and climb.connection is not None:
                await climb.connection.close()
            started = time.monotonic()
            if climb.ends_at is not None:
                climb.timeouts = climb.timeouts.within(climb.ends_at - started, PICTURE_SHARE_SECONDS)
            try:
                found.passed(probe, await _climb_rung(probe, climb), time.monotonic() - started)
            except FaultSeen as fault:
                found.failed(probe, fault, time.monotonic() - started)
            if probe.rung is top or found.stopped:
                break
    finally:
        if climb.connection is not None:
            await climb.connection.close()
    return found


async def visit(
    target: Target,
    top: Rung,
    memory: Memory,
    *,
    timeouts: Timeouts,
    workers: Workers,
    now: float,
    total_seconds: float | None = None,
) -> tuple[Report, Memory]:
    """Climb from the first rung to `top` and return the report and what to remember.

    `now` is the wall-clock second at which the visit starts; `total_seconds` bounds the whole climb.
    Never raises but for cancellation.
    """
    login = memory.login.for_credentials(target.credentials)
    ends_at = None if total_seconds is None else time.monotonic() + total_seconds
    climb = Climb(target, timeouts, workers, memory.reference, login.may_try(now), ends_at)
    found = await _climb_ladder(climb, top)
    if climb.look is not None:
        memory = replace(memory, second_looks=memory.second_looks + 1 if found.look_again else 0)
        found.look_again = found.look_again and memory.second_looks <= MAX_SECOND_LOOKS
    tried = climb.connection is not None and climb.connection.login_tried
    accepted = climb.connection is not None and climb.connection.login_accepted
    return _judge_login(
        _report(target, now, found, climb),
        replace(memory, reference=climb.look.reference if climb.look else memory.reference, login=login),
        tried=tried,
        accepted=accepted,
    )


def _report(target: Target, now: float, found: _Findings, climb: Climb) -> Report:
    passed = {result.rung for result in found.rungs if result.ok}
    stopped_at = found.rungs[-1].rung if found.stopped else None
    online: bool | None = None
    if Rung.RTSP in passed:
        online = True
    elif stopped_at in OFFLINE_RUNGS and found.seen[-1].code != CHECK_FAILED.code:
        online = False
    return Report(
        camera=target.id,
        at=now,
        rungs=tuple(found.rungs),
        seen=tuple(found.seen),
        ruled_out=frozenset(found.ruled_out) - {finding.code for finding in found.seen},
        look_again=found.look_again,
        readings=found.readings,
        online=online,
        keyframe_at=now if climb.keyframe is not None else None,
    )


def _judge_login(report: Report, memory: Memory, *, tried: bool, accepted: bool) -> tuple[Report, Memory]:
    """Count a refused login, and hold judgement where none was tried or a first refusal may be a session limit."""
    login = memory.login
    if accepted:
        return report, replace(memory, login=login.accepted())
    refused = any(finding.code == AUTH_FAILED.code for finding in report.seen)
    if not refused:
        return report, memory
    if tried or login.credentials is None:
        after = login.refused(report.at) if tried else login
        if not (tried and login.was_accepted):
            return report, replace(memory, login=after)
        note = "after good sessions: tried once more before it is judged"
    else:
        after = login
        note = f"held back for {login.seconds_left(report.at):.0f} s more, so that the camera is not locked"
    withheld = replace(
        report,
        seen=tuple(finding for finding in report.seen if finding.code != AUTH_FAILED.code),
        ruled_out=report.ruled_out - {AUTH_FAILED.code},
        online=None,
        rungs=tuple(
            replace(result, detail=f"{result.detail} ({note})") if result.fault == AUTH_FAILED.code else result
            for result in report.rungs
        ),
    )
    return withheld, replace(memory, login=after)
