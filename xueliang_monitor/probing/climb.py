"""Climbs one rung within its time, and keeps the monitor's own troubles from being blamed on the camera."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from dataclasses import replace

from xueliang_monitor.model import FaultSeen
from xueliang_monitor.probing.climbed import Climbed
from xueliang_monitor.probing.findings import Findings
from xueliang_monitor.probing.rung import Probe, RungOutcome, VisitContext
from xueliang_monitor.probing.rungs import TIMED
from xueliang_monitor.probing.rungs.picture import CHECK_FAILED
from xueliang_monitor.probing.rungs.reach import UNANSWERED
from xueliang_monitor.process.shortage import Resource, ShortageError, shortage_of

log = logging.getLogger(__name__)

MIN_RUNG_SECONDS = 0.5
"""What a rung may take at least, also at the end of a bounded visit."""

LOST_SECONDS = 1.5
"""Where the monitor did not run for this long, or for half of a rung's time, faults that depend on time are dropped."""

WAKING_SECONDS = 15.0
"""How long after a stop the machine's network may not be back."""


def _seconds_for(probe: Probe, context: VisitContext, now: float) -> float:
    """Return the timeout of a rung, cut to what is left of a bounded visit."""
    declared = context.timeouts.of(probe.rung, probe.timeout_seconds)
    if context.ends_at is None:
        return declared
    return min(declared, max(MIN_RUNG_SECONDS, context.ends_at - now - probe.leaves_seconds))


async def _climb_within(probe: Probe, context: VisitContext, climbed: Climbed, seconds: float) -> RungOutcome:
    """Climb a rung within its time, or raise its fault or a shortage of the monitor's own."""
    limit = seconds + probe.grace_seconds
    try:
        async with asyncio.timeout(limit):
            return await probe.climb(context, climbed, seconds)
    except TimeoutError as error:
        where = f"{context.target.host}:{probe.port(context.target)}"
        raise FaultSeen(probe.timed_out, f"{where} gave no answer within {limit:.1f} s ({probe.rung})") from error
    except (FaultSeen, ShortageError):
        raise
    except Exception as error:
        if short := shortage_of(error, starting=True):
            raise short from error
        trace = context.gate.lines("".join(traceback.format_exception(error)))
        log.error("camera %s: the %s check itself failed\n%s", context.target.id, probe.rung, trace)  # noqa: TRY400 - the trace may hold a login
        raise FaultSeen(CHECK_FAILED, f"the {probe.rung} check itself failed: {type(error).__name__}") from error


def _not_running(context: VisitContext, since: float, limit: float) -> ShortageError | None:
    """Return a shortage if the process ran too little during a rung to judge faults that depend on time."""
    lost = context.pauses.lost_since(since)
    if lost < min(LOST_SECONDS, limit / 2):
        return None
    took = context.pauses.now() - since
    return ShortageError(
        Resource.PROCESSOR,
        f"the monitor did not run for {lost:.1f} s of {took:.1f} s: it was stopped, its machine suspended or too busy",
    )


def _own_fault(fault: FaultSeen, context: VisitContext, since: float, limit: float) -> ShortageError | None:
    """Return a shortage if a stopped or starved monitor may itself be the cause of a fault."""
    if fault.fault.code in UNANSWERED and context.pauses.stopped_within(WAKING_SECONDS):
        detail = "the monitor was stopped or its machine suspended until a moment ago; its network may not be back"
        return ShortageError(Resource.PROCESSOR, f"{detail} ({fault.detail})")
    return _not_running(context, since, limit) if fault.fault.code in TIMED else None


async def prepare_one(found: Findings, probe: Probe, context: VisitContext) -> None:
    """Run what a rung asks for before it."""
    if probe.prepare is None:
        return
    started = time.monotonic()
    try:
        found.keep(await probe.prepare(context))
    except ShortageError as short:
        found.lacked(probe, short, time.monotonic() - started)
    except FaultSeen as fault:
        found.failed(probe, fault, time.monotonic() - started)


async def climb_one(found: Findings, probe: Probe, context: VisitContext) -> None:
    """Climb one rung, and take what it found."""
    if context.progress is not None:
        context.progress(probe.rung, None)
    before = len(found.rungs)
    await prepare_one(found, probe, context)
    if len(found.rungs) == before:
        async with probe.turn(context):
            await _climb_in_turn(found, probe, context)
    if context.progress is not None:
        context.progress(probe.rung, found.rungs[-1])


async def _climb_in_turn(found: Findings, probe: Probe, context: VisitContext) -> None:
    started, since = time.monotonic(), context.pauses.now()
    seconds = _seconds_for(probe, context, started)
    limit = seconds + probe.grace_seconds
    try:
        outcome = await _climb_within(probe, context, found.climbed, seconds)
        if any(finding.code in TIMED for finding in outcome.seen) and _not_running(context, since, limit):
            outcome = replace(outcome, seen=tuple(finding for finding in outcome.seen if finding.code not in TIMED))
        found.passed(probe, outcome, time.monotonic() - started)
    except ShortageError as short:
        found.lacked(probe, short, time.monotonic() - started)
    except FaultSeen as fault:
        taken = time.monotonic() - started
        ours = _own_fault(fault, context, since, limit)
        if ours is not None:
            found.lacked(probe, ours, taken)
        else:
            found.failed(probe, fault, taken)
