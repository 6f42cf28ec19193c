"""Fog at night, a bag or a film over the lens: scattered light takes the contrast of near patterns, not their focus."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Reference

Frame = Any
LAMPS = ((0.2, 0.25), (0.55, 0.3), (0.85, 0.22))


def shot(camera: made.MadeCamera, hour: float) -> Frame:
    """Return a picture by day, or under lamps that show in the view by night."""
    day = camera.shot(12.0).astype(np.float32)
    if 6 <= hour < 20:
        return day.astype(np.uint8)
    down, across = np.mgrid[0 : made.HEIGHT, 0 : made.WIDTH] / made.WIDTH
    pools, bulbs = np.full(down.shape, 0.1), np.zeros(down.shape)
    for x, y in LAMPS:
        pools += 0.45 * np.exp(-((across - x) ** 2 + (down - y - 0.15) ** 2) / 0.02)
        bulbs += 240 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 0.00005)
    lit = day * pools[..., None] + bulbs[..., None] + camera.chance.normal(0, 2.0, day.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


@functools.cache
def past() -> Reference:
    camera, hours = made.MadeCamera(), [float(hour % 24) for hour in range(9, 57)]
    known = learn([measure(shot(camera, hour)) for hour in hours], hours)
    assert known is not None
    return known


def foggy_night(frame: Frame, kept: float) -> Frame:
    """Return a night in which the light of the lamps is scattered: halos, and no black around them."""
    light = (frame / 255.0).astype(np.float32) ** 2.2
    halos = 0.6 * cv2.GaussianBlur(light, (0, 0), 12) + 0.4 * cv2.GaussianBlur(light, (0, 0), 50)
    seen = kept * light + (1 - kept) * (1.2 * halos + 0.01)
    return np.clip(255 * seen ** (1 / 2.2), 0, 255).astype(np.uint8)


def bag(frame: Frame, kept: float, softness: float = 0.8) -> Frame:
    """Return a view through a milky bag: even, a little soft, with the glow of its surroundings."""
    soft = cv2.GaussianBlur(frame, (0, 0), softness).astype(np.float32)
    glow = 0.5 * cv2.GaussianBlur(frame, (0, 0), 15) + 0.5 * 1.1 * frame.mean()
    return np.clip(soft * kept + glow * (1 - kept), 0, 255).astype(np.uint8)


def seen(frame: Frame, hour: float) -> list[str]:
    return [verdict.code for verdict in look_at([frame], past(), 0.1, hour).seen]


@pytest.mark.parametrize("kept", [0.2, 0.3])
def test_fog_at_night_is_named(kept: float) -> None:
    assert seen(foggy_night(shot(made.MadeCamera(), 23.0), kept), 23.0) == ["picture_low_contrast"]


@pytest.mark.parametrize("kept", [0.35, 0.5])
def test_a_milky_bag_is_named(kept: float) -> None:
    assert seen(bag(shot(made.MadeCamera(), 12.0), kept), 12.0) == ["picture_low_contrast"]


@pytest.mark.parametrize("hour", [12.0, 23.0])
def test_a_view_out_of_focus_is_not_in_scattered_light(hour: float) -> None:
    frame = cv2.GaussianBlur(shot(made.MadeCamera(), hour), (0, 0), 3.0)
    assert "picture_low_contrast" not in seen(frame, hour)


@pytest.mark.parametrize(("hour", "kept"), [(12.0, 0.9), (23.0, 1.0), (23.0, 0.97)])
def test_clear_air_and_thin_haze_are_healthy(hour: float, kept: float) -> None:
    frame = shot(made.MadeCamera(), hour)
    hazy = foggy_night(frame, kept) if hour > 20 else bag(frame, kept, 0.1)
    assert seen(hazy, hour) == []
