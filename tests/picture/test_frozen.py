"""A frozen picture that an encoder refreshes is found where a live view would change.

A live view in which nothing moves is not called frozen.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.look import Look, look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Reference

Frame = Any
CODE, HOUR, LOOKS = "picture_frozen", 12.0, 14
REFRESH_EVERY = 3


def shot(number: int, *, traffic: bool) -> Frame:
    """Return a live picture with the grain of a sensor; with traffic, vehicles stand elsewhere each time."""
    chance, picture = np.random.default_rng(number), made.MadeCamera().scene.copy()
    for _ in range(8 if traffic else 0):
        left, top = int(chance.integers(0, made.WIDTH - 110)), int(chance.integers(80, made.HEIGHT - 50))
        picture[top : top + 50, left : left + 110] = chance.uniform(20, 230, 3)
    return np.clip(picture + chance.normal(0, 1.2, picture.shape), 0, 255).astype(np.uint8)


@cache
def past(*, traffic: bool) -> Reference:
    looks = [measure(shot(100 + number, traffic=traffic)) for number in range(LOOKS)]
    found = learn(looks, [HOUR] * LOOKS)
    assert found is not None
    return found


def streamed(pictures: list[Frame], crf: int) -> list[Frame]:
    """Return pictures as an H.264 encoder at a low bitrate leaves them, with a clock that runs."""
    coder = av.CodecContext.create("libx264", "w")
    coder.height, coder.width = made.HEIGHT, made.WIDTH
    coder.pix_fmt, coder.time_base = "yuv420p", Fraction(1, 25)
    coder.options = {"preset": "veryfast", "threads": "1", "crf": str(crf)}
    coder.gop_size, coder.max_b_frames = REFRESH_EVERY, 0
    frames = []
    for number, picture in enumerate(pictures):
        clocked = picture.copy()
        cv2.putText(clocked, f"12:00:{10 + number}", (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (245, 245, 245))
        frames.append(av.VideoFrame.from_ndarray(clocked, format="bgr24"))
    packets = [packet for frame in [*frames, None] for packet in coder.encode(frame)]
    decoder = av.CodecContext.create("h264", "r")
    return [frame.to_ndarray(format="bgr24") for packet in [*packets, None] for frame in decoder.decode(packet)]


def frozen(crf: int) -> list[Frame]:
    return streamed([shot(1, traffic=True)] * 6, crf)


def live_and_still(crf: int) -> list[Frame]:
    return streamed([shot(number, traffic=False) for number in range(6)], crf)


def jpegs(pictures: list[Frame], quality: int) -> list[Frame]:
    """Return pictures as Motion JPEG shows them, with a clock that runs."""
    shown = []
    for number, picture in enumerate(pictures):
        clocked = picture.copy()
        cv2.putText(clocked, f"12:00:{10 + number}", (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (245, 245, 245))
        packed = cv2.imencode(".jpg", clocked, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        shown.append(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return shown


def is_seen(look: Look) -> bool:
    return CODE in [verdict.code for verdict in look.seen]


@pytest.mark.parametrize("crf", [28, 36])
def test_a_frozen_picture_is_found_though_its_encoder_refreshes_it(crf: int) -> None:
    assert is_seen(look_at(frozen(crf), past(traffic=True), hour=HOUR))


@pytest.mark.parametrize("crf", [28, 32, 36, 40])
def test_a_live_view_in_which_nothing_moves_is_not_frozen_at_a_low_bitrate(crf: int) -> None:
    burst, known = live_and_still(crf), past(traffic=False)
    assert not is_seen(look_at(burst, known, hour=HOUR))
    assert not is_seen(look_at(burst[:REFRESH_EVERY], known, hour=HOUR))


def test_a_frozen_picture_that_is_encoded_anew_is_found_by_how_little_it_changes_from_look_to_look() -> None:
    first, second = (burst[0] for burst in (frozen(28), frozen(31)))
    look = look_at([first], past(traffic=True), 0.002, hour=HOUR)
    assert CODE in look.ruled_out  # it differs from the last live look
    assert is_seen(look_at([second], look.reference, 0.002, hour=HOUR))


def test_a_live_view_that_hardly_changes_from_look_to_look_is_not_frozen() -> None:
    first, second = (burst[0] for burst in (live_and_still(28), live_and_still(31)))
    look = look_at([first], past(traffic=False), 0.002, hour=HOUR)
    assert not is_seen(look)
    assert not is_seen(look_at([second], look.reference, 0.002, hour=HOUR))


def test_a_live_view_that_changes_as_it_does_at_this_hour_is_ruled_out_and_learned() -> None:
    known = past(traffic=True)
    look = look_at([shot(50, traffic=True)], known, 0.002, hour=HOUR)
    assert CODE in look.ruled_out
    assert look.reference.looks == known.looks + 1


def test_refreshes_of_a_picture_tell_nothing_while_it_is_not_known_how_the_view_changes() -> None:
    look = look_at(frozen(36), None, hour=HOUR)
    assert not is_seen(look)
    assert CODE not in look.ruled_out


def test_a_frozen_picture_in_motion_jpeg_is_found_though_its_clock_runs() -> None:
    """Each picture is as large as the keyframe, so sizes tell nothing."""
    assert is_seen(look_at(jpegs([shot(1, traffic=True)] * 4, 55), past(traffic=True), 1.0, hour=HOUR))


@pytest.mark.parametrize("quality", [20, 55])
@pytest.mark.parametrize("traffic", [True, False])
def test_a_live_view_in_motion_jpeg_is_not_frozen(quality: int, *, traffic: bool) -> None:
    burst = jpegs([shot(number, traffic=traffic) for number in range(4)], quality)
    assert not is_seen(look_at(burst, past(traffic=traffic), 1.0, hour=HOUR))
