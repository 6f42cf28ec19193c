"""Films a place: pictures of 640x360 as a camera there sends them, with its clock in a corner."""

from __future__ import annotations

import datetime
from typing import Any

import cv2
import numpy as np

from tools.scenes.canvas import Canvas
from tools.scenes.lighting import LIGHTS, Light, exposed, gain_for, lit, rain
from tools.scenes.places import Place

Frame = Any
WIDTH, HEIGHT = 640, 360
RATE = 10
"""Pictures a second."""

HOURS = {"day": 11, "dusk": 19, "dawn": 6, "infrared": 23, "rain": 14, "fog": 8}
"""The hour that the burned-in clock shows in each light."""


def _canvas(place: Place, light: Light, moment: float) -> Canvas:
    canvas = place.still.copy()
    for mover in sorted(place.movers(moment), key=lambda each: -getattr(each, "ahead", getattr(each, "near", 0.0))):
        mover.draw(canvas)
    for tree in sorted(place.trees, key=lambda each: -each.ahead):
        tree.draw(canvas, moment, light.wind)
    return canvas


def _stamp(picture: Frame, text: str) -> None:
    """Burn a clock into the picture."""
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, text, (12, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thickness, cv2.LINE_AA)


def film(place: Place, name: str, moments: list[float], seed: int = 1) -> list[Frame]:
    """Return the pictures of a place at moments, in seconds, in the light of that name."""
    light, chance = LIGHTS[name], np.random.default_rng(seed)
    vignette = _vignette()
    gain, pictures = 0.0, []
    for moment in moments:
        bright = float(1 + 0.05 * np.sin(0.13 * moment + seed))
        seen = lit(_canvas(place, light, moment), light, moment, bright)
        seen = cv2.resize(seen, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
        gain = gain or gain_for(seen[::4, ::4], light)
        if light.streaks:
            seen = rain(seen * gain, light, chance) / gain
        levels = exposed(seen * vignette, gain)
        noise = chance.normal(0, light.grain, (HEIGHT, WIDTH, 1))
        picture = np.clip(np.rint(levels + noise), 0, 255).astype(np.uint8)
        clock = datetime.datetime(2026, 6, 1, HOURS[name], 0, 0, tzinfo=datetime.UTC) + datetime.timedelta(
            seconds=int(moment)
        )
        _stamp(picture, clock.strftime("%Y-%m-%d %H:%M:%S"))
        pictures.append(picture)
    return pictures


def _vignette() -> Frame:
    across, down = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    return (1 - 0.13 * (across**2 + down**2))[..., None].astype(np.float32)
