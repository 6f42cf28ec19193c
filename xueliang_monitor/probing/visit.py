"""One visit of one camera: climb the ladder over one connection, stop at the first rung that fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from xueliang_monitor.model import (
    NO_NUMBERS,
    Finding,
    Rung,
    RungResult,
    Target,
    Timeouts,
    VisitResult,
    redact_path,
)
from xueliang_monitor.net.names import Names
from xueliang_monitor.picture.bursts import Bursts
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing import login_verdict
from xueliang_monitor.probing.camera_lock import WAIT_SECONDS, TurnError, Turns
from xueliang_monitor.probing.climb import Findings, climb_one
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.login_backoff import Login, may_be_refused
from xueliang_monitor.probing.rung import Climb
from xueliang_monitor.probing.rungs import LADDER
from xueliang_monitor.probing.rungs.onvif import ONVIF
from xueliang_monitor.probing.rungs.picture import CHECK_FAILED
from xueliang_monitor.probing.rungs.rtsp import AUTH_FAILED, AUTH_LOCKED, STREAM_NOT_FOUND
from xueliang_monitor.probing.stream_baseline import Normal
from xueliang_monitor.process.pauses import Pauses

log = logging.getLogger(__name__)

MAX_SECOND_LOOKS = 4
"""Early second looks in a row, so that a camera that stays doubtful is not visited more often for ever."""

PATH_ASKED_SECONDS = 300.0
"""How long the path that a camera names is taken as told while its stream is not found."""

MIN_DEVICE_SECONDS = 1.0
"""Of a bounded visit, with less left than this the device is not asked."""

OFFLINE_RUNGS = frozenset({Rung.REACH, Rung.RTSP})
UNREACHED = frozenset({"name_unresolved", "host_unreachable", "connect_timeout"})
"""Faults after which nothing else of the camera is asked: what would be found are echoes."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a camera from visit to visit.

    `refusals` are the last moments at which it refused a login, over RTSP or ONVIF, in seconds since the epoch;
    `bursts` tells when its pictures are looked at in motion.
    """

    reference: Reference | None = None
    login: Login = field(default_factory=Login)
    second_looks: int = 0
    device: DeviceMemory = field(default_factory=DeviceMemory)
    device_login: Login = field(default_factory=Login)
    normal: Normal = field(default_factory=Normal)
    refusals: tuple[float, ...] = ()
    bursts: Bursts = field(default_factory=Bursts)

    def moved(self, change: Callable[[float], float]) -> Memory:
        """Return the same with every moment changed, as when the clock that gave them was wrong."""
        return replace(
            self,
            login=self.login.moved(change),
            device=self.device.moved(change),
            device_login=self.device_login.moved(change),
            normal=self.normal.moved(change),
            refusals=tuple(change(moment) for moment in self.refusals),
        )

    def shifted(self, seconds: float) -> Memory:
        """Return the same after our clock was set by so many seconds: a camera's clock is off it by as many less."""
        memory = self.moved(lambda moment: moment + seconds)
        offset = memory.device.acquaintance.clock_offset_seconds
        if offset is None:
            return memory
        acquaintance = replace(memory.device.acquaintance, clock_offset_seconds=offset - seconds)
        return replace(memory, device=replace(memory.device, acquaintance=acquaintance))


async def _climb_ladder(climb: Climb, top: Rung) -> Findings:
    found = Findings()
    try:
        for probe in LADDER:
            if probe.rung is Rung.PICTURE and climb.connection is not None:
                await climb.connection.close()
            await climb_one(found, probe, climb)
            if probe.rung is top or found.stopped_at is not None:
                break
    finally:
        if climb.connection is not None:
            await climb.connection.close()
    return found


async def _ask_device(climb: Climb, found: Findings, login: Login, *, due: bool) -> None:
    """Ask the device over ONVIF where that is due, or where it can say why the stream is not found."""
    codes = {finding.code for finding in found.seen}
    if climb.target.onvif is None or codes & UNREACHED:
        return
    if climb.ends_at is not None and climb.ends_at - time.monotonic() < MIN_DEVICE_SECONDS:
        return
    lost = STREAM_NOT_FOUND.code in codes
    asked = climb.device.interviewed_at
    climb.interview = lost and (asked is None or climb.now() - asked >= PATH_ASKED_SECONDS)
    if not (due or climb.interview):
        return
    # A login that RTSP refuses, or that is held back there, is not tried over ONVIF either: failures add up.
    same = climb.target.onvif.credentials == climb.target.credentials
    locked = AUTH_LOCKED.code in codes
    refused = AUTH_FAILED.code in codes or not climb.may_log_in
    refused_at = (*climb.refusals, climb.now()) if AUTH_FAILED.code in codes else climb.refusals
    spared = may_be_refused(refused_at, climb.now())
    climb.may_log_in_to_device = login.may_try(climb.now()) and spared and not (same and refused) and not locked
    await climb_one(found, ONVIF, climb)


def _name_path(climb: Climb, finding: Finding) -> Finding:
    """Add the path that the device itself names to a stream that is not found."""
    path = climb.device.stream_path
    if finding.code != STREAM_NOT_FOUND.code or not path or path == climb.target.path:
        return finding
    return replace(
        finding, detail=f"{finding.detail}; the camera itself names {redact_path(path)} over ONVIF (rtsp_path)"
    )


async def visit(
    target: Target,
    top: Rung,
    memory: Memory,
    *,
    timeouts: Timeouts,
    workers: Workers,
    now: float,
    total_seconds: float | None = None,
    ask_device: bool = False,
    turns: Turns | None = None,
    names: Names | None = None,
    pauses: Pauses | None = None,
    told: Callable[[Rung, RungResult | None], None] | None = None,
) -> tuple[VisitResult, Memory]:
    """Climb from the first rung to `top`, ask the device over ONVIF if wanted; return the report and what to remember.

    `now` is the wall-clock second at which the visit starts; `total_seconds` bounds the whole climb; `turns` keeps it
    from meeting another at the camera; `names` looks its name up, and `pauses` knows when this process did not run;
    `told` hears of each rung as it is begun and over. Never raises but for cancellation.
    """
    login = memory.login.for_credentials(target.credentials)
    device_login = memory.device_login.for_credentials(target.onvif.credentials if target.onvif else None)
    unchanged = login is memory.login and device_login is memory.device_login
    began = time.monotonic()
    memory = replace(memory, login=login, refusals=memory.refusals if unchanged else ())
    looking_up = names or Names()
    climb = Climb(
        target,
        timeouts,
        workers,
        lambda: now + time.monotonic() - began,
        looking_up,
        memory.reference,
        memory.device,
        may_log_in=login.may_try(now) and may_be_refused(memory.refusals, now),
        may_log_in_to_device=device_login.may_try(now) and may_be_refused(memory.refusals, now),
        normal=memory.normal,
        refusals=memory.refusals,
        burst=memory.bursts.due,
        pauses=pauses or Pauses(),
        told=told,
    )
    try:
        async with (turns or Turns()).of(target.host):
            climb.ends_at = None if total_seconds is None else time.monotonic() + total_seconds
            found = await _climb_ladder(climb, top)
            await _ask_device(climb, found, device_login, due=ask_device)
        return _conclude(climb, found, memory, device_login, now)
    except TurnError as error:
        return _untold(target, now, str(error), WAIT_SECONDS), memory
    except Exception as error:
        log.exception("camera %s: the visit itself failed", target.id)
        return _untold(
            target, now, f"the visit itself failed: {type(error).__name__}", time.monotonic() - began
        ), memory
    finally:
        if names is None:
            await looking_up.close()


def _untold(target: Target, now: float, why: str, seconds: float) -> VisitResult:
    """Return the report of a visit that came to nothing for a reason of our own."""
    finding = Finding(CHECK_FAILED.code, why, Rung.REACH)
    rung = RungResult(Rung.REACH, False, seconds, finding.code, finding.detail)
    return VisitResult(target.id, now, (rung,), (finding,))


def _conclude(
    climb: Climb, found: Findings, memory: Memory, device_login: Login, now: float
) -> tuple[VisitResult, Memory]:
    """Return the report of a visit that is over, and what to remember of it."""
    found.seen = [_name_path(climb, finding) for finding in found.seen]
    if climb.look is not None:
        memory = replace(memory, second_looks=memory.second_looks + 1 if found.look_again else 0)
        found.look_again = found.look_again and memory.second_looks <= MAX_SECOND_LOOKS
    visited = _report(climb.target, now, found, climb)
    tried = climb.connection is not None and climb.connection.login_tried
    accepted = climb.connection is not None and climb.connection.login_accepted
    visited, login = login_verdict.judge_login(visited, memory.login, tried=tried, accepted=accepted)
    return visited, replace(
        memory,
        reference=climb.look.reference if climb.look else memory.reference,
        bursts=memory.bursts.after(climb.look) if climb.look else memory.bursts,
        login=login,
        device=climb.device,
        device_login=login_verdict.after_device(device_login, climb.device_login, now),
        normal=climb.normal,
        refusals=login_verdict.latest(memory.refusals, visited, climb.device_login, tried=tried and not accepted),
    )


def _report(target: Target, now: float, found: Findings, climb: Climb) -> VisitResult:
    passed = {result.rung for result in found.rungs if result.ok}
    own_error = any(finding.code == CHECK_FAILED.code and finding.rung is found.stopped_at for finding in found.seen)
    online: bool | None = None
    if Rung.RTSP in passed:
        online = True
    elif found.stopped_at in OFFLINE_RUNGS and not own_error:
        online = False
    return VisitResult(
        camera=target.id,
        at=now,
        rungs=tuple(found.rungs),
        seen=tuple(found.seen),
        ruled_out=frozenset(found.ruled_out) - {finding.code for finding in found.seen},
        look_again=found.look_again,
        readings=found.readings,
        online=online,
        keyframe_at=now if climb.keyframe is not None else None,
        scores=climb.look.scores if climb.look is not None else NO_NUMBERS,
        evidence=climb.look.evidence if climb.look is not None else b"",
        shortages=tuple(found.shortages),
        failures=climb.failures,
    )
