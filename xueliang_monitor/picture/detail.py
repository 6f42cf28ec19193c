"""Measures how much of a view's detail is lost, and whether the loss is scattered all over the view, as by dirt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.planes import detail_of_light

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Mask, Measures, Plane
    from xueliang_monitor.picture.reference import Light

_TEXTURED_LEVELS, _TEXTURED_SHARE = 1.0, 0.5
"""A cell is textured above both: this detail, and this share of the median detail. Chosen by hand."""

_SOFT_PERCENT, _LEAST_SHARE = 70, 0.3
"""Percentile of the kept detail by which general softness is undone, and the smallest share. Chosen by hand."""

_BEST_PERCENT = 80
"""Percentile of the textured cells that gives the best detail. Chosen by hand."""

_DIVISOR = 1e-3
"""Levels added to a detail before it divides, so that a flat cell gives a finite ratio."""

_GRAIN_LEVELS = 1.0
"""Detail that may be grain."""

_SCENE_SHARE = 0.25
"""Share of the textured cells that must show the scene: fewer may do so by chance. Chosen by hand."""

_LASTING, _LOST = 0.25, 0.5
"""A cell counts if it always keeps this share of its detail; below this share of that, it has lost it."""

_MOST_WEIGHT_LEVELS = 4.0
"""Detail from which a cell weighs no more."""

_THIRDS = ((11, 19), (18, 12), (9, 23), (14, 15))
"""Rows and columns of windows that take about a third of the view."""

_LEAST_OUTSIDE = 0.25
"""Share of the weight that must lie outside such a window. Chosen by hand."""


@dataclass(frozen=True, slots=True)
class Detail:
    """Detail by cell, each of shape (18, 32)."""

    now: Plane
    """Detail of the frame in levels."""

    usual: Plane
    """Usual detail in levels."""

    kept: Plane
    """Share of the usual detail that is kept, corrected for darker cells and for general softness."""

    light: Plane
    """Brightness over the usual one, at most 1."""

    textured: Mask
    """Cells with detail to lose."""


class Loss(NamedTuple):
    """How much detail is lost, as `Comparison` names it."""

    best_ratio: float = 1.0
    remaining_ratio: float = 1.0
    scattered_ratio: float = 0.0
    detailed_ratio: float = 0.0


def detail_of(measures: Measures, near: Sequence[Light], light: Plane, scene: Mask) -> Detail:
    """Return a frame's detail beside that of the near lights.

    `light` is the brightness of each cell over its usual one, at most 1; `scene` are the cells without text.
    """
    now = measures.cell_detail
    usual = np.median([detail_of_light(each) for each in near], axis=0)
    textured = (usual > max(_TEXTURED_LEVELS, _TEXTURED_SHARE * float(np.median(usual)))) & scene
    kept = now / (usual + _DIVISOR)
    soft = float(np.percentile(kept[textured], _SOFT_PERCENT)) if textured.any() else 1.0
    share = min(1.0, max(soft, _LEAST_SHARE))
    return Detail(now, usual, kept=kept / (share * light), light=light, textured=textured)


def scene_cells(detail: Detail, same: Mask) -> Mask:
    """Return the cells that surely still show the scene; none if so few may do so by chance.

    `same` are the cells whose pattern fits a near light.
    """
    there = same & detail.textured
    return there if there.sum() > _SCENE_SHARE * detail.textured.sum() else np.zeros_like(same)


def measure_loss(detail: Detail, least: Plane, most: Plane) -> Loss:
    """Return how much of the detail is lost.

    `least` is the smallest share that each cell has kept on healthy looks. `most` is the most detail that each cell
    shows in any frame of a burst: dirt stays in place, so a cell that shows its detail in one frame has not lost it.
    """
    textured = detail.textured
    if not textured.any():
        return Loss()
    had, has = beyond_grain(detail.usual[textured]).sum(), beyond_grain(detail.now[textured]).sum()
    lasting = textured & (least > _LASTING)
    kept = detail.kept * (most + _DIVISOR) / (detail.now + _DIVISOR)
    gone = lasting & (kept < _LOST * least)
    weights = np.where(lasting, np.minimum(detail.usual, _MOST_WEIGHT_LEVELS), 0.0)
    best = np.percentile(detail.now[textured] / (detail.usual[textured] + _DIVISOR), _BEST_PERCENT)
    return Loss(
        best_ratio=float(best),
        remaining_ratio=float(has / (had + _DIVISOR)),
        scattered_ratio=scattered_share(gone, weights),
        detailed_ratio=float(textured.mean()),
    )


def beyond_grain(detail: Plane) -> Plane:
    """Return detail in levels without what grain may make of it."""
    return np.asarray(np.maximum(detail - _GRAIN_LEVELS, 0), dtype=np.float32)


def scattered_share(cells: Mask, weights: Plane) -> float:
    """Return the weighted share of the cells outside that third of the view that leaves the smallest share outside.

    A vehicle stands in one place; dirt lies all over.
    """
    all_cells, everything = cv2.integral(np.where(cells, weights, 0.0)), cv2.integral(weights)
    least = 1.0
    for height, width in _THIRDS:
        here, there = (
            each[height:, width:] - each[:-height, width:] - each[height:, :-width] + each[:-height, :-width]
            for each in (all_cells, everything)
        )
        outside = everything[-1, -1] - there
        enough = outside > _LEAST_OUTSIDE * everything[-1, -1]
        if enough.any():
            least = min(least, float(((all_cells[-1, -1] - here)[enough] / outside[enough]).min()))
    return least if everything[-1, -1] else 0.0
