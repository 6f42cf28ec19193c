"""Clocks as cameras tell them."""

from __future__ import annotations

import pytest

from tests.xml_shapes import envelope
from xueliang_monitor.wire import soap
from xueliang_monitor.wire.device_clock import DeviceTime, read_time
from xueliang_monitor.wire.errors import MalformedResponseError

NOW = 1_768_332_300.0  # 2026-01-13 19:25:00 UTC
UTC, CHINA = (2026, 1, 13, 19, 25, 0), (2026, 1, 14, 3, 25, 0)


def moment(name: str, parts: tuple[int, ...] | None) -> str:
    if parts is None:
        return ""
    year, month, day, hour, minute, second = parts
    return (
        f"<{name}><Time><Hour>{hour}</Hour><Minute>{minute}</Minute><Second>{second}</Second></Time>"
        f"<Date><Year>{year}</Year><Month>{month}</Month><Day>{day}</Day></Date></{name}>"
    )


def read(utc: tuple[int, ...] | None, here: tuple[int, ...] | None, zone: str) -> DeviceTime:
    body = (
        f"<SystemDateAndTime><TimeZone><TZ>{zone}</TZ></TimeZone>{moment('UTCDateTime', utc)}"
        f"{moment('LocalDateTime', here)}</SystemDateAndTime>"
    )
    return read_time(soap.read(envelope(body.encode())), NOW)


@pytest.mark.parametrize("zone", ["CST-8", "CST+8", "Asia/Shanghai", "CST-8:00:00", "&lt;+08&gt;-8"])
def test_local_time_as_utc_contradicts_its_zone(zone: str) -> None:
    told = read(CHINA, CHINA, zone)
    assert told.local_as_utc
    assert (told.utc, told.told) == (NOW, NOW + 8 * 3600)


@pytest.mark.parametrize(
    ("utc", "here", "zone", "expected"),
    [
        (UTC, CHINA, "CST-8", NOW),
        (UTC, UTC, "CST-8", NOW),  # the local time is wrong, not UTC
        (UTC, UTC, "UTC", NOW),
        (CHINA, CHINA, "", NOW + 8 * 3600),  # nothing contradicts it
        (CHINA, None, "CST-8", NOW + 8 * 3600),
        ((1979, 1, 1, 0, 0, 0), (1979, 1, 1, 8, 0, 0), "CST-8", 283_996_800.0),
        ((1970, 1, 1, 0, 0, 9), (1970, 1, 1, 0, 0, 9), "CST-8", 9.0),
        (None, CHINA, "CST-8", NOW),
        ((0, 0, 0, 0, 0, 0), CHINA, "CST-8", NOW),
        ((1970, 1, 1, 0, 0, 0), CHINA, "CST-8", NOW),
        ((1970, 1, 1, 0, 0, 0), CHINA, "", 0.0),
    ],
)
def test_what_is_told_is_taken(
    utc: tuple[int, ...] | None, here: tuple[int, ...] | None, zone: str, expected: float
) -> None:
    told = read(utc, here, zone)
    assert (told.utc, told.local_as_utc) == (expected, False)
    assert told.told == told.utc


@pytest.mark.parametrize(
    ("utc", "here", "zone"),
    [
        (None, None, "CST-8"),
        (None, CHINA, ""),
        (None, CHINA, "Mars/Phobos"),
        ((0, 0, 0, 0, 0, 0), None, "CST-8"),
        ((2026, 13, 1, 0, 0, 0), None, "CST-8"),
    ],
)
def test_no_time(utc: tuple[int, ...] | None, here: tuple[int, ...] | None, zone: str) -> None:
    with pytest.raises(MalformedResponseError):
        read(utc, here, zone)
