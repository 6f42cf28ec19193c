"""Black and dark pictures under burned-in text that stays lit, by day and by night."""

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


def lettered(frame: Frame) -> Frame:
    picture = frame.copy()
    for band in (picture[:24], picture[-24:]):
        band //= 3
    for place, words in ((18, "2026-11-25 23:00:01 CAM 07 GATE EAST"), (262, "LIULIN VILLAGE 0031 REC")):
        cv2.putText(picture, words, (6, place), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    return picture


@pytest.fixture(scope="module")
def past() -> Reference:
    scene, hours = made.MadeCamera(), [float(hour) % 24 for hour in range(9, 33)]
    known = learn([measure(lettered(scene.shot(hour))) for hour in hours], hours)
    assert known is not None
    return known


def codes(frame: Frame, past: Reference, hour: float) -> list[str]:
    coded = cv2.imdecode(cv2.imencode(".jpg", frame)[1], cv2.IMREAD_COLOR)
    return [verdict.code for verdict in look_at([coded], past, 0.1, hour).seen]


@pytest.mark.parametrize("hour", [12.0, 23.0])
def test_lit_text_does_not_hide_a_black_or_a_dark_picture(past: Reference, hour: float) -> None:
    scene, chance = made.MadeCamera(), np.random.default_rng(1)
    noise = np.clip(chance.normal(4, 5, (made.HEIGHT, made.WIDTH, 3)), 0, 255).astype(np.uint8)
    assert codes(lettered(scene.shot(hour)), past, hour) == []
    assert codes(lettered(np.zeros_like(noise)), past, hour) == ["picture_black"]
    assert codes(lettered(noise), past, hour) == ["picture_black"]
    for gain in (0.1, 0.15, 0.25):
        assert codes(lettered((scene.shot(hour) * gain).astype(np.uint8)), past, hour) == ["picture_too_dark"], gain


def test_an_infrared_picture_that_is_white_all_over_is_too_bright(past: Reference) -> None:
    white = np.full((made.HEIGHT, made.WIDTH, 3), 252, np.uint8)
    assert codes(white, past, 23.0) == ["picture_too_bright"]


@pytest.mark.parametrize("gain", [0.35, 0.45])
def test_a_day_with_too_short_an_exposure_is_too_dark(past: Reference, gain: float) -> None:
    """The mean stays above what is always too dark: everything shows, but darker than any hour has shown it."""
    picture = lettered((made.MadeCamera().shot(12.0) * gain).astype(np.uint8))
    assert picture.mean() > 38
    assert codes(picture, past, 12.0) == ["picture_too_dark"]


def test_what_is_darker_in_parts_or_by_little_is_not_too_dark(past: Reference) -> None:
    """Clouds, a lamp that failed on one side, and automatic exposure."""
    frame, columns = made.MadeCamera().shot(12.0), np.linspace(0, 1, made.WIDTH)[None, :, None]
    for light in (0.8, 0.7, 0.25 + 0.75 * columns):
        assert "picture_too_dark" not in codes(lettered((frame * light).astype(np.uint8)), past, 12.0)


def test_a_view_whose_lamps_are_dimmed_for_the_night_is_not_too_dark_at_first() -> None:
    scene = made.MadeCamera()
    hours = [9.0 + number / 4 for number in range(30)]
    known = learn([measure(scene.shot(12.0)) for _ in hours], hours)
    assert known is not None
    dimmed = (scene.shot(12.0) * 0.4).astype(np.uint8)
    assert codes(dimmed, known, 12.0) == ["picture_too_dark"]
    assert codes(dimmed, known, 22.0) == []
