"""Parses how a camera keeps its time: source, time zone and NTP servers (ONVIF Core, 8.3.5 and 8.2.5)."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from xueliang_monitor.wire import timezone
from xueliang_monitor.wire.soap import Element, child, children, text

MAX_SERVERS = 4
MAX_OFFSET_SECONDS = 14 * 3600.0
_QUARTER_SECONDS = 900.0
_SAME_SECONDS = 90.0
"""Cameras read their two clocks one after the other, and some round one of them."""

_NAMES_OF_WINDOWS = {
    "china standard time": 8.0,
    "taipei standard time": 8.0,
    "singapore standard time": 8.0,
    "tokyo standard time": 9.0,
    "korea standard time": 9.0,
    "utc": 0.0,
    "coordinated universal time": 0.0,
    "greenwich standard time": 0.0,
}
"""Hours east of UTC."""

_FROM_UTC = re.compile(r"\(?\s*(?:UTC|GMT)\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?\s*\).*", re.IGNORECASE)
"""`(UTC+08:00) Beijing`, as Windows and some cameras write it; the sign is that of people, not that of POSIX."""

_BARE = re.compile(r"([+-])(\d{1,2}):(\d{2})")
"""`+08:00`, as ISO 8601 writes it."""

_NO_SERVERS = frozenset({"", "0.0.0.0", "::", "(null)", "null", "none", "n/a", "-"})  # noqa: S104 # nosec B104


@dataclass(frozen=True, slots=True)
class TimeKeeping:
    """How a camera keeps its time.

    `source` is ntp, manual, or empty if it does not say. `zone` is the time zone as sent, `offset_seconds` its present
    offset from UTC, None if unknown. `same_clocks` says that UTCDateTime equals LocalDateTime though the zone is not
    UTC: one of the two is wrong. `both_told` says that both were sent, and differ as the zone says.
    """

    source: str = ""
    zone: str = ""
    offset_seconds: float | None = None
    same_clocks: bool = False
    both_told: bool = False


@dataclass(frozen=True, slots=True)
class NtpSettings:
    """The NTP servers that a camera is set to, and whether DHCP names them."""

    by_dhcp: bool = False
    servers: tuple[str, ...] = ()


def _moment(element: Element | None) -> datetime.datetime | None:
    parts = [text(element, *place) for place in (
        ("Date", "Year"), ("Date", "Month"), ("Date", "Day"), ("Time", "Hour"), ("Time", "Minute"), ("Time", "Second"),
    )]  # fmt: skip
    try:
        year, month, day, hour, minute, second = (int(part) for part in parts)
        return datetime.datetime(year, month, day, hour, minute=minute, second=min(second, 59))  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None


def _offset_of(zone: str, at: datetime.datetime | None, *, daylight: bool) -> float | None:
    """Return the offset that a time zone names, in seconds east of UTC; None if it names none."""
    if zone.strip().lower() in _NAMES_OF_WINDOWS:
        return _NAMES_OF_WINDOWS[zone.strip().lower()] * 3600
    if match := _FROM_UTC.fullmatch(zone.strip()) or _BARE.fullmatch(zone.strip()):
        seconds = int(match[2]) * 3600.0 + int(match[3] or 0) * 60.0
        return -seconds if match[1] == "-" else seconds
    known = timezone.parse(zone) if zone else None
    if known is None:
        return None
    try:
        return known.offset(at or datetime.datetime(2026, 1, 1), daylight=daylight).total_seconds()  # noqa: DTZ001
    except OverflowError:
        return None


def read_time_keeping(response: Element) -> TimeKeeping:
    """Parse the source and the time zone from GetSystemDateAndTimeResponse (ONVIF Core, 8.3.5).

    The difference of its two clocks decides the offset where they differ by whole quarters of an hour: some cameras
    write `CST+8` for eight hours east of UTC, against POSIX.
    """
    element = child(response, "SystemDateAndTime")
    source = text(element, "DateTimeType").strip().lower()
    zone = text(element, "TimeZone", "TZ", limit=120).strip()
    utc, local = _moment(child(element, "UTCDateTime")), _moment(child(element, "LocalDateTime"))
    daylight = text(element, "DaylightSavings").strip().lower() in {"true", "1"}
    named = _offset_of(zone, local, daylight=daylight)
    measured = (local - utc).total_seconds() if utc is not None and local is not None else None
    offset, same_clocks, both_told = named, False, False
    if measured is not None:
        quarters = round(measured / _QUARTER_SECONDS) * _QUARTER_SECONDS
        if abs(quarters) <= MAX_OFFSET_SECONDS and abs(measured - quarters) <= _SAME_SECONDS:
            if quarters or not named:
                offset, both_told = quarters, True
            else:
                same_clocks = True
    return TimeKeeping(source if source in {"ntp", "manual"} else "", zone, offset, same_clocks, both_told=both_told)


def _server(element: Element) -> str:
    """Return the server that an element names, whatever type it claims."""
    for name in ("DNSname", "IPv4Address", "IPv6Address"):
        value = text(element, name, limit=120).strip()
        if value.lower() not in _NO_SERVERS:
            return value
    return ""


def read_ntp(response: Element) -> NtpSettings:
    """Parse GetNTPResponse (ONVIF Core, 8.2.5): the servers in use, else those that are set by hand."""
    element = child(response, "NTPInformation")
    by_dhcp = text(element, "FromDHCP").strip().lower() in {"true", "1"}
    order = ("NTPFromDHCP", "NTPManual") if by_dhcp else ("NTPManual", "NTPFromDHCP")
    for name in order:
        found = tuple(filter(None, map(_server, children(element, name)[:MAX_SERVERS])))
        if found:
            return NtpSettings(by_dhcp, tuple(dict.fromkeys(found)))
    return NtpSettings(by_dhcp)
