"""Makes more healthy changes, in which no fault may be found: vehicles, crowds, weather, a slow line."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.corpus.faults import Maker
from benchmarks.corpus.footage import Frame, as_uint8, cut
from benchmarks.corpus.third_faults import coded, smooth_field


def _bus(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """A passing bus with a picture on its side: the scene itself, upside down and in other colours."""
    made = []
    share, pace = (0.15, 0.23, 0.31)[severity], chance.choice([-0.06, 0.0, 0.06])
    colours, start = chance.uniform(0.6, 1.3, 3), chance.uniform(0.1, 0.5)
    for number, frame in enumerate(frames):
        picture = cut(frame)
        height, width = picture.shape[:2]
        tall, wide = int(height * (share / 1.5) ** 0.5), int(width * (share * 1.5) ** 0.5)
        side = as_uint8(cv2.resize(cv2.flip(picture, -1), (wide, tall)) * colours)
        left = int(np.clip((start + pace * number) * width, 0, width - wide))
        picture[height - tall - height // 10 :][:tall, left : left + wide] = side
        made.append(picture)
    return made


def _crowd(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """Upright shapes in all colours that walk through the lower part of the view."""
    made = []
    shapes = [(chance.random(), chance.uniform(0.35, 0.95), chance.uniform(10, 240, 3), chance.uniform(-0.02, 0.02))
              for _ in range((8, 14, 22)[severity])]  # fmt: skip
    for number, frame in enumerate(frames):
        picture = cut(frame)
        height, width = picture.shape[:2]
        for x, y, colour, pace in shapes:
            centre = int((x + pace * number) * width), int(y * height)
            tall = int(0.16 * height * (0.5 + y))
            cv2.ellipse(picture, centre, (max(1, tall // 4), tall), 0, 0, 360, tuple(map(float, colour)), -1)
            head = centre[0], centre[1] - tall
            cv2.circle(picture, head, max(1, tall // 5), tuple(map(float, 0.6 * colour + 40)), -1)
        made.append(picture)
    return made


def _low_sun(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """Glare from one corner."""
    height, width = cut(frames[0]).shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    corner = chance.integers(0, 2, 2)
    apart = np.hypot(xs / width - corner[0], ys / height - corner[1])[..., None]
    return [as_uint8(cut(frame) + (60, 90, 120)[severity] * np.exp(-3 * apart)) for frame in frames]


def _lightning(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """One picture of the burst is up to 40 % lighter, and bluer."""
    place = int(chance.integers(len(frames)))
    gain = np.array([1.05, 1.0, 0.97]) * (1.15, 1.27, 1.4)[severity]
    return [as_uint8(cut(frame) * gain) if n == place else cut(frame) for n, frame in enumerate(frames)]


def _clouds(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """Soft shadows that drift over the view."""
    field = smooth_field(cut(frames[0]).shape, chance, 4)
    return [as_uint8(cut(frame) * (1 - (0.25, 0.38, 0.5)[severity] * field)) for frame in frames]


def _slow_line(frames: list[Frame], severity: int, _chance: np.random.Generator) -> list[Frame]:
    """Real H.264 at a low bitrate."""
    return coded([cut(frame) for frame in frames], (30, 33, 36)[severity])


def _late_dusk(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """Late dusk: less light, warmer, with the grain of a higher gain."""
    fresh = chance.spawn(1)[0]
    return [
        as_uint8(255 * (cut(frame) / 255) ** (1.2, 1.4, 1.6)[severity] * np.array([0.92, 1.0, 1.06])
                 + fresh.normal(0, (1.5, 2.5, 3.5)[severity], cut(frame).shape))
        for frame in frames
    ]  # fmt: skip


THIRD_NEGATIVES: dict[str, Maker] = {
    "bus": _bus,
    "crowd": _crowd,
    "low-sun": _low_sun,
    "lightning": _lightning,
    "clouds": _clouds,
    "slow-line": _slow_line,
    "late-dusk": _late_dusk,
}
