"""The acceptance test: every rung, every picture check, the clock, and whether the stream is what it is set to be."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from xueliang_monitor.configuration.installation import Installation, timeouts_of
from xueliang_monitor.model import Finding, Rung, RungResult, StreamParameters, Target, VisitResult
from xueliang_monitor.net.names import Names
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import Turns
from xueliang_monitor.probing.device_changes import CLOCK_DRIFT
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rungs import BESIDE, BESIDE_RUNGS, LADDER
from xueliang_monitor.probing.visit import visit

SECOND_LOOK_SECONDS = 1.0
LOW_RATE_SHARE = 0.6

_OWN_LINES = frozenset({*(check.fault.code for check in PICTURE_CHECKS), CLOCK_DRIFT.code})
"""Faults that stand in the acceptance test in lines of their own, beside that of their rung."""


@dataclass(frozen=True, slots=True)
class AcceptanceItem:
    """One line of the acceptance test; `passed` is None where it cannot be told."""

    subject: str
    passed: bool | None
    detail: str = ""
    seconds: float | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptanceResult:
    """The acceptance test of one camera."""

    items: tuple[AcceptanceItem, ...]
    visited: VisitResult

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(verdict.passed is not False for verdict in self.items)

    @property
    def faults(self) -> tuple[str, ...]:
        """The codes of what failed, each once."""
        return tuple(dict.fromkeys(item.fault for item in self.items if item.passed is False and item.fault))


async def run_acceptance_test(
    target: Target,
    installation: Installation,
    workers: Workers,
    expected: StreamParameters | None = None,
    *,
    ends_after: float | None = None,
) -> AcceptanceResult:
    """Put a camera to the test: every rung, every picture check, its clock, its parameters.

    Two looks are taken where the first finds nothing, so that a frozen picture shows. Never raises but cancellation.
    """
    async with Names(installation.settings.name_servers) as names:
        visited = await _looks(target, installation, workers, names, ends_after)
    return AcceptanceResult(tuple(_items(visited, target, expected)), visited)


async def _looks(
    target: Target, installation: Installation, workers: Workers, names: Names, ends_after: float | None
) -> VisitResult:
    """Take one look at a camera, and a second one where the first finds nothing."""
    timeouts, turns = timeouts_of(installation.settings), Turns(installation.settings.state)
    visited, memory = await visit(
        target,
        LADDER[-1].rung,
        Memory(),
        timeouts=timeouts,
        workers=workers,
        now=time.time(),
        beside=BESIDE_RUNGS,
        total_seconds=ends_after,
        turns=turns,
        names=names,
    )
    if not visited.seen:
        await asyncio.sleep(SECOND_LOOK_SECONDS)
        again, _ = await visit(
            target,
            LADDER[-1].rung,
            memory,
            timeouts=timeouts,
            workers=workers,
            now=time.time(),
            total_seconds=ends_after,
            turns=turns,
            names=names,
        )
        visited = _together(visited, again)
    return visited


def _together(first: VisitResult, second: VisitResult) -> VisitResult:
    """Return the second look, with what only the first one asked."""
    climbed = {result.rung for result in second.rungs}
    return replace(
        second,
        rungs=(*second.rungs, *(result for result in first.rungs if result.rung not in climbed)),
        ruled_out=(first.ruled_out | second.ruled_out) - {finding.code for finding in second.seen},
        readings={**first.readings, **second.readings},
    )


def _items(visited: VisitResult, target: Target, expected: StreamParameters | None) -> list[AcceptanceItem]:
    results = {result.rung: result for result in visited.rungs}
    seen = {finding.code: finding for finding in visited.seen}
    items = [_of_rung(probe.rung, results.get(probe.rung), seen) for probe in LADDER]
    items += [_of_code(check.fault.code, visited, seen) for check in PICTURE_CHECKS]
    beside = [probe.rung for probe in BESIDE if probe.applies(target)]
    items += [_of_rung(rung, results.get(rung), seen) for rung in beside]
    if target.onvif is not None:
        items.append(_of_clock(visited, seen))
    items.append(_of_parameters(visited, expected))
    return items


def _of_rung(rung: Rung, result: RungResult | None, seen: dict[str, Finding]) -> AcceptanceItem:
    """Judge a rung as a whole; what its checks saw stands in lines of their own."""
    if result is None:
        return AcceptanceItem(rung, None, "not reached")
    own_line = result.fault is not None and (result.fault in _OWN_LINES)
    good = result.ok or own_line
    detail = "" if good else (seen[result.fault].detail if result.fault in seen else result.detail)
    return AcceptanceItem(rung, good, detail, result.seconds, None if good else result.fault)


def _of_code(code: str, visited: VisitResult, seen: dict[str, Finding]) -> AcceptanceItem:
    if code in seen:
        return AcceptanceItem(code, False, seen[code].detail, fault=code)
    if code in visited.ruled_out:
        return AcceptanceItem(code, True)
    return AcceptanceItem(code, None, "cannot be told yet")


def _of_clock(visited: VisitResult, seen: dict[str, Finding]) -> AcceptanceItem:
    code = CLOCK_DRIFT.code
    offset = visited.readings.get("clock_offset_seconds")
    if code in seen:
        return AcceptanceItem("clock", False, seen[code].detail, fault=code)
    if isinstance(offset, float):
        return AcceptanceItem("clock", True, f"{offset:+.1f} s")
    return AcceptanceItem("clock", None, "the camera does not tell its time")


def _of_parameters(visited: VisitResult, expected: StreamParameters | None) -> AcceptanceItem:
    """Hold what was measured of the stream against what the profile is set to.

    Only the size decides: the codec is not held against the camera, as ONVIF's first media service has no word for
    H.265, nor the rate, as cameras slow down in the dark.
    """
    measured = [str(visited.readings[key]) for key in ("codec", "resolution") if key in visited.readings]
    rate = visited.readings.get("frame_rate_hertz")
    if isinstance(rate, float):
        measured.append(f"{rate:.3g}/s")
    if not measured:
        return AcceptanceItem("parameters", None, "nothing was measured")
    detail = " ".join(measured)
    if expected is None or not expected.width:
        return AcceptanceItem("parameters", None, f"{detail}; nothing to hold it against")
    if visited.readings.get("resolution") not in (None, f"{expected.width}x{expected.height}"):
        return AcceptanceItem("parameters", False, f"{detail}, but the profile is set to {expected}")
    notes = []
    if expected.codec and visited.readings.get("codec") != expected.codec:
        notes.append(f"the profile says {expected.codec}")
    if isinstance(rate, float) and expected.frame_rate_hertz and rate < LOW_RATE_SHARE * expected.frame_rate_hertz:
        notes.append(f"the profile allows {expected.frame_rate_hertz:g}/s")
    return AcceptanceItem("parameters", True, "; ".join([detail, *notes]))
