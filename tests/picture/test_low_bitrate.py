"""A low bitrate takes detail, leaves blocks and repeats what hardly changes. None of that is a fault of the picture."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.checks.blurred import BLURRED
from xueliang_monitor.picture.checks.corrupted import CORRUPTED
from xueliang_monitor.picture.checks.dirty import DIRTY
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.decode import decode_burst
from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Check, Sight, View

Frame = Any
SIZE = 960, 540


@cache
def known() -> tuple[Reference, list[Frame]]:
    """Return the past of a view in twice the usual size, with grain, and four more pictures of it."""
    camera, chance = made.MadeCamera(), np.random.default_rng(8)

    def shot() -> Frame:
        frame = cv2.resize(camera.shot(12.0), SIZE, interpolation=cv2.INTER_CUBIC)
        return np.clip(frame + chance.normal(0, 2.5, frame.shape), 0, 255).astype(np.uint8)

    past = learn([measure(shot()) for _ in range(14)])
    assert past is not None
    camera.chance = np.random.default_rng(1)
    return past, [shot() for _ in range(4)]


def encoded(frames: list[Frame], crf: int) -> list[Frame]:
    """Return pictures as an H.264 encoder at a low bitrate sends them, a keyframe first."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = *SIZE, "yuv420p"  # type: ignore[attr-defined]
    context.time_base = Fraction(1, 25)
    context.options = {"preset": "veryfast", "tune": "zerolatency", "crf": str(crf)}
    packets = []
    for number, frame in enumerate(frames):
        picture = av.VideoFrame.from_ndarray(frame, "bgr24").reformat(format="yuv420p")
        picture.pts = number
        packets += [bytes(packet) for packet in context.encode(picture)]  # type: ignore[attr-defined]
    return list(decode_burst("h264", packets[0], packets[1:]))


def test_a_still_scene_at_a_low_bitrate_is_not_frozen() -> None:
    past, shots = known()
    pictures = encoded([shots[0]] * 4, 42)
    assert look_at(pictures, past).seen == ()
    assert [verdict.code for verdict in look_at([shots[0]] * 4, past).seen] == ["picture_frozen"]


@pytest.mark.parametrize(("check", "sigma"), [(DIRTY, 0.0), (BLURRED, 0.9)])
def test_the_blocks_of_a_low_bitrate_tell_neither_dirt_nor_slight_blur(check: Check, sigma: float) -> None:
    past = made.reference(14)
    frame = made.MadeCamera().shot(12.0)
    measures = measure(cv2.GaussianBlur(frame, (0, 0), sigma) if sigma else frame)
    compared = compare(measures, past)
    assert compared is not None
    if not sigma:
        compared = replace(compared, scattered_loss_ratio=0.1)
    for steps, sight in ((0.1, Sight.SEEN), (0.3, Sight.UNKNOWN)):
        assert check.judge(View(replace(measures, grid_steps_ratio=steps), compared, past)).sight() is sight


@pytest.mark.parametrize(("grain", "sight"), [(0.3, Sight.SEEN), (0.05, Sight.UNKNOWN)])
def test_slight_blur_leaves_the_grain_that_a_low_bitrate_takes(grain: float, sight: Sight) -> None:
    past = made.reference(14)
    measures = measure(cv2.GaussianBlur(made.MadeCamera().shot(12.0), (0, 0), 0.9))
    grainy = replace(measures, noise_levels=grain * min(past.usual["noise"]))
    assert BLURRED.judge(View(grainy, compare(grainy, past), past)).sight() is sight


@pytest.mark.parametrize(("grain", "left", "found"), [(1.0, 1.0, True), (0.5, 1.0, True), (0.5, 0.6, False)])
def test_blocks_are_damage_where_grain_and_detail_are_left(grain: float, left: float, found: bool) -> None:
    past = made.reference(14)
    measures = measure(made.MadeCamera().shot(12.0))
    compared = compare(measures, past)
    assert compared is not None
    lowest = min(past.usual["noise"])
    blocky = replace(measures, grid_steps_ratio=0.45, noise_levels=grain * lowest)
    judged = CORRUPTED.judge(View(blocky, replace(compared, remaining_detail_ratio=left), past))
    assert (judged.sight() is Sight.SEEN) is found
