"""Compares a frame with its camera's past: what is lost, what stands before it, where it moved, its colour."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.comparison import Colours, Comparison
from xueliang_monitor.picture.detail import detail_of, foreign, hidden, lost, moving, seen, spots, veiled
from xueliang_monitor.picture.reference import Light, Reference, distance, grey, small_thumb

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Mask, Measures, Plane

NEAREST = 4
_ROWS, _COLUMNS, _SIDE = 9, 16, 10
_TEXTURED = 5.0
_SHARP = 5.0
_STEADY = 1.2
_OTHER_LIGHT = 1.5
_MOST_TEXT = 0.10
_STILL_THERE = 0.35
_LOOK_FOR_MOVE_BELOW = 0.75
_FAINT = 0.004
_TURNS = (0.0, -2.5, 2.5, -5.0, 5.0, -8.0, 8.0, -12.0, 12.0)


class _Shapes(NamedTuple):
    """Contrast and spread of luma over the lights' own, and how light and dark are laid out."""

    contrast_kept: float
    spread_kept: float
    layout: float


class _Move(NamedTuple):
    """A shift as a share of the width, a turn in degrees, by how much gradients correlate better so, and how well."""

    shift: float = 0.0
    turn: float = 0.0
    gain: float = 0.0
    fit: float = 0.0


def compare(measures: Measures, reference: Reference | None) -> Comparison | None:
    """Return how a frame compares with its camera's past; None without one."""
    if reference is None or not reference.lights:
        return None
    thumb = small_thumb(measures)
    thumbs = [light.thumb_plane() for light in reference.lights]
    order = sorted(range(len(thumbs)), key=lambda place: distance(thumb, thumbs[place]))
    near = [reference.lights[place] for place in order[:NEAREST]]
    near_thumbs = [thumbs[place] for place in order[:NEAREST]]
    planes = [light.structure_plane() for light in near]
    structure = measures.structure.astype(np.float32)
    lettered = lettering(reference.lights)
    gradients, past = _gradients(structure, lettered), [_gradients(plane, lettered) for plane in planes]
    kept = max(_correlation(gradients, each) for each in past)
    fit, patterned = _compare_blocks(structure, planes)
    light = _on_cells(_relative_light(structure, planes), measures)
    same = _on_cells(fit, measures) > _STILL_THERE
    detail = detail_of(measures, near, light, ~lettered)
    motion = measures.motion
    still = ~lettered if motion is None else ~lettered & ~moving(measures.thumb, motion.thumbs)
    most = measures.fine if motion is None else np.maximum(measures.fine, motion.fine)
    strange = foreign(thumb, near_thumbs, seen(detail, same))
    loss = lost(detail, reference.least_detail(), most)
    shapes, move = _shapes(thumb, near_thumbs), _move(gradients, past, kept)
    banding, banding_pure = _banding(structure, planes)
    return Comparison(
        kept=kept,
        textured=float(patterned.mean()),
        contrast_kept=shapes.contrast_kept,
        detail_kept_best=loss.kept_best,
        detail_left=loss.left,
        lost_apart=loss.apart,
        detailed=loss.detailed,
        veiled=veiled(detail, same, strange),
        hidden=hidden(same, strange[0]),
        spots=spots(thumb, near_thumbs, still),
        still=float(still.mean()),
        banding=banding,
        banding_pure=banding_pure,
        spread_kept=shapes.spread_kept,
        layout=shapes.layout,
        moved=move.shift,
        turned=move.turn,
        moved_gain=move.gain,
        moved_fit=move.fit,
        colours=_colours(thumb, [thumbs[place] for place in order]),
        detail_kept=detail.kept,
    )


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


def _colours(thumb: Plane, thumbs: Sequence[Plane]) -> Colours | None:
    """Return how the colours compare with those of the lights that have some, the nearest first; None without any."""

    def ratios(planes: Plane) -> Plane:
        logs = np.log(planes + 6)
        return np.asarray(logs[..., (2, 0)] - logs[..., 1:2], dtype=np.float32)

    def chroma(plane: Plane) -> float:
        return float((plane.max(axis=2) - plane.min(axis=2)).mean())

    coloured = [past for past in thumbs if not grey(past)]
    if not coloured:
        return None
    off = ratios(thumb) - ratios(np.stack(coloured))  # shape (lights, 27, 48, 2): red and blue over green
    ways = np.median(off.reshape(len(coloured), -1, 2), axis=1)
    sizes = np.hypot(ways[:, 0], ways[:, 1])
    least = int(sizes.argmin())
    cast = float(sizes[least])
    along = (off[least] * ways[least]).sum(axis=2) / (cast * cast + 1e-6)
    usual = float(np.median([chroma(past) for past in coloured[:NEAREST]]))
    return Colours(
        cast=cast,
        cast_even=float(np.percentile(along, 20)),
        chroma_kept=chroma(thumb) / (usual + 0.5),
        chroma_usual=usual,
        grey=grey(thumb),
        like_grey=grey(thumbs[0]),
    )


def _shapes(thumb: Plane, near: Sequence[Plane]) -> _Shapes:
    def shapes(luma: Plane) -> tuple[Plane, float]:
        """Return light and dark without lamps and lettering, and how far they are apart."""
        dark, light, lamps = np.percentile(luma, (8, 92, 95))
        return np.asarray(np.minimum(luma, lamps), dtype=np.float32), float(light - dark)

    luma, lumas = thumb.mean(axis=2), [past.mean(axis=2) for past in near]
    (laid_out, spread), usually = shapes(luma), [shapes(past) for past in lumas]
    contrast = float(np.median([past.std() for past in lumas]))
    return _Shapes(
        contrast_kept=float(luma.std()) / (contrast + 0.5),
        spread_kept=spread / (float(np.median([each for _, each in usually])) + 0.5),
        layout=max(_correlation(laid_out, past) for past, _ in usually),
    )


def _banding(structure: Plane, planes: Sequence[Plane]) -> tuple[float, float]:
    """Return the strongest even wave of rows or columns that the past does not show, by its share of the light.

    And how far it stands out from those beside it.
    """
    now, found = np.log(structure + 8), []
    for then in planes:
        off = now - np.log(then + 8)
        found.append(max(_wave(off), _wave(np.ascontiguousarray(off.T))))
    return min(found)


def _wave(off: Plane) -> tuple[float, float]:
    """Return the strongest wave down a plane that goes all across, and how far it stands out from those beside it."""
    lines = np.median(cv2.resize(off, (6, len(off)), interpolation=cv2.INTER_AREA), axis=1)
    waves = np.abs(np.fft.rfft(_bent(len(lines)) @ lines * np.hanning(len(lines)))) * 4 / len(lines)
    place = 3 + int(waves[3:].argmax())
    beside = np.concatenate([waves[2 : max(2, place - 1)], waves[place + 2 : place + 12]])
    return float(waves[place]), float(waves[place] / (np.median(beside) + _FAINT))


@functools.lru_cache(maxsize=2)
def _bent(length: int) -> Plane:
    """Return the matrix that takes a parabola out of as many values."""
    powers = np.vander(np.linspace(-1, 1, length), 3)
    return np.asarray(np.eye(length) - powers @ np.linalg.pinv(powers), dtype=np.float32)


def _relative_light(structure: Plane, planes: Sequence[Plane]) -> Plane:
    """Return by block how light it is over what it was, at most 1, shape (9, 16)."""
    usual = np.median([_blocks(plane).mean(axis=2) for plane in planes], axis=0)
    return np.asarray(np.clip((_blocks(structure).mean(axis=2) + 4) / (usual + 4), 0.3, 1.0), dtype=np.float32)


def _move(gradients: Plane, past: Sequence[Plane], kept: float) -> _Move:
    """Look for a shift and a turn that bring the gradients together again (phase correlation, then a proof)."""
    best = _Move()
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
            if fit > best.fit:
                best = _Move(math.hypot(x, y) / width, abs(turn), fit - kept, fit)
    return best
