"""Percentiles and medians of small planes equal NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from xueliang_monitor.picture.scaling import median_across, percentiles


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
