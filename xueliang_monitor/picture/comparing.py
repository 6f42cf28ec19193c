"""Compares a frame with its camera's past: what is lost, what stands before it, where it moved, its colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xueliang_monitor.picture.reference import Light, Reference, distance, small_thumb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Measures, Plane

    Mask = NDArray[np.bool_]

NEAREST = 4
_ROWS, _COLUMNS, _SIDE = 9, 16, 10
_TEXTURED = 5.0
_FOREIGN = 0.28
_FOREIGN_LIGHTNESS = 1.0
_OTHER_LIGHTNESS = 0.3
_SMOOTH = 1.6
_GRAIN_DETAIL = 1.0
_MOST_LEFT = 0.4
_SOME_LEFT = 0.1
_PROVEN = 0.3
_SOME_THERE = 0.25
_LASTING = 0.25
_LOST = 0.5
_WEIGHED = 4.0
_THIRDS = ((11, 19), (18, 12), (9, 23), (14, 15))
_SHARP = 5.0
_STEADY = 1.2
_OTHER_LIGHT = 1.5
_MOST_TEXT = 0.10
_STILL_THERE = 0.35
_LOOK_FOR_MOVE_BELOW = 0.75
_TURNS = (0.0, -2.5, 2.5, -5.0, 5.0, -8.0, 8.0, -12.0, 12.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing found, by name, and how much of its usual detail each cell keeps, shape (18, 32)."""

    numbers: Mapping[str, float]
    detail_kept: Plane | None = None


NO_COMPARISON = Comparison({})


def compare(measures: Measures, reference: Reference | None) -> Comparison:
    """Return comparisons by name; none without a past.

    Numbers:
        kept: best correlation of gradients with a light, in [-1, 1].
        textured: share of blocks with structure of their own.
        cast, cast_even: distance of the colour from the nearest light, in natural logarithms of ratios; how much of it
            nearly all of the view shows (20th percentile over the median).
        chroma_kept, contrast_kept: those measures over the lights' own; chroma_usual: the lights' own, in levels.
        detail_kept_best: detail over the lights' own, where most was kept (80th percentile of cells).
        detail_left: the textured cells' detail over their usual detail.
        lost_apart: share of the detail in cells that lost most of it, outside that third of the view where it is most.
        veiled: share of the view in the largest region that shows nothing of the scene: its pattern is gone, or it is
            smooth and of a colour that the scene never had there.
        detailed: share of cells with detail to lose.
        moved, turned, moved_gain, moved_fit: shift as a share of the width, turn in degrees, by how much the gradients
            correlate better so, and how well.

    """
    if reference is None or not reference.lights:
        return NO_COMPARISON
    thumb = small_thumb(measures)
    thumbs = [light.thumb_plane() for light in reference.lights]
    order = sorted(range(len(thumbs)), key=lambda place: distance(thumb, thumbs[place]))[:NEAREST]
    near = [reference.lights[place] for place in order]
    planes = [light.structure_plane() for light in near]
    structure = measures.structure.astype(np.float32)
    lettered = lettering(reference.lights)
    gradients, past = _gradients(structure, lettered), [_gradients(plane, lettered) for plane in planes]
    kept = max(_correlation(gradients, each) for each in past)
    fit, patterned = _compare_blocks(structure, planes)
    light = _on_cells(_relative_light(structure, planes), measures)
    same = _on_cells(fit, measures) > _STILL_THERE
    detail = _detail_of(measures, near, light, ~lettered)
    numbers = {
        "kept": kept,
        "textured": float(patterned.mean()),
        **_colour(thumb, thumbs, [thumbs[place] for place in order]),
        **_lost(detail, reference.least_detail()),
        "veiled": _veiled(detail, same, _foreign(thumb, near, _seen(detail, same))),
        **_move(gradients, past, kept),
    }
    return Comparison(numbers, detail.kept)


def lettering(lights: Sequence[Light]) -> Mask:
    """Return the cells in which burned-in text stands, shape (18, 32): as sharp in every light, whatever happens.

    None are told where only one light is known, or where it would be too much of the view to be text.
    """
    fine = np.stack([light.fine_plane() for light in lights])
    bright = [float(light.thumb_plane().mean()) + 4 for light in lights]
    steady = (fine.min(axis=0) >= _SHARP) & (fine.max(axis=0) <= _STEADY * fine.min(axis=0))
    if max(bright) < _OTHER_LIGHT * min(bright) or steady.mean() > _MOST_TEXT:
        return np.zeros(fine.shape[1:], np.bool_)
    return np.asarray(cv2.dilate(steady.astype(np.uint8), np.ones((3, 3), np.uint8)), dtype=np.bool_)


def _gradients(structure: Plane, lettered: Mask) -> Plane:
    """Return how steep the picture is, 0 where text is burned in: that stays where it is when the camera is turned."""
    smooth = cv2.GaussianBlur(structure, (0, 0), 1.0)
    steep = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    size = steep.shape[1], steep.shape[0]
    steep[cv2.resize(lettered.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0] = 0
    return np.asarray(steep)


def _correlation(one: Plane, other: Plane) -> float:
    one, other = one - one.mean(), other - other.mean()
    norm = math.sqrt(float((one * one).sum()) * float((other * other).sum()))
    return float((one * other).sum()) / norm if norm > 1e-6 else 0.0


def _blocks(plane: Plane) -> Plane:
    return plane.reshape(_ROWS, _SIDE, _COLUMNS, _SIDE).transpose(0, 2, 1, 3).reshape(_ROWS, _COLUMNS, -1)


def _compare_blocks(structure: Plane, planes: Sequence[Plane]) -> tuple[Plane, Mask]:
    """Return how well each block's pattern fits a near light in [-1, 1], and whether it has one; shape (9, 16)."""
    now = _blocks(structure)
    mean, spread = now.mean(axis=2), now.std(axis=2)
    fit, textured = np.full(mean.shape, -1.0, np.float32), np.zeros(mean.shape, np.float32)
    for plane in planes:
        then = _blocks(plane)
        usual, usual_spread = then.mean(axis=2), then.std(axis=2)
        product = ((now - mean[..., None]) * (then - usual[..., None])).mean(axis=2)
        fit = np.maximum(fit, product / (spread * usual_spread + 4))
        textured = np.maximum(textured, usual_spread)
    return fit, np.asarray(textured > _TEXTURED, dtype=np.bool_)


def _on_cells(blocks: Plane, measures: Measures) -> Plane:
    size = measures.fine.shape[1], measures.fine.shape[0]
    return np.asarray(cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST))


def _colour(thumb: Plane, thumbs: Sequence[Plane], near: Sequence[Plane]) -> dict[str, float]:
    def ratios(planes: Plane) -> Plane:
        logs = np.log(planes + 6)
        return np.asarray(logs[..., (2, 0)] - logs[..., 1:2], dtype=np.float32)

    def chroma(plane: Plane) -> float:
        return float((plane.max(axis=2) - plane.min(axis=2)).mean())

    off = ratios(thumb) - ratios(np.stack(thumbs))  # shape (lights, 27, 48, 2): red and blue over green
    ways = np.median(off.reshape(len(thumbs), -1, 2), axis=1)
    sizes = np.hypot(ways[:, 0], ways[:, 1])
    least = int(sizes.argmin())
    cast = float(sizes[least])
    along = (off[least] * ways[least]).sum(axis=2) / (cast * cast + 1e-6)
    usual = float(np.median([chroma(past) for past in near]))
    contrast = float(np.median([past.mean(axis=2).std() for past in near]))
    return {
        "cast": cast,
        "cast_even": float(np.percentile(along, 20)),
        "chroma_kept": chroma(thumb) / (usual + 0.5),
        "chroma_usual": usual,
        "contrast_kept": float(thumb.mean(axis=2).std()) / (contrast + 0.5),
    }


def _relative_light(structure: Plane, planes: Sequence[Plane]) -> Plane:
    """Return by block how light it is over what it was, at most 1, shape (9, 16)."""
    usual = np.median([_blocks(plane).mean(axis=2) for plane in planes], axis=0)
    return np.asarray(np.clip((_blocks(structure).mean(axis=2) + 4) / (usual + 4), 0.3, 1.0), dtype=np.float32)


def _foreign(thumb: Plane, near: Sequence[Light], seen: Mask) -> tuple[Mask, Mask]:
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


@dataclass(frozen=True, slots=True)
class _Detail:
    """Detail by cell, shape (18, 32): now and usually in levels, what is kept of it, and where there is some to lose.

    `kept` makes up for what is darker there than it was, and for what is softer everywhere.
    """

    now: Plane
    usual: Plane
    kept: Plane
    light: Plane
    textured: Mask


def _detail_of(measures: Measures, near: Sequence[Light], light: Plane, scene: Mask) -> _Detail:
    usual = np.median([each.fine_plane() for each in near], axis=0)
    textured = (usual > max(1.0, 0.5 * float(np.median(usual)))) & scene
    kept = measures.fine / (usual + 1e-3)
    share = min(1.0, max(float(np.percentile(kept[textured], 70)), 0.3)) if textured.any() else 1.0
    return _Detail(measures.fine, usual, kept / (share * light), light, textured)


def _seen(detail: _Detail, same: Mask) -> Mask:
    """Return the cells that surely still show the scene; none where those few may be so by chance."""
    seen = same & detail.textured
    return seen if seen.sum() > _SOME_THERE * detail.textured.sum() else np.zeros_like(same)


def _lost(detail: _Detail, least: Plane) -> dict[str, float]:
    """Return how much of the detail is lost; `least` is what each cell has kept on healthy looks."""
    textured = detail.textured
    if not textured.any():
        return {"detail_kept_best": 1.0, "detail_left": 1.0, "lost_apart": 0.0, "detailed": 0.0}
    had, has = _beyond_grain(detail.usual[textured]).sum(), _beyond_grain(detail.now[textured]).sum()
    lasting = textured & (least > _LASTING)
    lost = lasting & (detail.kept < _LOST * least)
    return {
        "detail_kept_best": float(np.percentile(detail.now[textured] / (detail.usual[textured] + 1e-3), 80)),
        "detail_left": float(has / (had + 1e-3)),
        "lost_apart": _apart(lost, np.where(lasting, np.minimum(detail.usual, _WEIGHED), 0.0)),
        "detailed": float(textured.mean()),
    }


def _beyond_grain(detail: Plane) -> Plane:
    return np.asarray(np.maximum(detail - _GRAIN_DETAIL, 0), dtype=np.float32)


def _apart(lost: Mask, weights: Plane) -> float:
    """Return the weighted share of what is lost outside a third of the view, that which leaves least outside.

    A vehicle stands in one place, dirt lies all over.
    """
    all_lost, everything = cv2.integral(np.where(lost, weights, 0.0)), cv2.integral(weights)
    least = 1.0
    for height, width in _THIRDS:
        here, there = (
            each[height:, width:] - each[:-height, width:] - each[height:, :-width] + each[:-height, :-width]
            for each in (all_lost, everything)
        )
        outside = everything[-1, -1] - there
        enough = outside > 0.25 * everything[-1, -1]
        if enough.any():
            least = min(least, float(((all_lost[-1, -1] - here)[enough] / outside[enough]).min()))
    return least if everything[-1, -1] else 0.0


def _veiled(detail: _Detail, same: Mask, foreign: tuple[Mask, Mask]) -> float:
    """Return the share of the view in the largest region that shows nothing of the scene.

    Its pattern is gone, or it is smooth and of a foreign colour; where there was never a pattern, of a foreign
    lightness, beside what is gone. Where there was detail to see, most of it must be gone.
    """
    other_colour, other_lightness = foreign
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


def _move(gradients: Plane, past: Sequence[Plane], kept: float) -> dict[str, float]:
    """Look for a shift and a turn that bring the gradients together again (phase correlation, then a proof)."""
    best = {"moved": 0.0, "turned": 0.0, "moved_gain": 0.0, "moved_fit": 0.0}
    if kept >= _LOOK_FOR_MOVE_BELOW:
        return best
    height, width = gradients.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    centred = gradients - gradients.mean()
    for then in past[:3]:
        for turn in _TURNS:
            turned = then
            if turn:
                way = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0)
                turned = np.asarray(
                    cv2.warpAffine(then, way, (width, height), borderMode=cv2.BORDER_REPLICATE), dtype=np.float32
                )
            (x, y), _ = cv2.phaseCorrelate(turned - turned.mean(), centred.copy(), window)  # OpenCV 5 changes both
            across, down = round(x), round(y)
            if abs(across) > width * 0.4 or abs(down) > height * 0.45:
                continue
            here = gradients[max(0, down) : height + min(0, down), max(0, across) : width + min(0, across)]
            there = turned[max(0, -down) : height + min(0, -down), max(0, -across) : width + min(0, -across)]
            fit = _correlation(here, there)
            if fit > best["moved_fit"]:
                best = {
                    "moved": math.hypot(x, y) / width,
                    "turned": abs(turn),
                    "moved_gain": fit - kept,
                    "moved_fit": fit,
                }
    return best
