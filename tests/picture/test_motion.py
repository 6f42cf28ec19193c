"""A mast that swings shifts and turns the view; a picture that slips wraps around; a dome that moves does neither."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring_motion import measure_motion
from xueliang_monitor.picture.rolls import Roll, slip

Frame = Any


def _wide() -> Frame:
    """Return the scene with a margin in which to move."""
    return cv2.resize(made.MadeCamera().scene, None, fx=1.3, fy=1.3, interpolation=cv2.INTER_CUBIC)


def views(moves: list[tuple[float, float, float]]) -> list[Frame]:
    """Return what a camera sees after shifts across and down in shares of the width and turns in degrees."""
    wide, shown = _wide(), []
    for number, (across, down, degrees) in enumerate(moves):
        height, width = wide.shape[:2]
        way = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        way[:, 2] += (made.WIDTH - width) / 2 - across * made.WIDTH, (made.HEIGHT - height) / 2 - down * made.WIDTH
        picture = cv2.warpAffine(wide, way, (made.WIDTH, made.HEIGHT), borderMode=cv2.BORDER_REFLECT_101)
        picture = picture + np.random.default_rng(number).normal(0, 1.2, picture.shape)
        shown.append(np.clip(picture, 0, 255).astype(np.uint8))
    return shown


def seen(frames: list[Frame]) -> list[str]:
    return [verdict.code for verdict in look_at(frames, None, 0.1, hour=12.0).seen]


@pytest.mark.parametrize("size", [0.01, 0.03, 0.06])
@pytest.mark.parametrize("degrees", [0.0, 1.0, 2.5])
def test_a_mast_that_swings_shakes(size: float, degrees: float) -> None:
    swing = [(size * np.sin(2.1 * n), 0.3 * size * np.cos(1.6 * n), degrees * np.sin(2.1 * n + 0.5)) for n in range(4)]
    assert seen(views(swing)) == ["picture_shaking"]


@pytest.mark.parametrize("degrees", [1.5, 3.0])
def test_a_camera_that_turns_to_and_fro_about_its_lens_shakes(degrees: float) -> None:
    assert seen(views([(0, 0, degrees * way) for way in (-0.5, 0.5, -0.4, 0.5)])) == ["picture_shaking"]


def test_a_dome_that_pans_tilts_or_turns_neither_shakes_nor_rolls() -> None:
    for move in ((0.02, 0.0, 0.0), (0.0, 0.012, 0.0), (0.0, 0.03, 0.0), (0.0, 0.0, 1.5), (0.02, 0.02, 1.0)):
        steps = [(number * move[0], number * move[1], number * move[2]) for number in (-1.5, -0.5, 0.5, 1.5)]
        assert not {"picture_shaking", "picture_rolling"} & set(seen(views(steps)))


@pytest.mark.parametrize("slips", [(0, 0, 30, 30), (0, 50, 50, 120), (0, 0, 0, -25), (0, 20, 65, 80)])
def test_a_picture_that_holds_and_slips_rolls(slips: tuple[int, ...]) -> None:
    frames = views([(0, 0, 0)] * 4)
    assert seen([np.roll(frame, by, axis=0) for frame, by in zip(frames, slips, strict=True)]) == ["picture_rolling"]


@pytest.mark.parametrize("rows", [6, -6, 9])
def test_a_picture_that_wraps_around_rolls_however_slowly(rows: int) -> None:
    frames = views([(0, 0, 0)] * 5)
    assert seen([np.roll(frame, 40 + rows * n, axis=0) for n, frame in enumerate(frames)]) == ["picture_rolling"]


def test_a_jolt_or_a_cut_is_no_roll() -> None:
    jolt = measure_motion(views([(0, 0, 0), (0, 0.04, 0), (0, 0, 0), (0, 0, 0)]))
    cut = measure_motion([made.MadeCamera(5).shot(12.0), *(made.MadeCamera(8).shot(12.0) for _ in range(3))])
    assert jolt is not None
    assert cut is not None
    assert (jolt.slip_ratio, cut.slip_ratio) == (0, 0)


def test_rolls_both_ways_are_no_slip() -> None:
    rolls = [Roll(0.1, 0.5, 0.9), Roll(), Roll(0.06, 0.4, 0.9)]
    assert slip(rolls) == 0.1
    assert slip([*rolls, Roll(-0.05, 0.3, 0.9)]) == 0
    assert slip([Roll()] * 3) == 0


@pytest.mark.parametrize("degrees", [-2.0, 1.2])
def test_the_turn_is_measured(degrees: float) -> None:
    motion = measure_motion(views([(0, 0, 0), (0, 0, degrees)]))
    assert motion is not None
    assert motion.shift_ratio == pytest.approx(np.radians(abs(degrees)) * 0.331, rel=0.15)
