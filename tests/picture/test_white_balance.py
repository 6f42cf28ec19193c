"""A white balance that is off by a tenth is found where the light is known, also if lamps tint the nights more."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from tests.picture import made
from tests.scenes import jpegs
from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import Light

Frame = Any
SODIUM = (0.6, 0.88, 1.1)
WARM, COLD = (0.9, 1.0, 1.1), (1.1, 1.0, 0.9)


def shot(camera: made.MadeCamera, hour: float) -> Frame:
    """Return a picture by day, or under a sodium lamp from 20 to 5 o'clock."""
    day = camera.shot(12.0)
    if 5 <= hour < 20:
        return day
    across = np.linspace(0.15, 0.8, made.WIDTH)[None, :, None]
    return np.clip(day * across * np.array(SODIUM), 0, 255).astype(np.uint8)


@functools.cache
def past() -> Reference:
    camera, hours = made.MadeCamera(), [float(hour % 24) for hour in range(9, 57)]
    known = learn([measure(shot(camera, hour)) for hour in hours], hours)
    assert known is not None
    return known


def seen(gains: tuple[float, float, float], hour: float) -> list[str]:
    frame = np.clip(shot(made.MadeCamera(), hour) * np.array(gains), 0, 255).astype(np.uint8)
    return [verdict.code for verdict in look_at([frame], past(), 0.1, hour).seen]


@pytest.mark.parametrize("gains", [WARM, COLD, SODIUM])
def test_a_cast_at_noon_is_found_though_lamps_tint_the_night(gains: tuple[float, float, float]) -> None:
    assert seen(gains, 12.0) == ["picture_colour_cast"]


@pytest.mark.parametrize(
    ("gains", "hour"),
    [((0.96, 1.0, 1.04), 12.0), ((1.04, 1.0, 0.96), 12.0), (WARM, 18.5), (WARM, 6.5), ((1.0, 1.0, 1.0), 23.0)],
)
def test_drift_and_a_low_sun_are_no_cast(gains: tuple[float, float, float], hour: float) -> None:
    assert seen(gains, hour) == []


def test_exchanged_red_and_blue_are_found() -> None:
    frame = shot(made.MadeCamera(), 12.0)
    pale = np.clip(128 + 0.3 * (frame - 128.0) + 0.7 * (frame.mean(axis=2, keepdims=True) - 128), 0, 255)
    known = learn([measure(pale.astype(np.uint8))] * 9, [12.0] * 9)
    codes = [
        [verdict.code for verdict in look_at([picture.astype(np.uint8)], known, 0.1, 12.0).seen]
        for picture in (pale, pale[..., ::-1])
    ]
    assert codes == [[], ["picture_colour_cast"]]


@pytest.mark.parametrize(
    ("gains", "found"), [((0.7, 1.1, 0.7), True), ((0.85, 1.05, 0.85), True), ((1.1, 0.65, 1.1), True), (SODIUM, False)]
)
@pytest.mark.parametrize("hour", [12.0, 6.5])
def test_no_light_is_green_or_magenta(gains: tuple[float, float, float], hour: float, *, found: bool) -> None:
    """Under a sun that was never so, a warm picture may be that of the sun."""
    across = np.linspace(0.5, 1.1, made.WIDTH)[None, :, None] * np.array(gains)
    frame = np.clip(made.MadeCamera().shot(12.0) * across, 0, 255).astype(np.uint8)
    codes = [verdict.code for verdict in look_at([frame], past(), 0.1, hour).seen]
    assert codes == (["picture_colour_cast"] if found else [])


@pytest.mark.parametrize(("hour", "found"), [(12.0, ["picture_colour_cast"]), (6.5, [])])
def test_deep_blue_is_the_sky_at_dawn_and_no_light_by_day(hour: float, found: list[str]) -> None:
    across = np.linspace(0.5, 1.1, made.WIDTH)[None, :, None] * np.array((1.3, 0.9, 0.6))
    frame = np.clip(made.MadeCamera().shot(12.0) * across, 0, 255).astype(np.uint8)
    assert [verdict.code for verdict in look_at([frame], past(), 0.1, hour).seen] == found


@pytest.mark.parametrize("scene", sorted({scene for scene, _ in clips.PROFILES}))
def test_the_first_dusk_of_a_camera_is_no_cast(scene: str) -> None:
    day, dusk = (jpegs(scene, light) for light in (Light.DAY, Light.DUSK))
    known: Reference | None = None
    for number in range(18):
        known = look_at([day[7 * number % len(day)]], known, 0.1, 12.0 + number / 3).reference
    seen = [verdict.code for picture in dusk for verdict in look_at([picture], known, 0.1, 18.3).seen]
    assert seen == []
