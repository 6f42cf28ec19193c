"""Infrared pictures that an encoder tints by a level or two have no colour: no fault, and not usual by day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from tests.scenes import grain
from xueliang_monitor.picture.look import Look, look_at
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import Light, light_at

TINT = (3.0, 0.0, 0.0)


def burst(light: Light, seed: int) -> list[Any]:
    pictures = clips.frames("yard", light)[seed % 3 :][:3]
    tint = np.array(TINT if light is Light.INFRARED else (0.0, 0.0, 0.0))
    tinted = [np.clip(picture + tint, 0, 255).astype(np.uint8) for picture in pictures]
    return [grain(picture, 1.0, 3 * seed + place) for place, picture in enumerate(tinted)]


def first_day() -> Sequence[Look]:
    looks: list[Look] = []
    known: Reference | None = None
    for hour in range(24):
        looks.append(look_at(burst(light_at(hour + 0.2, 0, 0), hour), known, 0.03, hour + 0.2))
        known = looks[-1].reference
    return looks


def test_a_tint_of_infrared_light_is_no_colour() -> None:
    looks = first_day()
    assert [(verdict.code, verdict.detail) for look in looks for verdict in look.seen] == []
    grey = [cv2.cvtColor(cv2.cvtColor(each, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) for each in burst(Light.DAY, 1)]
    seen = look_at(grey, looks[-1].reference, 0.03, 12.0).seen
    assert [verdict.code for verdict in seen] == ["picture_colourless"]
