"""A camera that learned by day: its first night is no cover, and a cover by night is found, at the latest by day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from tests.scenes import grain, jpegs
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.model import Severity
from xueliang_monitor.picture.checks.covered import COVERED as COVERED_CHECK
from xueliang_monitor.picture.checks.moved import MOVED
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.decode import decode_burst
from xueliang_monitor.picture.hours import UNKNOWN
from xueliang_monitor.picture.look import Look, look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import Sight, View
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import Light, light_at
from xueliang_monitor.simulator.picture_faults import VARIANTS
from xueliang_monitor.wire.media import Codec

Frame = Any
Change = Callable[[Frame], Frame]
SCENES = sorted({scene for scene, _ in clips.PROFILES})
COVERED = "picture_covered"
AFTERNOON, DUSK, NIGHT = (
    [(Light.DAY, 14.0 + each / 2) for each in range(8)],
    [(Light.DUSK, 18.3 + each / 4) for each in range(4)],
    [(Light.INFRARED, hour) for hour in (19.5, 20.0, 20.5, 21.0, 22.0, 23.0, 0.0, 2.0, 4.0)],
)
MORNING = [(Light.INFRARED, 5.0), (Light.DAWN, 5.5), (Light.DAWN, 6.0), (Light.DAY, 7.0), (Light.DAY, 8.0)]
WEATHER = [(Light.RAIN, 8.5), (Light.RAIN, 9.0), (Light.FOG, 9.5), (Light.FOG, 10.0), (Light.DAY, 11.0)]


@cache
def shown(scene: str, light: Light) -> Frame:
    """Return a keyframe of a scene in H.265: its infrared light reaches the near half only, with a faint tint."""
    keyframe = clips.byte_stream(scene, Codec.H265, light=light).split(b"\x00\x00\x00\x01\x46")[1]
    return decode_burst(Codec.H265.value, b"\x00\x00\x00\x01\x46" + keyframe, ())[0]


def watched(
    scene: str, looks: Sequence[tuple[Light, float]], known: Reference | None = None, change: Change | None = None
) -> list[Look]:
    found: list[Look] = []
    for number, (light, hour) in enumerate(looks):
        picture = grain(shown(scene, light), 1.0, number)
        past = found[-1].reference if found else known
        found.append(look_at([change(picture) if change else picture], past, 0.1, hour))
    return found


def critical(looks: Sequence[Look]) -> list[tuple[str, str]]:
    """Return the critical faults that were seen."""
    return [
        (verdict.code, verdict.detail)
        for look in looks
        for verdict in look.seen
        if FAULTS[verdict.code].severity is Severity.CRITICAL
    ]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("first", [AFTERNOON, AFTERNOON[-5:] + DUSK, DUSK * 2], ids=["day", "day-dusk", "dusk"])
def test_the_first_infrared_night_is_no_critical_fault(scene: str, first: list[tuple[Light, float]]) -> None:
    looks = watched(scene, [*first, *NIGHT, *MORNING, *WEATHER, *NIGHT])
    assert critical(looks) == []
    assert all(look.reference.previous_healthy for look in looks[-len(NIGHT) :])


@pytest.mark.parametrize("reach", [0.2, 0.35, 0.6])
def test_however_far_the_lamp_reaches(reach: float) -> None:
    camera, known = made.MadeCamera(), made.reference()
    rows, columns = np.mgrid[0 : made.HEIGHT, 0 : made.WIDTH] / made.HEIGHT
    lamp = np.exp(-(((columns - 0.9) / (3 * reach)) ** 2) - ((1 - rows) / reach) ** 2)[..., None]
    known = look_at([camera.shot(16.0)], known, 0.1, 16.0).reference
    looks: list[Look] = []
    for number in range(4):
        grey = cv2.cvtColor(camera.shot(12.0), cv2.COLOR_BGR2GRAY)
        lit = cv2.merge([grey] * 3) * (0.02 + 1.2 * lamp) + camera.chance.normal(0, 2.0, grey.shape)[..., None]
        picture = np.clip(lit, 0, 255).astype(np.uint8)
        looks.append(look_at([picture], looks[-1].reference if looks else known, 0.1, 20.0 + number / 4))
    assert critical(looks) == []


def cloth(frame: Frame) -> Frame:
    """Return a cloth close before the lens."""
    return VARIANTS["covered"]([frame])[0]


def sheet(frame: Frame) -> Frame:
    """Return a view of which a sheet hides two thirds: smooth, grey and lit from one side."""
    hung, width = frame.copy(), frame.shape[1] * 2 // 3
    hung[:, :width] = (np.linspace(0.8, 0.5, width) * frame.mean())[None, :, None]
    return hung


@cache
def a_day_and_a_night(scene: str) -> Reference:
    return watched(scene, [*AFTERNOON, *DUSK, *NIGHT, *MORNING])[-1].reference


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("cover", [cloth, sheet])
def test_a_cover_in_a_night_that_is_known_is_found_at_once(scene: str, cover: Change) -> None:
    looks = watched(scene, [(Light.INFRARED, 21.0), (Light.INFRARED, 21.5)], a_day_and_a_night(scene), cover)
    assert [[verdict.code for verdict in look.seen] for look in looks] == [[COVERED], [COVERED]]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("cover", [cloth, sheet])
def test_a_cover_in_the_first_night_is_found_at_the_latest_by_day(scene: str, cover: Change) -> None:
    before = watched(scene, [*AFTERNOON, *DUSK])[-1].reference
    looks = watched(scene, [*NIGHT[::2], *MORNING, *AFTERNOON[-2:]], before, cover)
    assert {code for code, _ in critical(looks)} == {COVERED}
    assert looks[-1].reference.lights == before.lights


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("cover", [cloth, sheet])
def test_a_cover_that_stood_before_the_first_night_stays(scene: str, cover: Change) -> None:
    before = watched(scene, AFTERNOON)[-1].reference
    looks = watched(scene, [AFTERNOON[-1], *NIGHT[::2], *MORNING], before, cover)
    assert {code for code, _ in critical(looks[:1])} == {COVERED}
    assert [look for look in looks if COVERED in look.ruled_out] == []
    assert looks[-1].reference.looks == before.looks


def test_the_first_dawn_after_a_night_is_no_other_view() -> None:
    """By night another pattern shows than by day: lost edges tell nothing in a first light."""
    known, picture = a_day_and_a_night("yard"), shown("yard", Light.DAY)
    measures = measure(picture)
    compared = compare(measures, known)
    assert compared is not None
    other = replace(compared, edge_correlation=0.1, best_detail_ratio=2.0, light_distance_levels=40.0)
    assert MOVED.judge(View(measures, other, known, 20.0)).sight() is Sight.SEEN
    unknown = replace(known, hours=dict.fromkeys(known.hours, UNKNOWN))
    assert MOVED.judge(View(measures, other, unknown, 20.0)).sight() is Sight.SUSPECT


@pytest.mark.parametrize(("detail", "light", "sight"), [(1.3, 0.15, Sight.RULED_OUT), (0.5, 0.24, Sight.SUSPECT)])
def test_a_new_light_that_leaves_most_edges_is_no_cover(detail: float, light: float, sight: Sight) -> None:
    """A dusk with lamps that were not lit before: parts of the view lose their pattern, the rest gains."""
    known, picture = a_day_and_a_night("yard"), shown("yard", Light.DUSK)
    measures = measure(picture)
    compared = compare(measures, known)
    assert compared is not None
    veiled = replace(compared, veiled_ratio=0.5, edge_correlation=0.75, best_detail_ratio=max(1.0, detail))
    veiled = replace(veiled, remaining_detail_ratio=detail, scene_light_log_ratio=0.1)
    assert COVERED_CHECK.judge(View(measures, replace(veiled, remaining_detail_ratio=0.5), known, 19.0)).sight() is (
        Sight.SEEN
    )
    lit = replace(veiled, light_distance_levels=35.0, scene_light_log_ratio=light)
    assert COVERED_CHECK.judge(View(measures, lit, known, 19.0)).sight() is sight


def test_a_view_that_keeps_edges_and_detail_in_another_light_tells_no_cover() -> None:
    """Far parts of a view turn dark at night; what covers a quarter of a view takes more of its detail."""
    known = a_day_and_a_night("yard")
    measures = measure(shown("yard", Light.DAY))
    compared = compare(measures, known)
    assert compared is not None
    dark = replace(compared, veiled_ratio=0.5, remaining_detail_ratio=0.75)
    for edges, light, sight in (
        (0.85, 0.05, Sight.SEEN),
        (0.85, 0.11, Sight.SUSPECT),
        (0.75, 0.11, Sight.SEEN),
        (0.75, 0.28, Sight.SUSPECT),
    ):
        view = View(measures, replace(dark, edge_correlation=edges, scene_light_log_ratio=light), known, 16.0)
        assert COVERED_CHECK.judge(view).sight() is sight


@pytest.mark.parametrize(("stride", "step", "number"), [(3, 0.3, 14), (5, 0.5, 32), (7, 0.5, 5)])
def test_the_first_infrared_night_of_a_camera_is_no_dirt(stride: int, step: float, number: int) -> None:
    """The lamp leaves far parts without detail, in whatever order the pictures come."""
    known: Reference | None = None
    for look in range(round(19 / step)):
        hour = (12.0 + step * look) % 24
        pictures = jpegs("street", light_at(hour, number))
        shown = [pictures[(stride * look + each) % len(pictures)] for each in range(1 if look % 3 else 5)]
        seen = look_at(shown, known, None, hour)
        assert [(verdict.code, verdict.detail) for verdict in seen.seen] == []
        known = seen.reference
