"""When looks take bursts: now and then, and at every look while the picture rolls or shakes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xueliang_monitor.picture.bursts import EVERY, Bursts
from xueliang_monitor.picture.look import Look, look_at

FRAME = np.random.default_rng(1).integers(0, 255, (180, 320, 3), np.uint8)


def looks(scores: dict[str, float]) -> Look:
    return replace(look_at([FRAME], None), scores=scores)


def test_the_first_look_and_every_third_one_take_a_burst() -> None:
    bursts, taken = Bursts(), []
    for _ in range(3 * EVERY):
        taken.append(bursts.due)
        bursts = bursts.after(looks({"picture_shaking": 0.0, "picture_rolling": 0.0} if bursts.due else {}))
    assert taken == [True, *[False] * (EVERY - 1)] * 3


def test_every_look_takes_a_burst_while_the_picture_moves() -> None:
    bursts = Bursts().after(looks({"picture_shaking": 0.8, "picture_rolling": 0.0}))
    assert bursts.due
    bursts = bursts.after(looks({"picture_black": 1.0}))  # too dark to judge motion
    assert bursts.due
    assert not bursts.after(looks({"picture_shaking": 0.1})).due
