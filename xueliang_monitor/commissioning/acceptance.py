"""The acceptance test of a camera: every rung, every picture check, the clock, and the stream parameters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from xueliang_monitor.configuration.installation import Installation, sessions_at_hosts, timeouts_of
from xueliang_monitor.model import Finding, Rung, RungResult, StreamParameters, Target, Timeouts, VisitResult
from xueliang_monitor.net.login_rules import path_note
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.checks.frozen import FROZEN
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import CameraLocks
from xueliang_monitor.probing.device_changes import CLOCK_DRIFT, LOCAL_AS_UTC
from xueliang_monitor.probing.login_book import LoginBook
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rungs import BESIDE, BESIDE_RUNGS, LADDER
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.readings import Readings

SECOND_VISIT_SECONDS = 1.0
"""The pause before the second visit. A picture without motion needs two, to be told from a frozen one."""

LOW_RATE_SHARE = 0.6
"""A measured frame rate below this share of the profile's is noted."""

_OWN_ITEMS = frozenset({*(check.fault.code for check in PICTURE_CHECKS), CLOCK_DRIFT.code})
"""Faults that have their own item, besides the item of their rung."""


@dataclass(frozen=True, slots=True)
class AcceptanceItem:
    """One line of the acceptance test; `passed` is None if the item could not be judged."""

    subject: str
    passed: bool | None
    detail: str = ""
    seconds: float | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptanceResult:
    """The result of one acceptance test, and of the visit that it was made from."""

    items: tuple[AcceptanceItem, ...]
    visited: VisitResult

    @property
    def passed(self) -> bool:
        """Whether no item failed."""
        return all(item.passed is not False for item in self.items)

    @property
    def faults(self) -> tuple[str, ...]:
        """The fault codes of the failed items, without duplicates."""
        return tuple(dict.fromkeys(item.fault for item in self.items if item.passed is False and item.fault))


async def run_acceptance_test(
    target: Target,
    installation: Installation,
    workers: Workers,
    expected: StreamParameters | None = None,
    *,
    ends_after: float | None = None,
    locks: CameraLocks | None = None,
    device: VisitResult | None = None,
    logins: LoginBook | None = None,
) -> AcceptanceResult:
    """Test a camera: every rung, every picture check, the clock, and the stream against `expected`.

    A camera without faults is visited a second time if the first visit does not tell whether its picture is frozen.
    Each visit ends after `ends_after` seconds. `locks` are those of `turns_of`, for several tests at once. `device` is
    the `device_part` of a test of another channel: the rungs beside the ladder are not climbed again. `logins` is what
    other tests at the same address have learned of its logins. Raises nothing but CancelledError.
    """
    turns = locks or turns_of(installation, (target,))
    async with NameResolver(installation.settings.name_servers) as names:
        book = LoginBook() if logins is None else logins
        looking = _Looking(timeouts_of(installation.settings), workers, turns, names, ends_after, book)
        visited = await _visit_twice(target, looking, () if device is not None else BESIDE_RUNGS)
    visited = visited if device is None else _with_device(visited, device)
    return AcceptanceResult(tuple(_items(visited, target, expected)), visited)


def device_part(visited: VisitResult) -> VisitResult | None:
    """Return the part of a visit that all channels of a device have in common, None if it did not go well."""
    rungs = tuple(result for result in visited.rungs if result.rung in BESIDE_RUNGS)
    if not rungs or not all(result.ok for result in rungs):
        return None
    codes = {fault.code for probe in BESIDE for fault in probe.faults}
    return replace(
        visited,
        rungs=rungs,
        seen=tuple(finding for finding in visited.seen if finding.code in codes),
        ruled_out=visited.ruled_out & codes,
        readings=Readings(clock_offset_seconds=visited.readings.clock_offset_seconds),
    )


def _with_device(visited: VisitResult, device: VisitResult) -> VisitResult:
    return replace(
        visited,
        rungs=(*visited.rungs, *device.rungs),
        seen=(*visited.seen, *device.seen),
        ruled_out=visited.ruled_out | device.ruled_out,
        readings=device.readings.updated(visited.readings),
    )


def turns_of(
    installation: Installation, targets: Iterable[Target], waiting: Callable[[str], None] | None = None
) -> CameraLocks:
    """Return the turns at the hosts of the installation and of new cameras, shared with the daemon.

    `waiting` is called with what a turn is waited for.
    """
    return CameraLocks(installation.settings.state, sessions_at_hosts(installation, targets), waiting=waiting)


@dataclass(frozen=True, slots=True)
class _Looking:
    """What the visits of a test are made with."""

    timeouts: Timeouts
    workers: Workers
    locks: CameraLocks
    names: NameResolver
    total_seconds: float | None
    logins: LoginBook

    async def visit(self, target: Target, memory: Memory, beside: Collection[Rung]) -> tuple[VisitResult, Memory]:
        return await visit(
            target,
            LADDER[-1].rung,
            memory,
            timeouts=self.timeouts,
            workers=self.workers,
            now=time.time(),
            beside=beside,
            total_seconds=self.total_seconds,
            locks=self.locks,
            names=self.names,
            logins=self.logins,
        )


async def _visit_twice(target: Target, looking: _Looking, beside: Collection[Rung]) -> VisitResult:
    """Visit a camera, and once more if the first visit finds no fault but cannot tell whether the picture is frozen."""
    visited, memory = await looking.visit(target, Memory(), beside)
    if not visited.seen and FROZEN.fault.code not in visited.ruled_out:
        await asyncio.sleep(SECOND_VISIT_SECONDS)
        again, _ = await looking.visit(target, memory, ())
        visited = _merge(visited, again)
    return visited


def _merge(first: VisitResult, second: VisitResult) -> VisitResult:
    """Return the second result, with the rungs and readings that only the first one has."""
    climbed = {result.rung for result in second.rungs}
    return replace(
        second,
        rungs=(*second.rungs, *(result for result in first.rungs if result.rung not in climbed)),
        ruled_out=(first.ruled_out | second.ruled_out) - {finding.code for finding in second.seen},
        readings=first.readings.updated(second.readings),
    )


def _items(visited: VisitResult, target: Target, expected: StreamParameters | None) -> list[AcceptanceItem]:
    results = {result.rung: result for result in visited.rungs}
    seen = {finding.code: finding for finding in visited.seen}
    items = [_rung_item(probe.rung, results.get(probe.rung), seen) for probe in LADDER]
    items = [_with_notes(item, visited.readings.login_offered, path_note(target)) for item in items]
    items += [_fault_item(check.fault.code, visited, seen) for check in PICTURE_CHECKS]
    beside = [probe.rung for probe in BESIDE if probe.applies(target)]
    items += [_rung_item(rung, results.get(rung), seen) for rung in beside]
    if target.onvif is not None:
        items.append(_clock_item(visited, seen, target))
    items.append(_parameters_item(visited, expected))
    return items


def _rung_item(rung: Rung, result: RungResult | None, seen: dict[str, Finding]) -> AcceptanceItem:
    """Judge a rung without the faults that have an item of their own."""
    if result is None:
        return AcceptanceItem(rung, None, "not reached")
    own_item = result.fault is not None and (result.fault in _OWN_ITEMS)
    good = result.ok or own_item
    detail = "" if good else (seen[result.fault].detail if result.fault in seen else result.detail)
    return AcceptanceItem(rung, good, detail, result.seconds, fault=None if good else result.fault)


def _with_notes(item: AcceptanceItem, offered: str | None, note: str) -> AcceptanceItem:
    """Add the logins that the camera offers, and a note on the password, to the item of the rung that logs in."""
    if item.subject != Rung.RTSP:
        return item
    notes = (item.detail, f"offers: {offered}" if offered is not None else "", note)
    return replace(item, detail="; ".join(filter(None, notes)))


def _fault_item(code: str, visited: VisitResult, seen: dict[str, Finding]) -> AcceptanceItem:
    if code in seen:
        return AcceptanceItem(code, False, seen[code].detail, fault=code)
    if code in visited.ruled_out:
        return AcceptanceItem(code, True)
    return AcceptanceItem(code, None, "cannot be judged yet")


def _clock_item(visited: VisitResult, seen: dict[str, Finding], target: Target) -> AcceptanceItem:
    code = CLOCK_DRIFT.code
    offset = visited.readings.clock_offset_seconds
    is_right = offset is not None and abs(offset) <= target.clock_drift_seconds
    if code in seen and seen[code].reason == LOCAL_AS_UTC and is_right:
        note = "it tells its local time as UTC, for which the monitor will warn of clock_drift"
        return AcceptanceItem("clock", True, f"{offset:+.1f} s; {note}")
    if code in seen:
        return AcceptanceItem("clock", False, seen[code].detail, fault=code)
    if offset is not None:
        return AcceptanceItem("clock", True, f"{offset:+.1f} s")
    return AcceptanceItem("clock", None, "the camera does not report its time")


def _parameters_item(visited: VisitResult, expected: StreamParameters | None) -> AcceptanceItem:
    """Compare the measured stream with the settings of the profile.

    Only the resolution decides. The codec does not, because ONVIF's first media service cannot express H.265. The
    frame rate does not, because cameras reduce it in the dark.
    """
    measured = [text for text in (visited.readings.codec, visited.readings.resolution) if text]
    rate = visited.readings.frame_rate_hertz
    if rate is not None:
        measured.append(f"{rate:.3g}/s")
    if not measured:
        return AcceptanceItem("parameters", None, "nothing was measured")
    detail = " ".join(measured)
    if expected is None or not expected.width:
        return AcceptanceItem("parameters", None, f"{detail}; there are no profile settings to compare with")
    if visited.readings.resolution not in (None, f"{expected.width}x{expected.height}"):
        return AcceptanceItem("parameters", False, f"{detail}, but the profile is set to {expected}")
    notes = []
    if expected.codec and visited.readings.codec != expected.codec:
        notes.append(f"the profile is set to {expected.codec}")
    if rate is not None and expected.frame_rate_hertz and rate < LOW_RATE_SHARE * expected.frame_rate_hertz:
        notes.append(f"the profile is set to {expected.frame_rate_hertz:g}/s")
    return AcceptanceItem("parameters", True, "; ".join([detail, *notes]))
