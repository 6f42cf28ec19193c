"""Even stripes of any slant are found; a crowd, a fence that was always there and noise are no stripes."""

from __future__ import annotations

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
DOWN, ACROSS = np.mgrid[0 : made.HEIGHT, 0 : made.WIDTH]


def seen(frame: Frame, reference: Reference | None = None) -> list[str]:
    shown = np.clip(frame, 0, 255).astype(np.uint8)
    return [verdict.code for verdict in look_at([shown], reference or made.reference(14), 0.1, hour=12.0).seen]


def _wave(period: float, degrees: float) -> Frame:
    angle = np.radians(degrees)
    return np.sin(2 * np.pi * (ACROSS * np.cos(angle) + DOWN * np.sin(angle)) / period)[..., None]


@pytest.mark.parametrize("degrees", [0, 20, 50, 90, 130, 165])
@pytest.mark.parametrize(("period", "levels"), [(2.6, 9), (4.0, 9), (7.0, 9), (14.0, 16), (25.0, 16)])
def test_even_stripes_are_found_at_any_slant(period: float, levels: float, degrees: float) -> None:
    assert seen(made.MadeCamera().shot(12.0) + levels * _wave(period, degrees)) == ["picture_striped"]


def test_people_in_a_row_are_no_stripes() -> None:
    chance = np.random.default_rng(2)
    for _ in range(6):
        frame = made.MadeCamera().shot(12.0)
        for place in range(14):
            middle = int(34 * place + chance.uniform(0, 14)), int(chance.uniform(120, 230))
            colour = tuple(map(float, chance.uniform(10, 240, 3)))
            cv2.ellipse(frame, middle, (9, 36), 0, 0, 360, colour, -1)
        assert "picture_striped" not in seen(frame)


def _fenced(number: int) -> Frame:
    chance = np.random.default_rng(number)
    fence = 25 * np.sign(_wave(6.0, 60))
    return made.MadeCamera().scene + fence + chance.normal(0, 1.2, (made.HEIGHT, made.WIDTH, 3))


def test_a_fence_that_was_always_there_is_no_fault() -> None:
    looks = [measure(np.clip(_fenced(number), 0, 255).astype(np.uint8)) for number in range(14)]
    assert "picture_striped" in seen(_fenced(20))
    assert "picture_striped" not in seen(_fenced(20), learn(looks))


@pytest.mark.parametrize("levels", [8, 16, 40])
def test_noise_is_no_stripes(levels: float) -> None:
    chance = np.random.default_rng(3)
    frame = made.MadeCamera().shot(12.0) + chance.normal(0, levels, (made.HEIGHT, made.WIDTH, 1))
    assert seen(frame) == ["picture_noisy"]


@pytest.mark.parametrize("share", [1.0, 0.25], ids=["day", "night"])
@pytest.mark.parametrize("width", [1, 8], ids=["each", "groups"])
def test_columns_that_are_each_off_by_their_own_amount_are_no_damage(share: float, width: int) -> None:
    """A failing sensor: its columns run through the whole height, while a lost slice is drawn out in its rows only."""
    camera, chance = made.MadeCamera(), np.random.default_rng(2)
    grain = (chance.normal(4, 1.2, (made.HEIGHT, made.WIDTH, 3)) for _ in range(14))
    shots = [np.clip(share * camera.shot(12.0) + each, 0, 255) for each in grain]
    past = learn([measure(shot.astype(np.uint8)) for shot in shots[:12]])
    offsets = np.repeat(chance.normal(0, 14, made.WIDTH // width), width)[None, :, None]
    failing = [np.clip(shot + offsets, 0, 255).astype(np.uint8) for shot in shots[12:]]
    assert {verdict.code for verdict in look_at(failing, past).seen} == {"picture_striped"}
