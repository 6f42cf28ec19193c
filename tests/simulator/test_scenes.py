"""The rendered scenes: each is there in every light and codec, and looks as a place looks in that light."""

from __future__ import annotations

import statistics
import tarfile
from importlib import resources
from itertools import pairwise

import cv2
import numpy as np
import pytest

from tools.scenes.filming import film
from tools.scenes.lighting import LIGHTS
from tools.scenes.places import PLACES
from xueliang_monitor.picture.checks.frozen import STILL_MOTION_RATIO
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import DAY_SECONDS, Light, SimulatedDay, light_at
from xueliang_monitor.wire.media import Codec

FOLDER = resources.files("xueliang_monitor.simulator") / "clips"
SCENES = sorted({scene for scene, _ in clips.PROFILES})


def test_the_package_has_the_rendered_scenes_and_nothing_else_and_is_small() -> None:
    files = [file for file in FOLDER.iterdir() if file.is_file()]
    assert sorted(file.name for file in files) == [f"{scene}.tar.xz" for scene in sorted(PLACES)]
    assert sum(len(file.read_bytes()) for file in files) < 1_000_000
    assert sorted(PLACES) == SCENES
    assert set(LIGHTS) == set(Light)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("codec", list(Codec))
def test_each_scene_has_each_light_in_each_codec(scene: str, codec: Codec) -> None:
    for light in Light:
        clip = clips.load(scene, codec, light=light)
        assert clip.codec is codec
        assert len(clip.pictures) >= 10
        assert clip.pictures[0].keyframe


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_looks_as_it_does_in_each_light(scene: str) -> None:
    seen = {light: clips.frames(scene, light)[0].astype(np.float32) for light in Light}
    colours = {light: float(np.ptp(picture, axis=2).mean()) for light, picture in seen.items()}
    bright = {light: float(picture.mean()) for light, picture in seen.items()}
    assert colours[Light.INFRARED] < 1.5 < 4 < min(colours[light] for light in (Light.DAY, Light.DUSK, Light.DAWN))
    assert bright[Light.INFRARED] < bright[Light.DAWN] < bright[Light.DAY]
    assert bright[Light.DUSK] < bright[Light.DAY]
    far = {light: cv2.Laplacian(picture[60:130], cv2.CV_32F).std() for light, picture in seen.items()}
    assert far[Light.FOG] < 0.7 * far[Light.DAY]


@pytest.mark.parametrize("scene", SCENES)
def test_looks_at_a_scene_differ(scene: str) -> None:
    for light in set(Light) - {Light.FOG}:
        pictures = clips.frames(scene, light)
        changes = [cv2.absdiff(one, two).mean() for one, two in pairwise(pictures)]
        assert np.mean(changes) > 0.05, light
        assert cv2.absdiff(pictures[0], pictures[-1]).mean() > 0.1, light


@pytest.mark.parametrize(("scene", "codec"), [profile for profile in clips.PROFILES if profile[1] is not Codec.MJPEG])
@pytest.mark.parametrize("light", list(Light))
def test_no_clip_without_a_fault_looks_frozen(scene: str, codec: Codec, light: Light) -> None:
    """However few pictures after a keyframe a visit receives."""
    pictures = [sum(map(len, each.payloads)) for each in clips.load(scene, codec, light=light).pictures]
    for first in range(0, len(pictures), 10):
        for last in range(first + 3, first + 11):
            assert statistics.median(pictures[first + 1 : last]) / pictures[first] > STILL_MOTION_RATIO, (first, last)


def test_the_archives_hold_files_without_owner_and_date() -> None:
    for scene in SCENES:
        with (FOLDER / f"{scene}.tar.xz").open("rb") as stream, tarfile.open(fileobj=stream) as archive:
            assert {(item.uid, item.mtime, item.isfile()) for item in archive} == {(0, 0, True)}


def test_a_place_can_be_rendered_again() -> None:
    one, two = (film(PLACES["yard"](), "dusk", [3.0], seed=2)[0] for _ in range(2))
    assert one.shape == (360, 640, 3)
    assert np.array_equal(one, two)
    packed = clips.frames("yard", Light.DUSK)[0]
    assert cv2.absdiff(cv2.GaussianBlur(one, (0, 0), 4), cv2.GaussianBlur(packed, (0, 0), 4)).mean() < 12


def test_a_day_goes_through_its_lights_in_turn_and_cameras_differ() -> None:
    day = [light_at(hour / 10, 0) for hour in range(240)]
    turns = [day[0], *(after for before, after in pairwise(day) if after is not before)]
    assert turns == [Light.INFRARED, Light.DAWN, Light.DAY, Light.DUSK, Light.INFRARED]
    assert len({light_at(18.2, number) for number in range(20)}) == 2
    assert light_at(14.5, 3, day=1) is Light.RAIN
    assert light_at(14.5, 3, day=2) is Light.DAY


def test_a_day_of_a_minute_lasts_a_minute() -> None:
    day = SimulatedDay(60.0, began=1000.0)
    assert day.now(1030.0) - day.now(1000.0) == pytest.approx(DAY_SECONDS / 2)
    assert day.now(1000.0) == 1000.0
