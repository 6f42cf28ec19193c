"""Times as text: ISO 8601 for machines, local time for people. Times are seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_utc(seconds: float) -> str:
    """Return a time in UTC to the second, such as `2026-11-27T07:17:30+00:00`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def iso_local(seconds: float) -> str:
    """Return a local time to the second with its UTC offset, such as `2026-11-27T15:17:30+08:00`."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def to_the_minute(seconds: float) -> str:
    """Return a local time, such as `2026-11-27 15:17`."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def to_the_second(seconds: float) -> str:
    """Return a local time, such as `2026-11-27 15:17:30`."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def time_of_day(seconds: float) -> str:
    """Return the local time of day, such as `15:17:30`."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S")


def localized(seconds: float, locale: str, *, exact: bool = False) -> str:
    """Return a local time in the format of a locale, such as `11/27/26, 3:17 PM`; to the second if `exact`."""
    from babel.dates import format_datetime

    return str(
        format_datetime(datetime.fromtimestamp(seconds).astimezone(), "medium" if exact else "short", locale=locale)
    )
