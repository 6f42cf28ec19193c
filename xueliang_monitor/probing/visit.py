"""One visit of one camera: climb the ladder over one connection, and stop at the first rung that fails."""

from __future__ import annotations

import contextlib
import logging
import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import replace

from xueliang_monitor.model import Rung, Target, Timeouts, VisitResult
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import CameraBusyError, CameraLocks
from xueliang_monitor.probing.climb import climb_one, prepare_one
from xueliang_monitor.probing.climbed import Reached
from xueliang_monitor.probing.conclusion import conclude, untold
from xueliang_monitor.probing.findings import Findings
from xueliang_monitor.probing.host_queue import WAIT_SECONDS
from xueliang_monitor.probing.later_look import LaterLook
from xueliang_monitor.probing.login_book import LoginBook
from xueliang_monitor.probing.login_marks import OF_THIS_PROCESS, LoginMarks
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rung import Progress, VisitContext
from xueliang_monitor.probing.rungs import BESIDE, LADDER
from xueliang_monitor.process.pauses import Pauses
from xueliang_monitor.wire.device_text import Gate

log = logging.getLogger(__name__)

KeepPicture = Callable[[LaterLook], None]
"""Takes the picture of a visit to look at it later."""


async def _close(found: Findings) -> None:
    reached = found.climbed.find(Reached)
    if reached is not None:
        await reached.connection.close()


async def _climb_ladder(context: VisitContext, top: Rung, keep: KeepPicture | None) -> Findings:
    """Climb from the first rung to `top`, or to the first that fails; with `keep`, as long as the camera is needed."""
    found = Findings(context.gate)
    try:
        for probe in LADDER:
            if probe.after_session:
                await _close(found)
                if keep is not None:
                    await prepare_one(found, probe, context)
                    keep(LaterLook(probe, context, found.climbed))
                    break
            await climb_one(found, probe, context)
            if probe.rung == top or found.stopped_at is not None:
                break
    finally:
        await _close(found)
    return found


async def _climb_beside(context: VisitContext, found: Findings, due: Collection[Rung]) -> None:
    """Climb the rungs beside the ladder that the camera has, if they are due or wanted."""
    for probe in BESIDE:
        if probe.applies(context.target) and probe.wanted(context, found.climbed, due=probe.rung in due):
            await climb_one(found, probe, context)


async def visit(
    target: Target,
    top: Rung,
    memory: Memory,
    *,
    timeouts: Timeouts,
    workers: Workers,
    now: float,
    total_seconds: float | None = None,
    beside: Collection[Rung] = (),
    locks: CameraLocks | None = None,
    names: NameResolver | None = None,
    pauses: Pauses | None = None,
    progress: Progress | None = None,
    marks: LoginMarks = OF_THIS_PROCESS,
    logins: LoginBook | None = None,
    keep_picture: KeepPicture | None = None,
) -> tuple[VisitResult, Memory]:
    """Climb from the first rung to `top`, and the rungs `beside` the ladder; return the result and what to remember.

    Never raises but for cancellation.

    Args:
        target: the camera.
        top: the highest rung of the ladder to climb.
        memory: what the last visit returned.
        timeouts: what the settings allow each rung.
        workers: the processes that decode pictures.
        now: when the visit starts, in seconds since the epoch.
        total_seconds: bounds the whole visit.
        beside: the rungs beside the ladder that are due.
        locks: gives the visit its turn at the camera's host; None if the caller has it.
        names: looks up the camera's name.
        pauses: knows when this process did not run.
        progress: is called with each rung when it is begun and when it is over.
        marks: recognise the logins in `memory`.
        logins: what is known of logins at all addresses; by default only what `memory` holds.
        keep_picture: takes the picture, if one is due, to be looked at after the visit. By default the visit does.

    """
    target = memory.accepted.over(target)
    asking = (logins or LoginBook()).of_visit(target, memory.login.for_target(target, marks))
    memory = memory.with_login(asking.login)
    began = time.monotonic()
    looking_up = names or NameResolver()
    context = VisitContext(
        target=target,
        memory=memory,
        logins=asking,
        timeouts=timeouts,
        workers=workers,
        names=looking_up,
        pauses=pauses or Pauses(),
        started_at=now,
        now=lambda: now + time.monotonic() - began,
        gate=Gate.of_target(target),
        progress=progress,
    )
    try:
        async with contextlib.nullcontext() if locks is None else locks.hold(target.host):
            if total_seconds is not None:
                context = replace(context, ends_at=time.monotonic() + total_seconds)
            found = await _climb_ladder(context, top, keep_picture)
            await _climb_beside(context, found, beside)
        return conclude(context, found)
    except CameraBusyError as error:
        return untold(target, now, str(error), WAIT_SECONDS), memory
    except Exception as error:  # noqa: BLE001 - counted, and logged without a login that its text may hold
        trace = context.gate.lines("".join(traceback.format_exception(error)))
        log.error("camera %s: the visit itself failed\n%s", target.id, trace)  # noqa: TRY400 - the trace may hold a login
        why = f"the visit itself failed: {type(error).__name__}"
        return untold(target, now, why, time.monotonic() - began), memory
    finally:
        asking.close(now)
        if names is None:
            await looking_up.close()
