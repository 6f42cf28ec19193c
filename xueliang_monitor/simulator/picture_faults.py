"""What faults make of the pictures of a scene: pure functions of frames of 640x360, as BGR.

The clips in H.264 and H.265 are made of them in advance by `tools/make_clips.py`, those in Motion JPEG when they are
played first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np

Frame = Any

_LEFT = np.array([[1, 0, -58], [0, 1, 12]], np.float32)
"""Where a camera that was knocked to one side sees each point."""


def grain(frame: Frame, level: float, seed: int = 7) -> Frame:
    """Add the noise of a sensor, of `level` standard deviation."""
    noise = _noise(frame.shape[:2])
    down, across = (int(value) for value in np.random.default_rng(seed).integers(0, frame.shape[:2]))
    own = np.roll(noise, (down, across), axis=(0, 1)) * np.float32(level)
    return cv2.add(frame, cv2.merge([own] * 3), dtype=cv2.CV_8U)


@functools.cache
def _noise(shape: tuple[int, int]) -> Frame:
    """Return noise with a deviation of 1. Grain is a part of it that is taken elsewhere each time: that is quick."""
    return np.random.default_rng(7).normal(0, 1, shape).astype(np.float32)


def _levels(picture: Frame) -> Frame:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _covered(frame: Frame, seed: int) -> Frame:
    """Return a cloth close in front of the lens: soft, with a little light from one side; grey in infrared light."""
    height, width = frame.shape[:2]
    across = np.linspace(0, 1, width)[None, :, None] * np.linspace(0.6, 1, height)[:, None, None]
    cloth = np.array([28.0, 34.0, 40.0]) + across * np.array([34.0, 40.0, 48.0])
    if np.ptp(frame.astype(np.int16), axis=2).mean() < 3:
        cloth = 60.0 + 70.0 * across.repeat(3, axis=2)
    return grain(_levels(cloth), 0.8, seed)


def _dirty(frame: Frame) -> Frame:
    """Return what is seen through a dome with mud and drops on it."""
    chance, (height, width) = np.random.default_rng(5), frame.shape[:2]
    mask: Frame = np.zeros((height, width), np.float32)
    for _ in range(110):
        place = int(chance.uniform(0, width)), int(chance.uniform(0, height))
        axes = int(chance.uniform(14, 30)), int(chance.uniform(10, 24))
        cv2.ellipse(mask, place, axes, chance.uniform(0, 180), 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
    return _levels(frame * (1 - soft) + (0.55 * cv2.GaussianBlur(frame, (0, 0), 14) + 24) * soft)


def _damaged(frame: Frame) -> Frame:
    """Return what a decoder makes of a stream with holes: blocks of green and of grey."""
    chance, picture, (height, width) = np.random.default_rng(6), frame.copy(), frame.shape[:2]
    for _ in range(70):
        row, column = int(chance.integers(height // 16)) * 16, int(chance.integers(width // 16)) * 16
        right = min(width, column + 16 * int(chance.integers(2, 9)))
        picture[row : row + 16, column:right] = (0, 135, 0) if chance.random() < 0.5 else (128, 128, 128)
    return picture


def _striped(frame: Frame) -> Frame:
    """Return a picture with interference."""
    height = frame.shape[0]
    return _levels(frame + 26 * np.sin(2 * np.pi * 24 * np.arange(height) / height)[:, None, None])


def _moved(frame: Frame) -> Frame:
    return cv2.warpAffine(frame, _LEFT, frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101)


def _grey(frame: Frame) -> Frame:
    return cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def _small(frame: Frame) -> Frame:
    return cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _rolling(frames: Sequence[Frame]) -> list[Frame]:
    """Return frames that roll by a ninth of their height each."""
    return [np.roll(frame, 40 * (number + 1), axis=0) for number, frame in enumerate(frames)]


def _shaking(frames: Sequence[Frame]) -> list[Frame]:
    """Return frames from a mast that swings."""
    ways = [(14, 4), (-12, -7), (8, 10), (-14, 1)]
    return [
        cv2.warpAffine(
            frame,
            np.array([[1, 0, x], [0, 1, y]], np.float32),
            frame.shape[1::-1],
            borderMode=cv2.BORDER_REFLECT_101,
        )
        for frame, (x, y) in zip(frames, ways * len(frames), strict=False)
    ]


def _noisy(frames: Sequence[Frame]) -> list[Frame]:
    """Return frames of a sensor with far too much gain: other noise in each, in clumps as a camera's filter leaves."""
    return [grain(frame, 30.0, seed) for seed, frame in enumerate(frames)]


def _each(change: Callable[[Frame], Frame]) -> Callable[[Sequence[Frame]], list[Frame]]:
    return lambda frames: [change(frame) for frame in frames]


def _grainy(change: Callable[[Frame, int], Frame]) -> Callable[[Sequence[Frame]], list[Frame]]:
    return lambda frames: [change(frame, seed) for seed, frame in enumerate(frames)]


VARIANTS: Mapping[str, Callable[[Sequence[Frame]], list[Frame]]] = MappingProxyType(
    {
        "black": _grainy(lambda frame, seed: grain(np.full_like(frame, 3), 0.5, seed)),
        "blank": _each(lambda frame: np.full_like(frame, (190, 40, 20))),
        "bright": _each(lambda frame: _levels(frame.astype(np.float32) * 1.5 + 190)),
        "blurred": _grainy(lambda frame, seed: grain(cv2.GaussianBlur(frame, (0, 0), 6), 0.6, seed)),
        "covered": _grainy(_covered),
        "dark": _grainy(lambda frame, seed: grain(_levels(frame * 0.13), 1.0, seed)),
        "frozen": lambda frames: [frames[0]] * len(frames),
        "noisy": _noisy,
        "striped": _each(_striped),
        "cast": _each(lambda frame: _levels(frame * np.array([0.6, 0.75, 1.5]))),
        "grey": _each(_grey),
        "foggy": _each(lambda frame: _levels(cv2.GaussianBlur(frame, (0, 0), 1.2) * 0.27 + 125)),
        "dirty": _each(_dirty),
        "moved": _each(_moved),
        "damaged": _each(_damaged),
        "small": _each(_small),
        "rolling": _rolling,
        "shaking": _shaking,
    }
)
"""What the pictures of a burst become, by the name of the variant."""
