"""Measures a frame once, on one working copy that all checks share, and a burst of them against one another."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from xueliang_monitor.picture.measures import CELLS, STRIPE_BANDS, STRUCTURE_SIZE, THUMB_SIZE, Measures, Motion, pure

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Plane

WORK_WIDTH = 480
LEAST_SIDE = 16
"""Pixels in each direction that measuring needs."""

_ROLL_SIZE = (64, 180)
_SAME_LEVELS = 0.06
_WHITE = 243
_FAINT, _FAINTEST = 0.3, 0.02

_ALIKE, _SEEN = (0.7, 1.35), 0.8
"""Lengths, over a slanting wave's own, at which an edge has waves as well; levels that a wave must have."""

_CHANGING, _DRAWN, _GRAIN, _NEARLY_ALL, _WIDE = 0.35, 0.3, 0.05, 0.85, 0.6
"""Levels a pixel by which a cell changes across; the share of that below which it is drawn out, less what grain takes;
shares of the cells to the right end, and of the width, that must be drawn out."""


def measure(frame: NDArray[np.uint8], motion_ratio: float | None = None, motion: Motion | None = None) -> Measures:
    """Measure a BGR frame of shape (height, width, 3), or a grey one of shape (height, width)."""
    colour = working_copy(frame)
    gray = np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    thumb = _shrink(colour, THUMB_SIZE)
    structure = _shrink(gray, STRUCTURE_SIZE)
    fine, middle = _bands(gray)
    numbers = {
        **_exposure(gray),
        **_colours(thumb),
        "uniform": _uniform(thumb),
        "blur": blur_effect(gray),
        "fine": float(fine.mean()),
        "middle": float(middle.mean()),
        "noise": _noise(gray),
        "impulses": _impulses(gray),
        **_stripes(gray),
        **_beat(structure),
        **_damage(colour, gray),
        "grid_steps": _grid_steps(frame),
    }
    return Measures(
        numbers=numbers,
        thumb=thumb,
        structure=structure,
        fine=_cells(fine),
        motion_ratio=motion_ratio,
        motion=motion,
    )


def working_copy(frame: NDArray[np.uint8]) -> Gray:
    """Return the frame at most 480 px wide and at least 16 px in both directions, in BGR."""
    height, width = frame.shape[:2]
    if width > WORK_WIDTH:
        frame = _shrink(frame, (WORK_WIDTH, max(LEAST_SIDE, round(height * WORK_WIDTH / width))))
    elif min(height, width) < LEAST_SIDE:
        size = max(LEAST_SIDE, width), max(LEAST_SIDE, height)
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    if frame.ndim == 2:
        frame = np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    return frame


def _shrink(picture: Gray, size: tuple[int, int]) -> Gray:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _cells(plane: Plane) -> Plane:
    return np.asarray(cv2.resize(plane, CELLS, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _exposure(gray: Gray) -> dict[str, float]:
    counts = np.bincount(gray.ravel(), minlength=256).cumsum() / gray.size
    low, high = (float(np.searchsorted(counts, share)) for share in (0.01, 0.95))
    return {
        "mean": float(gray.mean()),
        "low": low,
        "high": high,
        "white": float(1 - counts[_WHITE - 1]),
    }


def _colours(thumb: Gray) -> dict[str, float]:
    """Mean distance of red and blue from luma, and luma's spread (contrast), on the thumbnail."""
    blue, green, red = (thumb[..., channel].astype(np.float32) for channel in range(3))
    luma = 0.114 * blue + 0.587 * green + 0.299 * red
    return {
        "chroma": float(np.hypot(red - luma, blue - luma).mean()),
        "contrast": float(luma.std()),
    }


def _uniform(thumb: Gray) -> float:
    """Share of the thumbnail within 7 levels of its median colour in each channel."""
    median = np.median(thumb.reshape(-1, 3), axis=0)
    return float(np.all(np.abs(thumb.astype(np.int16) - median) <= 7, axis=2).mean())


def _bands(gray: Gray) -> tuple[Plane, Plane]:
    """Absolute detail of one to two pixels, and of three to six, as differences of boxes."""
    plane = gray.astype(np.float32)
    near, far = cv2.blur(plane, (3, 3)), cv2.blur(plane, (9, 9))
    return np.asarray(cv2.absdiff(plane, near)), np.asarray(cv2.absdiff(near, far))


def blur_effect(gray: Gray) -> float:
    """Return how little a second blurring changes neighbouring differences, in [0, 1] (Crete et al. 2007)."""
    worst = 0.0
    for kernel, across in (((9, 1), True), ((1, 9), False)):
        blurred = cv2.blur(gray, kernel)
        if across:
            sharp, soft = cv2.absdiff(gray[:, 1:], gray[:, :-1]), cv2.absdiff(blurred[:, 1:], blurred[:, :-1])
        else:
            sharp, soft = cv2.absdiff(gray[1:], gray[:-1]), cv2.absdiff(blurred[1:], blurred[:-1])
        total = float(cv2.sumElems(sharp)[0])
        kept = float(cv2.sumElems(cv2.subtract(sharp, soft))[0])
        worst = max(worst, (total - kept) / total if total else 1.0)
    return worst


_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def _noise(gray: Gray) -> float:
    """Standard deviation of noise in levels (Immerkaer 1996), where the picture is smoothest: at 12 % of the cells."""
    cells = _cells(np.abs(cv2.filter2D(gray, cv2.CV_32F, _IMMERKAER)))
    return float(np.percentile(cells, 12) * np.sqrt(np.pi / 2) / 6)


def _impulses(gray: Gray) -> float:
    """Share of pixels that stand 40 levels off the median of their neighbours."""
    return float(np.count_nonzero(cv2.absdiff(gray, cv2.medianBlur(gray, 3)) > 40) / gray.size)


def _stripes(gray: Gray) -> dict[str, float]:
    """Return the strongest even wave of the rows' or columns' means, in levels, in three bands of frequency.

    And by how much it stands out from the waves beside it, as an even wave does and an edge does not. The median over
    six bands across counts, as stripes go through the whole picture.
    """
    found = dict.fromkeys((*STRIPE_BANDS, "lines"), 0.0)
    found.update((pure(name), 0.0) for name in STRIPE_BANDS)
    for plane in (gray, np.ascontiguousarray(gray.T)):
        length = plane.shape[0]
        peaks, single = [], []
        for band in np.array_split(plane.astype(np.float32), 6, axis=1):
            rows = band.mean(axis=1)
            single.append(rows - cv2.blur(rows[:, None], (1, 3))[:, 0])
            rows -= cv2.blur(rows[:, None], (1, max(3, length // 6) | 1))[:, 0]
            peaks.append(np.abs(np.fft.rfft(rows * np.hanning(length))) * 4 / length)
        found["lines"] = max(found["lines"], float(np.abs(np.median(single, axis=0)).mean()))
        spectrum = np.median(peaks, axis=0)
        for name, (first, last) in STRIPE_BANDS.items():
            strongest = float(spectrum[first:last].max(initial=0.0))
            if strongest > found[name]:
                found[name] = strongest
                found[pure(name)] = _stands_out(spectrum, first + int(spectrum[first:last].argmax()))
    return found


@functools.lru_cache(maxsize=1)
def _hann() -> Plane:
    return np.asarray(cv2.createHanningWindow(STRUCTURE_SIZE, cv2.CV_32F))


def _beat(structure: Gray) -> dict[str, float]:
    """Return the strongest even wave that is slanting, in levels, and by how much it stands out from those near it."""
    plane = structure.astype(np.float32)
    spectrum = np.fft.fftshift(np.fft.rfft2((plane - plane.mean()) * _hann()), axes=0)
    waves: Plane = np.asarray(np.abs(spectrum) * (8 / plane.size), dtype=np.float32)
    middle = waves.shape[0] // 2
    waves[middle - 1 : middle + 2] = 0
    waves[:, :2] = 0
    usual = cv2.blur(waves, (17, 17)) + _FAINTEST
    row, column = divmod(int(np.where(waves > _SEEN, waves / usual, 0).argmax()), waves.shape[1])
    # An edge is a row of waves that slant alike, of all lengths.
    alike = [_around(waves, middle + (row - middle) * part, column * part) for part in _ALIKE]
    return {
        "beat": float(waves[row, column]),
        "beat_pure": float(waves[row, column] / max(usual[row, column], *alike)),
    }


def _around(waves: Plane, row: float, column: float) -> float:
    near = waves[max(0, round(row) - 1) : round(row) + 2, max(0, round(column) - 1) : round(column) + 2]
    return float(near.max(initial=0.0))


def _stands_out(spectrum: Plane, place: int) -> float:
    """Return a wave's size over the median of up to ten on each side, without its own slopes."""
    first = next(iter(STRIPE_BANDS.values()))[0]
    beside = np.concatenate([spectrum[max(first, place - 12) : place - 2], spectrum[place + 3 : place + 13]])
    return float(spectrum[place] / (np.median(beside) + _FAINT)) if beside.size else 0.0


def _damage(colour: Gray, gray: Gray) -> dict[str, float]:
    """Share of 8x8 cells that are of one mid grey or green, and share of pixels within patches that repeat a row."""
    rows, columns = gray.shape[0] // 8, gray.shape[1] // 8
    cell, middles = np.ones((8, 8), np.uint8), (slice(4, rows * 8, 8), slice(4, columns * 8, 8))
    flat = cv2.subtract(cv2.dilate(gray, cell)[middles], cv2.erode(gray, cell)[middles]) <= 4
    tint = cv2.resize(
        colour[: rows * 8, : columns * 8].astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA
    )
    green = (tint[..., 1] > tint[..., 0] + 40) & (tint[..., 1] > tint[..., 2] + 40)
    middle = np.abs(tint - 128).max(axis=2) < 7
    steps_across = cv2.absdiff(gray[:, 1:], gray[:, :-1]).astype(np.float32)
    steps_down = cv2.absdiff(gray[1:], gray[:-1]).astype(np.float32)
    across, down = cv2.blur(steps_across, (21, 7)), cv2.blur(steps_down, (21, 7))
    smeared = (across[1:] > 5.0) & (down[:, :-1] < 0.12 * across[1:])
    return {
        "flat_cells": float((flat & (green | middle)).mean()),
        "smeared": float(smeared.mean()),
        "smeared_rows": _smeared_rows(steps_across, steps_down),
    }


def _smeared_rows(steps_across: Plane, steps_down: Plane) -> float:
    """Return the share of the picture in rows drawn out down to the right end, as a decoder shows a lost slice.

    In rows of 16 pixels: from some column on nearly all cells that change across do not change downwards.
    """
    cells = steps_down.shape[1] // 16, steps_across.shape[0] // 16
    across, down = (cv2.resize(steps, cells, interpolation=cv2.INTER_AREA) for steps in (steps_across, steps_down))
    changing = across > _CHANGING
    drawn = changing & (down < _DRAWN * across - _GRAIN)
    to_the_end, of = (np.cumsum(each[:, ::-1], axis=1) for each in (drawn, changing))
    lost = np.where((to_the_end >= _NEARLY_ALL * of) & (to_the_end >= _WIDE * cells[0]), to_the_end, 0)
    return float(lost.max(axis=1).sum() / drawn.size)


def _grid_steps(frame: Gray) -> float:
    """Return by how much steps on the grid of sixteens exceed those on the eights between, over all steps.

    On the full frame, as the grid is the encoder's; blocks of a low bitrate stand on both and cancel out. A frame that
    is smaller than the grid has no steps.
    """
    if min(frame.shape[:2]) < LEAST_SIDE:
        return 0.0
    gray = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if frame.ndim == 3 else frame, dtype=np.uint8)
    worst = 0.0
    for plane, way in ((cv2.absdiff(gray[:, 1:], gray[:, :-1]), 0), (cv2.absdiff(gray[1:], gray[:-1]), 1)):
        profile = cv2.reduce(plane, way, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        lines = np.sort(profile[: len(profile) // 16 * 16].reshape(-1, 16), axis=0)
        usable = lines[: max(1, round(len(lines) * 0.9))].mean(axis=0) if lines.size else lines
        if usable.size:  # without the strongest lines: an edge of the scene may lie on the grid
            between = float(np.median(np.delete(usable, 15)))
            worst = max(worst, (float(usable[15]) - max(float(usable[7]), between)) / (between + 1.5))
    return worst


def measure_motion(frames: Sequence[NDArray[np.uint8]]) -> Motion | None:
    """Measure frames of one burst against one another; None of fewer than two."""
    if len(frames) < 2:
        return None
    copies = [working_copy(frame) for frame in frames]
    grays = [np.asarray(cv2.cvtColor(copy, cv2.COLOR_BGR2GRAY), dtype=np.uint8) for copy in copies]
    pairs = list(pairwise(grays))
    changes = [_cells(cv2.absdiff(before, after).astype(np.float32)) for before, after in pairs]
    shifts = [_shift(before, after) for before, after in pairs]
    path = sum(math.hypot(x, y) for x, y, _, _ in shifts)
    rolls = [_roll(before, after) for before, after in pairs]
    return Motion(
        still=min(float((cells <= _SAME_LEVELS).mean()) for cells in changes),
        shift=float(np.median([math.hypot(x, y) for x, y, _, _ in shifts])),
        drift=math.hypot(sum(x for x, _, _, _ in shifts), sum(y for _, y, _, _ in shifts)) / path if path else 0.0,
        shift_response=float(np.median([response for _, _, response, _ in shifts])),
        shift_gain=float(np.median([gain for _, _, _, gain in shifts])),
        roll=float(np.median([rows for rows, _ in rolls])),
        roll_gain=float(np.median([gain for _, gain in rolls])),
        roll_spread=float(np.ptp([rows for rows, _ in rolls])),
        fine=np.max([_cells(_bands(gray)[0]) for gray in grays[1:]], axis=0),
        thumbs=tuple(_shrink(copy, THUMB_SIZE) for copy in copies[1:]),
    )


def _shift(before: Gray, after: Gray) -> tuple[float, float, float, float]:
    """Return how far across and down a frame moved, in shares of the width, how sure that is, how much it explains."""
    size = (320, 180)
    first, second = (
        cv2.resize(each, size, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (before, after)
    )
    window = cv2.createHanningWindow(size, cv2.CV_32F)
    # OpenCV 5 applies the window to its arguments.
    (x, y), response = cv2.phaseCorrelate(first.copy(), second.copy(), window)
    (more_x, more_y), _ = cv2.phaseCorrelate(_shifted(first, x, y), second.copy(), window)
    inner = slice(20, -20), slice(35, -35)
    still = float(np.abs(first[inner] - second[inner]).mean())
    if still <= 0.2:
        return 0.0, 0.0, float(response), 0.0
    found = []
    for across, down in ((x, y), (x + more_x, y + more_y)):
        left = float(np.abs(_shifted(first, across, down)[inner] - second[inner]).mean())
        found.append((1 - left / still, across / size[0], down / size[0]))
    gain, across, down = max(found)
    return across, down, float(response), gain


def _shifted(plane: Plane, x: float, y: float) -> Plane:
    size = plane.shape[1], plane.shape[0]
    way = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return np.asarray(cv2.warpAffine(plane, way, size, borderMode=cv2.BORDER_REPLICATE))


def _roll(before: Gray, after: Gray) -> tuple[float, float]:
    """Return by what share of its height a frame rolled on, in [-0.5, 0.5], and how much better it fits so."""
    first, second = (
        cv2.resize(each, _ROLL_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (before, after)
    )
    spectrum = np.fft.rfft(first, axis=0).conj() * np.fft.rfft(second, axis=0)
    fit = np.fft.irfft(spectrum, n=_ROLL_SIZE[1], axis=0).sum(axis=1)
    centre = float(first.mean() * second.mean()) * first.size
    norm = float(np.sqrt(first.var() * second.var())) * first.size + 1e-6
    scores = (fit - centre) / norm
    best = int(scores.argmax())
    rows = best if best <= _ROLL_SIZE[1] // 2 else best - _ROLL_SIZE[1]
    return rows / _ROLL_SIZE[1], float(scores[best] - scores[0])
