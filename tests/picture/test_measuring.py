"""What is measured in whole numbers and with fewer passes equals the plain way; what is left out changes no score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture import measuring_motion
from xueliang_monitor.picture.checks.rolling import ROLLING
from xueliang_monitor.picture.checks.shaking import SHAKING
from xueliang_monitor.picture.copies import Copies
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.measuring_damage import measure_damage
from xueliang_monitor.picture.measuring_motion import measure_motion
from xueliang_monitor.picture.measuring_stripes import measure_stripes
from xueliang_monitor.picture.scaling import area_means
from xueliang_monitor.picture.verdict import View

Change = Callable[[made.Frame, int, np.random.Generator], made.Frame]


def _noisy(frame: made.Frame, _: int, chance: np.random.Generator) -> made.Frame:
    return np.clip(frame + chance.normal(0, 14, frame.shape), 0, 255).astype(np.uint8)


def _striped(frame: made.Frame, number: int, _: np.random.Generator) -> made.Frame:
    waves = 18 * np.sin(np.arange(len(frame)) * 0.4 + number)
    return np.clip(frame + waves[:, None, None], 0, 255).astype(np.uint8)


def _shaken(frame: made.Frame, number: int, _: np.random.Generator) -> made.Frame:
    return np.roll(frame, (2, 4) if number % 2 else (0, 0), (0, 1))


def _drifting(frame: made.Frame, number: int, _: np.random.Generator) -> made.Frame:
    return np.roll(frame, number, 1)


def _rolling(frame: made.Frame, number: int, _: np.random.Generator) -> made.Frame:
    return np.roll(frame, 14 * number, 0)


def _black(frame: made.Frame, _: int, __: np.random.Generator) -> made.Frame:
    return np.zeros_like(frame)


def _plain(frame: made.Frame, _: int, __: np.random.Generator) -> made.Frame:
    return frame


CHANGES: tuple[Change, ...] = (_plain, _noisy, _striped, _shaken, _drifting, _rolling, _black)


def _burst(change: Change, hour: float) -> list[made.Frame]:
    """Return four pictures of a camera on which a vehicle passes."""
    camera, chance = made.MadeCamera(), np.random.default_rng(4)
    return [change(camera.shot(hour), number, chance) for number in range(4)]


def _plain_spectrum(gray: Any) -> Any:
    """Return the amplitudes of the waves down a plane that its parts have in step, in double precision."""
    length, waves = len(gray), []
    for part in np.array_split(gray.astype(np.float64), 6, axis=1):
        rows = part.mean(axis=1)
        rows -= cv2.blur(rows[:, None], (1, max(3, length // 6) | 1))[:, 0]
        waves.append(np.fft.rfft(rows * np.hanning(length)) * 4 / length)
    return np.hypot(np.median(np.real(waves), axis=0), np.median(np.imag(waves), axis=0))


@pytest.mark.parametrize("hour", [12.0, 23.0])
@pytest.mark.parametrize("change", CHANGES)
def test_whole_numbers_measure_as_the_plain_way_does(change: Change, hour: float) -> None:
    copies = Copies(_burst(change, hour)[1])
    gray, measures = copies.gray, measure(copies)
    plane = gray.astype(np.float64)
    near, far = cv2.blur(plane, (3, 3)), cv2.blur(plane, (9, 9))
    assert measures.fine_detail_levels == pytest.approx(np.abs(plane - near).mean(), abs=1e-4)
    assert measures.middle_detail_levels == pytest.approx(np.abs(near - far).mean(), abs=1e-4)
    mask = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float64)
    cells = cv2.resize(np.abs(cv2.filter2D(plane, cv2.CV_64F, mask)), (32, 18), interpolation=cv2.INTER_AREA)
    noise = np.percentile(cells, 12) * np.sqrt(np.pi / 2) / 6
    assert measures.noise_levels == pytest.approx(noise, abs=1e-4)
    assert measures.luma_mean_levels == pytest.approx(plane.mean(), abs=1e-6)
    assert measures.white_ratio == pytest.approx((gray >= 243).mean(), abs=1e-6)
    assert measures.luma_high_levels == pytest.approx(np.percentile(gray, 95), abs=1)
    stripes, (down, across) = measure_stripes(gray), (_plain_spectrum(gray), _plain_spectrum(gray.T))
    for band, (first, last) in zip(stripes[:3], ((4, 12), (12, 30), (30, 400)), strict=True):
        assert band.levels == pytest.approx(max(down[first:last].max(), across[first:last].max()), abs=1e-3)


@pytest.mark.parametrize("change", CHANGES)
def test_smears_are_summed_as_the_plain_way_does(change: Change) -> None:
    copies = Copies(_burst(change, 12.0)[1])
    plane = copies.gray.astype(np.float64)
    across, down = (cv2.blur(np.abs(np.diff(plane, axis=way)), (21, 7)) for way in (1, 0))
    smeared = (across[1:] > 5) & (down[:, :-1] < 0.12 * across[1:])
    assert measure_damage(copies).smeared_ratio == pytest.approx(smeared.mean(), abs=1e-3)


@pytest.mark.parametrize("size", [(29, 16), (7, 5), (32, 18)])
def test_uneven_cells_are_averaged_as_scaling_by_area_does(size: tuple[int, int]) -> None:
    steps = cv2.absdiff(*(Copies(frame).gray for frame in _burst(_noisy, 12.0)[:2]))[1:, 1:]
    plain = cv2.resize(steps.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    assert area_means(cv2.integral(steps), size) == pytest.approx(plain, abs=1e-3)


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_looked_for_could_not_have_been_found(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = _burst(change, 12.0)
    found = measure_motion(frames)
    monkeypatch.setattr(measuring_motion, "_in_place", lambda *_: False)
    monkeypatch.setattr(measuring_motion, "_alike", lambda *_: False)
    thorough = measure_motion(frames)
    for check in (SHAKING, ROLLING):
        quick, full = (check.judge(View(measure(frames[0], None, motion))) for motion in (found, thorough))
        assert quick.score == pytest.approx(full.score, abs=0.1)


def test_no_shift_is_looked_for_where_only_a_vehicle_and_grain_move(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(measuring_motion, "measure_shift", never)
    monkeypatch.setattr(measuring_motion, "measure_roll", never)
    scene, chance, frames = made.MadeCamera().shot(12.0), np.random.default_rng(4), []
    for number in range(4):
        frame = scene + chance.normal(0, 1.5, scene.shape)
        frame[180:220, 100 + 8 * number : 190 + 8 * number] = (40, 60, 190)
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    motion = measure_motion(frames)
    assert motion is not None
    assert motion.shift_ratio == 0
