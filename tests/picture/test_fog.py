"""Fog takes the pattern of far things and weakens that of near ones; what hangs before the lens does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure

Frame = Any
AIR = 175.0


def depth() -> Frame:
    """Return how far each row is: the road in front is near, the hill above it far."""
    return np.linspace(1.0, 0.0, made.HEIGHT)[:, None, None]


def fog(frame: Frame, thickness: float, road: float = 0.45) -> Frame:
    """Return a view in fog; `road` dims what is near, as wet asphalt under a grey sky."""
    kept = np.exp(-thickness * (0.12 + depth()))
    dimmed = frame * (road + (1 - road) * depth())
    return np.clip(dimmed * kept + AIR * (0.25 + 0.75 * depth()) * (1 - kept), 0, 255).astype(np.uint8)


def seen(frame: Frame) -> list[str]:
    return [verdict.code for verdict in look_at([frame], made.reference(14), 0.1, hour=12.0).seen]


@pytest.mark.parametrize("thickness", [3.0, 4.5, 6.0])
def test_fog_is_named_though_a_dark_road_keeps_the_contrast(thickness: float) -> None:
    frame = fog(made.MadeCamera().shot(12.0), thickness)
    compared = compare(measure(frame), made.reference(14))
    assert compared is not None
    assert compared.contrast_ratio > 0.8, "contrast alone would not tell"
    assert seen(frame) == ["picture_low_contrast"]


@pytest.mark.parametrize("colour", [(150, 150, 150), (190, 190, 190)])
@pytest.mark.parametrize("share", [0.5, 0.7])
def test_a_light_sheet_over_the_upper_part_is_no_fog(colour: tuple[int, int, int], share: float) -> None:
    frame = made.MadeCamera().shot(12.0)
    frame[: int(share * made.HEIGHT)] = colour
    assert seen(frame) == ["picture_covered"]


def test_haze_that_takes_little_is_healthy() -> None:
    assert seen(fog(made.MadeCamera().shot(12.0), 0.4, road=0.8)) == []
