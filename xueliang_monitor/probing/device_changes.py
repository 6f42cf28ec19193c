"""Judges a device's ONVIF answers: wrong clock, restart, replaced device, changed firmware. Pure."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Finding, Identity, Rung, Severity, Target, Text
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.wire.printable import CUT
from xueliang_monitor.wire.secret_forms import MASK

REBOOT_SHOWN_SECONDS = 900.0
"""How long a restart is reported after it was noticed."""

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

JUDGED = frozenset(fault.code for fault in (CLOCK_DRIFT, DEVICE_REBOOTED, DEVICE_REPLACED, FIRMWARE_CHANGED))
"""Faults that need an answer of the device."""


def judge_clock(offset: float | None, target: Target) -> Finding | None:
    """Judge a clock by its offset from ours in seconds; None if it is right or unknown."""
    if offset is None or abs(offset) <= target.clock_drift_seconds:
        return None
    sense = "ahead" if offset > 0 else "behind"
    detail = f"the camera's clock is {abs(offset):.0f} s {sense} (limit {target.clock_drift_seconds:g} s)"
    hours = abs(offset) / 1800
    if abs(offset) > 1700 and abs(hours - round(hours)) * 1800 < 60:
        detail += f"; an offset of {round(hours) / 2:g} h suggests a wrong time zone"
    return Finding(CLOCK_DRIFT.code, detail)


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
