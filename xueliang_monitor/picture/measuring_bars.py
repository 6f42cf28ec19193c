"""Finds a broad bar that travels through the pictures of a burst, as mains hum shows. Runs in worker processes."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xueliang_monitor.picture.measures import STRUCTURE_SIZE, TravellingBar
from xueliang_monitor.picture.scaling import median_across

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Plane

_PERIODS = (1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5)
"""Bars over the height that are looked for. Less than one is how a passing lorry changes the exposure.

More are found in each picture by themselves (`measuring_stripes`).
"""

_STEPS = 24
"""Shares of a period by which a bar may travel from picture to picture."""

_HARMONICS = (1, 2)
"""Waves of a bar: a sine alone is as broad as the gap beside it, and a bar may be narrower."""

_PARTS = 6
"""Parts across in which the bar is looked for: it crosses the whole picture."""

_FEWEST_FRAMES = 4
"""In three, a vehicle that only one of them shows is explained as well as a bar that travels."""

_LEAST_LEVELS, _LEAST_FIT = 1.0, 0.5
"""Change and fit below which the parts across are not asked: no bar that a check would see has less."""

_WEAK_PART = 1
"""The part across whose fit is read, from the weakest on: a lorry hides a bar in one of six."""

_FAINTER = 0.5
"""Share of the second strongest part's bar below which the second weakest one does not show it."""

_FLAT = 1e-6


def measure_bars(structures: Sequence[Gray]) -> TravellingBar:
    """Return the bar that explains best how the row means of the frames of a burst differ; none for fewer than four.

    A change of exposure changes each row by what it shows, also from left to right. A bar does not: that part of the
    change is taken out first.
    """
    if len(structures) < _FEWEST_FRAMES:
        return TravellingBar()
    changes = _changes(np.stack(structures).astype(np.float32))
    coarse = _centred(median_across(_part_means(changes).reshape(-1, _PARTS)).reshape(changes.shape[:2]))
    _, levels, fit = _best(coarse)
    if levels < _LEAST_LEVELS or fit < _LEAST_FIT:
        return TravellingBar(levels, fit)
    parts = [
        _centred(median_across(part.reshape(-1, part.shape[2])).reshape(part.shape[:2]))
        for part in np.array_split(changes, _PARTS, axis=2)
    ]
    found, levels, fit = _best(_centred(np.median(parts, axis=0)))
    return TravellingBar(levels, fit, _evenness([part.ravel() for part in parts], found))


def _changes(frames: Plane) -> Plane:
    """Return how each frame differs from their mean, without the change of the exposure, in levels."""
    usual = frames.mean(axis=0)
    changes = frames - usual
    across = usual - usual.mean(axis=1, keepdims=True)
    gains = np.tensordot(changes, across, axes=2) / max(float((across * across).sum()), _FLAT)
    return np.asarray(changes - gains[:, None, None] * usual, dtype=np.float32)


def _part_means(changes: Plane) -> Plane:
    """Return the means of each row by part across, shape (frames, rows, 6)."""
    size = _PARTS, changes.shape[1]
    return np.stack([cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in changes])


def _centred(rows: Plane) -> Plane:
    return np.asarray(rows - rows.mean(axis=1, keepdims=True), dtype=np.float32)


def _best(rows: Plane) -> tuple[Plane, float, float]:
    """Return the bar that fits best as changes of the rows, its amplitude in levels, and the share that it explains."""
    values = rows.ravel()
    bases = _ways(len(rows))
    weights = bases @ values
    explained = (weights * weights).sum(axis=1)
    best = int(explained.argmax())
    found = weights[best] @ bases[best]
    total = float(values @ values)
    return found, math.sqrt(2 * float(explained[best]) / values.size), float(explained[best]) / max(total, _FLAT)


@functools.lru_cache(maxsize=4)
def _ways(frames: int) -> Plane:
    """Return orthonormal bases of how rows change with each way in which a bar can travel.

    Shape (ways, 4, frames * rows).
    """
    rows = np.arange(STRUCTURE_SIZE[1]) / STRUCTURE_SIZE[1]
    numbers = np.arange(frames)[:, None]
    bases = []
    for periods in _PERIODS:
        for step in range(1, _STEPS):
            angle = 2 * np.pi * (periods * rows + step / _STEPS * numbers)
            waves = np.stack([wave(times * angle) for times in _HARMONICS for wave in (np.sin, np.cos)])
            waves = waves - waves.mean(axis=1, keepdims=True)
            waves = waves - waves.mean(axis=2, keepdims=True)
            bases.append(np.linalg.qr(waves.reshape(len(waves), -1).T)[0].T)
    return np.asarray(bases, dtype=np.float32)


def _evenness(parts: Sequence[Plane], bar: Plane) -> float:
    """Return how well the second weakest part fits the bar.

    0 if the bar is fainter there by half, as the light of lamps is.
    """
    sizes = sorted(float(part @ bar) for part in parts)
    if sizes[_WEAK_PART] < _FAINTER * sizes[-1 - _WEAK_PART]:
        return 0.0
    norms = [math.sqrt(float(part @ part) * float(bar @ bar)) for part in parts]
    return sorted(float(part @ bar) / max(norm, _FLAT) for part, norm in zip(parts, norms, strict=True))[_WEAK_PART]
