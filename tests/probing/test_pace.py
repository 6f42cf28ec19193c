"""The pace of streams as cameras stamp them: no healthy habit reads as a low frame rate."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.probing.pace import Arrived, keyframe_interval, measure

CLOCK = 90_000
RATE = 10
STEP = CLOCK // RATE
SIZE = 1000


def arrived(
    stamps: Sequence[int], at: Callable[[int], float] = lambda number: number / RATE, size: int = SIZE
) -> list[Arrived]:
    return [Arrived(stamp & 0xFFFFFFFF, size, at(number), at(number)) for number, stamp in enumerate(stamps)]


def decoding_order(pattern: Sequence[int], groups: int) -> list[int]:
    """Return places of showing in the order of decoding; the pattern is one group, by its places."""
    return [group * len(pattern) + place for group in range(groups) for place in pattern]


PATTERNS = {
    "no B pictures": [0],
    "one between two": [1, 0],
    "two between two": [2, 0, 1],
    "three between two": [3, 0, 1, 2],
    "a pyramid": [7, 3, 1, 0, 2, 5, 4, 6],
    "a group of ten": [0, 4, 2, 1, 3, 8, 6, 5, 7, 9],
}


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("start", [0, 0xFFFFFFFF - 12 * STEP])
@pytest.mark.parametrize("cut", [0, 1, 3])
def test_the_rate_of_reordered_pictures_is_that_of_the_camera(name: str, start: int, cut: int) -> None:
    places = decoding_order(PATTERNS[name], 40 // len(PATTERNS[name]))
    stamps = [start + place * STEP for place in places]
    pace = measure(arrived(stamps[cut : len(stamps) - cut]), CLOCK)
    assert pace.frame_rate == pytest.approx(RATE)
    assert pace.arrival_rate == pytest.approx(RATE)
    assert pace.bits_per_second == pytest.approx(8 * SIZE * RATE, rel=0.15)
    assert pace.jitter_seconds == pytest.approx(0.0, abs=0.02)
    assert pace.clock_ratio == 1.0


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("count", range(9, 30))
def test_the_end_of_the_window_lacks_no_picture_that_is_not_yet_shown(name: str, count: int) -> None:
    stamps = [place * STEP for place in decoding_order(PATTERNS[name], 30)][:count]
    assert measure(arrived(stamps), CLOCK).frame_rate == pytest.approx(RATE)


@pytest.mark.parametrize("ticks", [1_000, 8_000, 16_000, 48_000, 200_000, 1_000_000])
def test_another_clock_than_the_announced_one_is_told_by_the_arrival(ticks: int) -> None:
    stamps = [number * ticks // RATE for number in range(40)]
    pace = measure(arrived(stamps), CLOCK)
    rates = {pace.frame_rate, pace.arrival_rate}
    assert min(rate for rate in rates if rate is not None) >= 0.6 * RATE
    assert pace.bits_per_second is not None
    assert 8 * SIZE * RATE / 2 < pace.bits_per_second < 8 * SIZE * RATE * 6


def test_timestamps_that_stand_still_leave_the_rate_to_the_arrival() -> None:
    pace = measure(arrived([7] * 30), CLOCK)
    assert pace.frame_rate == pace.arrival_rate == pytest.approx(RATE)
    assert pace.bits_per_second == pytest.approx(8 * SIZE * RATE)


def test_slices_a_tick_apart_are_one_picture() -> None:
    stamps = [number // 2 * STEP + number % 2 for number in range(60)]
    pace = measure(arrived(stamps, at=lambda number: number // 2 / RATE, size=SIZE // 2), CLOCK)
    assert pace.frame_rate == pytest.approx(RATE)
    assert pace.arrival_rate == pytest.approx(RATE)
    assert pace.bits_per_second == pytest.approx(8 * SIZE * RATE, rel=0.1)


@pytest.mark.parametrize("jump", [-500_000_000, -200_000, 90 * CLOCK, 1_500_000_000])
def test_a_clock_that_jumps_costs_nothing(jump: int) -> None:
    stamps = [number * STEP + (jump if number >= 15 else 0) for number in range(30)]
    pace = measure(arrived(stamps), CLOCK)
    assert pace.frame_rate == pytest.approx(RATE)
    assert pace.bits_per_second == pytest.approx(8 * SIZE * RATE, rel=0.1)
    assert pace.jitter_seconds == pytest.approx(0.0, abs=0.01)


def test_a_clock_that_starts_again_with_each_group_costs_nothing() -> None:
    stamps = [number % 20 * STEP for number in range(60)]
    assert measure(arrived(stamps), CLOCK).frame_rate == pytest.approx(RATE)


def test_a_burst_at_the_start_leaves_the_rate_to_the_timestamps() -> None:
    """A camera sends the pictures since the last keyframe at once, and then in real time."""
    pace = measure(
        arrived([number * STEP for number in range(40)], at=lambda number: max(0.0, number - 20) / RATE), CLOCK
    )
    assert pace.frame_rate == pytest.approx(RATE)
    assert pace.clock_ratio == 1.0


def test_a_slow_line_shows_in_the_rate_by_arrival() -> None:
    pace = measure(arrived([number * STEP for number in range(20)], at=lambda number: number / 3), CLOCK)
    assert pace.frame_rate == pytest.approx(RATE)
    assert pace.arrival_rate == pytest.approx(3.0)


def test_few_pictures_tell_nothing() -> None:
    assert measure([], CLOCK).frame_rate is None
    pace = measure(arrived([0, STEP], at=lambda number: number / 100), CLOCK)
    assert (pace.frame_rate, pace.arrival_rate, pace.bits_per_second) == (None, None, None)


def test_the_keyframe_interval_is_the_usual_step_forward() -> None:
    assert keyframe_interval([0xFFFFFFFF - STEP, 19 * STEP - 1, 39 * STEP - 1, 5], CLOCK) == pytest.approx(2.0)
    assert keyframe_interval([5], CLOCK) is None


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.floats(0, 100)), max_size=40), st.integers(1, 1_000_000))
def test_any_times_give_a_pace(given: list[tuple[int, float]], clock: int) -> None:
    at = sorted(moment for _, moment in given)
    pace = measure([Arrived(stamp, 5, moment, moment) for (stamp, _), moment in zip(given, at, strict=True)], clock)
    for figure in (pace.frame_rate, pace.arrival_rate, pace.bits_per_second, pace.jitter_seconds):
        assert figure is None or figure >= 0


def test_a_thousand_random_groups_read_as_ten_pictures_a_second() -> None:
    chance = random.Random(3)
    for _ in range(300):
        pattern = PATTERNS[chance.choice(list(PATTERNS))]
        places = decoding_order(pattern, 30)
        first = chance.randrange(len(pattern))
        stamps = [place * STEP for place in places[first : first + chance.randrange(12, 60)]]
        noise = [chance.uniform(0, 0.04) for _ in stamps]
        pace = measure(arrived(stamps, at=lambda number, noise=noise: number / RATE + noise[number]), CLOCK)
        assert pace.frame_rate == pytest.approx(RATE, rel=0.01)
