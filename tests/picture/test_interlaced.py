"""Interlaced pictures, as encoders and recorders send them, are decoded, and never shown as another camera's."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.decode import decode_burst
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import Light
from xueliang_monitor.wire import h264, h265
from xueliang_monitor.wire.media import START_CODE, Codec

STEP = 24
"""Pixels by which a scene moves from picture to picture."""

KINDS = {
    "tff": (Codec.H264, (704, 576), "tff=1"),
    "bff": (Codec.H264, (704, 576), "bff=1"),
    "small": (Codec.H264, (352, 288), "tff=1"),
    "1080i": (Codec.H264, (1920, 1080), "tff=1"),
    "fields": (Codec.H265, (704, 288), "interlace=tff"),
    "frames in a set for fields": (Codec.H264, (704, 576), "fake-interlaced=1"),
    "timing messages": (Codec.H264, (704, 576), "pic-struct=1"),
}


def _shown(scene: str, size: tuple[int, int], count: int = 3) -> list[made.Frame]:
    """Return pictures of a scene that moves to the left."""
    whole = cv2.resize(clips.frames(scene, Light.DAY)[0], size, interpolation=cv2.INTER_CUBIC)
    return [np.asarray(np.roll(whole, -STEP * number, axis=1), dtype=np.uint8) for number in range(count)]


def _coded(codec: Codec, pictures: list[made.Frame], parameters: str = "", pix_fmt: str = "yuv420p") -> list[bytes]:
    coder = av.CodecContext.create("libx264" if codec is Codec.H264 else "libx265", "w")
    coder.height, coder.width = pictures[0].shape[:2]
    coder.pix_fmt, coder.time_base, coder.thread_count = pix_fmt, Fraction(1, 25), 1
    quiet = "log-level=none:pools=1:frame-threads=1" if codec is Codec.H265 else "threads=1"
    more = ":".join(filter(None, (quiet, "bframes=0", parameters)))
    coder.options = {"preset": "ultrafast", "crf": "16", f"{codec.value.replace('h', 'x')}-params": more}
    frames = [av.VideoFrame.from_ndarray(picture, format="bgr24") for picture in pictures]
    return [bytes(packet) for frame in [*frames, None] for packet in coder.encode(frame)]


def _away(found: made.Frame, shown: made.Frame) -> float:
    """Return the mean difference in levels to a picture that was shown."""
    small = cv2.resize(shown, (found.shape[1], found.shape[0]), interpolation=cv2.INTER_AREA)
    return float(np.abs(found.astype(int) - small).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_each_picture_of_an_interlaced_burst_is_its_own(kind: str) -> None:
    codec, size, parameters = KINDS[kind]
    shown = _shown("gate", size)
    keyframe, *following = _coded(codec, shown, parameters)
    other = decode_burst(Codec.H264, _coded(Codec.H264, _shown("street", size, 1))[0])
    found = decode_burst(codec, keyframe, following)
    assert len(other) == 1
    assert len(found) == len(shown)
    for number, picture in enumerate(found):
        away = [_away(picture, each) for each in shown]
        assert away[number] == min(away) < 4
        assert _away(picture, other[0]) > 15


@pytest.mark.parametrize("kind", ["tff", "fields"])
def test_a_keyframe_alone_is_enough(kind: str) -> None:
    codec, size, parameters = KINDS[kind]
    shown = _shown("gate", size, 1)
    (found,) = decode_burst(codec, _coded(codec, shown, parameters)[0])
    assert _away(found, shown[0]) < 4


def test_a_damaged_picture_costs_only_itself() -> None:
    shown = _shown("gate", (704, 576), 4)
    units = _coded(Codec.H264, shown, "tff=1:keyint=1")
    found = decode_burst(Codec.H264, units[0], [START_CODE + b"\x65\xff\xff", *units[2:]])
    assert [round(min(_away(picture, each) for each in shown)) < 4 for picture in found] == [True] * 3


def test_data_that_are_no_interlaced_picture_give_none() -> None:
    keyframe = _coded(Codec.H264, _shown("gate", (704, 576), 1), "tff=1")[0]
    assert decode_burst(Codec.H264, keyframe[: keyframe.index(START_CODE + b"\x68")]) == []


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv422p", "yuv420p10le"])
@pytest.mark.parametrize("size", [(640, 360), (1280, 720)])
@pytest.mark.parametrize("colours", ["", "colormatrix=bt709"])
def test_both_ways_of_decoding_give_the_same_picture(size: tuple[int, int], pix_fmt: str, colours: str) -> None:
    shown = _shown("gate", size, 1)
    by_opencv = decode_burst(Codec.H264, _coded(Codec.H264, shown, colours, pix_fmt)[0])[0]
    frames_in_fields = ":".join(filter(None, (colours, "fake-interlaced=1")))
    by_av = decode_burst(Codec.H264, _coded(Codec.H264, shown, frames_in_fields, pix_fmt)[0])[0]
    assert by_opencv.shape == by_av.shape
    assert np.abs(by_opencv.astype(int) - by_av).mean() < 2


def _set_of(codec: Codec, parameters: str) -> bytes:
    keyframe = _coded(codec, _shown("gate", (352, 288), 1), parameters)[0]
    first = b"\x67" if codec is Codec.H264 else b"\x42"
    return keyframe[keyframe.index(START_CODE[1:] + first) + 3 :].split(START_CODE[1:])[0]


@pytest.mark.parametrize(
    ("codec", "parameters", "progressive"),
    [
        (Codec.H264, "", True),
        (Codec.H264, "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:colormatrix=bt709:sar=255/254", True),
        (
            Codec.H264,
            "vbv-maxrate=900:vbv-bufsize=900:colormatrix=bt709:sar=255/254:videoformat=pal:overscan=show",
            True,
        ),
        (Codec.H264, "chromaloc=2:pic-struct=1", False),
        (Codec.H264, "tff=1", False),
        (Codec.H264, "fake-interlaced=1", False),
        (Codec.H265, "", True),
        (Codec.H265, "interlace=bff", False),
    ],
)
def test_a_parameter_set_tells_whether_pictures_may_be_interlaced(
    codec: Codec, parameters: str, progressive: bool
) -> None:
    read = h264.is_progressive if codec is Codec.H264 else h265.is_progressive
    assert read(_set_of(codec, parameters)) == progressive


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_a_parameter_set_that_is_cut_off_rules_nothing_out(codec: Codec) -> None:
    whole = _set_of(codec, "")
    read = h264.is_progressive if codec is Codec.H264 else h265.is_progressive
    assert not read(whole[:6])
