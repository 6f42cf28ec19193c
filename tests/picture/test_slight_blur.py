"""A lens slightly out of focus, or a mount that vibrates: fine detail falls, however soft the nights are."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.checks.blurred import BLURRED
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import LIMIT, Sight, View

Frame = Any
ASLANT = np.eye(7, dtype=np.float32) / 7


def grainy(frame: Frame, levels: float, chance: np.random.Generator) -> Frame:
    return np.clip(frame + chance.normal(0, levels, frame.shape), 0, 255).astype(np.uint8)


def shot(camera: made.MadeCamera, hour: float) -> Frame:
    """Return a picture by day, or by night as a noise filter leaves it: dim and soft."""
    day = camera.shot(12.0)
    return day if 6 <= hour < 20 else grainy(0.4 * cv2.GaussianBlur(day, (0, 0), 2.0), 0.5, camera.chance)


@functools.cache
def past() -> Reference:
    camera, hours = made.MadeCamera(), [float(hour % 24) for hour in range(9, 57)]
    known = learn([measure(shot(camera, hour)) for hour in hours], hours)
    assert known is not None
    return known


def seen(frame: Frame, hour: float) -> list[str]:
    frame = grainy(frame, 0.8, np.random.default_rng(3))
    return [verdict.code for verdict in look_at([frame], past(), 0.1, hour).seen]


@pytest.mark.parametrize("softened", ["focus", "motion"])
def test_slight_blur_at_noon_is_found_though_nights_are_soft(softened: str) -> None:
    frame = shot(made.MadeCamera(), 12.0)
    soft = cv2.GaussianBlur(frame, (0, 0), 1.2) if softened == "focus" else cv2.filter2D(frame, -1, ASLANT)
    assert seen(soft, 12.0) == ["picture_blurred"]


@pytest.mark.parametrize("hour", [12.0, 2.0])
def test_the_usual_softness_is_healthy(hour: float) -> None:
    assert seen(shot(made.MadeCamera(), hour), hour) == []


def test_a_low_bitrate_is_no_blur() -> None:
    frame = shot(made.MadeCamera(), 12.0)
    assert seen(cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1), 12.0) == []


def hedge() -> Frame:
    """Return a view whose fine detail is that of a hedge at the left."""
    frame, chance = made.MadeCamera().scene.copy(), np.random.default_rng(7)
    leaves = cv2.GaussianBlur(chance.normal(0, 1, (made.HEIGHT, 200)).astype(np.float32), (0, 0), 0.8)
    frame[60:250, :200] += (35 * leaves / leaves.std())[60:250, :, None]
    return frame


@pytest.mark.parametrize("place", [(10, 180, 150), (20, 240, 190)])
def test_the_smooth_side_of_a_lorry_before_a_hedge_is_no_blur(place: tuple[int, int, int]) -> None:
    left, width, height = place
    frame, chance = hedge(), np.random.default_rng(1)
    known = learn([measure(grainy(frame * chance.uniform(0.96, 1.04), 1.2, chance)) for _ in range(9)])
    soft = measure(grainy(cv2.GaussianBlur(frame, (0, 0), 1.0), 1.2, chance))
    frame[60 : 60 + height, left : left + width] = (
        np.array((150, 140, 120)) * np.linspace(1.1, 0.8, height)[:, None, None]
    )
    passing = measure(grainy(frame, 1.2, chance))
    scores = [BLURRED.judge(View(each, compare(each, known), known)).score for each in (soft, passing)]
    assert [score is not None and score >= LIMIT for score in scores] == [True, False]


@pytest.mark.parametrize("sigma", [1.4, 2.5])
def test_no_light_takes_the_detail_of_every_edge(sigma: float) -> None:
    """Blur in an evening light that was never seen is found, where the hours around are known."""
    across = np.linspace(0.55, 1.35, made.WIDTH)[None, :, None]
    frame = np.clip(shot(made.MadeCamera(), 12.0) * across, 0, 255)
    assert seen(frame, 12.0) == []
    assert seen(cv2.GaussianBlur(frame, (0, 0), sigma), 12.0) == ["picture_blurred"]


@pytest.mark.parametrize(("strong", "sight"), [(0.5, Sight.SEEN), (0.8, Sight.RULED_OUT)])
def test_what_leaves_the_fine_detail_and_the_strongest_edges_is_no_blur(strong: float, sight: Sight) -> None:
    """Clouds and headlights, too, take detail and make a picture softer, but not the fine detail first."""
    known = made.reference(14)
    measures = measure(cv2.GaussianBlur(made.MadeCamera().shot(12.0), (0, 0), 2.0))
    fine = replace(measures, fine_detail_levels=1.2 * measures.middle_detail_levels)
    compared = compare(fine, known)
    assert compared is not None
    view = View(fine, replace(compared, strong_detail_ratio=strong), known)
    assert BLURRED.judge(view).sight() is sight
