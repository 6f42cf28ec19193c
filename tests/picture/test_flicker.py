"""Light that flickers against the exposure lights the whole view evenly; lamps and dark edges do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure

Frame = Any


def compared(frame: Frame) -> Comparison:
    found = compare(measure(frame), made.reference(14))
    assert found is not None
    return found


def seen(frame: Frame) -> list[str]:
    return [verdict.code for verdict in look_at([frame], made.reference(14), 0.1, hour=12.0).seen]


def lit(rows: Frame) -> Frame:
    return np.clip(made.MadeCamera().shot(12.0) * rows[:, None, None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize("waves", [4.0, 5.5, 7.0])
def test_light_that_flickers_is_striped(waves: float) -> None:
    frame = lit(1 + 0.2 * np.sin(2 * np.pi * waves * np.linspace(0, 1, made.HEIGHT)))
    assert compared(frame).banding_evenness_ratio > 0.6
    assert seen(frame) == ["picture_striped"]


def test_a_row_of_lamps_in_a_dark_view_does_not_flicker() -> None:
    down = np.linspace(0, 1, made.HEIGHT)
    lamps = 0.5 + 0.5 * np.exp(-(((down - 0.45) / 0.09) ** 2)) - 0.25 * np.exp(-(((down - 0.62) / 0.07) ** 2))
    frame = lit(lamps)
    assert compared(frame).banding_evenness_ratio < 0.4
    assert "picture_striped" not in seen(frame)
