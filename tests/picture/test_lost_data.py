"""What decoders show where data was lost or damaged: green, grey, shifted light; and what only looks like it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.checks.corrupted import CORRUPTED
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.decode import decode_burst
from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.measuring_motion import measure_motion
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Sight, View

Frame = Any
VOID = {"BT.601": (0, 135, 0), "BT.709": (0, 77, 0)}


def street(number: int = 0) -> Frame:
    scene = made.MadeCamera().scene
    return np.clip(scene + np.random.default_rng(number).normal(0, 1.2, scene.shape), 0, 255).astype(np.uint8)


def seen(frames: list[Frame], reference: Reference | None = None) -> list[str]:
    return [verdict.code for verdict in look_at(frames, reference or made.reference(14), 0.1, hour=12.0).seen]


@pytest.mark.parametrize("colour", VOID)
@pytest.mark.parametrize("rows", [(40, 70), (150, 190), (230, 270)])
def test_rows_without_luma_and_chroma_are_damage(rows: tuple[int, int], colour: str) -> None:
    frame = street()
    frame[rows[0] + 3 : rows[1] + 3] = VOID[colour]
    packed = cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], cv2.IMREAD_COLOR)
    assert seen([packed]) == ["picture_corrupted"]


def test_rows_without_data_at_changing_places_are_damage_and_no_roll() -> None:
    past = learn([measure(_asphalt(number)) for number in range(14)])
    frames = [_asphalt(number) for number in range(20, 24)]
    for frame, first in zip(frames, (190, 190, 250, 250), strict=True):
        frame[np.arange(first, first + 60) % made.HEIGHT] = VOID["BT.601"]
    assert seen(frames, past) == ["picture_corrupted"]


def test_a_green_sheet_in_a_part_of_the_view_is_no_lost_data() -> None:
    frame = street()
    frame[200:240, 100:300] = np.random.default_rng(3).normal((40, 120, 30), 2.0, (40, 200, 3)).astype(np.uint8)
    assert measure(frame).void_cells_ratio == 0
    assert "picture_corrupted" not in seen([frame])


def _asphalt(number: int) -> Frame:
    """Return a view of plain asphalt, which has no pattern."""
    chance = np.random.default_rng(number)
    grain = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 1, (270, 480)).astype(np.float32), (0, 0), 2.0)
    plain = 110 + 3 * grain / grain.std() + chance.normal(0, 0.5, grain.shape)
    return np.clip(plain[..., None] + np.array((3.0, 0.0, -3.0)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_a_plain_view_whose_lower_part_is_missing_is_damaged(share: float) -> None:
    past = learn([measure(_asphalt(number)) for number in range(14)])
    frame = _asphalt(20)
    assert seen([frame], past) == []
    frame[int(270 * (1 - share)) :] = 128
    assert seen([frame], past) == ["picture_corrupted"]


def _offset(frames: list[Frame], place: int, levels: tuple[float, float, float]) -> list[Frame]:
    shown = frames[place].astype(np.float32)
    shown[130:] += levels
    return [*frames[:place], np.clip(shown, 0, 255).astype(np.uint8), *frames[place + 1 :]]


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("levels", [(60.0, 60.0, 60.0), (-50.0, -50.0, -50.0), (70.0, 0.0, -20.0)])
def test_rows_that_are_off_from_one_row_on_are_damage(place: int, levels: tuple[float, float, float]) -> None:
    frames = [street(number) for number in range(4)]
    assert seen(frames) == []
    assert seen(_offset(frames, place, levels)) == ["picture_corrupted"]


def test_a_jpeg_whose_data_was_changed_is_damaged() -> None:
    frames = [street(number) for number in range(4)]
    files = [bytearray(cv2.imencode(".jpg", frame)[1].tobytes()) for frame in frames]
    place = len(files[1]) // 2
    files[1][place : place + 6] = bytes((90, 3, 201, 17, 66, 140))
    decoded = decode_burst("mjpeg", bytes(files[0]), [bytes(file) for file in files[1:]])
    assert "picture_corrupted" in seen(decoded)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_vehicle_that_fills_most_of_the_width_is_no_damage(share: float) -> None:
    frames = [street(number) for number in range(4)]
    for number, frame in enumerate(frames[1:]):
        left = int(made.WIDTH * (0.1 * number - 0.1))
        frame[130:230, max(0, left) : left + int(made.WIDTH * share)] = (40, 90, 170)
    assert "picture_corrupted" not in seen(frames)


@pytest.mark.parametrize("apart", [9, 15, 28])
def test_the_ribbed_side_of_a_lorry_is_no_damage(apart: int) -> None:
    """Its ribs change across and not downwards, as rows do that a decoder draws out. But they repeat."""
    past = learn([measure(_asphalt(number)) for number in range(14)])
    ribs = 120 + 25 * np.tanh(3 * np.sin(np.arange(330) * 2 * np.pi / apart))
    lorry = _asphalt(20)
    lorry[60:200, 150:] = ribs[None, :, None]
    assert measure(lorry).smeared_rows_ratio == 0
    assert "picture_corrupted" not in seen([lorry], past)
    drawn = _asphalt(20)
    drawn[60:200, 150:] = 120 + np.random.default_rng(2).normal(0, 25, 330)[None, :, None]
    assert measure(drawn).smeared_rows_ratio > 0.2


def test_lightning_and_a_change_of_exposure_are_no_damage() -> None:
    frames = [np.clip(street(number) * gain, 0, 255).astype(np.uint8) for number, gain in enumerate((1, 1.4, 1, 0.8))]
    motion = measure_motion(frames)
    assert motion is not None
    assert motion.offset_levels < 15
    assert "picture_corrupted" not in seen(frames)


@pytest.mark.parametrize(("faint", "steps", "found"), [(1.0, 0.3, True), (0.6, 0.3, False), (0.6, 3.5, True)])
def test_steps_that_a_slow_line_makes_are_no_damage(faint: float, steps: float, found: bool) -> None:
    """A low bitrate takes the faint detail of the whole view and leaves steps; mosaic has larger ones."""
    measures, known = measure(street()), made.reference(14)
    compared = compare(measures, known)
    assert compared is not None
    stepped = replace(measures, grid_steps_ratio=steps, smeared_ratio=0.03)
    judged = CORRUPTED.judge(View(stepped, replace(compared, faint_detail_ratio=faint), known))
    assert (judged.sight() is Sight.SEEN) is found
