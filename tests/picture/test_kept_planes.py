"""A plane of the past is unpacked once, and what a step makes of it is kept as long as the plane is."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture import planes
from xueliang_monitor.picture.planes import KEPT_PLANES, kept_by_plane, structure_of


def test_a_plane_of_the_past_is_unpacked_once_and_cannot_be_changed() -> None:
    (light, *_) = made.reference().lights
    plane = structure_of(light)
    assert structure_of(light) is plane
    with pytest.raises(ValueError, match="read-only"):
        plane[0, 0] = 1


def test_what_is_known_of_a_plane_is_kept_while_it_lives() -> None:
    calls: list[int] = []

    @kept_by_plane
    def total(plane: planes.Plane, offset: int) -> float:
        calls.append(offset)
        return float(plane.sum()) + offset

    changing = np.ones((2, 2), np.float32)
    total(changing, 1)
    changing[:] = 2
    assert total(changing, 1) == 9
    fixed = np.ones((2, 2), np.float32)
    fixed.flags.writeable = False
    calls.clear()
    assert [total(fixed, 1), total(fixed, 1), total(fixed, 5)] == [5, 5, 9]
    assert calls == [1, 5]
    del fixed
    gc.collect()
    for value in range(50):  # a new plane may take the place of the old one in memory
        other = np.full((2, 2), value, np.float32)
        other.flags.writeable = False
        assert total(other, 0) == 4 * value


def test_a_worker_keeps_a_bounded_number_of_planes() -> None:
    for seed in range(KEPT_PLANES + 5):
        plane = np.random.default_rng(seed).uniform(0, 255, (4, 4)).astype(np.float32)
        planes._unpack_plane(planes.pack_plane(plane), 0)
    assert planes._unpack_plane.cache_info().currsize == KEPT_PLANES
