"""What a device's own word tells against it: its clock, a restart, another device, another firmware. Pure."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Finding, Identity, Rung, Severity, Target, Text
from xueliang_monitor.probing.device_memory import DeviceMemory

REBOOT_SHOWN_SECONDS = 900.0
"""How long after a restart was noticed it is still reported."""


CLOCK_DRIFT = Fault(
    "clock_drift",
    Rung.ONVIF,
    Severity.WARNING,
    Text("Clock is wrong", "时钟偏差"),
    Text(
        "The camera's clock is not set by NTP, its battery is empty, or its time zone is wrong.",
        "摄像机未通过 NTP 校时、电池耗尽或时区错误。",
    ),
    Text(
        "Set NTP server and time zone in the camera, and check that it reaches the server.",
        "在摄像机中设置 NTP 服务器与时区，并确认能够访问该服务器。",
    ),
)
DEVICE_REBOOTED = Fault(
    "device_rebooted",
    Rung.ONVIF,
    Severity.WARNING,
    Text("Camera restarted", "设备重启"),
    Text("The camera started anew: power failed, or it crashed.", "摄像机重新启动：断电或死机。"),
    Text(
        "Nothing, if somebody restarted it; else check its power supply, PoE budget and firmware.",
        "若为人工重启则无需处理；否则检查供电、PoE 功率与固件。",
    ),
    at_first_sight=True,
)
DEVICE_REPLACED = Fault(
    "device_replaced",
    Rung.ONVIF,
    Severity.WARNING,
    Text("Another device answers", "设备已更换"),
    Text(
        "Another camera answers at this address: it was exchanged, or addresses were mixed up.",
        "该地址应答的是另一台设备：已更换或地址混淆。",
    ),
    Text(
        "If it was exchanged on purpose: xueliang camera accept-change ID; else set the addresses right.",
        "若为有意更换，请执行 xueliang camera accept-change ID；否则更正地址。",
    ),
)
FIRMWARE_CHANGED = Fault(
    "firmware_changed",
    Rung.ONVIF,
    Severity.WARNING,
    Text("Firmware changed", "固件变更"),
    Text("The camera's firmware is not the one it was registered with.", "摄像机固件与登记时不同。"),
    Text(
        "If it was updated on purpose: xueliang camera accept-change ID; else find out who did it.",
        "若为有意升级，请执行 xueliang camera accept-change ID；否则查明原因。",
    ),
)

JUDGED = frozenset(fault.code for fault in (CLOCK_DRIFT, DEVICE_REBOOTED, DEVICE_REPLACED, FIRMWARE_CHANGED))
"""Faults that only a device which answers can have."""


def judge_clock(offset: float | None, target: Target) -> Finding | None:
    """Judge a clock by its offset over ours, in seconds; None where it is right or not told."""
    if offset is None or abs(offset) <= target.clock_drift_seconds:
        return None
    sense = "ahead" if offset > 0 else "behind"
    detail = f"the camera's clock is {abs(offset):.0f} s {sense} (limit {target.clock_drift_seconds:g} s)"
    hours = abs(offset) / 1800
    if abs(offset) > 1700 and abs(hours - round(hours)) * 1800 < 60:
        detail += f"; that is {round(hours) / 2:g} h, as with a wrong time zone"
    return Finding(CLOCK_DRIFT.code, detail)


def judge_identity(told: Identity, expected: Identity | None) -> Finding | None:
    """Judge who answers against who is expected."""
    if expected is None:
        return None
    who = f"{told.manufacturer} {told.model}, serial number {told.serial or '?'}".strip()
    for name in ("serial", "manufacturer", "model"):
        was, now = getattr(expected, name), getattr(told, name)
        if was and now and was != now:
            return Finding(DEVICE_REPLACED.code, f"{name} {was} was registered, {who} answers")
    if expected.firmware and told.firmware and expected.firmware != told.firmware:
        return Finding(
            FIRMWARE_CHANGED.code, f"firmware {expected.firmware} was registered, it now has {told.firmware}"
        )
    return None


def judge_restart(known: DeviceMemory, now: float) -> Finding | None:
    """Judge whether the device started anew a short while ago."""
    if known.restart_noticed_at is None or now - known.restart_noticed_at > REBOOT_SHOWN_SECONDS:
        return None
    started = known.last_start[1] if known.last_start else known.restart_noticed_at
    return Finding(DEVICE_REBOOTED.code, f"it started {max(0.0, now - started) / 60:.0f} min ago")
