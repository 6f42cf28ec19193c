"""A picture cut off in transfer, as decoders show it, and damage that comes after the keyframe of a burst."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.decode import decode_burst
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring_damage import measure_damage

Frame = Any
CODECS = {"h264": "libx264", "h265": "libx265"}


def street(seed: int = 5) -> Frame:
    return made.MadeCamera(seed).shot(12.0)


def encoded(frame: Frame, codec: str) -> bytes:
    """Return a keyframe in Annex B."""
    height, width = (side // 2 * 2 for side in frame.shape[:2])
    context = av.CodecContext.create(CODECS[codec], "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"  # type: ignore[attr-defined]
    context.time_base = Fraction(1, 25)
    context.options = {"preset": "veryfast", "crf": "24", "x265-params": "log-level=none:repeat-headers=1"}
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), "bgr24")
    picture = picture.reformat(format="yuv420p")
    return b"".join(bytes(packet) for packet in (*context.encode(picture), *context.encode(None)))  # type: ignore[attr-defined]


def seen(frames: list[Frame]) -> list[str]:
    return [verdict.code for verdict in look_at(frames, made.reference(14), 0.1, hour=12.0).seen]


@pytest.mark.parametrize("share", [0.35, 0.6, 0.8])
@pytest.mark.parametrize("codec", CODECS)
def test_video_that_was_cut_off_is_damaged(codec: str, share: float) -> None:
    data = encoded(street(), codec)
    whole, cut = (decode_burst(codec, data[: int(len(data) * part)], ()) for part in (1.0, share))
    assert seen(whole) == []
    assert seen(cut) == ["picture_corrupted"]


@pytest.mark.parametrize("share", [0.35, 0.6, 0.8])
def test_a_jpeg_that_was_cut_off_is_damaged(share: float) -> None:
    data = bytes(cv2.imencode(".jpg", street())[1])
    cut = decode_burst("mjpeg", data[: int(len(data) * share)] + b"\xff\xd9", ())
    assert seen(cut) == ["picture_corrupted"]


@pytest.mark.parametrize("rest", [(128, 128, 128), (0, 135, 0), (0, 0, 0), "last row", "shrunk"])
def test_whatever_fills_the_rest_it_is_damage(rest: Any) -> None:
    frame = street()
    frame[150:] = frame[149] if isinstance(rest, str) else rest
    if rest == "shrunk":
        frame = cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_COLOR)
    assert seen([frame]) == ["picture_corrupted"]


def test_lines_that_cross_the_whole_view_are_no_missing_rows() -> None:
    lines = np.random.default_rng(1).normal(0, 12, made.WIDTH)[None, :, None]
    plain = np.full((made.HEIGHT, made.WIDTH, 3), 120.0)
    plain[:120] += 40 * np.random.default_rng(2).random((120, made.WIDTH, 1))
    assert measure_damage(np.clip(plain + lines, 0, 255).astype(np.uint8)).cut_off_ratio == 0.0


def test_a_dark_foreground_that_fades_in_is_not_missing() -> None:
    frame = street() * np.clip(np.linspace(2.0, -1.0, made.HEIGHT), 0, 1)[:, None, None]
    assert measure_damage(frame.astype(np.uint8)).cut_off_ratio == 0.0


@pytest.mark.parametrize("place", [0, 1, 3])
def test_damage_is_found_in_any_picture_of_a_burst(place: int) -> None:
    camera = made.MadeCamera()
    frames = [np.clip(camera.scene + camera.chance.normal(0, 1.2, camera.scene.shape), 0, 255).astype(np.uint8)
              for _ in range(4)]  # fmt: skip
    assert seen(frames) == []
    damaged = frames[place]
    for row in range(64, 208, 32):
        damaged[row : row + 16, 96:] = damaged[row, 96:]
        damaged[row + 16 : row + 32, 160:320] = (128, 128, 128)
    assert seen(frames) == ["picture_corrupted"]


@pytest.mark.parametrize("lost", [0, 2])
def test_a_slice_that_a_decoder_concealed_is_damage(lost: int) -> None:
    camera = made.MadeCamera()
    frames = [camera.shot(12.0) for _ in range(4)]
    above, below = frames[lost][119].astype(float), frames[lost][155].astype(float)
    share = np.linspace(0, 1, 35)[:, None, None]
    frames[lost][120:155] = above * (1 - share) + below * share
    assert seen(frames) == ["picture_corrupted"]


def test_a_lorry_that_passes_through_most_of_the_width_is_no_damage() -> None:
    camera = made.MadeCamera()
    frames = [camera.shot(12.0) for _ in range(4)]
    for number, frame in enumerate(frames[1:]):
        frame[100:170, 30 * number : 300 + 30 * number] = (150, 140, 60)
    assert "picture_corrupted" not in seen(frames)
