"""A camera that was turned away shows another view, in focus; what hangs before a lens is out of focus."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.look import look_at

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


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_a_cloth_before_the_lens_is_not_another_view(share: float) -> None:
    frame = made.MadeCamera().shot(12.0)
    folds = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 1, frame.shape[:2]), (0, 0), 9)
    cloth = 95 + 30 * (folds / folds.std())[..., None] * np.array((1.0, 0.9, 0.8))
    columns = int(share * made.WIDTH)
    frame[:, :columns] = np.clip(cloth[:, :columns], 0, 255)
    assert seen(frame) == ["picture_covered"]
