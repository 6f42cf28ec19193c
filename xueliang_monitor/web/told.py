"""What a device tells about itself over ONVIF, and what it does not, for the camera's page and the API."""

from __future__ import annotations

import time
from dataclasses import dataclass

from xueliang_monitor.model import Identity, StreamParameters, Text, redact_path
from xueliang_monitor.probing.device_memory import DeviceMemory, Subject
from xueliang_monitor.probing.dome import DomeMemory
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.web.camera_answers import (
    DomeAnswer,
    DomePosition,
    IdentityAnswer,
    StreamAnswer,
    Told,
)
from xueliang_monitor.web.untold_reasons import why_untold
from xueliang_monitor.wire.dome_position import DomeStatus, Position

NAMES = {
    Subject.CLOCK: Text("Clock", "时钟"),
    Subject.IDENTITY: Text("Identity", "设备身份"),
    Subject.HOSTNAME: Text("Host name", "主机名"),
    Subject.PROFILES: Text("Media profiles", "媒体配置"),
    Subject.STREAM_PATH: Text("Stream path", "码流路径"),
    Subject.LAST_START: Text("Last start", "上次启动"),
    Subject.TIME_KEEPING: Text("Time zone and source", "时区与校时方式"),
    Subject.NTP: Text("NTP server", "NTP 服务器"),
    Subject.POSITION: Text("Position of the dome", "云台位置"),
    Subject.PRESETS: Text("Presets of the dome", "云台预置位"),
}
SOURCES = {
    "ntp": Text("by NTP", "NTP 校时"),
    "manual": Text("set by hand, NTP is off", "手动设置，未启用 NTP"),
    "": Text("source not told", "校时方式未提供"),
}
MOVES = Text("it moves", "正在转动")
AWAY = Text("away from its presets and usual positions", "偏离预置位与常用位置")
BY_DHCP = Text("by DHCP", "由 DHCP 指定")
OTHER_ZONE = Text(
    "The camera's time zone ({theirs}) differs from that of the monitoring server ({ours}). So does the time in its "
    "picture.",
    "摄像机时区（{theirs}）与监控服务器时区（{ours}）不同，画面叠加时间也会不同。",
)


@dataclass(frozen=True, slots=True)
class Untold:
    """A subject that the device did not tell when it was last asked: its name, why, and when it last told it."""

    name: Text
    why: Text
    told_at: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line about the device: its name, its value, and a note for people."""

    name: Text
    value: str
    note: Text | None = None


def untold(device: DeviceMemory) -> tuple[Untold, ...]:
    """Return what the device did not tell when it was last asked, in the order of the subjects."""
    return tuple(
        Untold(NAMES[subject], why_untold(device.not_told[subject]), device.told_at.get(subject))
        for subject in Subject
        if subject in device.not_told
    )


def _shown_offset(seconds: float) -> str:
    hours, minutes = divmod(round(abs(seconds) / 60), 60)
    return f"UTC{'-' if seconds < 0 else '+'}{hours}{f':{minutes:02}' if minutes else ''}"


def other_zone(device: DeviceMemory, now: float) -> Text | None:
    """Return that the camera is set to another time zone than this machine; None if it is not, or is not known."""
    keeping = device.time_keeping
    theirs = keeping.offset_seconds if keeping is not None else None
    ours = float(time.localtime(now).tm_gmtoff)
    if theirs is None or abs(theirs - ours) < 60:
        return None
    words = {"theirs": _shown_offset(theirs), "ours": _shown_offset(ours)}
    return Text(OTHER_ZONE.en.format(**words), OTHER_ZONE.zh.format(**words))


def _dome_rows(dome: DomeMemory) -> tuple[Row, ...]:
    status, place = dome.status, dome.place
    if status is None:
        return ()
    if status.position is None or status.moving:
        return (Row(NAMES[Subject.POSITION], "", MOVES),)
    preset = dome.preset_at(status.position)
    note = AWAY if place is not None and not place.known else None
    at = f"{status.position}{f' ({preset.name or preset.token})' if preset is not None else ''}"
    return (Row(NAMES[Subject.POSITION], at, note),)


def _position(known: Position) -> DomePosition:
    return {"pan": known.pan, "tilt": known.tilt, "zoom": known.zoom}


def identity(known: Identity) -> IdentityAnswer:
    """Return what a device reports of itself as plain data."""
    return {
        "manufacturer": known.manufacturer,
        "model": known.model,
        "firmware": known.firmware,
        "serial": known.serial,
        "hardware": known.hardware,
    }


def stream(known: StreamParameters) -> StreamAnswer:
    """Return the settings of an encoder as plain data."""
    return {
        "codec": known.codec,
        "width": known.width,
        "height": known.height,
        "frame_rate_hertz": known.frame_rate_hertz,
        "bits_per_second": known.bits_per_second,
        "keyframe_interval_seconds": known.keyframe_interval_seconds,
    }


def _dome_data(dome: DomeMemory | None) -> DomeAnswer | None:
    if dome is None:
        return None
    status, place = dome.status or DomeStatus(None), dome.place
    preset = dome.preset_at(status.position) if status.position is not None else None
    return {
        "position": _position(status.position) if status.position is not None else None,
        "moving": status.moving,
        "preset": (preset.name or preset.token) if preset is not None else None,
        "known": place.known if place is not None else None,
        "away_since": None if dome.away_since is None else iso_utc(dome.away_since),
        "presets": [{"token": each.token, "name": each.name} for each in dome.presets],
        "places": len(dome.places),
    }


def rows(memory: Memory, now: float) -> tuple[Row, ...]:
    """Return what the device tells of its name, its keeping of time and, of a dome, its position."""
    device, shown = memory.device, []
    keeping, ntp = device.time_keeping, device.ntp
    if device.hostname and Subject.HOSTNAME not in device.not_told:
        shown.append(Row(NAMES[Subject.HOSTNAME], device.hostname))
    if keeping is not None:
        offset = f" ({_shown_offset(keeping.offset_seconds)})" if keeping.offset_seconds is not None else ""
        zone = f"{keeping.zone}{offset}".strip() or "–"
        shown.append(Row(Text("Time zone", "时区"), zone, other_zone(device, now)))
        shown.append(Row(Text("Clock", "时钟"), "", SOURCES[keeping.source]))
    if ntp is not None and (ntp.servers or ntp.by_dhcp):
        note = BY_DHCP if ntp.by_dhcp else None
        shown.append(Row(NAMES[Subject.NTP], ", ".join(ntp.servers), note))
    return (*shown, *(_dome_rows(memory.dome) if memory.dome is not None else ()))


def as_data(memory: Memory, now: float) -> Told:
    """Return what the device tells as plain data; what it does not tell is null and listed in `not_told`."""
    device = memory.device
    told = {subject: subject not in device.not_told for subject in Subject}
    keeping, ntp, different = device.time_keeping, device.ntp, other_zone(device, now)
    start = device.last_start[1] if device.last_start is not None and told[Subject.LAST_START] else None
    return {
        "identity": identity(device.reported) if device.reported and told[Subject.IDENTITY] else None,
        "hostname": device.hostname if told[Subject.HOSTNAME] else None,
        "stream_path": redact_path(device.stream_path) if told[Subject.STREAM_PATH] else None,
        "login": device.hints.login.value,
        "clock_offset_seconds": device.hints.clock_offset_seconds if told[Subject.CLOCK] else None,
        "last_start": None if start is None else iso_utc(start),
        "time_source": keeping.source or None if keeping is not None else None,
        "time_zone": keeping.zone or None if keeping is not None else None,
        "utc_offset_seconds": keeping.offset_seconds if keeping is not None else None,
        "time_zone_differs": None if keeping is None or keeping.offset_seconds is None else different is not None,
        "ntp": {"by_dhcp": ntp.by_dhcp, "servers": list(ntp.servers)} if ntp is not None else None,
        "profiles": [
            {"token": profile.token, "name": profile.name, **stream(profile.stream)} for profile in device.profiles
        ]
        if told[Subject.PROFILES]
        else None,
        "dome": _dome_data(memory.dome),
        "not_told": [subject.value for subject in Subject if not told[subject]],
    }
