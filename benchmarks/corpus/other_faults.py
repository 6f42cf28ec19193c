"""Makes the same faults in a second way. It shows whether a check knows the fault or only how `faults` makes it."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.corpus.faults import Maker, each
from benchmarks.corpus.footage import Frame, as_uint8, cut


def _black(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """A closed shutter: hardly any light, the sensor's pedestal, and grain made coarse by compression."""
    grain = cv2.GaussianBlur(chance.spawn(1)[0].normal(0, 3, frame.shape).astype(np.float32), (0, 0), 1.2)
    return as_uint8(frame * (0.03, 0.012, 0.0)[severity] + (6, 4, 0)[severity] + grain * (1, 0.6, 0)[severity])


def _blank(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """A test screen in blue, black-grey or magenta with a line of text, from a recorder that lost its input."""
    colour = [(255, 0, 0), (120, 10, 10), (96, 96, 96), (160, 30, 160)][chance.integers(4)]
    picture = np.full(frame.shape, colour, np.uint8)
    height, width = frame.shape[:2]
    scale = width / 640
    if severity == 0:
        picture = as_uint8(picture * np.linspace(0.97, 1.03, height)[:, None, None])
    if severity < 2:
        for number, text in enumerate(("VIDEO LOSS", "CH 04")[: 2 - severity]):
            place = int(width * 0.35), int(height * (0.45 + 0.1 * number))
            cv2.putText(
                picture, text, place, cv2.FONT_HERSHEY_DUPLEX, 0.9 * scale, (230, 230, 230), max(1, round(scale))
            )
    return picture


def _too_bright(frame: Frame, severity: int, _chance: np.random.Generator) -> Frame:
    """Too long an exposure, in linear light, with bloom around white areas."""
    linear = (frame.astype(np.float32) / 255) ** 2.2 * (3.2, 6.0, 14.0)[severity]
    bloom = cv2.GaussianBlur(np.clip(linear - 1, 0, 3), (0, 0), 0.03 * frame.shape[1])
    return as_uint8(255 * np.clip(linear + 0.3 * bloom, 0, 1) ** (1 / 2.2))


def _too_dark(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Night without lamps: little light, most of it in bright areas, nearly grey, with grain."""
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
    dim = (0.6 * gray + 0.4 * frame) / 255
    picture = 255 * dim**1.5
    picture *= (24, 15, 10)[severity] / max(1.0, float(picture.mean()))
    return as_uint8(np.minimum(picture, frame * 0.6) + chance.spawn(1)[0].normal(0, 1.5, frame.shape))


def _low_contrast(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Fog that gets thicker with distance, towards the top of the view."""
    thick = (0.7, 1.15, 1.9)[severity] * np.linspace(1.35, 0.75, frame.shape[0])[:, None, None]
    kept = np.exp(-thick)
    return as_uint8(frame * kept + chance.uniform(150, 215) * (1 - kept))


def _blurred(frame: Frame, severity: int, _chance: np.random.Generator) -> Frame:
    """A lens out of focus: each point becomes a disc."""
    radius = max(1, round((3.2, 5.5, 10.0)[severity] * frame.shape[1] / 640))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(np.float32)
    return as_uint8(cv2.filter2D(frame, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT_101))


def _covered(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """A sheet hanging in from one side, in one colour, with a weave, folds and a soft edge."""
    height, width = frame.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = chance.uniform(0, 2 * np.pi)
    along = np.cos(angle) * xs / width + np.sin(angle) * ys / height
    wave = 0.04 * np.sin(2 * np.pi * chance.uniform(1, 3) * (ys / height * np.cos(angle) - xs / width * np.sin(angle)))
    place = along + wave
    edge = float(np.quantile(place, 1 - (0.34, 0.55, 0.9)[severity]))
    mask = np.clip((place - edge) / chance.uniform(0.01, 0.06) + 0.5, 0, 1)[..., None]
    folds = 1 + 0.12 * np.sin(2 * np.pi * chance.uniform(2, 5) * place + chance.uniform(0, 6))[..., None]
    weave = cv2.GaussianBlur(chance.normal(0, 1, (height, width, 1)).astype(np.float32), (0, 0), 1.5)[..., None]
    sheet = chance.uniform(20, 200) * (1 + chance.uniform(-0.25, 0.25, 3)) * folds + 8 * weave
    return as_uint8(frame * (1 - mask) + np.clip(sheet, 0, 255) * mask)


def _splashes(shape: tuple[int, ...], count: int, size: tuple[float, float], chance: np.random.Generator) -> Frame:
    """Return a mask in [0, 1] of ragged splashes, their radius a share of the width."""
    height, width = shape[:2]
    mask = np.zeros((height, width), np.float32)
    for _ in range(count):
        x, y, radius = chance.uniform(0, width), chance.uniform(0, height), chance.uniform(*size) * width
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        reach = radius * (1 + 0.3 * np.convolve(np.tile(chance.normal(0, 1, 24), 3), np.ones(3) / 3, "same")[24:48])
        points = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], axis=1)
        cv2.fillPoly(mask, [points.astype(np.int32)], float(chance.uniform(0.8, 1.0)))
    return mask


def _dirty(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Splashes of mud that hide the view or of water that bends and softens it; or the threads of webs."""
    height, width = frame.shape[:2]
    way = chance.integers(3)
    if way == 2:
        mask = np.zeros((height, width), np.float32)
        for _ in range((14, 30, 60)[severity]):
            first, last = ((int(chance.uniform(0, width)), int(chance.uniform(0, height))) for _ in range(2))
            cv2.line(
                mask, first, last, float(chance.uniform(0.5, 0.9)), max(1, round(chance.uniform(0.008, 0.022) * width))
            )
        mask = cv2.GaussianBlur(mask, (0, 0), 0.005 * width)[..., None]
        return as_uint8(frame * (1 - mask) + (0.35 * cv2.GaussianBlur(frame, (0, 0), 0.02 * width) + 120) * mask)
    mask = _splashes(frame.shape, (12, 28, 55)[severity], (0.012, 0.055), chance)
    mask = cv2.GaussianBlur(mask, (0, 0), (0.004, 0.008)[way] * width)[..., None]
    if way == 0:
        mud = np.array([38, 52, 70]) * chance.uniform(0.7, 1.5)
        return as_uint8(frame * (1 - 0.9 * mask) + mud * 0.9 * mask)
    bent = cv2.GaussianBlur(cv2.flip(frame, 0), (0, 0), 0.015 * width)
    return as_uint8(frame * (1 - mask) + (0.5 * bent + 0.5 * cv2.GaussianBlur(frame, (0, 0), 0.03 * width)) * mask)


def _moved(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """A knock that turns and shifts at once; the bracket may also give a little in depth."""
    way = chance.choice([-1, 1], 3)
    shift = float(way[0] * (0.05, 0.075, 0.1)[severity]), float(way[1] * (0.02, 0.04, 0.06)[severity])
    degrees = float(way[2] * (1.0, 2.5, 5.0)[severity] * chance.uniform(0.5, 1))
    return [cut(frame, shift, degrees, float(chance.uniform(1.0, 1.02))) for frame in frames]


def _frozen(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """The last picture over and over; when mild, with a running clock at the lower right."""
    still = cut(frames[int(chance.integers(len(frames)))])
    height, width = still.shape[:2]
    made = []
    for number, _ in enumerate(frames):
        picture = still.copy()
        if severity == 0:
            scale = width / 640
            place = int(width - 150 * scale), int(height - 10 * scale)
            cv2.putText(picture, f"12:00:{10 + number:02d}.{number}", place, cv2.FONT_HERSHEY_PLAIN, 1.3 * scale,
                        (255, 255, 255), max(1, round(scale)))  # fmt: skip
        made.append(picture)
    return made


def _noisy(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Far too much gain: coloured grain that grows with the light, coarse after compression; or snow."""
    fresh = chance.spawn(1)[0]
    if chance.random() < 0.35:
        picture = frame.copy()
        snow = fresh.random(frame.shape[:2])
        share = (0.02, 0.05, 0.12)[severity]
        picture[snow < share / 2], picture[snow > 1 - share / 2] = 10, 245
        return picture
    grain = cv2.GaussianBlur(fresh.normal(0, 1, frame.shape).astype(np.float32), (0, 0), 0.6)
    grain /= grain.std()
    return as_uint8(frame + grain * (13, 22, 38)[severity] * (0.7 + 0.6 * frame / 255))


def _striped(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Hum that moves through the picture, or columns of a failing sensor that alternate in brightness."""
    height, width = frame.shape[:2]
    size = (10, 19, 36)[severity]
    if chance.random() < 0.5:
        bars = np.sin(2 * np.pi * (chance.uniform(5, 14) * np.arange(height) / height + chance.spawn(1)[0].random()))
        return as_uint8(frame + size * np.tanh(2 * bars)[:, None, None])
    period = chance.uniform(6, 24) * width / 640
    teeth = ((np.arange(width) / period) % 1 < 0.5) * 2.0 - 1
    return as_uint8(frame * (1 + size / 160 * teeth)[None, :, None])


def _colour_cast(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Infrared light in every channel by day, which turns green to pink; or one weak channel."""
    strength = (0.3, 0.5, 0.8)[severity]
    picture = frame.astype(np.float32)
    if chance.random() < 0.5:
        pink = picture * np.array([1.05, 0.62, 1.25]) + np.array([12, 0, 25])
        return as_uint8(picture * (1 - strength) + pink * strength)
    weak = int(chance.integers(3))
    picture[..., weak] *= 1 - 0.75 * strength
    return as_uint8(picture)


def _colourless(frame: Frame, severity: int, _chance: np.random.Generator) -> Frame:
    """Night mode by day: grey and a little flatter; or chroma that is nearly lost."""
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
    kept = (0.18, 0.08, 0.0)[severity]
    return as_uint8((gray + kept * (frame - gray)) * 0.95 + 5)


def _corrupted(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Lost slices as a decoder shows them: block rows shifted, coloured by stray residuals, or grey to the edge."""
    height, width = frame.shape[:2]
    picture = frame.astype(np.float32)
    block = 16 * max(1, round(width / 640))
    rows, columns = height // block, width // block
    spoiled, wanted = 0, (0.07, 0.2, 0.5)[severity] * rows * columns
    style = chance.integers(3)
    while spoiled < wanted:
        row, first = int(chance.integers(rows)), int(chance.integers(columns))
        strip = slice(row * block, (row + 1) * block), slice(first * block, None)
        if style == 0:
            picture[strip] = np.roll(picture[strip], int(chance.integers(1, 6)) * block, axis=1)
            picture[strip] += np.array(chance.normal(0, 25, 3))
        elif style == 1:
            for column in range(first, columns):
                place = slice(row * block, (row + 1) * block), slice(column * block, (column + 1) * block)
                waves = np.cos(np.pi * (np.arange(block) + 0.5) / block * int(chance.integers(0, 6)))
                tile = waves[:, None, None] if chance.random() < 0.5 else waves[None, :, None]
                picture[place] += tile * chance.normal(0, 45) + chance.normal(0, 30, 3)
        else:
            picture[strip] = 128
        spoiled += columns - first
    return as_uint8(picture)


def _rolling(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """No vertical hold: the picture rolls up at an even pace, with the dark gap between two pictures."""
    speed, start = (0.05, 0.12, 0.3)[severity], chance.uniform(0.2, 0.8)
    made = []
    for number, frame in enumerate(frames):
        picture = cut(frame)
        gap = max(3, picture.shape[0] // 20)
        tall = np.concatenate([picture, np.full((gap, *picture.shape[1:]), 16, np.uint8)])
        by = int((start + speed * number) % 1 * tall.shape[0])
        made.append(np.roll(tall, -by, axis=0)[: picture.shape[0]])
    return made


def _shaking(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """A mast in the wind: mostly sideways, with a little turning."""
    size = (0.008, 0.016, 0.032)[severity]
    made = []
    for number, frame in enumerate(frames):
        phase = 2.4 * number + chance.uniform(-0.3, 0.3)
        across, down = size * np.sin(phase), 0.35 * size * np.cos(1.7 * phase)
        made.append(cut(frame, (float(across), float(down)), float(40 * size * np.sin(phase + 0.4))))
    return made


OTHER_FAULTS: dict[str, Maker] = {
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
