"""Compares a frame with its camera's past: what is lost, what hides the view, where it moved, which colour it took."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.banding import columns_through, find_banding
from xueliang_monitor.picture.colours import compare_colours
from xueliang_monitor.picture.comparison import Comparison, Haze, OwnPattern
from xueliang_monitor.picture.detail import (
    crisp_share,
    detail_of,
    measure_loss,
    scattered_share,
    scene_cells,
    strong_share,
)
from xueliang_monitor.picture.haze import find_haze
from xueliang_monitor.picture.measures import CELLS
from xueliang_monitor.picture.patterns import Patterns
from xueliang_monitor.picture.planes import (
    brightness,
    detail_of_light,
    distance,
    fixed,
    kept_by_plane,
    least_detail,
    luma,
    previous_structure,
    small_thumb,
    structure_of,
    thumb_of,
)
from xueliang_monitor.picture.reference import Light, Reference
from xueliang_monitor.picture.regions import dimming, foreign_cells, hidden_share, scene_light, veiled_share
from xueliang_monitor.picture.registration import centred_unit, find_move, gradients
from xueliang_monitor.picture.scaling import median_of, share_of
from xueliang_monitor.picture.spots import soiled_cells

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

_HAZY = 0.7
"""Share of the usual detail from which fog is not looked for: it takes more. Chosen by hand."""

_TEXT_ROWS = 4
"""Rows of 27 at the top and at the bottom of a thumbnail where burned-in text stays lit whatever the scene does."""

_EDGES_LOST = 0.5
"""Edge correlation below which it is asked where the pattern of the view is from. Chosen by hand."""

_RATIO_OFFSET = 0.5
"""Levels added to a usual contrast before it divides, so that a flat past gives a finite ratio."""


class _Blocks(NamedTuple):
    """Mean and standard deviation of each block, shape (9, 16), and its pattern, shape (9, 16, 100)."""

    mean: Plane
    spread: Plane
    pattern: Plane


class _Layout(NamedTuple):
    """Luma without lamps and text (about its mean, of length one), the distance of its dark from its light percentile,
    and its contrast.
    """

    areas: Plane
    spread: float
    contrast: float


class _Shapes(NamedTuple):
    """Contrast and spread of luma over those of the lights, and the correlation of light and dark areas."""

    contrast_ratio: float
    spread_ratio: float
    layout_correlation: float


def compare(measures: Measures, reference: Reference | None) -> Comparison | None:
    """Return how a frame compares with its camera's past; None without one."""
    if reference is None or not reference.lights:
        return None
    thumb, structure = small_thumb(measures), fixed(measures.structure.astype(np.float32))
    lights, thumbs = _nearest_first(thumb, reference.lights)
    near, near_thumbs = lights[:NEAREST], thumbs[:NEAREST]
    planes = [structure_of(light) for light in near]
    text = lettering(reference.lights)
    last = _last_healthy(reference)
    edges, *past = gradients([structure, *planes] if last is None else [structure, *planes, last], text)
    last_edges = None if last is None else past.pop()
    unit = centred_unit(edges)
    kept = max(float(unit @ centred_unit(each)) for each in past)
    fit, textured = _compare_blocks(structure, planes)
    if last is not None:
        fit = np.maximum(fit, _compare_blocks(structure, [last])[0])
    same = _on_cells(fit, measures) > _STILL_THERE
    light = _on_cells(_relative_light(structure, planes), measures)
    detail = detail_of(measures, near, light, scene=~text, least=least_detail(reference))
    motion = measures.motion
    frames = (measures.thumb,) if motion is None else (measures.thumb, *motion.thumbs)
    most = measures.cell_detail if motion is None else np.maximum(measures.cell_detail, motion.cell_detail)
    scene = scene_cells(detail, same)
    foreign = foreign_cells(thumb, near_thumbs, scene)
    loss = measure_loss(detail, most)
    soiled = soiled_cells(frames, list(zip(near, near_thumbs, strict=True)), detail, most) & ~text
    shapes, move = _compare_shapes(thumb, near_thumbs), find_move(edges, past, kept)
    banding = find_banding(structure, planes)
    strange = loss.remaining_ratio < _HAZY or kept < _EDGES_LOST
    patterns = Patterns.of(structure, planes) if strange else None
    return Comparison(
        edge_correlation=kept,
        textured_ratio=share_of(textured),
        contrast_ratio=shapes.contrast_ratio,
        best_detail_ratio=loss.best_ratio,
        remaining_detail_ratio=loss.remaining_ratio,
        scattered_loss_ratio=loss.scattered_ratio,
        detailed_ratio=loss.detailed_ratio,
        veiled_ratio=veiled_share(detail, same, foreign, measures.noise_levels),
        hidden_ratio=hidden_share(same, foreign.colour),
        spots_ratio=scattered_share(soiled, (~text).astype(np.float64)),
        banding_ratio=banding.ratio,
        banding_prominence=banding.prominence,
        luma_spread_ratio=shapes.spread_ratio,
        layout_correlation=shapes.layout_correlation,
        shift_ratio=move.shift_ratio,
        turn_degrees=move.turn_degrees,
        shift_gain=move.gain,
        shift_correlation=move.correlation,
        colours=compare_colours(thumb, thumbs, NEAREST),
        banding_evenness_ratio=banding.evenness,
        columns_correlation=columns_through(structure, planes[0]),
        haze=Haze() if patterns is None else find_haze(patterns, structure, planes, thumb),
        pattern=OwnPattern() if patterns is None else patterns.own(measures.cell_detail, detail.usual_levels),
        cell_detail_ratio=detail.kept,
        faint_detail_ratio=loss.faint_ratio,
        light_distance_levels=distance(thumb, thumbs[0]),
        scene_light_log_ratio=scene_light(thumb, near_thumbs, scene),
        dimming_log_ratio=dimming(thumb, thumbs),
        strong_detail_ratio=strong_share(detail, scene),
        crisp_ratio=crisp_share(detail, same, ~text, measures.noise_levels),
        last_correlation=None if last_edges is None else float(unit @ centred_unit(last_edges)),
    )


def _last_healthy(reference: Reference) -> Plane | None:
    """Return the luma of the last picture if it was healthy: what it shows was not covered then."""
    last = previous_structure(reference) if reference.previous_healthy else None
    return None if last is None else last.astype(np.float32)


def _nearest_first(thumb: Plane, lights: Sequence[Light]) -> tuple[list[Light], list[Plane]]:
    """Return the lights and their thumbnails, those most like the frame first."""
    thumbs = [thumb_of(light) for light in lights]
    order = sorted(range(len(thumbs)), key=lambda place: distance(thumb, thumbs[place]))
    return [lights[place] for place in order], [thumbs[place] for place in order]


def lettering(lights: Sequence[Light]) -> Mask:
    """Return the cells with burned-in text, shape (18, 32): those that are equally sharp in every light.

    None are found if only one light is known, or if they would be too much of the view to be text.
    """
    bright = [brightness(thumb_of(light)) + _DARK_OFFSET for light in lights]
    if max(bright) < _OTHER_LIGHT * min(bright):
        return np.zeros(CELLS[::-1], np.bool_)
    fine = np.stack([detail_of_light(light) for light in lights])
    least = fine.min(axis=0)
    steady = (least >= _SHARP_LEVELS) & (fine.max(axis=0) <= _STEADY * least)
    if share_of(steady) > _MOST_TEXT:
        return np.zeros_like(steady)
    return np.asarray(cv2.dilate(steady.astype(np.uint8), np.ones((3, 3), np.uint8)), dtype=np.bool_)


@kept_by_plane
def _blocks(plane: Plane) -> _Blocks:
    mean = cv2.resize(plane, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
    parts = plane.reshape(_ROWS, _SIDE, _COLUMNS, _SIDE).transpose(0, 2, 1, 3).reshape(_ROWS, _COLUMNS, -1)
    pattern = parts - mean[..., None]
    return _Blocks(np.asarray(mean, dtype=np.float32), np.sqrt(_mean_product(pattern, pattern)), pattern)


def _mean_product(one: Plane, other: Plane) -> Plane:
    return np.asarray(np.einsum("ijk,ijk->ij", one, other) / np.float32(one.shape[2]))


def _compare_blocks(structure: Plane, planes: Sequence[Plane]) -> tuple[Plane, Mask]:
    """Return how well each block's pattern fits a near light, in [-1, 1], and whether it usually has one.

    Both have shape (9, 16).
    """
    now = _blocks(structure)
    fit, textured = np.full(now.mean.shape, -1.0, np.float32), np.zeros(now.mean.shape, np.float32)
    for then in map(_blocks, planes):
        product = _mean_product(now.pattern, then.pattern)
        fit = np.maximum(fit, product / (now.spread * then.spread + _FIT_OFFSET))
        textured = np.maximum(textured, then.spread)
    return fit, np.asarray(textured > _TEXTURED_LEVELS, dtype=np.bool_)


def _on_cells(blocks: Plane, measures: Measures) -> Plane:
    """Return a value by block as a value by cell."""
    size = measures.cell_detail.shape[1], measures.cell_detail.shape[0]
    return np.asarray(cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST))


def _relative_light(structure: Plane, planes: Sequence[Plane]) -> Plane:
    """Return the brightness of each block over its usual one, at most 1, shape (9, 16)."""
    usual = median_of([_blocks(plane).mean for plane in planes])
    ratio = (_blocks(structure).mean + _LIGHT_OFFSET) / (usual + _LIGHT_OFFSET)
    return np.asarray(np.clip(ratio, _LEAST_LIGHT, 1.0), dtype=np.float32)


def _layouts(thumbs: Sequence[Plane]) -> list[_Layout]:
    whole = np.stack([luma(thumb) for thumb in thumbs])
    lumas = whole[:, _TEXT_ROWS:-_TEXT_ROWS].reshape(len(thumbs), -1)
    ordered, found = np.sort(lumas, axis=1), []
    for percent in (_DARK_PERCENT, _LIGHT_PERCENT, _LAMPS_PERCENT):
        low, share = divmod((lumas.shape[1] - 1) * percent / 100, 1)
        below, above = ordered[:, int(low)], ordered[:, min(int(low) + 1, lumas.shape[1] - 1)]
        found.append(below + np.float32(share) * (above - below))
    dark, light, lamps = found
    areas, contrasts = map(centred_unit, np.minimum(lumas, lamps[:, None])), whole.reshape(len(thumbs), -1).std(axis=1)
    return [_Layout(*each) for each in zip(areas, (light - dark).tolist(), contrasts.tolist(), strict=True)]


def _compare_shapes(thumb: Plane, near: Sequence[Plane]) -> _Shapes:
    now, *usual = _layouts([thumb, *near])
    return _Shapes(
        contrast_ratio=now.contrast / (statistics.median(each.contrast for each in usual) + _RATIO_OFFSET),
        spread_ratio=now.spread / (statistics.median(each.spread for each in usual) + _RATIO_OFFSET),
        layout_correlation=max(float(now.areas @ each.areas) for each in usual),
    )
