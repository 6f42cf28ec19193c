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


def seen(gain: float, hour: float = 12.0) -> list[str]:
    linear = gain * (made.MadeCamera().shot(hour) / 255.0) ** 2.2
    frame = np.clip(255 * np.clip(linear, 0, 1) ** (1 / 2.2), 0, 255).astype(np.uint8)
    return [verdict.code for verdict in look_at([frame], past(), 0.1, hour).seen]


def test_an_iris_that_stays_open_by_day_is_found_while_shadows_are_left() -> None:
    assert seen(2.2) == ["picture_too_bright"]


def test_light_that_is_lost_by_day_is_found_before_the_view_is_dark() -> None:
    assert seen(0.1) == ["picture_too_dark"]


@pytest.mark.parametrize(("gain", "hour"), [(1.35, 12.0), (0.4, 12.0), (0.3, 18.5), (1.3, 23.0)])
def test_clouds_sunshine_and_dusk_are_healthy(gain: float, hour: float) -> None:
    assert seen(gain, hour) == []


def hall(gain: float) -> Frame:
    """Return a hall with white walls and a window, under lamps that never change."""
    frame = 150 + 0.4 * (made.MadeCamera().scene - 105)
    frame[: made.HEIGHT // 3] = 205
    frame[20:60, 100:220] = 250
    return np.clip(gain * frame + made.MadeCamera().chance.normal(0, 1.0, frame.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("gain", "found"), [(1.0, []), (1.25, []), (1.7, ["picture_too_bright"])])
def test_a_step_of_the_exposure_before_white_walls_is_healthy(gain: float, found: list[str]) -> None:
    known = learn([measure(hall(1.0))] * 9)
    assert [verdict.code for verdict in look_at([hall(gain)], known, 0.1).seen] == found


@pytest.mark.parametrize(("gain", "found"), [(1.0, []), (2.2, ["picture_too_bright"])])
def test_a_white_sky_over_a_street_that_is_lit_as_ever_is_healthy(gain: float, found: list[str]) -> None:
    frame = np.clip(gain * made.MadeCamera().shot(12.0).astype(np.float32), 0, 255)
    frame[: made.HEIGHT // 5 + 3] = 252
    assert [verdict.code for verdict in look_at([frame.astype(np.uint8)], past(), 0.1, 12.0).seen] == found
