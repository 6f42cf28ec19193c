"""The acceptance test: every rung, every picture check, the clock, and whether the stream is what it is set to be."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from xueliang_monitor.configuration.installation import Installation, timeouts_of
from xueliang_monitor.model import Finding, Report, Rung, RungResult, StreamParameters, Target
from xueliang_monitor.net.names import Names
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import Turns
from xueliang_monitor.probing.device_changes import CLOCK_DRIFT
from xueliang_monitor.probing.visit import Memory, visit

SECOND_LOOK_SECONDS = 1.0
LOW_RATE_SHARE = 0.6

_OWN_LINES = frozenset({*(check.fault.code for check in PICTURE_CHECKS), CLOCK_DRIFT.code})
"""Faults that stand in the acceptance test in lines of their own, beside that of their rung."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the acceptance test; `passed` is None where it cannot be told."""

    subject: str
    passed: bool | None
    detail: str = ""
    seconds: float | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The acceptance test of one camera."""

    verdicts: tuple[Verdict, ...]
    report: Report

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(verdict.passed is not False for verdict in self.verdicts)

    @property
    def faults(self) -> tuple[str, ...]:
        """The codes of what failed, each once."""
        return tuple(dict.fromkeys(item.fault for item in self.verdicts if item.passed is False and item.fault))


async def accept(
    target: Target,
    installation: Installation,
    workers: Workers,
    expected: StreamParameters | None = None,
    *,
    ends_after: float | None = None,
) -> Acceptance:
    """Put a camera to the test: every rung, every picture check, its clock, its parameters.

    Two looks are taken where the first finds nothing, so that a frozen picture shows. Never raises but cancellation.
    """
    async with Names(installation.settings.name_servers) as names:
        report = await _looks(target, installation, workers, names, ends_after)
    return Acceptance(tuple(_verdicts(report, target, expected)), report)


async def _looks(
    target: Target, installation: Installation, workers: Workers, names: Names, ends_after: float | None
) -> Report:
    """Take one look at a camera, and a second one where the first finds nothing."""
    timeouts, turns = timeouts_of(installation.settings), Turns(installation.settings.state)
    report, memory = await visit(
        target,
        Rung.PICTURE,
        Memory(),
        timeouts=timeouts,
        workers=workers,
        now=time.time(),
        ask_device=True,
        total_seconds=ends_after,
        turns=turns,
        names=names,
    )
    if not report.seen:
        await asyncio.sleep(SECOND_LOOK_SECONDS)
        again, _ = await visit(
            target,
            Rung.PICTURE,
            memory,
            timeouts=timeouts,
            workers=workers,
            now=time.time(),
            total_seconds=ends_after,
            turns=turns,
            names=names,
        )
        report = _together(report, again)
    return report


def _together(first: Report, second: Report) -> Report:
    """Return the second look, with what only the first one asked."""
    climbed = {result.rung for result in second.rungs}
    return replace(
        second,
        rungs=(*second.rungs, *(result for result in first.rungs if result.rung not in climbed)),
        ruled_out=(first.ruled_out | second.ruled_out) - {finding.code for finding in second.seen},
        readings={**first.readings, **second.readings},
    )


def _verdicts(report: Report, target: Target, expected: StreamParameters | None) -> list[Verdict]:
    results = {result.rung: result for result in report.rungs}
    seen = {finding.code: finding for finding in report.seen}
    verdicts = [_of_rung(rung, results.get(rung), seen) for rung in (Rung.REACH, Rung.RTSP, Rung.STREAM, Rung.PICTURE)]
    verdicts += [_of_code(check.fault.code, report, seen) for check in PICTURE_CHECKS]
    if target.onvif is not None:
        verdicts.append(_of_rung(Rung.ONVIF, results.get(Rung.ONVIF), seen))
        verdicts.append(_of_clock(report, seen))
    verdicts.append(_of_parameters(report, expected))
    return verdicts


def _of_rung(rung: Rung, result: RungResult | None, seen: dict[str, Finding]) -> Verdict:
    """Judge a rung as a whole; what its checks saw stands in lines of their own."""
    if result is None:
        return Verdict(rung.value, None, "not reached")
    own_line = result.fault is not None and (result.fault in _OWN_LINES)
    good = result.ok or own_line
    detail = "" if good else (seen[result.fault].detail if result.fault in seen else result.detail)
    return Verdict(rung.value, good, detail, result.seconds, None if good else result.fault)


def _of_code(code: str, report: Report, seen: dict[str, Finding]) -> Verdict:
    if code in seen:
        return Verdict(code, False, seen[code].detail, fault=code)
    if code in report.ruled_out:
        return Verdict(code, True)
    return Verdict(code, None, "cannot be told yet")


def _of_clock(report: Report, seen: dict[str, Finding]) -> Verdict:
    code = CLOCK_DRIFT.code
    offset = report.readings.get("clock_offset_seconds")
    if code in seen:
        return Verdict("clock", False, seen[code].detail, fault=code)
    if isinstance(offset, float):
        return Verdict("clock", True, f"{offset:+.1f} s")
    return Verdict("clock", None, "the camera does not tell its time")


def _of_parameters(report: Report, expected: StreamParameters | None) -> Verdict:
    """Hold what was measured of the stream against what the profile is set to.

    Only the size decides: the codec is not held against the camera, as ONVIF's first media service has no word for
    H.265, nor the rate, as cameras slow down in the dark.
    """
    measured = [str(report.readings[key]) for key in ("codec", "resolution") if key in report.readings]
    rate = report.readings.get("frame_rate_hertz")
    if isinstance(rate, float):
        measured.append(f"{rate:.3g}/s")
    if not measured:
        return Verdict("parameters", None, "nothing was measured")
    detail = " ".join(measured)
    if expected is None or not expected.width:
        return Verdict("parameters", None, f"{detail}; nothing to hold it against")
    if report.readings.get("resolution") not in (None, f"{expected.width}x{expected.height}"):
        return Verdict("parameters", False, f"{detail}, but the profile is set to {expected}")
    notes = []
    if expected.codec and report.readings.get("codec") != expected.codec:
        notes.append(f"the profile says {expected.codec}")
    if isinstance(rate, float) and expected.frame_rate_hertz and rate < LOW_RATE_SHARE * expected.frame_rate_hertz:
        notes.append(f"the profile allows {expected.frame_rate_hertz:g}/s")
    return Verdict("parameters", True, "; ".join([detail, *notes]))
