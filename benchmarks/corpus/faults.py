"""Makes picture faults on a camera's own frames in three severities: 0 mild, 1 medium, 2 severe."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.corpus.footage import Frame, as_uint8, cut

Maker = Callable[[list[Frame], int, np.random.Generator], list[Frame]]
"""Turns uncut frames, a severity and a random generator into the frames that the camera shows."""


def each(change: Callable[[Frame, int, np.random.Generator], Frame]) -> Maker:
    """Return a maker that changes every frame in the same way."""

    def make(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
        state = chance.bit_generator.state
        made = []
        for frame in frames:
            chance.bit_generator.state = state  # the same random numbers for every frame
            made.append(change(cut(frame), severity, chance))
        return made

    return make


def _black(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    return as_uint8(frame * (0.05, 0.02, 0.0)[severity] + chance.spawn(1)[0].normal(2, 1.2, frame.shape))


def _blank(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    colour = np.array([(180, 60, 20), (128, 128, 128), (40, 150, 40), (200, 30, 10)][chance.integers(4)], np.float32)
    picture = np.full(frame.shape, colour, np.uint8)
    if severity < 2:
        scale = frame.shape[1] / 640
        place = (int(frame.shape[1] * 0.3), int(frame.shape[0] * 0.5))
        cv2.putText(
            picture, "NO SIGNAL", place, cv2.FONT_HERSHEY_SIMPLEX, 1.2 * scale, (255, 255, 255), max(1, int(2 * scale))
        )
    return as_uint8(picture + chance.spawn(1)[0].normal(0, (2.0, 0.8, 0.0)[severity], frame.shape))


def _too_bright(frame: Frame, severity: int, _chance: np.random.Generator) -> Frame:
    return as_uint8(frame.astype(np.float32) * (1.8, 2.4, 3.5)[severity] + (30, 70, 120)[severity])


def _too_dark(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32)
    gain = (26, 17, 11)[severity] / max(1.0, float(gray.mean()))
    return as_uint8(frame * min(gain, 0.6) + chance.spawn(1)[0].normal(0, 2.0, frame.shape))


def _low_contrast(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    kept = (0.5, 0.34, 0.2)[severity]
    veil = chance.uniform(130, 200)
    mean = frame.astype(np.float32).mean()
    soft = cv2.GaussianBlur(frame, (0, 0), 0.6 + 0.5 * severity)
    return as_uint8(soft * kept + (1 - kept) * (0.6 * veil + 0.4 * mean))


def _blurred(frame: Frame, severity: int, _chance: np.random.Generator) -> Frame:
    return as_uint8(cv2.GaussianBlur(frame, (0, 0), (1.8, 3.2, 6.0)[severity] * frame.shape[1] / 640))


def _blob(shape: tuple[int, ...], share: float, chance: np.random.Generator, soft: float = 0.02) -> Frame:
    """Return a mask in [0, 1] of one rough blob that covers `share` of the picture."""
    height, width = shape[:2]
    field = cv2.GaussianBlur(chance.normal(0, 1, (36, 64)).astype(np.float32), (0, 0), 5)
    field = field / field.std()
    ys, xs = np.mgrid[0:36, 0:64]
    centre = chance.uniform(0.2, 0.8, 2)
    distance = np.hypot(xs / 64 - centre[0], (ys / 36 - centre[1]) * 9 / 16)
    field = 0.25 * field - 4 * distance
    mask = (field > np.quantile(field, 1 - share)).astype(np.float32)
    mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(cv2.GaussianBlur(mask, (0, 0), max(0.5, soft * width)), 0, 1)[..., None]


def _cover(shape: tuple[int, ...], chance: np.random.Generator) -> Frame:
    """Return an object before the lens, out of focus: cloth, a leaf, a hand, a bag."""
    height, width = shape[:2]
    colour = chance.uniform(15, 190, 3)
    fine = chance.normal(0, 1, (max(4, height // 24), max(4, width // 24), 1)).astype(np.float32)
    texture = cv2.resize(fine, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    light = np.linspace(chance.uniform(0.6, 1.0), chance.uniform(0.8, 1.3), width)[None, :, None]
    return np.clip((colour + texture * chance.uniform(2, 14)) * light, 0, 255)


def _covered(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    mask = _blob(frame.shape, (0.34, 0.55, 0.88)[severity], chance)
    return as_uint8(frame * (1 - mask) + _cover(frame.shape, chance) * mask)


def _dirty(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    height, width = frame.shape[:2]
    mask = np.zeros((height, width), np.float32)
    for _ in range((9, 22, 45)[severity]):
        place = int(chance.uniform(0, width)), int(chance.uniform(0, height))
        size = chance.uniform(0.025, 0.07) * width
        axes = max(1, int(size)), max(1, int(size * chance.uniform(0.5, 1)))
        cv2.ellipse(mask, place, axes, chance.uniform(0, 180), 0, 360, float(chance.uniform(0.75, 1)), -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.006 * width)[..., None]
    drop = cv2.GaussianBlur(frame, (0, 0), 0.02 * width).astype(np.float32)
    tint = np.array(chance.uniform(60, 140, 3), np.float32)
    return as_uint8(frame * (1 - mask) + (0.72 * drop + 0.28 * tint) * mask)


def _moved(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    way = chance.choice([-1, 1], 2)
    shift = (float(way[0] * (0.055, 0.08, 0.10)[severity]), float(way[1] * (0.0, 0.02, 0.05)[severity]))
    degrees = 0.0
    if chance.random() < 0.35:
        shift, degrees = (0.0, 0.0), float(way[0] * (3.2, 6.0, 12.0)[severity])
    return [cut(frame, shift, degrees) for frame in frames]


def _frozen(frames: list[Frame], severity: int, _chance: np.random.Generator) -> list[Frame]:
    still = cut(frames[0])
    made = []
    for number, _ in enumerate(frames):
        picture = still.copy()
        if severity == 0:  # the burned-in clock runs on
            scale = picture.shape[1] / 640
            cv2.putText(picture, f"2026-01-01 12:00:{10 + number:02d}", (int(8 * scale), int(24 * scale)),
                        cv2.FONT_HERSHEY_SIMPLEX, 0.6 * scale, (255, 255, 255), max(1, int(1.5 * scale)))  # fmt: skip
        made.append(picture)
    return made


def _noisy(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    fresh = chance.spawn(1)[0]
    picture = frame + fresh.normal(0, (14, 24, 42)[severity], frame.shape)
    if severity == 2:
        mask = fresh.random(frame.shape[:2])
        picture[mask < 0.03], picture[mask > 0.97] = 0, 255
    return as_uint8(picture)


def _striped(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    height, width = frame.shape[:2]
    along = np.arange(height)[:, None] if chance.random() < 0.7 else np.arange(width)[None, :]
    waves = chance.uniform(8, 40)
    wave = np.sin(2 * np.pi * waves * along / max(along.shape) + chance.spawn(1)[0].uniform(0, 6))
    wave = np.sign(wave) if chance.random() < 0.4 else wave
    return as_uint8(frame + (9, 17, 34)[severity] * np.broadcast_to(wave, (height, width))[..., None])


def _colour_cast(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    gains = [(0.82, 0.80, 1.30), (1.3, 0.82, 1.2), (1.35, 1.0, 0.75), (0.8, 1.25, 0.85)][chance.integers(4)]
    return as_uint8(frame * np.power(np.array(gains), (0.75, 1.2, 2.0)[severity]))


def _colourless(frame: Frame, severity: int, _chance: np.random.Generator) -> Frame:
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
    kept = (0.22, 0.1, 0.0)[severity]
    return as_uint8(gray + kept * (frame - gray))


def _corrupted(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    height, width = frame.shape[:2]
    picture = frame.copy()
    block = 16 * max(1, round(width / 640))
    share, fresh = (0.07, 0.2, 0.5)[severity], chance
    style = fresh.integers(3)
    rows, columns = height // block, width // block
    spoiled = 0
    while spoiled < share * rows * columns:
        row, first = int(fresh.integers(rows)), int(fresh.integers(columns))
        last = min(columns, first + int(fresh.integers(4, 18)))
        y, x, right = row * block, first * block, last * block
        if style == 0:
            picture[y : y + block, x:right] = (0, 135, 0) if fresh.random() < 0.5 else (128, 128, 128)
        elif style == 1:
            picture[y : y + block, x:right] = picture[y : y + 1, x:right]
        else:
            for left in range(x, right, block):
                source = int(fresh.integers(rows)) * block, int(fresh.integers(columns)) * block
                picture[y : y + block, left : left + block] = frame[
                    source[0] : source[0] + block, source[1] : source[1] + block
                ]
        spoiled += last - first
    return picture


def _rolling(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    made, speed, start = [], (0.06, 0.13, 0.24)[severity], chance.uniform(0.15, 0.8)
    for number, frame in enumerate(frames):
        picture = cut(frame)
        by = int((start + speed * number) % 1 * picture.shape[0])
        picture = np.roll(picture, by, axis=0)
        bar = max(2, picture.shape[0] // 30)
        picture[max(0, by - bar) : by + 1] = 8
        made.append(picture)
    return made


def _shaking(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    size = (0.007, 0.014, 0.03)[severity]
    ways = [(1, 0.4), (-0.8, -0.6), (0.5, 1), (-1, 0.1), (0.7, -1), (-0.3, 0.8)]
    return [
        cut(frame, (size * ways[n % 6][0] * chance.uniform(0.7, 1.2), size * ways[n % 6][1] * chance.uniform(0.7, 1.2)))
        for n, frame in enumerate(frames)
    ]


FAULTS: dict[str, Maker] = {
    "picture_black": each(_black),
    "picture_blank": each(_blank),
    "picture_too_bright": each(_too_bright),
    "picture_too_dark": each(_too_dark),
    "picture_low_contrast": each(_low_contrast),
    "picture_blurred": each(_blurred),
    "picture_covered": each(_covered),
    "picture_dirty": each(_dirty),
    "picture_moved": _moved,
    "picture_frozen": _frozen,
    "picture_noisy": each(_noisy),
    "picture_striped": each(_striped),
    "picture_colour_cast": each(_colour_cast),
    "picture_colourless": each(_colourless),
    "picture_corrupted": each(_corrupted),
    "picture_rolling": _rolling,
    "picture_shaking": _shaking,
}
