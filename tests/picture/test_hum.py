"""A broad bar that travels through a burst is hum; what passes by, or changes the light, is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.bursts import Bursts
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring_motion import measure_motion
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import Light

Frame = Any
Change = Callable[[Frame, float, int], Frame]
DOWN = np.linspace(0, 1, made.HEIGHT)[:, None, None]
ACROSS = np.linspace(0, 1, made.WIDTH)[None, :, None]


def burst(change: Change) -> list[Frame]:
    camera = made.MadeCamera()
    frames = [camera.scene + camera.chance.normal(0, 1.2, camera.scene.shape) for _ in range(4)]
    return [np.clip(change(frame, number / 4, number), 0, 255).astype(np.uint8) for number, frame in enumerate(frames)]


def seen(frames: list[Frame]) -> list[str]:
    return [verdict.code for verdict in look_at(frames, made.reference(14), 0.1, hour=12.0).seen]


def _sine(periods: float, pace: float) -> Change:
    return lambda frame, _, number: frame + 10 * np.sin(2 * np.pi * (periods * DOWN + pace * number))


def _dimming(periods: float, pace: float) -> Change:
    return lambda frame, _, number: frame * (1 + 0.1 * np.sin(2 * np.pi * (periods * DOWN + pace * number)))


def _single(pace: float) -> Change:
    def bar(frame: Frame, _: float, number: int) -> Frame:
        return frame + 14 * np.exp(-((((DOWN - pace * number) % 1 - 0.5) / 0.18) ** 2))

    return bar


def _strong_behind_a_vehicle(frame: Frame, share: float, number: int) -> Frame:
    shown = frame.copy()
    left = int(50 + 160 * share)
    shown[150:215, left : left + 90] = (60, 60, 200)
    return shown + 20 * np.tanh(2 * np.sin(2 * np.pi * (1.9 * DOWN + 0.06 * number)))


HUM = [
    _strong_behind_a_vehicle,
    _sine(1.0, 0.08),
    _sine(2.0, -0.15),
    _dimming(1.5, 0.1),
    _dimming(1.0, -0.08),
    _single(0.12),
    _single(-0.1),
]


@pytest.mark.parametrize("change", HUM)
def test_a_bar_that_travels_is_hum(change: Change) -> None:
    assert seen(burst(change)) == ["picture_striped"]


def _exposure(frame: Frame, share: float, _: int) -> Frame:
    return frame * (1 + 0.2 * share)


def _cloud(frame: Frame, share: float, _: int) -> Frame:
    return frame * (1 - 0.3 / (1 + np.exp(-20 * (DOWN + 0.4 * ACROSS - share))))


def _lightning(frame: Frame, _: float, number: int) -> Frame:
    return frame * 1.3 + 10 if number == 2 else frame


def _lorry(frame: Frame, share: float, _: int) -> Frame:
    shown = frame.copy()
    left = int(made.WIDTH * (share - 0.4))
    shown[90:190, max(0, left) : left + 330] = (150, 140, 60)
    return shown * (1 - 0.05 * share)


def _headlights(frame: Frame, share: float, _: int) -> Frame:
    return frame * 0.2 + 90 * np.exp(-(((DOWN - 0.3 - share) / 0.3) ** 2) - ((ACROSS - 0.4) / 0.3) ** 2)


@pytest.mark.parametrize("change", [_exposure, _cloud, _lightning, _lorry, _headlights])
def test_passing_light_and_vehicles_are_no_hum(change: Change) -> None:
    assert "picture_striped" not in seen(burst(change))


@pytest.mark.parametrize("light", list(Light))
@pytest.mark.parametrize("scene", ["street", "yard"])
def test_a_scene_of_the_simulator_has_no_bar(scene: str, light: Light) -> None:
    frames = clips.frames(scene, light)
    bars = [measure_motion(frames[first : first + 4]) for first in range(0, len(frames) - 4, 8)]
    assert all(each is not None and each.bar.evenness_ratio < 0.8 for each in bars)


def test_two_pictures_show_no_bar() -> None:
    motion = measure_motion(burst(_sine(1.0, 0.1))[:2])
    assert motion is not None
    assert motion.bar.levels == 0


def test_every_look_takes_a_burst_while_a_bar_travels() -> None:
    look = look_at(burst(_sine(1.0, 0.1)), made.reference(14), 0.1, hour=12.0)
    assert Bursts().after(look).due


def test_hum_stays_found_in_a_small_picture() -> None:
    assert seen([cv2.resize(frame, (352, 198)) for frame in burst(_sine(1.5, 0.1))]) == ["picture_striped"]


def test_a_vehicle_that_one_of_few_pictures_shows_is_no_bar() -> None:
    camera, past = made.MadeCamera(), made.reference(14)
    for number in range(60):
        frames = [camera.shot(1.0 if number % 2 else 12.0) for _ in range(3 + number % 3)]
        look = look_at(frames, past, 0.1, hour=1.0 if number % 2 else 12.0)
        assert "picture_striped" not in [verdict.code for verdict in look.seen]
