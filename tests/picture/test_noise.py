"""Little noise in a light that is known is found; the noise of a night, of rain and of an unknown hour is no fault."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.reference import Reference

Frame = Any


def seen(frame: Frame, hour: float, reference: Reference) -> list[str]:
    shown = np.clip(frame, 0, 255).astype(np.uint8)
    return [verdict.code for verdict in look_at([shown], reference, 0.1, hour=hour).seen]


def lit(hour: float, noise: float, seed: int = 1) -> Frame:
    """Return a street by day, or by night under lamps: dim, with the noise of a high gain."""
    chance, scene = np.random.default_rng(seed), made.MadeCamera().scene
    gain = 1.0 if 7 < hour < 19 else 0.45
    grain = cv2.GaussianBlur(chance.normal(0, 1, scene.shape[:2]).astype(np.float32), (0, 0), 0.6)
    return scene * gain + (noise * grain / grain.std())[..., None]


@cache
def past(days: int = 1) -> Reference:
    known = None
    for number, hour in enumerate(np.arange(9.0, 9.0 + 24 * days, 1.0)):
        shot = np.clip(lit(hour % 24, 1.0 if 7 < hour % 24 < 19 else 2.2, number), 0, 255).astype(np.uint8)
        known = look_at([shot], known, 0.1, hour=hour % 24).reference
    assert known is not None
    return known


@pytest.mark.parametrize("noise", [7.0, 12.0, 25.0])
def test_noise_by_day_is_found(noise: float) -> None:
    assert seen(lit(12.0, 1.0), 12.0, past()) == []
    assert seen(lit(12.0, noise), 12.0, past()) == ["picture_noisy"]


@pytest.mark.parametrize("noise", [1.5, 4.0, 5.5])
def test_a_dim_night_may_have_more_noise_than_the_last_one(noise: float) -> None:
    assert "picture_noisy" not in seen(lit(23.0, noise, 7), 23.0, past())


@pytest.mark.parametrize("hour", [12.0, 23.0])
def test_rain_is_no_noise(hour: float) -> None:
    chance, frame = np.random.default_rng(2), np.clip(lit(hour, 1.5), 0, 255).astype(np.uint8)
    streaks = np.zeros(frame.shape[:2], np.uint8)
    for _ in range(500):
        left, top = int(chance.integers(0, made.WIDTH)), int(chance.integers(0, made.HEIGHT))
        cv2.line(streaks, (left, top), (left + 3, top + int(chance.integers(8, 20))), int(chance.integers(40, 120)), 1)
    rain = cv2.GaussianBlur(streaks, (0, 0), 0.7)[..., None] / 255
    assert "picture_noisy" not in seen(frame * (1 - rain) + 225 * rain, hour, past())


def swarming(frame: Frame, levels: float) -> Frame:
    """Return a picture with clean luma and coloured noise, as a cheap sensor shows at a high gain."""
    swarm = cv2.GaussianBlur(np.random.default_rng(4).normal(0, 1, frame.shape).astype(np.float32), (0, 0), 1.5)
    swarm -= swarm @ np.array((0.114, 0.587, 0.299), np.float32)[:, None]
    return frame + levels * swarm / swarm.std()


@pytest.mark.parametrize(("levels", "found"), [(3.0, []), (14.0, ["picture_noisy"])])
def test_coloured_noise_that_a_filter_leaves_is_found(levels: float, found: list[str]) -> None:
    assert seen(swarming(made.MadeCamera().shot(12.0), levels), 12.0, made.reference()) == found


def test_coloured_noise_is_not_judged_at_an_hour_that_is_known_without_it() -> None:
    """Memory files of earlier versions lack it, and the nights of some cameras are full of it."""
    known, frame = past(), swarming(lit(12.0, 1.0), 14.0)
    older = replace(known, hours={name: ranges for name, ranges in known.hours.items() if name != "colour_noise"})
    assert "picture_noisy" in seen(frame, 12.0, known)
    assert "picture_noisy" not in seen(frame, 12.0, older)
