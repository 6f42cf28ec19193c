"""Surfaces: noise at many scales, and what is built of it. All are square float pictures around 1, from one seed."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np

Plane = Any
SIZE = 1024
"""Width and height of a texture, in texels."""


@cache
def noise(seed: int, finest: float = 1.0, octaves: int = 7) -> Plane:
    """Return noise around 0 with a deviation of 1; each octave is twice as coarse and 1.35 times as strong."""
    chance, whole = np.random.default_rng(seed), np.zeros((SIZE, SIZE), np.float32)
    for octave in range(octaves):
        step = max(1, round(finest * 2**octave))
        cells = max(2, SIZE // step)
        rough = chance.normal(0, 1, (cells, cells)).astype(np.float32)
        whole += 1.35**octave * cv2.resize(rough, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return (whole - whole.mean()) / whole.std()


@cache
def even(level: float) -> Plane:
    """Return a surface of one level."""
    return np.full((SIZE, SIZE), level, np.float32)


@cache
def asphalt(seed: int) -> Plane:
    """Return a road surface with stains, patches and cracks."""
    chance = np.random.default_rng(seed)
    surface = 1 + 0.10 * noise(seed, 1.0, 4) + 0.09 * noise(seed + 1, 24, 4)
    for _ in range(9):
        left, top = (int(value) for value in chance.integers(0, SIZE - 160, 2))
        width, height = (int(value) for value in chance.integers(30, 150, 2))
        surface[top : top + height, left : left + width] *= chance.uniform(0.8, 1.15)
    for _ in range(14):
        walk = np.cumsum(chance.normal(0, 9, (30, 2)), axis=0) + chance.uniform(0, SIZE, 2)
        cv2.polylines(surface, [walk.astype(np.int32)], isClosed=False, color=0.66, thickness=2)
    return surface


@cache
def tiles(seed: int, size: int = 64) -> Plane:
    """Return slabs of `size` texels with joints; each has its own shade."""
    chance, count = np.random.default_rng(seed), SIZE // size
    shades = chance.normal(1, 0.07, (count, count)).astype(np.float32)
    surface: Plane = cv2.resize(shades, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    surface += 0.05 * noise(seed + 2, 2.0, 5)
    surface[::size] *= 0.62
    surface[1::size] *= 0.7
    surface[:, ::size] *= 0.62
    surface[:, 1::size] *= 0.7
    return surface


@cache
def bricks(seed: int) -> Plane:
    """Return courses of bricks, 64 by 24 texels, each second one shifted by half."""
    chance = np.random.default_rng(seed)
    surface = np.ones((SIZE, SIZE), np.float32)
    for row, top in enumerate(range(0, SIZE, 24)):
        for left in range(-(row % 2) * 32, SIZE, 64):
            surface[top : top + 21, max(0, left) : left + 60] = chance.normal(1, 0.13)
            surface[top + 21 : top + 24, max(0, left) : left + 64] = 1.25
            surface[top : top + 24, max(0, left + 60) : left + 64] = 1.25
    return surface * (1 + 0.06 * noise(seed + 3, 1.0, 5))


@cache
def plaster(seed: int) -> Plane:
    """Return a wall with streaks below and stains."""
    streaks = cv2.resize(noise(seed, 2.0, 5)[:64], (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return 1 + 0.05 * noise(seed + 4, 2.0, 6) + 0.045 * streaks


@cache
def leaves(seed: int) -> Plane:
    """Return foliage: clumps of leaves with dark gaps."""
    clumps = noise(seed, 3.0, 5)
    return np.clip(1 + 0.34 * clumps + 0.2 * noise(seed + 5, 1.0, 2), 0.25, 2.2)


@cache
def facade(seed: int, columns: int = 8, rows: int = 8) -> tuple[Plane, Plane]:
    """Return a wall with windows, and which windows have light in the evening (0 to 1)."""
    chance = np.random.default_rng(seed)
    wall, lit = plaster(seed).copy(), np.zeros((SIZE, SIZE), np.float32)
    width, height = SIZE // columns, SIZE // rows
    for row in range(rows):
        for column in range(columns):
            left, top = column * width + width // 4, row * height + height // 5
            right, bottom = left + width // 2, top + height * 3 // 5
            wall[top - 6 : bottom + 6, left - 6 : right + 6] = 1.22
            pane = np.linspace(0.55, 0.28, bottom - top, dtype=np.float32)[:, None] * chance.uniform(0.7, 1.3)
            wall[top:bottom, left:right] = pane
            wall[top:bottom, (left + right) // 2 - 2 : (left + right) // 2 + 2] = 1.1
            wall[bottom + 6 : bottom + 14, left - 8 : right + 8] = 0.7
            if chance.random() < 0.35:
                lit[top:bottom, left:right] = chance.uniform(0.4, 1.0)
    return wall, lit
