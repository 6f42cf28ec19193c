"""A camera that is turned before its first day is over: the other scene is not learned, and it is told."""

from __future__ import annotations

from functools import cache

import pytest

from tests.scenes import grain
from xueliang_monitor.picture.look import Look, look_at
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import Light

MOVED = "picture_moved"
KNOWN_LOOKS = 14
SCENES = sorted({scene for scene, _ in clips.PROFILES})


def looked(scene: str, light: Light, hours: list[float], known: Reference | None = None) -> list[Look]:
    looks: list[Look] = []
    for number, hour in enumerate(hours):
        pictures = clips.frames(scene, light)
        picture = grain(pictures[number * 3 % len(pictures)], 1.3, number)
        looks.append(look_at([picture], looks[-1].reference if looks else known, 0.1, hour))
    return looks


@cache
def morning(scene: str) -> Reference:
    return looked(scene, Light.DAY, [8 + number / 6 for number in range(KNOWN_LOOKS)])[-1].reference


def seen(looks: list[Look]) -> list[list[str]]:
    return [[verdict.code for verdict in look.seen] for look in looks]


@pytest.mark.parametrize("other", SCENES)
@pytest.mark.parametrize("scene", SCENES)
def test_another_scene_in_the_first_day_is_told_and_not_learned(scene: str, other: str) -> None:
    if scene == other:
        pytest.skip("the same scene")
    looks = looked(other, Light.DAY, [11 + number / 6 for number in range(6)], morning(scene))
    assert {look.reference.looks for look in looks} == {KNOWN_LOOKS}
    told = "picture_covered" if other == "hall" and scene != "yard" else MOVED  # the hall is too soft to be sharp
    assert seen(looks[-2:]) == [[told], [told]]
    back = looked(scene, Light.DAY, [12.5, 12.7], looks[-1].reference)
    assert MOVED in back[-1].ruled_out
    assert len(back[-1].reference.lights) <= 2, "the other scene is not learned when the camera is turned back"


@pytest.mark.parametrize("other", ["gate", "yard"])
@pytest.mark.parametrize("light", [Light.INFRARED, Light.DUSK])
def test_another_scene_in_a_light_that_cannot_tell_is_not_learned(light: Light, other: str) -> None:
    hours = [20 + number / 6 for number in range(3)]
    looks = looked(other, light, hours, morning("street"))
    assert {look.reference.looks for look in looks} == {KNOWN_LOOKS}
    assert not any(MOVED in look.ruled_out for look in looks)
