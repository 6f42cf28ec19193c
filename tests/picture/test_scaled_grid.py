"""The grid of macroblocks is found in pictures that were scaled while they were decoded."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from tests.picture.test_cut_off import encoded
from xueliang_monitor.picture.copies import Copies
from xueliang_monitor.picture.decode import decode_burst, macroblock_side
from xueliang_monitor.picture.measuring_damage import measure_damage

Frame = Any


def _street(width: int, height: int) -> Frame:
    """Return a street whose edges do not lie on the grid more often than elsewhere."""
    large = cv2.resize(made.MadeCamera().shot(12.0), (width + 75, height + 43), interpolation=cv2.INTER_CUBIC)
    return large[20 : 20 + height, 30 : 30 + width]


def _with_lost_blocks(frame: Frame) -> Frame:
    chance, shown = np.random.default_rng(1), frame.copy()
    for _ in range(shown.shape[0] * shown.shape[1] // 16**2 // 40):
        top, left = 16 * int(chance.integers(frame.shape[0] // 16)), 16 * int(chance.integers(frame.shape[1] // 16 - 9))
        shown[top : top + 16, left : left + 128] = shown[top, left : left + 128]
    return shown


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize(("width", "height", "side"), [(1920, 1072, 4), (1280, 720, 6), (640, 352, 16), (704, 576, 0)])
def test_steps_between_macroblocks_are_measured_on_their_grid(codec: str, width: int, height: int, side: int) -> None:
    steps = []
    for frame in (_street(width, height), _with_lost_blocks(_street(width, height))):
        data = encoded(frame, codec)
        decoded = decode_burst(codec, data)[0]
        assert macroblock_side(codec, data, decoded.shape[1]) == side
        steps.append(measure_damage(Copies(decoded, side)).grid_steps_ratio)
    assert steps[0] < 0.15
    assert steps[1] > steps[0] + 0.15 if side else steps[1] == 0


def test_a_jpeg_is_measured_in_its_own_size() -> None:
    data = bytes(cv2.imencode(".jpg", _street(1280, 720))[1])
    assert macroblock_side("mjpeg", data, decode_burst("mjpeg", data)[0].shape[1]) == 16


def test_a_picture_of_unknown_size_is_taken_as_it_is() -> None:
    assert macroblock_side("h264", b"", 480) == 16
