"""Time zones in every spelling found on cameras."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire import timezone

WINTER, SUMMER = datetime(2026, 1, 13, 12), datetime(2026, 7, 13, 12)


@pytest.mark.parametrize(
    ("spelling", "winter", "summer"),
    [
        ("CST-8", 8, 8),
        ("CST+8:00:00", -8, -8),
        ("UTC5:0", -5, -5),
        ("UTC-1:0", 1, 1),
        ("UTC5UTC", -5, -5),
        ("UTC", 0, 0),
        ("GMT+0", 0, 0),
        ("<+0530>-5:30", 5.5, 5.5),
        ("EST5EDT,M3.2.0,M11.1.0", -5, -4),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 1, 2),
        ("EST5EDT4,M3.2.0/02:00:00,M11.1.0/02:00:00", -5, -4),
        ("CST+7:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00", -7, -6),
        ("NZST-12NZDT,M9.5.0,M4.1.0/3", 13, 12),
        ("Asia/Shanghai", 8, 8),
    ],
)
def test_spellings(spelling: str, winter: float, summer: float) -> None:
    zone = timezone.parse(spelling)
    assert zone is not None
    assert zone.offset(WINTER) == timedelta(hours=winter)
    assert zone.offset(SUMMER) == timedelta(hours=summer)


def test_without_rules_the_camera_reports_summer_time() -> None:
    zone = timezone.parse("EST5EDT")
    assert zone is not None
    assert zone.offset(WINTER) == timedelta(hours=-5)
    assert zone.offset(WINTER, daylight=True) == timedelta(hours=-4)


def test_summer_time_starts_at_its_hour() -> None:
    zone = timezone.parse("CET-1CEST,M3.5.0,M10.5.0/3")
    assert zone is not None
    assert zone.offset(datetime(2026, 3, 29, 1, 59)) == timedelta(hours=1)
    assert zone.offset(datetime(2026, 3, 29, 2, 0)) == timedelta(hours=2)
    assert zone.offset(datetime(2026, 10, 25, 2, 59)) == timedelta(hours=2)
    assert zone.offset(datetime(2026, 10, 25, 3, 0)) == timedelta(hours=1)


@pytest.mark.parametrize("spelling", ["", "somewhere", "CST-99", "../../etc/passwd", "a/b/c", "EST5EDT," * 50])
def test_invalid_zones(spelling: str) -> None:
    assert timezone.parse(spelling) is None


@given(st.text(max_size=60))
def test_nothing_raises(spelling: str) -> None:
    zone = timezone.parse(spelling)
    if zone is not None:
        zone.offset(WINTER)
