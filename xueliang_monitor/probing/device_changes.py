"""Judges a device's ONVIF answers: wrong clock, restart, replaced device, changed firmware. Pure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xueliang_monitor.model import Fault, Finding, Identity, Reason, Rung, Severity, Target, Text
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.dome import PTZ_AWAY
from xueliang_monitor.wire.printable import CUT
from xueliang_monitor.wire.secret_forms import MASK

if TYPE_CHECKING:
    from xueliang_monitor.wire.onvif_time_keeping import TimeKeeping

UNSET_CLOCK_BEFORE = 1_420_070_400.0
"""The beginning of 2015 in seconds since the epoch. A clock that was never set shows an earlier date."""

SAME_OFFSET_SECONDS = 90.0
"""A clock that is off by as much as its zone from UTC, within this, tells local time as UTC."""

REBOOT_SHOWN_SECONDS = 900.0
"""How long a restart is reported after it was noticed."""

LOCAL_AS_UTC, NEVER_SET, NTP_OFF = "local_as_utc", "never_set", "ntp_off"

CLOCK_DRIFT = Fault(
    "clock_drift",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("Clock is wrong", "时钟偏差"),
    cause=Text(
        "The camera does not use NTP, its battery is empty, or its time zone is wrong.",
        "摄像机未通过 NTP 校时、电池耗尽或时区错误。",
    ),
    advice=Text(
        "Set NTP server and time zone in the camera. Check that it can reach the server.",
        "在摄像机中设置 NTP 服务器与时区，并确认能够访问该服务器。",
    ),
    reasons=(
        Reason(
            LOCAL_AS_UTC,
            Text(
                "The camera tells its local time where it must tell UTC (UTCDateTime holds local time).",
                "摄像机在应返回 UTC 的位置返回了本地时间（UTCDateTime 为本地时间）。",
            ),
            Text(
                "The picture's time may be right. Set the time zone again or update the firmware. Recorders that read "
                "this clock store wrong times until then.",
                "画面叠加时间可能正确。请重新设置时区或升级固件；在此之前，读取该时钟的录像机会记录错误的时间。",
            ),
        ),
        Reason(
            NEVER_SET,
            Text(
                "The camera's clock was never set since its last start: no NTP, and its battery is empty or missing.",
                "摄像机上次启动后从未校时：未使用 NTP，且电池耗尽或无电池。",
            ),
            Text(
                "Set an NTP server in the camera and check that it can reach the server. Replace the battery.",
                "在摄像机中设置 NTP 服务器并确认能够访问；更换电池。",
            ),
        ),
        Reason(
            NTP_OFF,
            Text("NTP is off in the camera: its clock is set by hand.", "摄像机未启用 NTP 校时，时钟为手动设置。"),
            Text(
                "Turn NTP on in the camera and set a server that it can reach.",
                "在摄像机中启用 NTP，并设置其能够访问的服务器。",
            ),
        ),
    ),
)
DEVICE_REBOOTED = Fault(
    "device_rebooted",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("Camera restarted", "设备重启"),
    cause=Text("The camera restarted: a power failure or a crash.", "摄像机重新启动：断电或死机。"),
    advice=Text(
        "If somebody restarted it, there is nothing to do. Otherwise check power supply, PoE budget and firmware.",
        "若为人工重启则无需处理；否则检查供电、PoE 功率与固件。",
    ),
    at_first_sight=True,
)
DEVICE_REPLACED = Fault(
    "device_replaced",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("Another device answers", "设备不符（疑似更换或地址混淆）"),
    cause=Text(
        "Another camera answers at this address: it was replaced, or addresses were mixed up.",
        "该地址应答的是另一台设备：已更换或地址混淆。",
    ),
    advice=Text(
        "If it was replaced on purpose, accept it on its page "
        "or run xueliang camera accept-change ID. Otherwise correct the addresses.",
        "若为有意更换，请在其页面确认变更，或执行 xueliang camera accept-change ID；否则更正地址。",
    ),
    changed_fact=True,
)
FIRMWARE_CHANGED = Fault(
    "firmware_changed",
    Rung.ONVIF,
    Severity.WARNING,
    name=Text("Firmware changed", "固件变更"),
    cause=Text("The camera's firmware differs from the registered one.", "摄像机固件与登记时不同。"),
    advice=Text(
        "If it was updated on purpose, accept it on its page "
        "or run xueliang camera accept-change ID. Otherwise find out who changed it.",
        "若为有意升级，请在其页面确认变更，或执行 xueliang camera accept-change ID；否则查明原因。",
    ),
    changed_fact=True,
)

JUDGED = frozenset(fault.code for fault in (CLOCK_DRIFT, DEVICE_REBOOTED, DEVICE_REPLACED, FIRMWARE_CHANGED, PTZ_AWAY))
"""Faults that need an answer of the device."""


def _why_clock_is_wrong(offset: float, known: TimeKeeping | None, now: float | None) -> str:
    """Return the key of the reason for a wrong clock; empty for the usual one."""
    zone = known.offset_seconds if known is not None else None
    if known is not None and zone and not known.both_told:
        apart = abs(abs(offset) - abs(zone)) if known.same_clocks else abs(offset - zone)
        if apart < SAME_OFFSET_SECONDS:
            return LOCAL_AS_UTC
    if now is not None and now >= UNSET_CLOCK_BEFORE > now + offset:
        return NEVER_SET
    return NTP_OFF if known is not None and known.source == "manual" else ""


def _duration(seconds: float) -> str:
    """Return a duration in a unit that people can imagine."""
    days = seconds / 86_400
    if days < 2:
        return f"{seconds:.0f} s"
    return f"{days:.0f} days" if days < 730 else f"{days / 365.25:.1f} years"


def judge_clock(
    offset: float | None,
    target: Target,
    known: TimeKeeping | None = None,
    now: float | None = None,
    *,
    local_as_utc: bool = False,
) -> Finding | None:
    """Judge a clock by its offset from ours in seconds; None if it is right or unknown.

    `known` is how the camera keeps its time, `now` the present by our clock in seconds since the epoch. `local_as_utc`
    says that the camera was found to tell its local time as UTC.
    """
    if offset is None or abs(offset) <= target.clock_drift_seconds:
        return None
    reason = LOCAL_AS_UTC if local_as_utc else _why_clock_is_wrong(offset, known, now)
    sense = "ahead" if offset > 0 else "behind"
    detail = f"the camera's clock is {_duration(abs(offset))} {sense} (limit {target.clock_drift_seconds:g} s)"
    if reason == LOCAL_AS_UTC:
        detail += "; UTCDateTime holds local time"
    elif reason == NEVER_SET and now is not None:
        shown = f"the year {time.gmtime(now + offset).tm_year}" if now + offset >= 0.0 else "a date before 1970"
        detail += f"; it shows {shown}: it was never set"
    elif reason == NTP_OFF:
        detail += "; NTP is off in the camera"
    hours = abs(offset) / 1800
    if not reason and abs(offset) > 1700 and abs(hours - round(hours)) * 1800 < 60:
        detail += f"; an offset of {round(hours) / 2:g} h suggests a wrong time zone"
    return Finding(CLOCK_DRIFT.code, detail, reason=reason)


def _agree(was: str, now: str) -> bool:
    """Return whether two texts are the same as far as the gate left them.

    An earlier gate may have known another password, and an earlier version kept other lengths.
    """
    if CUT in (was[-1:], now[-1:]):
        length = min(len(text.removesuffix(CUT)) for text in (was, now))
        was, now = was[:length], now[:length]
    first, *others = was.split(MASK)
    if not others:
        return was == now
    if not now.startswith(first):
        return False
    at = len(first)
    for part in others[:-1]:
        found = now.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(now) - at >= len(others[-1]) and now.endswith(others[-1])


def judge_identity(reported: Identity, expected: Identity | None) -> Finding | None:
    """Compare the identity that the device reports with the expected one; None if they agree.

    Both must have passed the same gate, so that what it takes out does not count as a change.
    """
    if expected is None:
        return None
    described = f"{reported.manufacturer} {reported.model}, serial number {reported.serial or '?'}".strip()
    for name in ("serial", "manufacturer", "model"):
        was, now = getattr(expected, name), getattr(reported, name)
        if was and now and not _agree(was, now):
            return Finding(DEVICE_REPLACED.code, f"{name} {was} was registered, {described} answers")
    if expected.firmware and reported.firmware and not _agree(expected.firmware, reported.firmware):
        return Finding(
            FIRMWARE_CHANGED.code, f"firmware {expected.firmware} was registered, it now has {reported.firmware}"
        )
    return None


def untold_changes(reported: Identity, expected: Identity | None) -> frozenset[str]:
    """Return the codes of changes that an answer cannot rule out, as it leaves out what was registered.

    The firmware of another device says nothing about that of the registered one.
    """
    if expected is None:
        return frozenset()
    found = judge_identity(reported, expected)
    missing = {
        name
        for name in ("serial", "manufacturer", "model", "firmware")
        if getattr(expected, name) and not getattr(reported, name)
    }
    codes = {DEVICE_REPLACED.code} if missing - {"firmware"} else set()
    if "firmware" in missing or (found is not None and found.code == DEVICE_REPLACED.code):
        codes.add(FIRMWARE_CHANGED.code)
    return frozenset(codes)


def judge_restart(known: DeviceMemory, now: float) -> Finding | None:
    """Judge whether the device restarted a short while ago."""
    if known.restart_noticed_at is None or now - known.restart_noticed_at > REBOOT_SHOWN_SECONDS:
        return None
    started = known.last_start[1] if known.last_start else known.restart_noticed_at
    return Finding(DEVICE_REBOOTED.code, f"it started {max(0.0, now - started) / 60:.0f} min ago")
