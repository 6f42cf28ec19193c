"""Measures damage as a decoder shows it: flat cells, smears, rows drawn out, steps on the macroblock grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from xueliang_monitor.picture.scaling import LEAST_SIDE, gray_of

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Plane

_CELL = 8
"""Side in pixels of a cell of the working copy that may be flat."""

_FLAT_LEVELS = 4
"""Largest range of luma in a flat cell. Chosen by hand."""

_GREEN_LEVELS = 40
"""Excess of green over red and blue in a cell of missing chroma. Chosen by hand."""

_MIDDLE_GREY, _MIDDLE_GREY_LEVELS = 128, 7
"""The grey that a decoder shows for missing data, and the distance from it. Chosen by hand."""

_SMEAR_WINDOW = (21, 7)
"""Width and height in pixels of the area over which smears are averaged. Chosen by hand."""

_SMEAR_CHANGE_LEVELS, _SMEAR_REPEAT = 5.0, 0.12
"""A smear changes by more than this a pixel across, and by less than this share of it downwards. Chosen by hand."""

_MACROBLOCK = 16
"""Side in pixels of a macroblock in H.264."""

_ROW_CHANGE_LEVELS = 0.35
"""Change a pixel across from which a cell of a drawn-out row is judged. Chosen by hand."""

_ROW_REPEAT, _GRAIN_LEVELS = 0.3, 0.05
"""A drawn-out cell changes downwards by less than this share, less what grain takes. Chosen by hand."""

_ROW_DRAWN, _ROW_WIDTH = 0.85, 0.6
"""Share of the cells up to the right edge, and of the width, that must be drawn out. Chosen by hand."""

_WITHOUT_STRONGEST = 0.9
"""Share of the grid lines that are averaged: an edge of the scene may lie on the grid. Chosen by hand."""

_STEP_OFFSET_LEVELS = 1.5
"""Levels added to the steps elsewhere, so that the ratio is finite in a smooth picture. Chosen by hand."""


class Damage(NamedTuple):
    """Shares of flat cells, of smeared pixels, and of the picture in rows drawn out."""

    flat_cells: float
    smeared: float
    smeared_rows: float


def measure_damage(colour: Gray, gray: Gray) -> Damage:
    """Measure damage on the working copy, in BGR and in luma."""
    steps_across = cv2.absdiff(gray[:, 1:], gray[:, :-1]).astype(np.float32)
    steps_down = cv2.absdiff(gray[1:], gray[:-1]).astype(np.float32)
    across, down = cv2.blur(steps_across, _SMEAR_WINDOW), cv2.blur(steps_down, _SMEAR_WINDOW)
    smeared = (across[1:] > _SMEAR_CHANGE_LEVELS) & (down[:, :-1] < _SMEAR_REPEAT * across[1:])
    return Damage(_flat_cells(colour, gray), float(smeared.mean()), _smeared_rows(steps_across, steps_down))


def _flat_cells(colour: Gray, gray: Gray) -> float:
    """Return the share of 8x8 px cells of a single middle grey or green."""
    rows, columns = gray.shape[0] // _CELL, gray.shape[1] // _CELL
    height, width = rows * _CELL, columns * _CELL
    cell = np.ones((_CELL, _CELL), np.uint8)
    middles = slice(_CELL // 2, height, _CELL), slice(_CELL // 2, width, _CELL)
    flat = cv2.subtract(cv2.dilate(gray, cell)[middles], cv2.erode(gray, cell)[middles]) <= _FLAT_LEVELS
    tint = cv2.resize(colour[:height, :width].astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    blue, green, red = tint[..., 0], tint[..., 1], tint[..., 2]
    is_green = (green > blue + _GREEN_LEVELS) & (green > red + _GREEN_LEVELS)
    is_grey = np.abs(tint - _MIDDLE_GREY).max(axis=2) < _MIDDLE_GREY_LEVELS
    return float((flat & (is_green | is_grey)).mean())


def _smeared_rows(steps_across: Plane, steps_down: Plane) -> float:
    """Return the share of the picture in rows drawn out down to the right edge, as a decoder shows a lost slice.

    In rows of 16 pixels: from some column on, nearly all cells that change across do not change downwards.
    """
    cells = steps_down.shape[1] // _MACROBLOCK, steps_across.shape[0] // _MACROBLOCK
    across, down = (cv2.resize(steps, cells, interpolation=cv2.INTER_AREA) for steps in (steps_across, steps_down))
    changing = across > _ROW_CHANGE_LEVELS
    drawn = changing & (down < _ROW_REPEAT * across - _GRAIN_LEVELS)
    to_the_end, of = (np.cumsum(each[:, ::-1], axis=1) for each in (drawn, changing))
    lost = np.where((to_the_end >= _ROW_DRAWN * of) & (to_the_end >= _ROW_WIDTH * cells[0]), to_the_end, 0)
    return float(lost.max(axis=1).sum() / drawn.size)


def grid_steps(frame: Gray) -> float:
    """Return how far steps on the grid of 16 px exceed those on the 8 px lines between, over all steps.

    Measured on the full frame, as the grid is the encoder's. Blocks of a low bitrate lie on both grids and cancel out.
    A frame smaller than the grid has no steps.
    """
    if min(frame.shape[:2]) < LEAST_SIDE:
        return 0.0
    gray = gray_of(frame) if frame.ndim == 3 else frame
    worst = 0.0
    for plane, way in ((cv2.absdiff(gray[:, 1:], gray[:, :-1]), 0), (cv2.absdiff(gray[1:], gray[:-1]), 1)):
        profile = cv2.reduce(plane, way, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        whole = profile[: len(profile) // _MACROBLOCK * _MACROBLOCK]
        lines = np.sort(whole.reshape(-1, _MACROBLOCK), axis=0)
        usable = lines[: max(1, round(len(lines) * _WITHOUT_STRONGEST))].mean(axis=0) if lines.size else lines
        if usable.size:
            between = float(np.median(np.delete(usable, _MACROBLOCK - 1)))
            on_grid, on_eights = float(usable[_MACROBLOCK - 1]), float(usable[_MACROBLOCK // 2 - 1])
            worst = max(worst, (on_grid - max(on_eights, between)) / (between + _STEP_OFFSET_LEVELS))
    return worst
