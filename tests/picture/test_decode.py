"""Pictures wider than the working copy are scaled to it while they are decoded; smaller ones stay whole."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.decode import WHOLE_WIDTH, decode_burst
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.scaling import WORK_WIDTH


def _sharp(width: int, height: int) -> made.Frame:
    """Return a scene with sharp edges and grain at every size."""
    chance = np.random.default_rng(3)
    picture = cv2.resize(made.MadeCamera().shot(12.0), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.clip(picture + chance.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def _encoded(pictures: list[made.Frame]) -> list[bytes]:
    """Return an H.264 access unit for each picture."""
    coder = av.CodecContext.create("libx264", "w")
    coder.height, coder.width = pictures[0].shape[:2]
    coder.pix_fmt, coder.time_base = "yuv420p", Fraction(1, 25)
    coder.options = {"tune": "zerolatency", "crf": "12", "preset": "ultrafast"}
    frames = [av.VideoFrame.from_ndarray(picture, format="bgr24") for picture in pictures]
    packets = [packet for frame in [*frames, None] for packet in coder.encode(frame)]
    return [bytes(packet) for packet in packets]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_a_wide_picture_is_measured_as_the_whole_one(width: int, height: int) -> None:
    picture = _sharp(width, height)
    keyframe, *following = _encoded([picture, picture])
    frames = decode_burst("h264", keyframe, following)
    assert [frame.shape for frame in frames] == [(270, WORK_WIDTH, 3)] * 2
    whole, scaled = measure(picture), measure(frames[0])
    assert scaled.fine_detail_levels == pytest.approx(whole.fine_detail_levels, rel=0.13)
    assert scaled.blur_ratio == pytest.approx(whole.blur_ratio, abs=0.02)
    assert np.abs(scaled.structure.astype(int) - whole.structure).mean() < 4


def test_a_picture_of_a_substream_keeps_the_grid_of_its_encoder() -> None:
    (keyframe,) = _encoded([_sharp(WHOLE_WIDTH, 360)])
    assert decode_burst("h264", keyframe)[0].shape == (360, WHOLE_WIDTH, 3)
