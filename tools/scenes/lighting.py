"""Light and weather: what a canvas looks like by day, at dusk and dawn, in infrared light, in rain and in fog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tools.scenes.canvas import FAR, Canvas, Colour

Frame = Any


@dataclass(frozen=True)
class Light:
    """A state of light: its share of skylight and sunlight by colour, the colours of the sky, and its weather.

    `lamps` is the strength of lit windows and lamps. `exposure` is the mean of the picture that the camera aims at,
    `grain` the deviation of its noise in levels. `sight` is how far fog lets see, in metres. `streaks` is how many
    drops of rain cross a picture. In `infrared` light the picture is grey, and lit by the camera's own lamp.
    """

    ambient: Colour
    sun: Colour
    zenith: Colour
    horizon: Colour
    lamps: float = 0.0
    exposure: float = 0.42
    grain: float = 1.4
    sight: float = 1200.0
    streaks: int = 0
    wet: bool = False
    infrared: bool = False
    wind: float = 1.0


LIGHTS: dict[str, Light] = {
    "day": Light((0.50, 0.44, 0.40), (0.62, 0.72, 0.80), (0.92, 0.70, 0.48), (0.95, 0.88, 0.80)),
    "dusk": Light(
        (0.34, 0.25, 0.22),
        (0, 0, 0),
        (0.42, 0.27, 0.2),
        (0.42, 0.52, 0.72),
        lamps=0.9,
        exposure=0.30,
        grain=2.2,
        wind=1.4,
    ),
    "dawn": Light(
        (0.40, 0.36, 0.36), (0, 0, 0), (0.62, 0.50, 0.46), (0.70, 0.76, 0.92), lamps=0.3, exposure=0.33, grain=2.0
    ),
    "infrared": Light(
        (0.02, 0.02, 0.02),
        (0, 0, 0),
        (0, 0, 0),
        (0, 0, 0),
        lamps=0.25,
        exposure=0.27,
        grain=2.2,
        infrared=True,
        wind=1.2,
    ),
    "rain": Light(
        (0.62, 0.58, 0.55),
        (0, 0, 0),
        (0.66, 0.63, 0.61),
        (0.78, 0.76, 0.74),
        lamps=0.15,
        exposure=0.36,
        grain=1.6,
        sight=260.0,
        streaks=170,
        wet=True,
        wind=1.7,
    ),
    "fog": Light(
        (0.75, 0.72, 0.70),
        (0, 0, 0),
        (0.80, 0.79, 0.78),
        (0.80, 0.79, 0.78),
        exposure=0.50,
        grain=1.4,
        sight=26.0,
        wind=0.4,
    ),
}
"""Every light in which scenes are made. A simulated day goes through the first four."""


def _sky(canvas: Canvas, light: Light, drift: float) -> Frame:
    """Return the sky with clouds that drift, where the canvas shows it."""
    from tools.scenes.textures import noise

    height, width = canvas.depth.shape
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** 0.7
    plain = (1 - down) * np.array(light.zenith, np.float32) + down * np.array(light.horizon, np.float32)
    clouds = cv2.resize(noise(77, 16, 6)[:340, int(drift) : int(drift) + 600], (width, height))
    cover = np.clip(0.5 + 0.45 * clouds, 0, 1)[..., None]
    white = np.array(light.horizon, np.float32) * 1.06
    return plain * (1 - 0.55 * cover) + white * 0.55 * cover


def _own_lamp(canvas: Canvas) -> Frame:
    """Return the light of a lamp beside the lens on each pixel."""
    height, width = canvas.depth.shape
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    beam = np.exp(-((across / 0.95) ** 2) - ((down - 0.15) / 0.85) ** 2)
    return (beam / (1 + (canvas.depth / 9.0) ** 1.6)).astype(np.float32)


def _spread(shine: Frame, pixels: float) -> Frame:
    """Return light blurred widely, at an eighth of the size."""
    small = cv2.resize(shine, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), pixels / 8)
    return cv2.resize(small, (shine.shape[1], shine.shape[0]), interpolation=cv2.INTER_LINEAR)


def lit(canvas: Canvas, light: Light, moment: float, bright: float = 1.0) -> Frame:
    """Return the light that reaches the sensor from each pixel, 1 being white."""
    colour, sky = canvas.colour, canvas.depth >= FAR - 1
    shine = light.lamps * (canvas.shine + 0.4 * _spread(canvas.shine, 14))
    if light.infrared:
        grey = colour.mean(axis=2) * (1 + 0.9 * canvas.leafy)
        seen = grey * _own_lamp(canvas) * np.where(sky, 0.0, 1.0) + 0.35 * shine.mean(axis=2)
        return seen[..., None].repeat(3, axis=2)
    lamps = _spread(canvas.shine, 60) * light.lamps
    power = np.array(light.ambient, np.float32) * bright + 1.4 * lamps
    power = power + canvas.shade[..., None] * np.array(light.sun, np.float32) * bright
    seen = colour * power
    if light.wet:
        mirror = cv2.GaussianBlur(cv2.flip(seen, 0), (9, 41), 0) * canvas.flat[..., None]
        seen = seen * (1 - 0.3 * canvas.flat[..., None]) + 0.16 * mirror
    seen = seen + shine
    if sky.any():
        seen[sky] = (_sky(canvas, light, 4 * moment) * bright)[sky]
    clear = np.exp(-canvas.depth / light.sight)[..., None]
    return seen * clear + np.array(light.horizon, np.float32) * bright * (1 - clear)


def rain(picture: Frame, light: Light, chance: np.random.Generator) -> Frame:
    """Return the picture with the streaks of falling drops."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.float32)
    for _ in range(light.streaks):
        at = int(chance.integers(width)), int(chance.integers(height))
        long = int(chance.integers(8, 26))
        cv2.line(mask, at, (at[0] - long // 5, at[1] + long), float(chance.uniform(0.15, 0.5)), 1, cv2.LINE_AA)
    return picture + mask[..., None] * (0.85 - picture) * 0.5


def exposed(seen: Frame, gain: float) -> Frame:
    """Return 8-bit levels before noise: what the sensor makes of light, with a soft shoulder."""
    value = np.clip(seen * gain, 0, None)
    value = np.where(value > 0.8, 0.8 + 0.2 * np.tanh((value - 0.8) / 0.2), value)
    return 255 * value ** (1 / 1.75)


def gain_for(seen: Frame, light: Light) -> float:
    """Return the gain at which the picture has the brightness that the camera aims at."""
    gain = 1.0
    for _ in range(12):
        gain *= (light.exposure * 255 / max(1.0, float(exposed(seen, gain).mean()))) ** 1.3
    return gain
