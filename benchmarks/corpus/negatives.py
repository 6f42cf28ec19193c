"""Makes healthy changes of a picture, in which no fault may be found: traffic, weather, light, a slow line."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.corpus.faults import Maker
from benchmarks.corpus.footage import Frame, as_uint8, cut


def _plain(frames: list[Frame], _severity: int, _chance: np.random.Generator) -> list[Frame]:
    return [cut(frame) for frame in frames]


def _lorry(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """A vehicle with edges and windows that fills up to a third of the view, parked or passing."""
    made = []
    colour = chance.uniform(30, 220, 3)
    share = (0.16, 0.24, 0.31)[severity]
    height, width = cut(frames[0]).shape[:2]
    size = int(width * share**0.5 * 1.2), int(height * share**0.5 / 1.2)
    left, top = chance.uniform(0, width - size[0]), chance.uniform(0, height - size[1])
    moving = chance.random() < 0.5
    for number, frame in enumerate(frames):
        picture = cut(frame)
        x = int(np.clip(left + (number * 0.05 * width if moving else 0), 0, width - size[0]))
        y = int(top)
        body = np.broadcast_to(colour, (size[1], size[0], 3)).astype(np.float32).copy()
        body *= np.linspace(1.15, 0.75, size[1])[:, None, None]
        for line in range(1, 9):
            cv2.line(
                body,
                (line * size[0] // 9, 0),
                (line * size[0] // 9, size[1]),
                tuple(colour * 0.7),
                max(1, width // 320),
            )
        cv2.rectangle(body, (size[0] // 12, size[1] // 8), (size[0] // 3, size[1] // 2), (45, 40, 35), -1)
        cv2.circle(body, (size[0] // 4, size[1] - size[1] // 8), size[1] // 8, (20, 20, 20), -1)
        cv2.circle(body, (3 * size[0] // 4, size[1] - size[1] // 8), size[1] // 8, (20, 20, 20), -1)
        picture[y : y + size[1], x : x + size[0]] = as_uint8(body + chance.spawn(1)[0].normal(0, 2, body.shape))
        made.append(picture)
    return made


def _headlights(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    made = []
    places = chance.uniform(0.15, 0.85, (2 + severity, 2))
    for number, frame in enumerate(frames):
        picture = cut(frame).astype(np.float32) * 0.75
        height, width = picture.shape[:2]
        ys, xs = np.mgrid[0:height, 0:width]
        for x, y in places:
            distance = np.hypot(xs / width - x - 0.02 * number, (ys - y * height) / width)
            picture += (260 * np.exp(-((distance / 0.03) ** 2)) + 60 * np.exp(-((distance / 0.12) ** 2)))[..., None]
        made.append(as_uint8(picture))
    return made


def _streaks(frames: list[Frame], severity: int, chance: np.random.Generator, *, snow: bool) -> list[Frame]:
    made = []
    for frame in frames:
        fresh = chance.spawn(1)[0]
        picture = cut(frame)
        height, width = picture.shape[:2]
        layer = np.zeros((height, width), np.float32)
        for _ in range((150, 300, 550)[severity]):
            x, y = int(fresh.uniform(0, width)), int(fresh.uniform(0, height))
            if snow:
                cv2.circle(
                    layer, (x, y), max(1, int(fresh.uniform(0.8, 2.4) * width / 640)), float(fresh.uniform(0.4, 1)), -1
                )
            else:
                end = (x + int(0.01 * width), y + int(fresh.uniform(0.03, 0.07) * height))
                cv2.line(layer, (x, y), end, float(fresh.uniform(0.15, 0.45)), max(1, width // 900))
        layer = cv2.GaussianBlur(layer, (0, 0), 0.7)[..., None]
        made.append(as_uint8(picture * (1 - layer) * 0.95 + 225 * layer))
    return made


def _light(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """Exposure and white balance of another hour, changed by up to 40 %."""
    most = (0.15, 0.27, 0.4)[severity]
    gain = 1 - most if chance.random() < 0.5 else 1 + most * 0.6
    tint = 1 + chance.uniform(-1, 1, 3) * 0.05
    return [
        as_uint8(255 * np.clip(cut(frame) / 255 * tint, 0, 1) ** (1 / gain if gain > 1 else 1) * min(gain, 1))
        for frame in frames
    ]


def _dusk(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    gain = (0.62, 0.48, 0.36)[severity]
    fresh = chance.spawn(1)[0]
    return [
        as_uint8(cut(frame) * gain * np.array([1.06, 1.0, 0.95]) + fresh.normal(0, 2.5, cut(frame).shape))
        for frame in frames
    ]


def _infrared(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """Night with working infrared light: grey, bright in the middle, with some grain."""
    made = []
    for frame in frames:
        gray = cv2.cvtColor(cut(frame), cv2.COLOR_BGR2GRAY).astype(np.float32)
        height, width = gray.shape
        ys, xs = np.mgrid[0:height, 0:width]
        spot = np.exp(-(((xs / width - 0.5) / 0.55) ** 2) - ((ys / height - 0.55) / 0.6) ** 2)
        gray = gray * (0.55 + 0.35 * spot) * (1.0, 0.85, 0.75)[severity] + chance.spawn(1)[0].normal(0, 2.5, gray.shape)
        made.append(cv2.cvtColor(as_uint8(gray), cv2.COLOR_GRAY2BGR))
    return made


def _low_bitrate(frames: list[Frame], severity: int, _chance: np.random.Generator) -> list[Frame]:
    made = []
    for frame in frames:
        _, data = cv2.imencode(".jpg", cut(frame), [cv2.IMWRITE_JPEG_QUALITY, (30, 22, 15)[severity]])
        made.append(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return made


def _shadow(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """The hard shadow of a building or a cloud over part of the view."""
    height, width = cut(frames[0]).shape[:2]
    corner = [(0, 0), (width, 0), (0, height), (width, height)][chance.integers(4)]
    reach = chance.uniform(0.5, 0.9)
    others = [
        (int(corner[0] + (1 if corner[0] == 0 else -1) * reach * width), corner[1]),
        (corner[0], int(corner[1] + (1 if corner[1] == 0 else -1) * reach * height)),
    ]
    mask = np.zeros((height, width), np.float32)
    cv2.fillPoly(mask, [np.array([corner, *others], np.int32)], 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.004 * width)[..., None]
    return [as_uint8(cut(frame) * (1 - mask * (0.35, 0.45, 0.55)[severity])) for frame in frames]


def _trees(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """Swaying branches: part of the view is warped by a few pixels, differently in each frame."""
    made: list[Frame] = []
    height, width = cut(frames[0]).shape[:2]
    region = np.zeros((height, width), np.float32)
    centre = int(chance.uniform(0.2, 0.8) * width), int(chance.uniform(0.1, 0.4) * height)
    cv2.ellipse(region, centre, (int(0.25 * width), int(0.25 * height)), 0, 0, 360, 1.0, -1)
    region = cv2.GaussianBlur(region, (0, 0), 0.05 * width)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in frames:
        fresh = chance.spawn(1)[0]
        field = [
            cv2.GaussianBlur(fresh.normal(0, 1, (height // 8, width // 8)).astype(np.float32), (0, 0), 4)
            for _ in range(2)
        ]
        size = (0.004, 0.007, 0.011)[severity] * width
        moves = [cv2.resize(each / (each.std() + 1e-6), (width, height)) * size * region for each in field]
        made.append(
            cv2.remap(
                cut(frames[len(made)]),
                xs + moves[0],
                ys + moves[1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT_101,
            )
        )
    return made


NEGATIVES: dict[str, Maker] = {
    "lorry": _lorry,
    "headlights": _headlights,
    "rain": lambda frames, severity, chance: _streaks(frames, severity, chance, snow=False),
    "snow": lambda frames, severity, chance: _streaks(frames, severity, chance, snow=True),
    "light": _light,
    "dusk": _dusk,
    "infrared": _infrared,
    "low-bitrate": _low_bitrate,
    "shadow": _shadow,
    "trees": _trees,
}
PLAIN = _plain
