"""A reference is complete or rejected; usual colours are learned only from pictures with colour."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from pydantic import TypeAdapter

from tests.picture import made
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.planes import distance, grey, small_thumb, thumb_of
from xueliang_monitor.picture.reference import MAX_LIGHTS, SETTLED_LOOKS, Light, Reference
from xueliang_monitor.picture.remembering import AGED_LOOKS, remember

WHOLE = made.reference(60)
LIGHT = WHOLE.lights[0]


def bleached(frame: made.Frame) -> made.Frame:
    return cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


@pytest.mark.parametrize(
    "change",
    [
        {"lights": ()},
        {"looks": 0},
        {"looks": LIGHT.looks - 1},
        {"lights": (LIGHT,) * (MAX_LIGHTS + 1)},
        {"usual": {"mean": (float("nan"),)}},
        {"usual": {"mean": ()}},
        {"usual": {"mean": (0.0,) * 25}},
        {"least": b"\x80"},
        {"previous": b"\x80"},
        {"hours": {"mean": b"\x80"}},
        {"lights": (), "looks": 0},
    ],
)
def test_an_incomplete_reference_is_rejected(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        replace(WHOLE, **change)


@pytest.mark.parametrize(
    "change",
    [{"thumb": b""}, {"thumb": LIGHT.structure}, {"structure": LIGHT.thumb}, {"thumb": LIGHT.thumb[:-1]},
     {"thumb": LIGHT.thumb.replace(b"IDAT", b"IDAX")}, {"fine": b"\x00"}, {"looks": 0}],
)  # fmt: skip
def test_an_incomplete_light_is_rejected(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        replace(LIGHT, **change)


def test_every_reference_with_looks_can_be_compared_with() -> None:
    assert not Reference().learned
    measures = measure(made.MadeCamera().shot(12.0))
    known: Reference | None = None
    for _ in range(SETTLED_LOOKS):
        known = remember(known, measures, compare(measures, known), healthy=True)
        assert compare(measures, known) is not None
        settled = known.settled()
        assert settled is None or (settled.lights and compare(measures, settled) is not None)


def test_values_that_are_not_finite_teach_nothing() -> None:
    measures = measure(made.MadeCamera().shot(12.0))
    odd = replace(measures, noise_levels=float("nan"), blur_ratio=float("inf"))
    after = remember(WHOLE, odd, None, healthy=True)
    assert after.usual["noise"] == WHOLE.usual["noise"]
    assert after.usual["blur"] == WHOLE.usual["blur"]
    assert after.usual["mean"][-1] == pytest.approx(measures.luma_mean_levels, rel=5e-3)


def test_grey_looks_change_neither_limits_nor_lights_of_colour() -> None:
    scene, known = made.MadeCamera(), WHOLE
    names = ("cast", "cast_even", "chroma_kept", "chroma_usual")
    for number in range(12):
        # Alternately of the light known by day, and of a night.
        picture = bleached(scene.shot(12.0)) if number % 2 else scene.shot(23.0)
        measures = measure(picture)
        known = remember(known, measures, compare(measures, known), healthy=True)
    assert {name: known.usual[name] for name in names} == {name: WHOLE.usual[name] for name in names}
    colour = [light for light in known.lights if not grey(thumb_of(light))]
    assert colour == list(WHOLE.lights), "no grey look moved a light that has colour"
    assert len(known.lights) > len(colour)


def test_colours_are_not_compared_with_grey_lights() -> None:
    scene = made.MadeCamera()
    nights = made.nights()
    for hour in (9.0, 12.0, 17.0):
        found = compare(measure(scene.shot(hour)), nights)
        assert found is not None
        assert found.colours is not None
        assert 0.7 < found.colours.chroma_ratio < 1.4
        assert found.colours.cast_log_ratio < 0.1
        assert not found.colours.grey
    dark = compare(measure(scene.shot(2.0)), nights)
    assert dark is not None
    assert dark.colours is not None
    assert dark.colours.grey
    assert dark.colours.nearest_is_grey
    assert dark.colours.chroma_ratio < 0.05


def test_a_camera_that_knows_only_nights_learns_its_colours_by_day() -> None:
    scene, known = made.MadeCamera(), None
    for hour in (*[1.0] * 30, *np.arange(6.5, 12.0, 0.25)):
        look = look_at([scene.shot(hour)], known, 0.1, hour)
        assert look.failures == ()
        assert not {"picture_colour_cast", "picture_colourless"} & {verdict.code for verdict in look.seen}, hour
        known = look.reference
    assert known is not None
    assert any(not grey(thumb_of(light)) for light in known.lights)
    assert [verdict.code for verdict in look_at([bleached(scene.shot(12.0))], known, 0.1, 12.0).seen] == [
        "picture_colourless"
    ]


def test_coloured_text_does_not_make_a_night_coloured() -> None:
    night = made.MadeCamera().shot(23.0)
    cv2.putText(night, "2026-11-25 23:00:01 CAM 07", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 255, 255), 2)
    assert grey(measure(night).thumb.astype(np.float32))
    assert isinstance(LIGHT, Light)


def test_a_past_spoiled_by_grey_nights_still_shows_a_lost_colour() -> None:
    """Earlier versions stored the colour ratio of grey nights too, which is 0."""
    known = made.reference(24)
    spoiled = replace(known, usual={**known.usual, "chroma_kept": (0.0, 0.01, *known.usual["chroma_kept"][2:])})
    scene = made.MadeCamera()
    look = look_at([bleached(scene.shot(12.0))], spoiled, 0.1, 12.0)
    assert look.failures == ()
    assert [verdict.code for verdict in look.seen] == ["picture_colourless"]
    assert look_at([scene.shot(12.0)], spoiled, 0.1, 12.0).seen == ()


def test_a_long_night_does_not_replace_the_day() -> None:
    known, scene = WHOLE, made.MadeCamera()
    for number in range(20):
        night = np.roll(scene.shot(23.0), 97 * number, axis=1)  # like the headlights of many cars
        known = remember(known, measure(night), None, healthy=True)
    assert len(known.lights) > len(WHOLE.lights)
    assert max(WHOLE.lights, key=lambda light: light.looks) in known.lights


def test_of_two_lights_alike_one_makes_room() -> None:
    """However long a day lasts, dusk and night are kept; before, the last looks replaced whatever was older."""
    scene = made.MadeCamera()
    day, night = measure(scene.shot(12.0)), measure(scene.shot(23.0))
    known = remember(remember(None, day, None, healthy=True), night, None, healthy=True)
    for number in range(3 * MAX_LIGHTS):
        cloudy = scene.shot(12.0) * (0.5 + 0.02 * number) + 20 * (number % 3)
        known = remember(known, measure(np.clip(cloudy, 0, 255).astype(np.uint8)), None, healthy=True)
    assert any(distance(small_thumb(night), thumb_of(light)) < 8 for light in known.lights)


def test_a_light_that_nothing_was_like_for_long_makes_room_first() -> None:
    scene = made.MadeCamera()
    known = remember(None, measure(scene.shot(23.0)), None, healthy=True)
    known = remember(known, measure(scene.shot(12.0)), None, healthy=True)
    old = known.lights[0]
    known = replace(known, looks=AGED_LOOKS + 10, lights=tuple(replace(each, number=5) for each in known.lights))
    for number in range(2 * MAX_LIGHTS):
        other = np.clip(np.roll(scene.shot(12.0), 61 * number, axis=1) * (0.3 + 0.04 * number), 0, 255)
        known = remember(known, measure(other.astype(np.uint8)), None, healthy=True)
    assert old.thumb not in {light.thumb for light in known.lights}


def test_a_past_of_a_view_full_of_detail_takes_at_most_64_kilobytes_as_stored() -> None:
    chance, known = np.random.default_rng(3), None
    leaves = chance.integers(0, 255, (270, 480, 3)).astype(np.float32)
    for number in range(30):
        hour = number * 2.0 % 24
        lit = cv2.GaussianBlur(leaves, (0, 0), 1.0 + number % 5) * (0.3 + 0.1 * (number % 7)) + 9 * (number % 4)
        measures = measure(np.clip(lit, 0, 255).astype(np.uint8))
        known = remember(known, measures, compare(measures, known), healthy=True, hour=hour)
    assert known is not None
    stored = TypeAdapter(Reference).dump_json(replace(known, previous=b""))
    assert len(stored) <= 64 * 1024
    assert len(known.lights) >= 4
    assert TypeAdapter(Reference).validate_json(stored) == replace(known, previous=b"")


def test_a_past_of_the_version_before_is_taken_over() -> None:
    earlier = json.loads(TypeAdapter(Reference).dump_json(WHOLE))
    for key in ("hours", "previous_healthy"):
        del earlier[key]
    read = TypeAdapter(Reference).validate_json(json.dumps(earlier))
    assert read.lights == WHOLE.lights
    assert read.usual == WHOLE.usual
    assert (read.hours, read.previous_healthy) == ({}, False)
    look = look_at([made.MadeCamera().shot(12.0)], read, 0.1, 12.0)
    assert (look.seen, look.failures) == ((), ())
    assert look.reference.hours


def test_a_light_that_did_not_move_is_not_encoded_again() -> None:
    shot = made.MadeCamera().shot(12.0)
    known = before = WHOLE
    for _ in range(2 * SETTLED_LOOKS):
        before, known = known, remember(known, measure(shot), None, healthy=True)
    assert sum(light.looks for light in known.lights) > sum(light.looks for light in before.lights)
    assert all(one.structure is other.structure for one, other in zip(known.lights, before.lights, strict=True))
    lighter = np.clip(shot.astype(np.int16) + 16, 0, 255).astype(np.uint8)
    moved = remember(known, measure(lighter), None, healthy=True)
    assert [light.structure for light in moved.lights] != [light.structure for light in known.lights]
