"""Parses the time zones of cameras: POSIX.1 TZ strings (8.3), and the variants of vendors.

Found on real cameras: `CST+8:00:00` (Reolink E1 Zoom), `UTC5:0` (Bosch 7.80), `UTC5UTC`, `EST5EDT,M3.2.0,M11.1.0`
(AXIS 11.9), and `CST+7:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00` (TRENDnet TV-IP320PI). In the last one the
value after DST is the shift of the clock in summer, where POSIX has the offset from UTC in summer.
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from dataclasses import dataclass

_NAME = r"(?:<[A-Za-z0-9+-]{1,12}>|[A-Za-z]{1,12})"
_TIME = r"[+-]?\d{1,3}(?::\d{1,2}){0,2}"
_ZONE = re.compile(
    rf"\s*(?P<name>{_NAME})\s*(?P<offset>{_TIME})?(?P<summer>{_NAME})?(?P<shift>{_TIME})?"
    rf"(?:,(?P<start>[^,]{{1,24}}),(?P<end>[^,]{{1,24}}))?\s*"
)
_RULE = re.compile(rf"M(\d{{1,2}})\.(\d)\.(\d)(?:/({_TIME}))?")
_HOUR = datetime.timedelta(hours=1)
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Rule:
    """The rule Mm.w.d of POSIX: a weekday of a month; week 5 is the last one, weekday 0 is Sunday."""

    month: int
    week: int
    weekday: int
    time: datetime.timedelta

    def moment(self, year: int) -> datetime.datetime:
        first = datetime.datetime(year, self.month, 1)  # noqa: DTZ001 - local time of the camera
        day = first + _DAY * ((self.weekday - first.isoweekday()) % 7) + 7 * _DAY * (self.week - 1)
        while day.month != self.month:
            day -= 7 * _DAY
        return day + self.time


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone; offsets are added to UTC."""

    standard: datetime.timedelta
    summer: datetime.timedelta | None = None
    start: _Rule | None = None
    end: _Rule | None = None

    def offset(self, local: datetime.datetime, *, daylight: bool = False) -> datetime.timedelta:
        """Return the offset from UTC at a local time.

        `daylight` is True if the camera says that summer time is in effect; it is used if the zone has no rules.
        """
        if self.start is None or self.end is None:
            return self.summer if daylight and self.summer is not None else self.standard
        start, end = self.start.moment(local.year), self.end.moment(local.year)
        in_summer = start <= local < end if start < end else not end <= local < start
        return self.summer if in_summer and self.summer is not None else self.standard


def _time(value: str) -> datetime.timedelta:
    sign = -1 if value.startswith("-") else 1
    hours, minutes, seconds = ([int(part) for part in value.lstrip("+-").split(":")] + [0, 0])[:3]
    return sign * datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _rule(value: str | None) -> _Rule | None:
    match = _RULE.fullmatch(value or "")
    if match is None:
        return None
    month, week, weekday = int(match[1]), int(match[2]), int(match[3])
    if not (1 <= month <= 12 and 1 <= week <= 5 and weekday <= 6):
        return None
    return _Rule(month, week, weekday, _time(match[4]) if match[4] else 2 * _HOUR)


def parse(value: str) -> Zone | None:
    """Parse a time zone; return None if it is not valid. Never raises."""
    match = _ZONE.fullmatch(value[:120])
    if match is None or match["offset"] is None:
        return _named(value.strip())
    standard = -_time(match["offset"])
    if abs(standard) > 26 * _HOUR:
        return None
    # `UTC5UTC` repeats the name of the zone; it has no summer time.
    if not match["summer"] or match["summer"] == match["name"]:
        return Zone(standard)
    summer = standard + _HOUR
    if match["shift"]:
        posix = -_time(match["shift"])
        summer = posix if abs(posix - standard) <= 3 * _HOUR else standard + _time(match["shift"])
    return Zone(standard, summer, _rule(match["start"]), _rule(match["end"]))


def _named(value: str) -> Zone | None:
    """Parse `UTC`, `GMT`, or a name of the time zone database such as `Asia/Shanghai`."""
    if value.upper() in {"UTC", "GMT", "Z", "UTC0", "GMT0"}:
        return Zone(datetime.timedelta(0))
    if not re.fullmatch(r"[A-Za-z_]{1,32}(?:/[A-Za-z_+-]{1,32}){1,2}", value):
        return None
    try:
        zone = zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        return None
    winter, summer = (zone.utcoffset(datetime.datetime(2026, month, 1)) for month in (1, 7))  # noqa: DTZ001
    if winter is None or summer is None:
        return None
    return Zone(min(winter, summer), max(winter, summer) if winter != summer else None)
