"""A camera that is installed by night: its first dawn and its first day are no fault, and it learns them."""

from __future__ import annotations

import pytest

from tests.scenes import grain
from xueliang_monitor.picture.look import Look, look_at
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import Light

HOURS = (*(hour / 2 for hour in range(11)), 6.0, 6.5, 7.0, 8.0, 9.0, 12.0)
SCENES = sorted({scene for scene, _ in clips.PROFILES})


def light_of(hour: float) -> Light:
    if hour < 5.5:
        return Light.INFRARED
    return Light.DAWN if hour < 7 else Light.DAY


@pytest.mark.parametrize("scene", SCENES)
def test_the_first_day_after_a_night_is_no_fault_and_is_learned(scene: str) -> None:
    looks: list[Look] = []
    for number, hour in enumerate(HOURS):
        pictures = clips.frames(scene, light_of(hour))
        first = number * 3 % (len(pictures) - 3)
        burst = [grain(picture, 1.5, 7 * number + place) for place, picture in enumerate(pictures[first : first + 3])]
        looks.append(look_at(burst, looks[-1].reference if looks else None, 0.05, hour))
    assert [(verdict.code, verdict.detail) for look in looks for verdict in look.seen] == []
    assert looks[-1].reference.looks > len(HOURS) - 3
