"""What is usual at an hour of the day: ranges that follow within days, and a mean that follows within months."""

from __future__ import annotations

import pytest

from xueliang_monitor.picture.hours import (
    STORED_BYTES,
    highest_anchor,
    hours_with,
    hours_with_anchor,
    usual_at,
)


def test_only_the_hours_around_are_returned() -> None:
    stored = hours_with(hours_with({}, {"noise": 1.0}, 12.0), {"noise": 6.0}, 23.5)
    assert usual_at(stored, 13.0) == {"noise": (1.0, 1.0)}
    assert usual_at(stored, 0.5) == {"noise": (6.0, 6.0)}, "a day is a circle"
    assert usual_at(stored, 18.0) == {}
    assert {len(ranges) for ranges in stored.values()} == {STORED_BYTES}


def test_a_range_takes_an_extreme_at_once_and_forgets_it_within_days() -> None:
    stored = hours_with({}, {"mean": 100.0}, 19.0)
    stored = hours_with(stored, {"mean": 20.0}, 19.0)
    assert usual_at(stored, 19.0)["mean"] == (20.0, pytest.approx(97.6, abs=0.1))
    for _ in range(3 * 24):
        stored = hours_with(stored, {"mean": 100.0}, 19.0)
    assert usual_at(stored, 19.0)["mean"][0] > 85


def test_numbers_that_are_not_finite_or_too_large_do_not_spoil_a_range() -> None:
    stored = hours_with({}, {"mean": float("nan"), "beat": 1e9}, 8.0)
    assert "mean" not in stored
    assert usual_at(stored, 8.0)["beat"] == (60_000.0, 60_000.0)


def test_a_slow_mean_is_known_after_a_day_and_hardly_follows_a_month() -> None:
    stored: dict[str, bytes] = {}
    for look in range(12):
        assert highest_anchor(stored, "noise") is None
        stored = hours_with_anchor(stored, "noise", 5.0 if look == 11 else 1.0, 2.0 * look)
    assert highest_anchor(stored, "noise") == 5.0
    for _ in range(50 * 24):
        stored = hours_with_anchor(stored, "noise", 5.0, 23.0)
    for _ in range(20 * 24):
        stored = hours_with_anchor(stored, "noise", 15.0, 23.0)
    assert highest_anchor(stored, "noise") == pytest.approx(8.8, abs=0.8)
    assert usual_at(stored, 12.0) == {}, "it is no usual value"


def test_a_look_changes_the_range_of_its_own_hours_only() -> None:
    known: dict[str, bytes] = {}
    for hour in (1.0, 9.0, 23.5):
        known = hours_with(known, {"noise": hour}, hour)
    after = hours_with(known, {"noise": 70.0}, 9.5)
    assert [usual_at(after, hour).get("noise") for hour in (1.0, 5.0, 23.0)] == [
        usual_at(known, hour).get("noise") for hour in (1.0, 5.0, 23.0)
    ]
    assert usual_at(after, 9.0)["noise"][1] == 70.0
