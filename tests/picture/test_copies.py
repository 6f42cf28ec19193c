"""The small copies of a frame are made once and shared."""

from __future__ import annotations

import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture import copies, scaling
from xueliang_monitor.picture.copies import Copies
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.measuring_motion import measure_motion


def _burst(count: int) -> list[made.Frame]:
    camera = made.MadeCamera()
    return [camera.shot(12.0) for _ in range(count)]


def test_a_look_makes_each_working_copy_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(frame: made.Frame) -> made.Frame:
        calls.append(id(frame))
        return scaling.working_copy(frame)

    frames, reference = _burst(4), made.reference()
    monkeypatch.setattr(copies, "working_copy", counted)
    look_at(frames, reference)
    assert sorted(calls) == sorted(id(frame) for frame in frames)


def test_copies_are_kept_and_measured_as_frames_are() -> None:
    frames = _burst(3)
    shared = [Copies(frame) for frame in frames]
    assert Copies.of(shared[0]) is shared[0]
    assert shared[0].gray is shared[0].gray
    assert measure(shared[0]).numbers == pytest.approx(measure(frames[0]).numbers)  # sums depend on how bytes lie
    one, other = measure_motion(shared), measure_motion(frames)
    assert one is not None
    assert other is not None
    assert one.shift_ratio == pytest.approx(other.shift_ratio)
    assert np.allclose(one.cell_detail, other.cell_detail)
