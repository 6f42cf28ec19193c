"""Compares a frame with its camera's past: what is lost, what stands before it, where it moved, its colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
_SMOOTH = 1.6
_MOST = 0.6
_PATCH_CELLS = 3
_SHARP = 5.0
_STEADY = 1.2
_OTHER_LIGHT = 1.5
_MOST_TEXT = 0.10
_STILL_THERE = 0.35
_LOOK_FOR_MOVE_BELOW = 0.75
_TURNS = (0.0, -2.5, 2.5, -5.0, 5.0, -8.0, 8.0, -12.0, 12.0)


def compare(measures: Measures, reference: Reference | None) -> dict[str, float]:
    """Return comparisons by name; none without a past.

    Returns:
        kept: best correlation of gradients with a light, in [-1, 1].
        textured: share of blocks with structure of their own.
        cast, cast_even: distance of the colour from the nearest light, in natural logarithms of ratios; how much of it
            nearly all of the view shows (20th percentile over the median).
        chroma_kept, contrast_kept: those measures over the lights' own; chroma_usual: the lights' own, in levels.
        detail_kept_best: detail over the lights' own, where most was kept (80th percentile of cells).
        spots: share of textured cells that lost most of their detail.
        scattered: that without the largest patch; spread: share of twelve sectors of the view with such cells.
        veiled: share of the view in the largest region that shows nothing of the scene: its pattern is gone, or it is
            smooth and of a colour that the scene never had there.
        detailed: share of cells with detail to lose.
        moved, turned, moved_gain, moved_fit: shift as a share of the width, turn in degrees, by how much the gradients
            correlate better so, and how well.

    """
    if reference is None or not reference.lights:
        return {}
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
    return {
        "kept": kept,
        "textured": float(patterned.mean()),
        **_colour(thumb, thumbs, [thumbs[place] for place in order]),
        **_detail(measures, near, fit, _on_cells(_relative_light(structure, planes), measures), thumb, ~lettered),
        **_move(gradients, past, kept),
    }


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
    def ratios(plane: Plane) -> tuple[Plane, Plane]:
        logs = np.log(plane + 6)
        return logs[..., 2] - logs[..., 1], logs[..., 0] - logs[..., 1]

    def chroma(plane: Plane) -> float:
        return float((plane.max(axis=2) - plane.min(axis=2)).mean())

    red, blue = ratios(thumb)
    casts = []
    for past in thumbs:
        was_red, was_blue = ratios(past)
        across, along = red - was_red, blue - was_blue
        way = float(np.median(across)), float(np.median(along))
        size = math.hypot(*way)
        even = np.percentile((across * way[0] + along * way[1]) / (size * size + 1e-6), 20)
        casts.append((size, float(even)))
    usual = float(np.median([chroma(past) for past in near]))
    contrast = float(np.median([past.mean(axis=2).std() for past in near]))
    return {
        "cast": min(casts)[0],
        "cast_even": min(casts)[1],
        "chroma_kept": chroma(thumb) / (usual + 0.5),
        "chroma_usual": usual,
        "contrast_kept": float(thumb.mean(axis=2).std()) / (contrast + 0.5),
    }


def _relative_light(structure: Plane, planes: Sequence[Plane]) -> Plane:
    """Return by block how light it is over what it was, at most 1, shape (9, 16)."""
    usual = np.median([_blocks(plane).mean(axis=2) for plane in planes], axis=0)
    return np.asarray(np.clip((_blocks(structure).mean(axis=2) + 4) / (usual + 4), 0.3, 1.0), dtype=np.float32)


def _foreign(thumb: Plane, near: Sequence[Light], same: Mask) -> Mask:
    """Return the cells whose colour is that of none of the near lights, once what tints the whole is taken out."""
    cells = same.shape[1], same.shape[0]

    def ratios(plane: Plane) -> Plane:
        logs = np.log(cv2.resize(plane, cells, interpolation=cv2.INTER_AREA) + 8)
        return np.stack([logs[..., 2] - logs[..., 1], logs[..., 0] - logs[..., 1]], axis=2)

    now = ratios(thumb)
    nearest = np.full(same.shape, np.inf, np.float32)
    for light in near:
        off = now - ratios(light.thumb_plane())
        seen = off[same] if same.mean() > 0.1 else off.reshape(-1, 2)
        nearest = np.minimum(nearest, np.hypot(*np.moveaxis(off - np.median(seen, axis=0), 2, 0)))
    return np.asarray(nearest > _FOREIGN, dtype=np.bool_)


def _detail(
    measures: Measures, near: Sequence[Light], fit: Plane, light: Plane, thumb: Plane, scene: Mask
) -> dict[str, float]:
    usual = np.median([light.fine_plane() for light in near], axis=0)
    textured = (usual > max(1.0, 0.5 * float(np.median(usual)))) & scene
    if not textured.any():
        nothing = ("spots", "scattered", "spread", "veiled", "detailed")
        return {"detail_kept_best": 1.0, **dict.fromkeys(nothing, 0.0)}
    kept = measures.fine[textured] / (usual[textured] + 1e-3)
    share = min(1.0, max(float(np.percentile(kept, 70)), 0.3))
    same = _on_cells(fit, measures) > _STILL_THERE
    there = same[textured]  # seen through a drop, the scene is soft but the same
    gone = textured & ~same & (measures.fine < 0.35 * light * usual)
    return {
        "detail_kept_best": float(np.percentile(kept, 80)),
        "veiled": _veiled(
            gone | _foreign(thumb, near, same) & (measures.fine < _SMOOTH), textured, measures.fine < 0.5 * usual
        ),
        "detailed": float(textured.mean()),
        "spots": float(((kept < 0.45 * share) & there | (kept < 0.15 * share)).mean()),
        **_scattered(textured & (measures.fine < 0.5 * share * light * usual), textured),
    }


def _scattered(softer: Mask, textured: Mask) -> dict[str, float]:
    """Return how much of the detail is lost in patches apart, and over how much of the view they lie."""
    count, regions, sizes, _ = cv2.connectedComponentsWithStats(softer.astype(np.uint8), connectivity=8)
    if count < 3:
        return {"scattered": 0.0, "spread": 0.0}
    largest = 1 + int(sizes[1:, cv2.CC_STAT_AREA].argmax())
    apart = softer & (regions != largest)
    sectors = softer.reshape(3, 6, 4, 8).sum(axis=(1, 3))
    return {
        "scattered": float(apart.sum()) / max(1, int(textured.sum())),
        "spread": float((sectors >= _PATCH_CELLS).mean()),
    }


def _veiled(lost: Mask, textured: Mask, softer: Mask) -> float:
    """Return the share of the view in the largest region that lost its pattern, or is smooth and of a foreign colour.

    Where there was detail to see in a region, most of it must be gone.
    """
    joined = cv2.morphologyEx(lost.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, regions, sizes, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    best = 0
    for number in range(1, count):
        detailed = (regions == number) & textured
        if (detailed & softer).sum() >= _MOST * detailed.sum():
            best = max(best, int(sizes[number, cv2.CC_STAT_AREA]))
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
