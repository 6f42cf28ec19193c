"""Percentiles, medians and means of small planes equal NumPy's and OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from xueliang_monitor.picture.copies import Copies
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.measuring_damage import grid_steps
from xueliang_monitor.picture.scaling import (
    cell_means,
    cell_means_of_masks,
    mean_of,
    median_across,
    median_of,
    percentiles,
    share_of,
    spread_of,
)


@pytest.mark.parametrize("size", [1, 2, 7, 576])
def test_percentiles_are_those_of_numpy(size: int) -> None:
    values = np.random.default_rng(size).normal(50, 30, (size, 1)).astype(np.float32)
    wanted = (0, 12, 50, 92, 100)
    assert percentiles(values, *wanted) == pytest.approx(np.percentile(values, wanted), rel=1e-5)
    levels = values.clip(0, 255).astype(np.uint8)
    assert percentiles(levels, 50) == pytest.approx([np.median(levels)])


@pytest.mark.parametrize("parts", [1, 5, 6])
def test_medians_are_those_of_numpy(parts: int) -> None:
    rows = np.random.default_rng(parts).normal(0, 1, (40, parts))
    assert median_across(rows) == pytest.approx(np.median(rows, axis=1), abs=1e-6)


@pytest.mark.parametrize("lights", [1, 2, 3, 4, 5, 8])
def test_the_median_of_planes_is_that_of_numpy(lights: int) -> None:
    planes = list(np.random.default_rng(lights).normal(80, 40, (lights, 18, 32)).astype(np.float32))
    assert median_of(planes) == pytest.approx(np.median(planes, axis=0), rel=1e-6)


def test_means_and_shares_are_those_of_numpy() -> None:
    plane = np.random.default_rng(1).uniform(0, 255, (27, 48, 3)).astype(np.float32)
    assert mean_of(plane) == pytest.approx(plane.mean(), rel=1e-5)
    assert spread_of(plane[..., 0].copy()) == pytest.approx(plane[..., 0].std(), rel=1e-5)
    assert share_of(plane > 60) == (plane > 60).mean()


@pytest.mark.parametrize("size", [(270, 480), (135, 240), (360, 480), (854, 480), (16, 16)])
def test_means_by_cell_are_the_same_however_they_are_added(size: tuple[int, int]) -> None:
    off = np.full(size, 8 * 255, np.int16)
    off[::2] = np.random.default_rng(2).integers(0, 8 * 255, off[::2].shape, dtype=np.int16)
    assert cell_means_of_masks(off) == pytest.approx(cell_means(off.astype(np.float32)), rel=1e-5)


@pytest.mark.parametrize("size", [(270, 480), (272, 474), (67, 121)])
def test_the_grid_is_the_same_from_sums_that_are_there_and_from_the_picture(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    picture[16::16] //= 2
    copies = Copies(picture)
    assert measure(copies).grid_steps_ratio == pytest.approx(grid_steps(copies.luma), abs=1e-5)


def test_middle_detail_is_the_distance_from_a_box_three_times_as_wide() -> None:
    picture = np.random.default_rng(4).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    gray = Copies(picture).gray
    boxes = (cv2.boxFilter(gray, cv2.CV_32F, (side, side)) for side in (3, 9))
    assert measure(picture).middle_detail_levels == pytest.approx(cv2.absdiff(*boxes).mean(), rel=1e-4)
