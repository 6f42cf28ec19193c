"""What of a view's detail is gone: in patches all over it, as by dirt, or in one region, as behind a cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.measures import CELLS
from xueliang_monitor.picture.reference import grey

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Mask, Measures, Plane
    from xueliang_monitor.picture.reference import Light

_FOREIGN, _FOREIGN_LIGHTNESS, _OTHER_LIGHTNESS = 0.28, 1.0, 0.3
"""Distances in natural logarithms of ratios: of colour, of lightness together with it, of lightness alone."""

_SMOOTH, _GRAIN_DETAIL = 1.6, 1.0
"""Detail in levels below which a cell is smooth, and what of it may be grain."""

_MOST_LEFT, _SOME_LEFT, _PROVEN = 0.4, 0.1, 0.3
"""What a veil leaves of the detail in its region, and in levels a cell; the share of it that must be proven."""

_CHANGED = 6.0
"""Levels by which a cell's colour changes where something moves."""

_SOME_THERE = 0.25
_LASTING, _LOST, _WEIGHED = 0.25, 0.5, 4.0
"""Of its detail, what a cell always keeps if it counts; of that, what is a loss; levels that weigh the most."""

_SPOT, _SPOT_COLOUR, _SPOT_GREY = 0.18, 1.3, 0.6
"""How far a patch is off in natural logarithms of lightness, and how much colour weighs; the share of the usual colour
below which the picture is grey."""

_DARK, _SPOT_DARK = 8, 12
"""Levels added before logarithms are taken, as what is darker tells little of colour; for patches, of lightness too."""

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


class Loss(NamedTuple):
    """What is lost of the detail, as `Comparison` names it.

    `kept_best` is where most is kept, `left` what is left in all, `apart` what is lost all over the view, `detailed`
    the share of the view that has detail to lose.
    """

    kept_best: float = 1.0
    left: float = 1.0
    apart: float = 0.0
    detailed: float = 0.0


def lost(detail: Detail, least: Plane, most: Plane) -> Loss:
    """Return how much of the detail is lost; `least` is what each cell has kept on healthy looks.

    What lies before the lens stays where it is: what a cell shows at `most` in any frame of a burst is not lost there.
    """
    textured = detail.textured
    if not textured.any():
        return Loss()
    had, has = _beyond_grain(detail.usual[textured]).sum(), _beyond_grain(detail.now[textured]).sum()
    lasting = textured & (least > _LASTING)
    kept = detail.kept * (most + 1e-3) / (detail.now + 1e-3)
    gone = lasting & (kept < _LOST * least)
    weights = np.where(lasting, np.minimum(detail.usual, _WEIGHED), 0.0)
    return Loss(
        kept_best=float(np.percentile(detail.now[textured] / (detail.usual[textured] + 1e-3), 80)),
        left=float(has / (had + 1e-3)),
        apart=_apart(gone, weights),
        detailed=float(textured.mean()),
    )


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


def spots(thumb: Plane, near: Sequence[Plane], still: Mask) -> float:
    """Return the share of the view in small patches of a colour or lightness of their own that no near light has there.

    Outside that third of the view where they are most, and of the `still` cells alone. A shadow is larger, and a
    picture that turned grey, or is known in grey alone, has other colours everywhere: neither is told here.
    """
    now, least = _logs(thumb, _SPOT_DARK), np.full(still.shape, np.inf, np.float32)
    coloured = [past for past, told in zip(near, _tell_colour(thumb, near), strict=True) if told]
    for then in (_logs(past, _SPOT_DARK) for past in coloured or near):
        off = np.abs(now - then - cv2.medianBlur(now - then, 5))
        weight = _SPOT_COLOUR if coloured and _colour(now) > _SPOT_GREY * _colour(then) else 0.0
        least = np.minimum(least, np.maximum(weight * np.hypot(off[..., 0], off[..., 1]), off[..., 2]))
    return _apart((least > _SPOT) & still, still.astype(np.float64))


def moving(thumb: Gray, others: Sequence[Gray]) -> Mask:
    """Return the cells whose colour changes within a burst, and those beside them, shape (18, 32)."""
    changes = np.max([cv2.absdiff(thumb, other).max(axis=2) for other in others], axis=0).astype(np.float32)
    changed = cv2.resize(changes, CELLS, interpolation=cv2.INTER_AREA) > _CHANGED
    return np.asarray(cv2.dilate(changed.astype(np.uint8), np.ones((3, 3), np.uint8)), dtype=np.bool_)


def _logs(thumb: Plane, dark: int) -> Plane:
    """Return red and blue over green, and lightness, in natural logarithms, shape (18, 32, 3)."""
    channels = np.log(cv2.resize(thumb, CELLS, interpolation=cv2.INTER_AREA) + dark)
    ways = (channels[..., 2] - channels[..., 1], channels[..., 0] - channels[..., 1], channels.mean(axis=2))
    return np.asarray(np.stack(ways, axis=2), dtype=np.float32)


def _tell_colour(thumb: Plane, near: Sequence[Plane]) -> list[bool]:
    """Return of each near light whether a picture's colours can be judged by it: where both have some."""
    has_colour = not grey(thumb)
    return [has_colour and not grey(past) for past in near]


def _colour(logs: Plane) -> float:
    return float(np.hypot(logs[..., 0], logs[..., 1]).mean()) + 0.01


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
    regions, sizes = _regions(lost)
    had, has = _beyond_grain(detail.usual), _beyond_grain(detail.now)
    best = 0
    for number, size in enumerate(sizes, 1):
        region = regions == number
        little_left = has[region].sum() <= _MOST_LEFT * had[region].sum() + _SOME_LEFT * size
        if little_left and proven[region].sum() >= _PROVEN * size:
            best = max(best, size)
    return best / lost.size


def _regions(cells: Mask) -> tuple[Plane, list[int]]:
    """Return the number of each cell's region, from 1 on, gaps of a cell closed; and how many cells each has."""
    joined = cv2.morphologyEx(cells.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, regions, told, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    return np.asarray(regions), [int(size) for size in told[1:, cv2.CC_STAT_AREA]]


def hidden(same: Mask, other_colour: Mask) -> float:
    """Return the share of the view in the largest region of a foreign colour in which nothing fits a near light."""
    _, sizes = _regions(~same & other_colour)
    return max(sizes, default=0) / same.size


def foreign(thumb: Plane, near: Sequence[Plane], seen: Mask) -> tuple[Mask, Mask]:
    """Return the cells whose colour is that of none of the near lights, and those whose lightness alone is not.

    What tints or dims the whole is taken out, as `seen` shows it: where the scene is still the same. In infrared light
    all of it is grey, and nothing foreign for that.
    """
    now, coloured = _logs(thumb, _DARK), _tell_colour(thumb, near)
    lightest = np.full(seen.shape, np.inf, np.float32)
    nearest = np.full(seen.shape, np.inf if any(coloured) else 0.0, np.float32)
    known = bool(seen.any())
    for past, told in zip(near, coloured, strict=True):
        off = now - _logs(past, _DARK)
        if known:
            off = off - np.median(off[seen], axis=0)
        if told:
            nearest = np.minimum(nearest, np.hypot(off[..., 0], off[..., 1]))
        lightest = np.minimum(lightest, np.abs(off[..., 2]))
    apart = np.hypot(nearest / _FOREIGN, lightest / _FOREIGN_LIGHTNESS)
    return np.asarray(apart > 1, dtype=np.bool_), np.asarray(lightest > _OTHER_LIGHTNESS, dtype=np.bool_)
