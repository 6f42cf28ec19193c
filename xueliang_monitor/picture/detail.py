"""What of a view's detail is gone: in patches all over it, as by dirt, or in one region, as behind a cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Mask, Measures, Plane
    from xueliang_monitor.picture.reference import Light

_FOREIGN, _FOREIGN_LIGHTNESS, _OTHER_LIGHTNESS = 0.28, 1.0, 0.3
"""Distances in natural logarithms of ratios: of colour, of lightness together with it, of lightness alone."""

_SMOOTH, _GRAIN_DETAIL = 1.6, 1.0
"""Detail in levels below which a cell is smooth, and what of it may be grain."""

_MOST_LEFT, _SOME_LEFT, _PROVEN = 0.4, 0.1, 0.3
"""What a veil leaves of the detail in its region, and in levels a cell; the share of it that must be proven."""

_SOME_THERE = 0.25
_LASTING, _LOST, _WEIGHED = 0.25, 0.5, 4.0
"""Of its detail, what a cell always keeps if it counts; of that, what is a loss; levels that weigh the most."""

_THIRDS = ((11, 19), (18, 12), (9, 23), (14, 15))
"""Rows and columns of windows that take about a third of the view."""


@dataclass(frozen=True, slots=True)
class Detail:
    """Detail by cell, shape (18, 32): now and usually in levels, what is kept of it, and where there is some to lose.

    `kept` makes up for what is darker there than it was, and for what is softer everywhere.
    """

    now: Plane
    usual: Plane
    kept: Plane
    light: Plane
    textured: Mask


def detail_of(measures: Measures, near: Sequence[Light], light: Plane, scene: Mask) -> Detail:
    """Return a frame's detail beside that of the near lights.

    `light` is how light each cell is over what it was, at most 1; `scene` leaves out where text is burned in.
    """
    usual = np.median([each.fine_plane() for each in near], axis=0)
    textured = (usual > max(1.0, 0.5 * float(np.median(usual)))) & scene
    kept = measures.fine / (usual + 1e-3)
    share = min(1.0, max(float(np.percentile(kept[textured], 70)), 0.3)) if textured.any() else 1.0
    return Detail(measures.fine, usual, kept / (share * light), light, textured)


def seen(detail: Detail, same: Mask) -> Mask:
    """Return the cells that surely still show the scene; none where those few may be so by chance."""
    there = same & detail.textured
    return there if there.sum() > _SOME_THERE * detail.textured.sum() else np.zeros_like(same)


def lost(detail: Detail, least: Plane) -> dict[str, float]:
    """Return how much of the detail is lost; `least` is what each cell has kept on healthy looks."""
    textured = detail.textured
    if not textured.any():
        return {"detail_kept_best": 1.0, "detail_left": 1.0, "lost_apart": 0.0, "detailed": 0.0}
    had, has = _beyond_grain(detail.usual[textured]).sum(), _beyond_grain(detail.now[textured]).sum()
    lasting = textured & (least > _LASTING)
    gone = lasting & (detail.kept < _LOST * least)
    return {
        "detail_kept_best": float(np.percentile(detail.now[textured] / (detail.usual[textured] + 1e-3), 80)),
        "detail_left": float(has / (had + 1e-3)),
        "lost_apart": _apart(gone, np.where(lasting, np.minimum(detail.usual, _WEIGHED), 0.0)),
        "detailed": float(textured.mean()),
    }


def _beyond_grain(detail: Plane) -> Plane:
    return np.asarray(np.maximum(detail - _GRAIN_DETAIL, 0), dtype=np.float32)


def _apart(gone: Mask, weights: Plane) -> float:
    """Return the weighted share of what is gone outside a third of the view, that which leaves least outside.

    A vehicle stands in one place, dirt lies all over.
    """
    all_gone, everything = cv2.integral(np.where(gone, weights, 0.0)), cv2.integral(weights)
    least = 1.0
    for height, width in _THIRDS:
        here, there = (
            each[height:, width:] - each[:-height, width:] - each[height:, :-width] + each[:-height, :-width]
            for each in (all_gone, everything)
        )
        outside = everything[-1, -1] - there
        enough = outside > 0.25 * everything[-1, -1]
        if enough.any():
            least = min(least, float(((all_gone[-1, -1] - here)[enough] / outside[enough]).min()))
    return least if everything[-1, -1] else 0.0


def veiled(detail: Detail, same: Mask, strange: tuple[Mask, Mask]) -> float:
    """Return the share of the view in the largest region that shows nothing of the scene.

    Its pattern is gone, or it is smooth and of a foreign colour; where there was never a pattern, of a foreign
    lightness, beside what is gone. Where there was detail to see, most of it must be gone. `same` are the cells whose
    pattern fits a near light, `strange` those that `foreign` returns.
    """
    other_colour, other_lightness = strange
    smooth = detail.now < _SMOOTH
    gone = detail.textured & ~same & (detail.now < 0.35 * detail.light * detail.usual)
    proven = gone | other_colour & smooth
    lost = proven | ~detail.textured & other_lightness & smooth
    joined = cv2.morphologyEx(lost.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, regions, sizes, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    had, has = _beyond_grain(detail.usual), _beyond_grain(detail.now)
    best = 0
    for number in range(1, count):
        region, size = regions == number, int(sizes[number, cv2.CC_STAT_AREA])
        little_left = has[region].sum() <= _MOST_LEFT * had[region].sum() + _SOME_LEFT * size
        if little_left and proven[region].sum() >= _PROVEN * size:
            best = max(best, size)
    return best / lost.size


def foreign(thumb: Plane, near: Sequence[Light], seen: Mask) -> tuple[Mask, Mask]:
    """Return the cells whose colour is that of none of the near lights, and those whose lightness alone is not.

    What tints or dims the whole is taken out, as `seen` shows it: where the scene is still the same.
    """
    cells = seen.shape[1], seen.shape[0]

    def logs(plane: Plane) -> tuple[Plane, Plane]:
        channels = np.log(cv2.resize(plane, cells, interpolation=cv2.INTER_AREA) + 8)
        ratios = np.stack([channels[..., 2] - channels[..., 1], channels[..., 0] - channels[..., 1]], axis=2)
        return ratios, channels.mean(axis=2)

    colour, lightness = logs(thumb)
    nearest, lightest = np.full(seen.shape, np.inf, np.float32), np.full(seen.shape, np.inf, np.float32)
    known = bool(seen.any())
    for light in near:
        usual_colour, usual_lightness = logs(light.thumb_plane())
        off, apart = colour - usual_colour, lightness - usual_lightness
        if known:
            off, apart = off - np.median(off[seen], axis=0), apart - np.median(apart[seen])
        nearest = np.minimum(nearest, np.hypot(off[..., 0], off[..., 1]))
        lightest = np.minimum(lightest, np.abs(apart))
    apart = np.hypot(nearest / _FOREIGN, lightest / _FOREIGN_LIGHTNESS)
    return np.asarray(apart > 1, dtype=np.bool_), np.asarray(lightest > _OTHER_LIGHTNESS, dtype=np.bool_)
