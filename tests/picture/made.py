"""Generated scenes by day and in infrared light, and the pasts learned from them, for tests without footage."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cv2
import numpy as np

from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Reference

Frame = Any
WIDTH, HEIGHT = 480, 270


def infrared(frame: Frame, chance: np.random.Generator) -> Frame:
    """Return a picture lit by an infrared lamp beside the lens: grey, bright in front, the sky black."""
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32)
    height, width = grey.shape
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(0, 1, height))
    lamp = np.exp(-((across / 0.9) ** 2) - ((down - 0.7) / 0.35) ** 2)
    lit = grey * (0.15 + 1.1 * lamp) + chance.normal(0, 2.0, grey.shape)
    return cv2.cvtColor(np.clip(lit, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)


@dataclass
class MadeCamera:
    """A street under a sky, with traffic. `sunrise` and `sunset` are hours; the lamp goes on when the sun is low."""

    seed: int = 5
    sunrise: float = 6.0
    sunset: float = 19.0
    chance: np.random.Generator = field(init=False)
    scene: Frame = field(init=False)

    def __post_init__(self) -> None:
        self.chance = chance = np.random.default_rng(self.seed)
        fine, coarse = (
            cv2.GaussianBlur(chance.normal(0, 1, (HEIGHT, WIDTH, 3)).astype(np.float32), (0, 0), size)
            for size in (2, 24)
        )
        ground = 105 + 28 * fine / fine.std() + 30 * coarse / coarse.std()
        for _ in range(14):  # houses, signs, trees
            left, top = int(chance.integers(0, WIDTH - 90)), int(chance.integers(HEIGHT // 4, HEIGHT - 70))
            colour = chance.uniform(40, 210, 3)
            size = int(chance.integers(30, 90)), int(chance.integers(20, 70))
            patch = ground[top : top + size[1], left : left + size[0]]
            patch[:] = 0.35 * patch + 0.65 * colour
        ground[: HEIGHT // 5] = np.array((205, 180, 160)) + 0.1 * (ground[: HEIGHT // 5] - 105)
        self.scene = ground

    def sun(self, hour: float) -> float:
        """Return the height of the sun: 1 at its highest, below 0 by night."""
        return math.sin(math.pi * (hour - self.sunrise) / (self.sunset - self.sunrise)) if 0 <= hour < 24 else 0.0

    def is_night(self, hour: float) -> bool:
        """Whether the infrared lamp is on."""
        return not self.sunrise < hour < self.sunset or self.sun(hour) < 0.12

    def shot(self, hour: float) -> Frame:
        """Return a picture at a local hour."""
        picture = self.scene.copy()
        if self.chance.random() < 0.3:  # a vehicle
            left, top = int(self.chance.integers(0, WIDTH - 120)), int(self.chance.integers(HEIGHT // 2, HEIGHT - 60))
            picture[top : top + 50, left : left + 110] = self.chance.uniform(20, 230, 3)
        if self.is_night(hour):
            return infrared(np.clip(picture, 0, 255).astype(np.uint8), self.chance)
        sun = max(0.0, self.sun(hour))
        tint = np.array((1.0 + 0.03 * (1 - sun), 1.0, 1.0 - 0.03 * (1 - sun)))
        lit = picture * (0.5 + 0.5 * sun**0.5) * tint * self.chance.uniform(0.96, 1.04)
        return np.clip(lit + self.chance.normal(0, 1.2, lit.shape), 0, 255).astype(np.uint8)


@cache
def reference(looks: int = 9) -> Reference:
    """Return the past learned from so many looks by day."""
    camera = MadeCamera()
    found = learn([measure(camera.shot(12.0)) for _ in range(looks)])
    assert found is not None
    return found


@cache
def nights() -> Reference:
    """Return the past learned from looks by day and in infrared light by night."""
    camera = MadeCamera()
    found = learn([measure(camera.shot(hour)) for hour in (*[12.0] * 6, 18.0, *[23.0] * 6, 7.0, 9.0)])
    assert found is not None
    return found
