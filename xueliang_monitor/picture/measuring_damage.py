"""Measures damage as a decoder shows it: flat cells, smears, rows drawn out, steps on the macroblock grid."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xueliang_monitor.picture.copies import MACROBLOCK, Copies
from xueliang_monitor.picture.measures import Damage
from xueliang_monitor.picture.registration import correlation
from xueliang_monitor.picture.scaling import LEAST_SIDE, area_means, gray_of, percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Gray, Mask, Plane

    _Sums = NDArray[np.int32]

_CELL = 8
"""Side in pixels of a cell of the working copy that may be flat."""

_FLAT_LEVELS = 4
"""Largest range of luma in a flat cell. Chosen by hand."""

_GREEN_LEVELS = 40
"""Excess of green over red and blue in a cell of missing chroma. Chosen by hand."""

_VOID_GREEN, _VOID_LEVELS = (60, 150), 12
"""Range of green, and most red and blue, of a cell whose luma and chroma are all zero. No object is as pure.

A decoder shows it as a green of 77 (ITU-R BT.709) or of 135 (BT.601).
"""

_MIDDLE_GREY, _MIDDLE_GREY_LEVELS = 128, 7
"""The grey that a decoder shows for missing data, and the distance from it. Chosen by hand."""

_ALMOST_LEVELS = 12
"""Levels by which the middle of a flat cell may differ from the cell: colour varies a little where luma does not."""

_SMEAR_WINDOW = (21, 7)
"""Width and height in pixels of the area over which smears are averaged. Chosen by hand."""

_INSIDE = slice(3, -3), slice(10, -10)
"""Sums of the picture itself, without such areas beyond its edges."""

_SMEAR_STRIDE = 2
"""Pixels from one such area to the next: they overlap."""

_SMEAR_CHANGE_LEVELS, _SMEAR_REPEAT = 5.0, Fraction(3, 25)
"""A smear changes by more than this a pixel across, and by less than this share of it downwards. Chosen by hand."""

_ROW_CHANGE_LEVELS = 0.35
"""Change a pixel across from which a cell of a drawn-out row is judged. Chosen by hand."""

_ROW_REPEAT, _GRAIN_LEVELS = 0.3, 0.05
"""A drawn-out cell changes downwards by less than this share, less what grain takes. Chosen by hand."""

_ROW_DRAWN, _ROW_WIDTH = 0.85, 0.6
"""Share of the cells up to the right edge, and of the width, that must be drawn out. Chosen by hand."""

_RIBS_PIXELS, _RIBBED = 3, 0.5
"""Smallest distance between ribs in pixels, and the correlation of a row with itself, moved, from which it has ribs.

A row of the scene that a decoder draws out does not repeat across; the ribs of a lorry or of a shutter do.
"""

_REPEAT_LEVELS, _REPEAT_SHARE = 0.1, 0.35
"""Largest mean change from a row to the next that repeats it, in levels and as a share of the change across.

What a sensor sees changes as much down as across. Chosen by hand.
"""

_PARTS, _PARTS_REPEATED = 8, 4
"""Parts across, and how many must repeat: the sides of a vehicle change across as well. Chosen by hand."""

_SMOOTH_SHARE, _ALIVE_BEND_LEVELS = 0.4, 1.7
"""Rows are lost in a frame with at most this share of what another frame shows, which must be so many levels.

Chosen by hand.
"""

_PARTS_ALIVE, _PARTS_SMOOTH = 4, 0.84
"""Parts across that must show something in rows that may be lost, and the share of those that must be smooth.

A road between two verges shows something in half of them. With fewer, a lorry had 18 % of the height. Chosen by hand.
"""

_SPOILED_ROWS, _FEWEST_ROWS = 8, 18
"""Rows of the working copy, the lowest and those at an edge, that scaling may spoil, and rows that must repeat.

Chosen by hand.
"""

_DRAWN_LEVELS = 0.5
"""Mean change from a pixel to the next in rows that are drawn out of one row of the scene. Chosen by hand."""

_ABOVE_ROWS, _ALIVE_LEVELS, _TIMES_ALIVE = 40, 0.8, 3.0
"""Rows above that must change: this many, by so many levels from row to row, and so many times as much.

Chosen by hand.
"""

_FAINTLY_ALIVE_LEVELS = 0.12
"""Change from row to row that is enough above rows of the grey or the green of missing data. Chosen by hand."""

_RUNS_THROUGH = 0.5
"""Correlation of the columns below and above from which stripes run through. Chosen by hand."""

_EDGE_LEVELS = 5.0
"""Mean step at the edge of rows of one colour. Chosen by hand."""

_WITHOUT_STRONGEST = 0.9
"""Share of the grid lines that are averaged: an edge of the scene may lie on the grid. Chosen by hand."""

_STEP_OFFSET_LEVELS = 1.5
"""Levels added to the steps elsewhere, so that the ratio is finite in a smooth picture. Chosen by hand."""


def measure_damage(frame: NDArray[np.uint8] | Copies) -> Damage[float]:
    """Measure the damage of a frame, or of its copies."""
    copies = Copies.of(frame)
    colour, gray = copies.colour, copies.gray
    steps_across, steps_down = (
        np.asarray(cv2.absdiff(*sides), dtype=np.uint8)
        for sides in ((gray[:, 1:], gray[:, :-1]), (gray[1:], gray[:-1]))
    )
    across, down = _sums(steps_across), _sums(steps_down)
    flat, void = _flat_cells(colour, gray)
    return Damage(
        flat_cells_ratio=flat,
        smeared_ratio=_smeared(across[1:], down[:, :-1]),
        smeared_rows_ratio=_smeared_rows(gray, across[_INSIDE], down[_INSIDE]),
        grid_steps_ratio=(
            _grid_steps((_column_means(across[_INSIDE]), _column_means(down[_INSIDE].T)), copies.macroblock)
            if copies.luma is gray
            else grid_steps(copies.luma, copies.macroblock)
        ),
        cut_off_ratio=_cut_off(copies, steps_down, _part_means(across[_INSIDE]), _part_means(down[_INSIDE])),
        void_cells_ratio=void,
    )


def _sums(steps: Gray) -> _Sums:
    """Return the sums of steps up to each pixel, with a border that mirrors them, half as wide as a smear."""
    down, across = _SMEAR_WINDOW[1] // 2, _SMEAR_WINDOW[0] // 2
    return np.asarray(
        cv2.integral(cv2.copyMakeBorder(steps, down, down, across, across, cv2.BORDER_REFLECT_101)), dtype=np.int32
    )


def _smeared(sums_across: _Sums, sums_down: _Sums) -> float:
    """Return the share of areas in which the picture changes across, and hardly downwards.

    Both sums begin at the same pixel.
    """
    across, down = _area_sums(sums_across), _area_sums(sums_down)
    changing = across > int(_SMEAR_CHANGE_LEVELS * _SMEAR_WINDOW[0] * _SMEAR_WINDOW[1])
    smeared = changing & (down * _SMEAR_REPEAT.denominator < across * _SMEAR_REPEAT.numerator)
    return float(np.count_nonzero(smeared) / smeared.size) if smeared.size else 0.0


def _area_sums(sums: _Sums) -> _Sums:
    """Return the sum over the area of a smear at every second pixel across and down."""
    width, height = _SMEAR_WINDOW
    rows = sums[height::_SMEAR_STRIDE] - sums[:-height:_SMEAR_STRIDE]
    return rows[:, width::_SMEAR_STRIDE] - rows[:, :-width:_SMEAR_STRIDE]


def _column_means(sums: _Sums) -> Plane:
    """Return the mean step of each column."""
    columns = sums[-1] - sums[0]
    return np.asarray((columns[1:] - columns[:-1]) / np.float32(len(sums) - 1), dtype=np.float32)


def _part_means(sums: _Sums) -> Plane:
    """Return the mean step in each part across of each row, shape (rows, 8)."""
    edges, widths = _part_edges(sums.shape[1] - 1)
    parts = sums[:, edges]
    rows = parts[1:] - parts[:-1]
    return np.asarray((rows[:, 1:] - rows[:, :-1]) / widths, dtype=np.float32)


@functools.lru_cache(maxsize=4)
def _part_edges(width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the edges of the parts across, and their widths, in pixels."""
    edges = np.linspace(0, width, _PARTS + 1).astype(np.intp)
    return edges, np.diff(edges)


def _cut_off(copies: Copies, steps_down: Gray, changes_across: Plane, changes_down: Plane) -> float:
    """Return the share of the height, up from the lower edge, in rows that repeat one row or one colour.

    A decoder fills in so what did not arrive. Whatever a sensor sees has grain from row to row.
    """
    gray, down, across = copies.gray, changes_down[::-1], changes_across[:0:-1]
    repeated = (down <= _REPEAT_LEVELS) | (down <= _REPEAT_SHARE * across)
    whole = down.mean(axis=1) <= np.maximum(_REPEAT_LEVELS, _REPEAT_SHARE * across.mean(axis=1))
    repeats = whole & (repeated.sum(axis=1) >= _PARTS_REPEATED)
    # Scaling and the edge of a block spoil single rows.
    repeats[:_SPOILED_ROWS] = True
    repeats[1:-1] |= repeats[:-2] & repeats[2:]
    rows = len(repeats) if repeats.all() else int(repeats.argmin())
    if rows < _FEWEST_ROWS or rows == len(repeats):
        return 0.0
    edge = len(gray) - 1 - rows
    above = slice(max(0, edge - _ABOVE_ROWS), max(1, edge - _SPOILED_ROWS))
    missing = _perhaps_missing(copies.colour[edge + _SPOILED_ROWS :].mean(axis=(0, 1)).astype(np.uint8)[None, None])
    alive = _FAINTLY_ALIVE_LEVELS if missing else _ALIVE_LEVELS
    if changes_down[above].mean() < max(alive, _TIMES_ALIVE * float(down[:rows].mean())):
        return 0.0
    if float(across[:rows].mean()) >= _DRAWN_LEVELS:
        # Stripes run through; what is drawn out of one row of the scene ends there.
        here, there = (
            np.diff(gray[part].mean(axis=0))
            for part in (slice(edge + _SPOILED_ROWS // 2, edge + rows - _SPOILED_ROWS // 2), above)
        )
        return rows / len(gray) if correlation(here, there) < _RUNS_THROUGH else 0.0
    # Something dark or plain fades into the scene; data that is missing has a hard edge.
    hard = float(steps_down[-rows - _SPOILED_ROWS : -rows].max(axis=0).mean()) >= _EDGE_LEVELS
    return rows / len(gray) if hard else 0.0


def _flat_cells(colour: Gray, gray: Gray) -> tuple[float, float]:
    """Return the share of 8x8 px cells of a single middle grey or green, and of a green without luma and chroma."""
    rows, columns = gray.shape[0] // _CELL, gray.shape[1] // _CELL
    height, width = rows * _CELL, columns * _CELL
    middles = slice(_CELL // 2, height, _CELL), slice(_CELL // 2, width, _CELL)
    missing = _perhaps_missing(np.ascontiguousarray(colour[middles]))
    if not missing.any():
        return 0.0, 0.0
    corners = [gray[down:height:_CELL, across:width:_CELL] for down in (0, _CELL - 1) for across in (0, _CELL - 1)]
    highest, lowest = (functools.reduce(way, corners) for way in (np.maximum, np.minimum))
    missing = missing & (highest - lowest <= _FLAT_LEVELS)
    cells = gray[:height, :width].reshape(rows, _CELL, columns, _CELL).swapaxes(1, 2)[missing].reshape(-1, _CELL**2)
    flat = np.zeros_like(missing)
    flat[missing] = cells.max(axis=1) - cells.min(axis=1) <= _FLAT_LEVELS
    if not flat.any():
        return 0.0, 0.0
    tint = cv2.resize(colour[:height, :width].astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    blue, green, red = tint[..., 0], tint[..., 1], tint[..., 2]
    is_green = (green > blue + _GREEN_LEVELS) & (green > red + _GREEN_LEVELS)
    is_grey = np.abs(tint - _MIDDLE_GREY).max(axis=2) < _MIDDLE_GREY_LEVELS
    is_void = (green >= _VOID_GREEN[0]) & (green <= _VOID_GREEN[1]) & (np.maximum(blue, red) <= _VOID_LEVELS)
    return float((flat & (is_green | is_grey)).mean()), float((flat & is_void).mean())


def _perhaps_missing(pixels: Gray) -> Mask:
    """Whether the pixels in the middle of cells are nearly of the grey or the green of missing data."""
    blue, green, red = cv2.split(pixels)
    is_green = cv2.subtract(green, cv2.max(blue, red)) > _GREEN_LEVELS - _ALMOST_LEVELS
    off = _MIDDLE_GREY_LEVELS + _ALMOST_LEVELS - 1
    is_grey = cv2.inRange(pixels, (_MIDDLE_GREY - off,) * 3, (_MIDDLE_GREY + off,) * 3) > 0
    return np.asarray(is_green | is_grey, dtype=np.bool_)


def _smeared_rows(gray: Gray, sums_across: _Sums, sums_down: _Sums) -> float:
    """Return the share of the picture in rows drawn out down to the right edge, as a decoder shows a lost slice.

    In rows of 16 pixels: from some column on, nearly all cells that change across do not change downwards. Rows with
    ribs do not count.
    """
    cells = (sums_down.shape[1] - 1) // MACROBLOCK, (sums_across.shape[0] - 1) // MACROBLOCK
    across, down = (area_means(sums, cells) for sums in (sums_across, sums_down))
    changing = across > _ROW_CHANGE_LEVELS
    drawn = changing & (down < _ROW_REPEAT * across - _GRAIN_LEVELS)
    if drawn.sum(axis=1).max() < _ROW_WIDTH * cells[0]:
        return 0.0
    to_the_end, of = (np.cumsum(each[:, ::-1], axis=1) for each in (drawn, changing))
    lost = np.where((to_the_end >= _ROW_DRAWN * of) & (to_the_end >= _ROW_WIDTH * cells[0]), to_the_end, 0)
    widths = lost.max(axis=1)
    for row in np.flatnonzero(widths):
        rows = gray[row * MACROBLOCK : (row + 1) * MACROBLOCK, -int(widths[row]) * MACROBLOCK :]
        if _has_ribs(rows.mean(axis=0)):
            widths[row] = 0
    return float(widths.sum() / drawn.size)


def _has_ribs(profile: NDArray[np.float64]) -> bool:
    """Whether the levels along rows repeat at an even distance."""
    changes = np.diff(profile)
    changes -= changes.mean()
    length = len(changes)
    alike = np.correlate(changes, changes, "full")[length - 1 :] / (length - np.arange(length))
    apart = alike[_RIBS_PIXELS : length // 3]
    return bool(apart.max(initial=0.0) > _RIBBED * alike[0])


def lost_rows(structures: Sequence[Gray]) -> float:
    """Return the largest share of the height in rows that are smooth in one frame and show something in another.

    A decoder conceals a lost slice by what lies above and below it. What moves is not as wide as the view.
    """
    planes = [plane.astype(np.float32) for plane in structures]
    # The change of the slope from row to row: 0 where rows are interpolated.
    bends = [cv2.absdiff(plane[:-2] + plane[2:], 2 * plane[1:-1]) for plane in planes]
    size = _PARTS, len(bends[0])
    alive = np.stack([cv2.resize(bend, size, interpolation=cv2.INTER_AREA) for bend in bends])
    most = alive.max(axis=0)
    showing = most >= _ALIVE_BEND_LEVELS
    smooth = (alive <= _SMOOTH_SHARE * most) & showing
    parts = showing.sum(axis=1)
    rows = (parts >= _PARTS_ALIVE) & (smooth.sum(axis=2) >= _PARTS_SMOOTH * parts)
    return max(_longest_run(each) for each in rows) / size[1]


def _longest_run(rows: Mask) -> int:
    ends = np.flatnonzero(np.diff(np.concatenate(([0], rows.astype(np.int8), [0]))))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def grid_steps(frame: Gray, side: int = MACROBLOCK) -> float:
    """Return how far steps on the grid of macroblocks exceed those on the lines between, over all steps.

    Measured on the full frame, as the grid is the encoder's: `side` pixels apart, 0 if that is no whole number.
    Blocks of a low bitrate lie on the lines in the middle too and cancel out. A frame smaller than the grid has no
    steps.
    """
    if not side or min(frame.shape[:2]) < LEAST_SIDE:
        return 0.0
    gray = gray_of(frame) if frame.ndim == 3 else frame
    across, down = cv2.absdiff(gray[:, 1:], gray[:, :-1]), cv2.absdiff(gray[1:], gray[:-1])
    columns = np.asarray(cv2.reduce(across, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F), dtype=np.float32)
    rows = np.asarray(cv2.reduce(down, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F), dtype=np.float32)
    return _grid_steps((columns.ravel(), rows.ravel()), side)


def _grid_steps(profiles: Sequence[Plane], side: int) -> float:
    """Return the larger excess of the steps on the grid, of the mean steps of all columns and of all rows."""
    if not side:
        return 0.0
    worst = 0.0
    for profile in profiles:
        whole = profile[: len(profile) // side * side]
        lines = np.sort(whole.reshape(-1, side), axis=0)
        usable = lines[: max(1, round(len(lines) * _WITHOUT_STRONGEST))].mean(axis=0) if lines.size else lines
        if usable.size:
            between = percentiles(np.concatenate((usable[: side - 1], usable[side:])), 50)[0]
            on_grid, on_eights = float(usable[side - 1]), float(usable[side // 2 - 1])
            worst = max(worst, (on_grid - max(on_eights, between)) / (between + _STEP_OFFSET_LEVELS))
    return worst
