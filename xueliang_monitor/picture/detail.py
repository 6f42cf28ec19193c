"""Measures how much of a view's detail is lost, and whether the loss is scattered all over the view, as by dirt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.planes import detail_of_light
from xueliang_monitor.picture.scaling import median_of, percentiles, share_of

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Mask, Measures, Plane
    from xueliang_monitor.picture.reference import Light

_TEXTURED_LEVELS, _TEXTURED_SHARE = 1.0, 0.5
"""A cell is textured above both: this detail, and this share of the median detail. Chosen by hand."""

_SOFT_PERCENT, _LEAST_SHARE = 70, 0.3
"""Percentile of the kept detail by which general softness is undone, and the smallest share. Chosen by hand."""

_STRENGTHS, _ENOUGH_CELLS = 4, 24
"""Groups of equally strong cells in which softness is measured, and the cells that this takes: a slow line loses the
weak detail of the whole view first."""

_MOST_SHARPNESS = 2.0
"""Largest factor by which a whole view may be sharper than usual."""

_BEST_PERCENT = 80
"""Percentile of the textured cells that gives the best detail. Chosen by hand."""

_DIVISOR = 1e-3
"""Levels added to a detail before it divides, so that a flat cell gives a finite ratio."""

_GRAIN_LEVELS = 1.0
"""Detail that may be grain."""

_FAINT_LEVELS, _FAINT_PERCENT = (0.5, 2.0), 65
"""Range of the usual detail of cells that a slow line empties first, and the percentile of what they keep.

Dirt takes the detail of up to half of the cells and leaves that of the others. Chosen by hand.
"""

_SCENE_SHARE = 0.25
"""Share of the textured cells that must show the scene: fewer may do so by chance. Chosen by hand."""

_LASTING, _LOST = 0.25, 0.5
"""A cell counts if it always keeps this share of its detail; below this share of that, it has lost it."""

_LEAST_WEIGHT_LEVELS, _MOST_WEIGHT_LEVELS = 2.0, 6.0
"""Detail up to which a cell weighs nothing, since a slow line loses it, and from which it weighs no more."""

_CRISP_PERCENT, _LEAST_FOREIGN, _GRAIN_OF_NOISE = 90, 0.1, 0.7
"""Percentile that gives the sharpest detail, share of the view from which it is read, and detail that noise makes."""

_STRONG_PERCENT, _STRONG_KEPT_PERCENT, _LEFT = 75, 75, 0.12
"""Percentile of the usual detail from which a cell is strong, percentile of the share that such cells keep, and the
share from which a cell is not hidden: slight blur leaves three times as much."""

_ENOUGH_LEFT, _ALL_SEEN = 0.25, 0.8
"""Share of the strong cells that must not be hidden; and share of them that fits the scene where blur took all detail.

A large vehicle hides more. Chosen by hand.
"""

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

    lasting: Plane
    """The smallest share that each cell has kept on healthy looks; 0 where it loses its detail now and then."""

    @property
    def sharpness(self) -> float:
        """How much sharper the whole view is than usual, 1 if it is not."""
        if not self.textured.any():
            return 1.0
        (middle,) = percentiles(self.now[self.textured] / (self.usual[self.textured] + _DIVISOR), 50)
        return min(_MOST_SHARPNESS, max(1.0, middle))

    def gone(self, most: Plane) -> Mask:
        """Return the cells that lost most of the detail that they always keep.

        `most` is the most detail that each cell shows in any frame of a burst: dirt stays in place, so a cell that
        shows its detail in one frame has not lost it.
        """
        kept = self.kept * (most + _DIVISOR) / (self.now + _DIVISOR)
        return np.asarray(self.textured & (self.lasting > 0) & (kept < _LOST * self.lasting), dtype=np.bool_)

    @property
    def usual_levels(self) -> float:
        """Usual detail in levels where there is detail to lose; 0 without any."""
        return percentiles(self.usual[self.textured], 50)[0] if self.textured.any() else 0.0


class Loss(NamedTuple):
    """How much detail is lost, as `Comparison` names it."""

    best_ratio: float = 1.0
    remaining_ratio: float = 1.0
    scattered_ratio: float = 0.0
    detailed_ratio: float = 0.0
    faint_ratio: float = 1.0


def detail_of(measures: Measures, near: Sequence[Light], light: Plane, *, scene: Mask, least: Plane) -> Detail:
    """Return a frame's detail beside that of the near lights.

    `light` is the brightness of each cell over its usual one, at most 1; `scene` are the cells without text; `least`
    is the smallest share of its detail that each cell has kept on healthy looks.
    """
    now = measures.cell_detail
    usual = median_of([detail_of_light(each) for each in near])
    textured = (usual > max(_TEXTURED_LEVELS, _TEXTURED_SHARE * percentiles(usual, 50)[0])) & scene
    kept = _kept(now, usual, textured, light)
    lasting = np.where(least > _LASTING, least, np.float32(0.0))
    return Detail(now, usual, kept=kept, light=light, textured=textured, lasting=lasting)


def _kept(now: Plane, usual: Plane, textured: Mask, light: Plane) -> Plane:
    """Return the share of the usual detail that is kept, corrected for darker cells and for general softness."""
    kept = np.asarray(now / (usual + _DIVISOR), dtype=np.float32)
    return np.asarray(kept / (_general_share(usual, kept, textured) * light), dtype=np.float32)


def _general_share(usual: Plane, kept: Plane, textured: Mask) -> Plane | float:
    """Return the share of its detail that the whole view keeps, for each cell by the strength of its usual detail."""
    if not textured.any():
        return 1.0
    shares, strengths = kept[textured], usual[textured]
    if shares.size < _ENOUGH_CELLS:
        return min(1.0, max(percentiles(shares, _SOFT_PERCENT)[0], _LEAST_SHARE))
    each = shares.size // _STRENGTHS
    order = np.argsort(strengths)[: each * _STRENGTHS].reshape(_STRENGTHS, each)
    soft = np.sort(shares[order], axis=1)[:, each * _SOFT_PERCENT // 100]
    middle = strengths[order][:, each // 2]
    return np.asarray(np.clip(np.interp(usual, middle, soft), _LEAST_SHARE, 1.0), dtype=np.float32)


def scene_cells(detail: Detail, same: Mask) -> Mask:
    """Return the cells that surely still show the scene; none if so few may do so by chance.

    `same` are the cells whose pattern fits a near light.
    """
    there = same & detail.textured
    return there if there.sum() > _SCENE_SHARE * detail.textured.sum() else np.zeros_like(same)


def crisp_share(detail: Detail, same: Mask, scene: Mask, noise_levels: float) -> float:
    """Return the sharpest detail of the cells of `scene` that are not the `same`, over the sharpest usual detail.

    `scene` are the cells without text. Noise is no detail.
    """
    foreign = scene & ~same
    if foreign.sum() < _LEAST_FOREIGN * foreign.size:
        return 0.0
    grain = _GRAIN_OF_NOISE * noise_levels
    usual = percentiles(detail.usual[scene], _CRISP_PERCENT)[0] - grain
    now = percentiles(detail.now[foreign], _CRISP_PERCENT)[0] - grain
    return max(0.0, now) / max(usual, _DIVISOR)


def _faint_share(detail: Detail) -> float:
    """Return the share of the usual detail that most cells with hardly any do not exceed; 1 without such cells."""
    lowest, highest = _FAINT_LEVELS
    faint = (detail.usual > lowest) & (detail.usual < highest)
    if np.count_nonzero(faint) < _ENOUGH_CELLS:
        return 1.0
    return percentiles(detail.now[faint] / detail.usual[faint], _FAINT_PERCENT)[0]


def strong_share(detail: Detail, scene: Mask) -> float | None:
    """Return the share of its usual detail that the strongest part of the view keeps; None if too little is seen of it.

    `scene` are the cells that surely still show the scene. A vehicle hides some of them and leaves the others as they
    are, and a slow line loses the weak detail; blur takes that of every edge.
    """
    if not scene.any():
        return None
    strong = detail.textured & (detail.usual >= percentiles(detail.usual[detail.textured], _STRONG_PERCENT)[0])
    seen = strong & scene
    kept = detail.now[seen] / (detail.usual[seen] + _DIVISOR)
    left = kept[kept >= _LEFT]
    if left.size < _ENOUGH_LEFT * kept.size or not kept.size:
        return 0.0 if seen.sum() >= _ALL_SEEN * strong.sum() else None
    return percentiles(left, _STRONG_KEPT_PERCENT)[0]


def measure_loss(detail: Detail, most: Plane) -> Loss:
    """Return how much of the detail is lost. `most` is the most detail that each cell shows in any frame of a burst."""
    textured = detail.textured
    if not textured.any():
        return Loss()
    had, has = beyond_grain(detail.usual[textured]).sum(), beyond_grain(detail.now[textured]).sum()
    weight = np.clip(detail.usual, _LEAST_WEIGHT_LEVELS, _MOST_WEIGHT_LEVELS) - _LEAST_WEIGHT_LEVELS
    weights = np.where(textured & (detail.lasting > 0), weight, 0.0)
    (best,) = percentiles(detail.now[textured] / (detail.usual[textured] + _DIVISOR), _BEST_PERCENT)
    return Loss(
        best_ratio=float(best),
        remaining_ratio=float(has / (had + _DIVISOR)),
        scattered_ratio=scattered_share(detail.gone(most), weights),
        detailed_ratio=share_of(textured),
        faint_ratio=_faint_share(detail),
    )


def beyond_grain(detail: Plane) -> Plane:
    """Return detail in levels without what grain may make of it."""
    return np.asarray(np.maximum(detail - _GRAIN_LEVELS, 0), dtype=np.float32)


def scattered_share(cells: Mask, weights: Plane) -> float:
    """Return the weighted share of the cells outside that third of the view that leaves the smallest share outside.

    A vehicle stands in one place; dirt lies all over.
    """
    if not cells.any():
        return 0.0
    all_cells, everything = cv2.integral(np.where(cells, weights, 0.0)), cv2.integral(weights)
    lost, total, least = float(all_cells[-1, -1]), float(everything[-1, -1]), 1.0
    if not lost:
        return 0.0
    for height, width in _THIRDS:
        here, there = (
            each[height:, width:] - each[:-height, width:] - each[height:, :-width] + each[:-height, :-width]
            for each in (all_cells, everything)
        )
        outside = total - there
        enough = outside > _LEAST_OUTSIDE * total
        if enough.any():
            least = min(least, float(((lost - here)[enough] / outside[enough]).min()))
    return least
