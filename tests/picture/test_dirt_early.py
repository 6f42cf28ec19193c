"""Dirt that was seen on a camera's first day is not learned in the lights that follow for the first time."""

from __future__ import annotations

from functools import cache

import pytest

from tests.scenes import grain
from xueliang_monitor.picture.look import Look, look_at
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import light_at
from xueliang_monitor.simulator.picture_faults import VARIANTS

DIRTY = "picture_dirty"
SCENES = ["car-park", "gate", "street", "yard"]


def looked(scene: str, hours: list[float], known: Reference | None = None, *, dirty: bool = False) -> list[Look]:
    looks: list[Look] = []
    for number, hour in enumerate(hours):
        pictures = clips.frames(scene, light_at(hour))
        taken = 1 if number % 3 else 3
        burst = [grain(pictures[(number * 3 + each) % len(pictures)], 1.3, 7 * number + each) for each in range(taken)]
        shown = VARIANTS["dirty"](burst) if dirty else burst
        looks.append(look_at(shown, looks[-1].reference if looks else known, 0.1, hour))
    return looks


@cache
def afternoon(scene: str) -> Reference:
    return looked(scene, [14 + number / 6 for number in range(22)])[-1].reference


@pytest.mark.parametrize("scene", SCENES)
def test_dirt_before_the_first_dusk_is_not_learned_by_night(scene: str) -> None:
    before = afternoon(scene)
    looks = looked(scene, [17.7, 17.8, 18.0, 18.4, 18.8, 19.2, 19.8, 20.3, 21.0, 22.0], before, dirty=True)
    assert looks[-1].reference.looks <= before.looks + 1
    day = looked(scene, [14.0, 14.2], looks[-1].reference, dirty=True)
    assert all(DIRTY in {verdict.code for verdict in look.seen} for look in day[:1])
