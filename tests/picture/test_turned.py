"""A camera that was turned away shows another view, in focus; what hangs before a lens is out of focus."""

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


def seen(frame: Frame) -> list[str]:
    return [verdict.code for verdict in look_at([frame], made.reference(14), 0.1, hour=12.0).seen]


def roofs(seed: int, sky: float) -> Frame:
    """Return what a camera sees that was turned up: some of another street below a plain sky."""
    frame = made.MadeCamera(seed).shot(12.0)
    rows = int(sky * made.HEIGHT)
    frame[rows:] = frame[made.HEIGHT // 5 : made.HEIGHT // 5 + made.HEIGHT - rows]
    frame[:rows] = np.array((205, 180, 160)) + np.random.default_rng(1).normal(0, 1.2, (rows, made.WIDTH, 3))
    return frame


@pytest.mark.parametrize("sky", [0.5, 0.7])
@pytest.mark.parametrize("seed", [11, 12])
def test_a_camera_turned_up_is_not_covered(seed: int, sky: float) -> None:
    assert seen(roofs(seed, sky)) == ["picture_moved"]


@pytest.mark.parametrize(("share", "found"), [(0.015, []), (0.026, ["picture_moved"])])
def test_a_small_shift_is_found_where_the_view_never_seems_to_shift(share: float, found: list[str]) -> None:
    frame = made.MadeCamera().shot(12.0)
    columns = round(share * made.WIDTH)
    shifted = cv2.copyMakeBorder(frame[:, columns:], 0, 0, 0, columns, cv2.BORDER_REFLECT_101)
    assert seen(shifted) == found


@pytest.mark.parametrize("seed", [11, 12])
def test_a_camera_turned_up_to_a_white_sky_is_not_too_bright(seed: int) -> None:
    frame = roofs(seed, 0.5)
    frame[: made.HEIGHT // 2] = 252
    assert seen(np.clip(1.1 * frame, 0, 255).astype(np.uint8)) == ["picture_moved"]


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_a_cloth_before_the_lens_is_not_another_view(share: float) -> None:
    frame = made.MadeCamera().shot(12.0)
    folds = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 1, frame.shape[:2]), (0, 0), 9)
    cloth = 95 + 30 * (folds / folds.std())[..., None] * np.array((1.0, 0.9, 0.8))
    columns = int(share * made.WIDTH)
    frame[:, :columns] = np.clip(cloth[:, :columns], 0, 255)
    assert seen(frame) == ["picture_covered"]


def _yard(number: int) -> Frame:
    """Return a bare yard: plain ground, lighter to one side, and one pole."""
    frame = np.full((made.HEIGHT, made.WIDTH, 3), 170.0) + np.linspace(0, 40, made.WIDTH)[None, :, None]
    frame[40:160, 200:206] -= 25
    grain = np.random.default_rng(number).normal(0, 1.2, frame.shape)
    return np.clip(frame + grain, 0, 255).astype(np.uint8)


def _known(light: float = 1.0) -> Reference | None:
    return learn([measure((light * _yard(number)).astype(np.uint8)) for number in range(14)], list(range(6, 20)))


def _street(number: int) -> Frame:
    """Return a street full of sharp pattern: windows, signs, kerbs."""
    street, chance = np.full((made.HEIGHT, made.WIDTH, 3), 120, np.uint8), np.random.default_rng(number)
    for x, y in chance.integers(0, (made.WIDTH, made.HEIGHT), (900, 2)):
        corner = int(x + chance.integers(7, 26)), int(y + chance.integers(5, 18))
        cv2.rectangle(street, (int(x), int(y)), corner, chance.uniform(20, 230, 3).tolist(), -1, cv2.LINE_AA)
    return street


@pytest.mark.parametrize(("light", "found"), [(1.0, ["picture_moved"]), (0.1, [])], ids=["day", "lamps go on"])
def test_a_camera_turned_from_a_bare_view_to_a_street_is_moved(light: float, found: list[str]) -> None:
    seen = [verdict.code for verdict in look_at([_street(11)], _known(light), 0.1, hour=12.0).seen]
    assert [code for code in seen if code == "picture_moved"] == found


def test_people_before_a_bare_view_have_not_moved_it() -> None:
    crowd, chance = _yard(20), np.random.default_rng(6)
    for x, y in chance.random((18, 2)) * (made.WIDTH, made.HEIGHT):
        cv2.ellipse(crowd, (int(x), int(y)), (9, 24), 0, 0, 360, tuple(chance.uniform(10, 240, 3)), -1)
    assert "picture_moved" not in [verdict.code for verdict in look_at([crowd], _known(), 0.1, hour=12.0).seen]
