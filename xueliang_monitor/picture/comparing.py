"""Compares a frame with its camera's past: what is lost, what hides the view, where it moved, which colour it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.banding import find_banding
from xueliang_monitor.picture.colours import compare_colours
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.detail import detail_of, measure_loss, scene_cells
from xueliang_monitor.picture.planes import detail_of_light, distance, least_detail, small_thumb, structure_of, thumb_of
from xueliang_monitor.picture.reference import Light, Reference
from xueliang_monitor.picture.regions import foreign_cells, hidden_share, veiled_share
from xueliang_monitor.picture.registration import correlation, find_move, gradients
from xueliang_monitor.picture.spots import moving_cells, spots_share

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Mask, Measures, Plane

NEAREST = 4
"""Lights that a frame is compared with: those most like it."""

_ROWS, _COLUMNS, _SIDE = 9, 16, 10
"""Rows and columns of the blocks of the structure, and their side in pixels."""

_TEXTURED_LEVELS = 5.0
"""Standard deviation from which a block has a pattern. Chosen by hand."""

_FIT_OFFSET = 4
"""Squared levels added to a block's variance, so that grain in a flat block fits nothing."""

_STILL_THERE = 0.35
"""Correlation from which a block still shows its pattern. Chosen by hand."""

_SHARP_LEVELS, _STEADY = 5.0, 1.2
"""Text is this sharp in every light, and its detail varies by this factor at most. Chosen by hand."""

_OTHER_LIGHT, _DARK_OFFSET = 1.5, 4
"""Factor by which lights must differ in brightness to find text, and levels added to each brightness."""

_MOST_TEXT = 0.10
"""Largest share of the view that text may take. Chosen by hand."""

_LIGHT_OFFSET, _LEAST_LIGHT = 4, 0.3
"""Levels added before a block's brightness is divided by the usual one, and the smallest ratio."""

_DARK_PERCENT, _LIGHT_PERCENT, _LAMPS_PERCENT = 8, 92, 95
"""Percentiles of luma that give the spread of light, and above which lamps and text are clipped. Chosen by hand."""

_RATIO_OFFSET = 0.5
"""Levels added to a usual contrast before it divides, so that a flat past gives a finite ratio."""


class _Shapes(NamedTuple):
    """Contrast and spread of luma over those of the lights, and the correlation of light and dark areas."""

    contrast_ratio: float
    spread_ratio: float
    layout_correlation: float


def compare(measures: Measures, reference: Reference | None) -> Comparison | None:
    """Return how a frame compares with its camera's past; None without one."""
    if reference is None or not reference.lights:
        return None
    thumb, structure = small_thumb(measures), measures.structure.astype(np.float32)
    lights, thumbs = _nearest_first(thumb, reference.lights)
    near, near_thumbs = lights[:NEAREST], thumbs[:NEAREST]
    planes = [structure_of(light) for light in near]
    text = lettering(reference.lights)
    edges, past = gradients(structure, text), [gradients(plane, text) for plane in planes]
    kept = max(correlation(edges, each) for each in past)
    fit, textured = _compare_blocks(structure, planes)
    same = _on_cells(fit, measures) > _STILL_THERE
    detail = detail_of(measures, near, _on_cells(_relative_light(structure, planes), measures), ~text)
    motion = measures.motion
    still = ~text if motion is None else ~text & ~moving_cells(measures.thumb, motion.thumbs)
    most = measures.cell_detail if motion is None else np.maximum(measures.cell_detail, motion.cell_detail)
    foreign = foreign_cells(thumb, near_thumbs, scene_cells(detail, same))
    loss = measure_loss(detail, least_detail(reference), most)
    shapes, move = _compare_shapes(thumb, near_thumbs), find_move(edges, past, kept)
    banding = find_banding(structure, planes)
    return Comparison(
        edge_correlation=kept,
        textured_ratio=float(textured.mean()),
        contrast_ratio=shapes.contrast_ratio,
        best_detail_ratio=loss.best_ratio,
        remaining_detail_ratio=loss.remaining_ratio,
        scattered_loss_ratio=loss.scattered_ratio,
        detailed_ratio=loss.detailed_ratio,
        veiled_ratio=veiled_share(detail, same, foreign),
        hidden_ratio=hidden_share(same, foreign.colour),
        spots_ratio=spots_share(thumb, near_thumbs, still),
        still_ratio=float(still.mean()),
        banding_ratio=banding.ratio,
        banding_prominence=banding.prominence,
        luma_spread_ratio=shapes.spread_ratio,
        layout_correlation=shapes.layout_correlation,
        shift_ratio=move.shift_ratio,
        turn_degrees=move.turn_degrees,
        shift_gain=move.gain,
        shift_correlation=move.correlation,
        colours=compare_colours(thumb, thumbs, NEAREST),
        cell_detail_ratio=detail.kept,
    )


def _nearest_first(thumb: Plane, lights: Sequence[Light]) -> tuple[list[Light], list[Plane]]:
    """Return the lights and their thumbnails, those most like the frame first."""
    thumbs = [thumb_of(light) for light in lights]
    order = sorted(range(len(thumbs)), key=lambda place: distance(thumb, thumbs[place]))
    return [lights[place] for place in order], [thumbs[place] for place in order]


def lettering(lights: Sequence[Light]) -> Mask:
    """Return the cells with burned-in text, shape (18, 32): those that are equally sharp in every light.

    None are found if only one light is known, or if they would be too much of the view to be text.
    """
    fine = np.stack([detail_of_light(light) for light in lights])
    bright = [float(thumb_of(light).mean()) + _DARK_OFFSET for light in lights]
    steady = (fine.min(axis=0) >= _SHARP_LEVELS) & (fine.max(axis=0) <= _STEADY * fine.min(axis=0))
    if max(bright) < _OTHER_LIGHT * min(bright) or steady.mean() > _MOST_TEXT:
        return np.zeros(fine.shape[1:], np.bool_)
    return np.asarray(cv2.dilate(steady.astype(np.uint8), np.ones((3, 3), np.uint8)), dtype=np.bool_)


def _blocks(plane: Plane) -> Plane:
    return plane.reshape(_ROWS, _SIDE, _COLUMNS, _SIDE).transpose(0, 2, 1, 3).reshape(_ROWS, _COLUMNS, -1)


def _compare_blocks(structure: Plane, planes: Sequence[Plane]) -> tuple[Plane, Mask]:
    """Return how well each block's pattern fits a near light, in [-1, 1], and whether it usually has one.

    Both have shape (9, 16).
    """
    now = _blocks(structure)
    mean, spread = now.mean(axis=2), now.std(axis=2)
    fit, textured = np.full(mean.shape, -1.0, np.float32), np.zeros(mean.shape, np.float32)
    for plane in planes:
        then = _blocks(plane)
        usual, usual_spread = then.mean(axis=2), then.std(axis=2)
        product = ((now - mean[..., None]) * (then - usual[..., None])).mean(axis=2)
        fit = np.maximum(fit, product / (spread * usual_spread + _FIT_OFFSET))
        textured = np.maximum(textured, usual_spread)
    return fit, np.asarray(textured > _TEXTURED_LEVELS, dtype=np.bool_)


def _on_cells(blocks: Plane, measures: Measures) -> Plane:
    """Return a value by block as a value by cell."""
    size = measures.cell_detail.shape[1], measures.cell_detail.shape[0]
    return np.asarray(cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST))


def _relative_light(structure: Plane, planes: Sequence[Plane]) -> Plane:
    """Return the brightness of each block over its usual one, at most 1, shape (9, 16)."""
    usual = np.median([_blocks(plane).mean(axis=2) for plane in planes], axis=0)
    ratio = (_blocks(structure).mean(axis=2) + _LIGHT_OFFSET) / (usual + _LIGHT_OFFSET)
    return np.asarray(np.clip(ratio, _LEAST_LIGHT, 1.0), dtype=np.float32)


def _compare_shapes(thumb: Plane, near: Sequence[Plane]) -> _Shapes:
    def shapes(luma: Plane) -> tuple[Plane, float]:
        """Return luma without lamps and text, and the distance of its dark from its light percentile."""
        dark, light, lamps = np.percentile(luma, (_DARK_PERCENT, _LIGHT_PERCENT, _LAMPS_PERCENT))
        return np.asarray(np.minimum(luma, lamps), dtype=np.float32), float(light - dark)

    luma, lumas = thumb.mean(axis=2), [past.mean(axis=2) for past in near]
    (layout, spread), usual = shapes(luma), [shapes(past) for past in lumas]
    contrast = float(np.median([past.std() for past in lumas]))
    return _Shapes(
        contrast_ratio=float(luma.std()) / (contrast + _RATIO_OFFSET),
        spread_ratio=spread / (float(np.median([each for _, each in usual])) + _RATIO_OFFSET),
        layout_correlation=max(correlation(layout, past) for past, _ in usual),
    )
