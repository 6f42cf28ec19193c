"""Reads the clock of a camera (ONVIF Core, 8.3.5), and whether what it tells contradicts itself."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from xueliang_monitor.wire import timezone
from xueliang_monitor.wire.errors import MalformedResponseError
from xueliang_monitor.wire.soap import Element, child, number, text

SAME_MOMENT_SECONDS = 60.0
"""Cameras take the two times of one response one after the other."""

_FIRST_LIKELY_YEAR = 2000
"""No camera was made before; an earlier year is that of a clock that was never set."""


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """The time of a camera: UTC in whole seconds since the epoch, its time zone as sent, and whether it uses NTP.

    `told` is the UTC as it was sent. It differs from `utc` if the camera sends its local time as UTC
    (`local_as_utc`), and is computed if the camera sends only its local time.
    """

    utc: float
    zone: str = ""
    by_ntp: bool = False
    told: float = 0.0
    local_as_utc: bool = False


def _moment(element: Element | None) -> datetime.datetime | None:
    """Parse a tt:DateTime into a datetime without time zone."""
    parts = [number(element, "Date", name) for name in ("Year", "Month", "Day")]
    parts += [number(element, "Time", name) for name in ("Hour", "Minute", "Second")]
    numbers = [int(part) for part in parts if part is not None]
    if len(numbers) != 6:
        return None
    leap = 1 if numbers[5] == 60 else 0
    try:
        year, month, day, hour, minute, second = numbers
        moment = datetime.datetime(year, month, day, hour, minute=minute, second=second - leap)  # noqa: DTZ001
        return moment + datetime.timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None


def _as_utc(moment: datetime.datetime) -> float:
    return moment.replace(tzinfo=datetime.UTC).timestamp()


def read_time(response: Element, now: float) -> DeviceTime:
    """Parse GetSystemDateAndTimeResponse (ONVIF Core, 8.3.5).

    Where the response has only a local time, UTC is computed from the time zone. Some cameras write `CST+8` for eight
    hours east of UTC, against POSIX; the sign whose result is nearer to `now` (seconds since the epoch) is used.
    Some cameras send their local time as UTC: both times are then the same although the time zone has an offset.

    Raises:
        MalformedResponseError: the response has no time.

    """
    element = child(response, "SystemDateAndTime")
    zone_text = text(element, "TimeZone", "TZ", limit=120)
    by_ntp = text(element, "DateTimeType").upper() == "NTP"
    utc, here = _moment(child(element, "UTCDateTime")), _moment(child(element, "LocalDateTime"))
    offset = _offset(here or utc, zone_text, daylight=text(element, "DaylightSavings").lower() in {"true", "1"})
    unset = utc is not None and here is not None and utc.year < _FIRST_LIKELY_YEAR <= here.year
    if utc is None or (unset and offset is not None):
        if here is None or offset is None:
            raise MalformedResponseError("the camera reports no valid time")
        at = _nearest(here, offset, now)
        return DeviceTime(at, zone_text, told=at)
    told = _as_utc(utc)
    if here is not None and offset and abs(told - _as_utc(here)) < SAME_MOMENT_SECONDS:
        corrected = _nearest(here, offset, now)
        if abs(corrected - now) <= abs(offset) / 2:
            return DeviceTime(corrected, zone_text, by_ntp, told=told, local_as_utc=True)
    return DeviceTime(told, zone_text, by_ntp, told=told)


def _offset(here: datetime.datetime | None, zone_text: str, *, daylight: bool) -> float | None:
    """Return the offset of a time zone from UTC at a local time, in seconds; None if it cannot be read."""
    zone = timezone.parse(zone_text)
    if here is None or zone is None:
        return None
    try:
        return zone.offset(here, daylight=daylight).total_seconds()
    except OverflowError:  # the rule's day is after the end of the year 9999
        return None


def _nearest(here: datetime.datetime, offset: float, now: float) -> float:
    local = _as_utc(here)
    return min((local - offset, local + offset), key=lambda at: abs(at - now))
