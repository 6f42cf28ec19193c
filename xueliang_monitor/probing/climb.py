"""One rung of a visit: climbed within its time, and whatever is no fault of the camera kept from it."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace

from xueliang_monitor.model import Fault, FaultSeen, Finding, Rung, RungResult
from xueliang_monitor.probing.device_changes import CLOCK_DRIFT
from xueliang_monitor.probing.rung import Climb, Probe, RungOutcome
from xueliang_monitor.probing.rungs.onvif import ONVIF, ONVIF_UNREACHABLE
from xueliang_monitor.probing.rungs.picture import CHECK_FAILED
from xueliang_monitor.probing.rungs.reach import CONNECT_TIMEOUT, HOST_UNREACHABLE
from xueliang_monitor.probing.rungs.rtsp import CONNECTION_CLOSED, RTSP_TIMEOUT
from xueliang_monitor.probing.rungs.stream import DECODE_FAILED, NO_KEYFRAME, NO_MEDIA, PACKET_LOSS, STREAM_INTERRUPTED
from xueliang_monitor.process.shortage import Resource, ShortageError, shortage_of

log = logging.getLogger(__name__)

PICTURE_SHARE_SECONDS = 2.5
"""Of a bounded visit, what is kept for the picture."""

LOST_SECONDS = 1.5
"""So much lost of a rung's time, or half of it, and what depends on time cannot be told."""

_TIMED: tuple[Fault, ...] = (
    *(CONNECT_TIMEOUT, RTSP_TIMEOUT, CONNECTION_CLOSED, NO_MEDIA, NO_KEYFRAME, PACKET_LOSS),
    *(STREAM_INTERRUPTED, DECODE_FAILED, ONVIF_UNREACHABLE, CLOCK_DRIFT),
)
WAKING_SECONDS = 15.0
"""How long after a stop the machine's network may not be back."""

_UNREACHED = frozenset({CONNECT_TIMEOUT.code, HOST_UNREACHABLE.code})
TIMED = frozenset(fault.code for fault in _TIMED)
"""Faults that a monitor which does not run finds at cameras in order: time passed, packets and connections went."""


@dataclass(slots=True)
class Findings:
    """The report in the making."""

    rungs: list[RungResult] = field(default_factory=list)
    seen: list[Finding] = field(default_factory=list)
    ruled_out: set[str] = field(default_factory=set)
    readings: dict[str, float | str] = field(default_factory=dict)
    shortages: list[str] = field(default_factory=list)
    look_again: bool = False
    stopped_at: Rung | None = None

    def passed(self, probe: Probe, outcome: RungOutcome, seconds: float) -> None:
        """Take what a rung reports that was climbed."""
        first = outcome.seen[0] if outcome.seen else None
        code, detail = (first.code, first.detail) if first else (None, "")
        self.rungs.append(RungResult(probe.rung, first is None, seconds, code, detail))
        self.seen += (replace(finding, rung=probe.rung) for finding in outcome.seen)
        self.ruled_out |= probe.excludes | outcome.ruled_out
        self.readings |= outcome.readings
        self.look_again = self.look_again or outcome.look_again

    def failed(self, probe: Probe, fault: FaultSeen, seconds: float) -> None:
        """Take the fault that stopped the climb."""
        code = fault.fault.code
        self.stopped_at = self.stopped_at or (probe.rung if probe is not ONVIF else None)
        self.rungs.append(RungResult(probe.rung, False, seconds, code, fault.detail))
        self.seen.append(Finding(code, fault.detail, probe.rung))
        if code in probe.excludes:
            self.ruled_out |= probe.excludes - {code}
        self.readings |= fault.readings

    def lacked(self, probe: Probe, short: ShortageError, seconds: float) -> None:
        """Take what the monitor itself lacked: nothing is told of the camera."""
        self.shortages.append(short.resource.value)
        self.failed(probe, FaultSeen(CHECK_FAILED, str(short)), seconds)


async def _climb_rung(probe: Probe, climb: Climb) -> RungOutcome:
    """Climb a rung within its time, or raise its fault or our shortage."""
    limit = probe.timeout(climb.timeouts)
    try:
        async with asyncio.timeout(limit):
            return await probe.climb(climb)
    except TimeoutError as error:
        asked = climb.target.onvif if probe is ONVIF else None
        where = f"{climb.target.host}:{asked.port if asked else climb.target.port}"
        raise FaultSeen(probe.timed_out, f"{where} gave no answer within {limit:.1f} s ({probe.rung})") from error
    except (FaultSeen, ShortageError):
        raise
    except Exception as error:
        if short := shortage_of(error, starting=True):
            raise short from error
        log.exception("camera %s: the %s check itself failed", climb.target.id, probe.rung)
        raise FaultSeen(CHECK_FAILED, f"the {probe.rung} check itself failed: {type(error).__name__}") from error


def _own_fault(fault: FaultSeen, probe: Probe, climb: Climb, since: float) -> ShortageError | None:
    """Say whether the monitor, which was stopped or does not get to run, may itself be why a fault was seen."""
    if fault.fault.code in _UNREACHED and climb.pauses.stopped_within(WAKING_SECONDS):
        detail = "the monitor was stopped or its machine suspended until a moment ago; its network may not be back"
        return ShortageError(Resource.PROCESSOR, f"{detail} ({fault.detail})")
    return _not_running(probe, climb, since) if fault.fault.code in TIMED else None


def _not_running(probe: Probe, climb: Climb, since: float) -> ShortageError | None:
    """Say whether the process ran so little while a rung was climbed that nothing timed can be told of it."""
    lost = climb.pauses.lost_since(since)
    if lost < min(LOST_SECONDS, probe.timeout(climb.timeouts) / 2):
        return None
    took = climb.pauses.now() - since
    return ShortageError(
        Resource.PROCESSOR,
        f"the monitor did not run for {lost:.1f} s of {took:.1f} s: it was stopped, its machine suspended or too busy",
    )


async def climb_one(found: Findings, probe: Probe, climb: Climb) -> None:
    """Climb one rung; note what it reports."""
    if climb.told is not None:
        climb.told(probe.rung, None)
    started, since = time.monotonic(), climb.pauses.now()
    try:
        if probe.prepare is not None:
            await probe.prepare(climb)
            started, since = time.monotonic(), climb.pauses.now()
        if climb.ends_at is not None:
            climb.timeouts = climb.timeouts.within(climb.ends_at - started, PICTURE_SHARE_SECONDS)
        outcome = await _climb_rung(probe, climb)
        if any(finding.code in TIMED for finding in outcome.seen) and _not_running(probe, climb, since):
            outcome = replace(outcome, seen=tuple(finding for finding in outcome.seen if finding.code not in TIMED))
        found.passed(probe, outcome, time.monotonic() - started)
    except ShortageError as short:
        found.lacked(probe, short, time.monotonic() - started)
    except FaultSeen as fault:
        seconds = time.monotonic() - started
        ours = _own_fault(fault, probe, climb, since)
        if ours is not None:
            found.lacked(probe, ours, seconds)
        else:
            found.failed(probe, fault, seconds)
    if climb.told is not None:
        climb.told(probe.rung, found.rungs[-1])
