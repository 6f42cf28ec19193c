"""Work on the scene itself becomes normal as it goes on; a fault never does, however long it stands."""

from __future__ import annotations

import itertools
from typing import Any

import cv2
import numpy as np

from tests.picture import made
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.reference import Reference

Frame = Any


def _building(scene: made.MadeCamera, share: float) -> None:
    """Put up a building of a share of the view, as sharp as the rest."""
    chance = scene.chance
    height = int(chance.uniform(0.5, 0.8) * made.HEIGHT)
    width = int(share * made.WIDTH * made.HEIGHT / height)
    left, top = int(chance.integers(0, made.WIDTH - width)), int(chance.integers(0, made.HEIGHT - height))
    walls = chance.uniform(70, 180, 3) + 25 * cv2.GaussianBlur(chance.normal(0, 2, (height, width, 3)), (0, 0), 1.5)
    for _ in range(12):  # windows
        row, column = int(chance.integers(0, height - 12)), int(chance.integers(0, width - 12))
        walls[row : row + int(chance.integers(6, 12)), column : column + int(chance.integers(6, 12))] -= 60
    scene.scene[top : top + height, left : left + width] = walls


def _watch(scene: made.MadeCamera, hours: np.ndarray, known: Reference | None, cover: bool = False) -> Any:
    seen: list[list[str]] = []
    for hour in hours:
        picture = scene.shot(float(hour) % 24)
        if cover:
            sheet = scene.chance.normal(0.2 * picture.mean() + 20, 1.5, (made.HEIGHT, made.WIDTH * 3 // 5, 1))
            picture[:, : made.WIDTH * 3 // 5] = np.clip(sheet, 0, 255).astype(np.uint8)
        look = look_at([picture], known, 0.1, float(hour) % 24)
        known = look.reference
        seen.append([verdict.code for verdict in look.seen])
    return seen, known


def test_a_building_site_becomes_normal_as_it_grows() -> None:
    scene = made.MadeCamera()
    _, known = _watch(scene, np.arange(9.0, 15.0, 0.5), None)
    for day in range(6):
        _building(scene, 0.1)
        seen, known = _watch(scene, 24 * day + np.arange(9.0, 15.0, 1.0), known)
        twice = [set(one) & set(two) for one, two in itertools.pairwise(seen)]
        assert [codes for codes in twice if codes] == [], day
    assert known.looks >= 12 + 5 * 6


def test_a_cover_that_stands_for_days_is_not_learned() -> None:
    scene = made.MadeCamera()
    _, known = _watch(scene, np.arange(9.0, 33.0, 0.5), None)
    seen, after = _watch(scene, np.arange(9.0, 9.0 + 60.0, 2.0), known, cover=True)
    assert all("picture_covered" in codes for codes in seen), seen
    assert after.looks == known.looks


def test_another_sharp_view_is_a_turn_and_a_blurred_one_a_cover() -> None:
    """Tilted up to the sky above a roof: much less detail than before, and what there is of it is sharp."""
    scene, other = made.MadeCamera(), made.MadeCamera(seed=11)
    _, known = _watch(scene, np.arange(9.0, 16.0, 0.25), None)
    sky = other.shot(12.0)
    sky[: made.HEIGHT * 3 // 5] = (205, 180, 160)
    soft = cv2.GaussianBlur(other.shot(12.0), (0, 0), 25)
    assert [verdict.code for verdict in look_at([sky], known, 0.1, 12.0).seen] == ["picture_moved"]
    assert [verdict.code for verdict in look_at([soft], known, 0.1, 12.0).seen] == ["picture_covered"]
