"""An exposure that is stuck by day is found beside what the hour shows, before all of the view is white or black."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Reference

Frame = Any


@functools.cache
def past() -> Reference:
    camera, hours = made.MadeCamera(), [float(hour % 24) for hour in range(9, 57)]
    known = learn([measure(camera.shot(hour)) for hour in hours], hours)
    assert known is not None
    return known


@functools.cache
def past_without_hours(first: int, last: int) -> Reference:
    """Return the past of a camera that tells no hour, learned between two hours of each of two days."""
    camera = made.MadeCamera()
    known = learn([measure(camera.shot(float(hour))) for hour in [*range(first, last)] * 2])
    assert known is not None
    return known


def shown(gain: float, hour: float) -> Frame:
    linear = gain * (made.MadeCamera().shot(hour) / 255.0) ** 2.2
    return np.clip(255 * np.clip(linear, 0, 1) ** (1 / 2.2), 0, 255).astype(np.uint8)


def seen(gain: float, hour: float = 12.0) -> list[str]:
    return [verdict.code for verdict in look_at([shown(gain, hour)], past(), 0.1, hour).seen]


def seen_without_an_hour(gain: float, first: int = 8, last: int = 18) -> list[str]:
    known = past_without_hours(first, last)
    return [verdict.code for verdict in look_at([shown(gain, 12.0)], known, 0.1).seen]


def test_an_iris_that_stays_open_by_day_is_found_while_shadows_are_left() -> None:
    assert seen(2.2) == ["picture_too_bright"]


def test_light_that_is_lost_by_day_is_found_before_the_view_is_dark() -> None:
    assert seen(0.1) == ["picture_too_dark"]


@pytest.mark.parametrize(("gain", "hour"), [(1.35, 12.0), (0.4, 12.0), (0.3, 18.5), (1.3, 23.0)])
def test_clouds_sunshine_and_dusk_are_healthy(gain: float, hour: float) -> None:
    assert seen(gain, hour) == []


def test_lost_light_is_found_without_an_hour_if_no_healthy_picture_was_so_dark() -> None:
    assert seen_without_an_hour(0.1) == ["picture_too_dark"]
    assert seen_without_an_hour(0.4) == []


def test_dusk_with_the_grain_of_a_high_gain_is_healthy_without_an_hour() -> None:
    dim = 0.35 * shown(1.0, 12.0) + np.random.default_rng(3).normal(0, 2.5, (made.HEIGHT, made.WIDTH, 3))
    dusk, known = np.clip(dim, 0, 255).astype(np.uint8), past_without_hours(8, 18)
    assert "picture_too_dark" not in [verdict.code for verdict in look_at([dusk], known, 0.1).seen]


def test_a_view_that_was_as_dark_in_some_light_is_healthy_without_an_hour() -> None:
    assert seen_without_an_hour(0.1, 0, 24) == []


def test_a_step_of_half_a_stop_is_healthy_though_it_clips_a_bright_view() -> None:
    hours = [float(hour) for hour in range(24)]
    shots = [_under_a_bright_sky(1.0, hour) for hour in hours]
    known = learn([measure(shot) for shot in shots], hours)
    codes = [
        [verdict.code for verdict in look_at([_under_a_bright_sky(gain, 12.0)], known, 0.1, 12.0).seen]
        for gain in (2**0.5, 2.6)
    ]
    assert codes == [[], ["picture_too_bright"]]


def _under_a_bright_sky(gain: float, hour: float) -> Frame:
    frame = shown(1.0, hour)
    frame[: made.HEIGHT // 5] = np.clip(frame[: made.HEIGHT // 5] * 2.0, 0, 222)
    return np.clip(255 * np.clip(gain * (frame / 255.0) ** 2.2, 0, 1) ** (1 / 2.2), 0, 255).astype(np.uint8)
