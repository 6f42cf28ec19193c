"""Dirt lies still on the lens, soft and in patches; what passes, stands or casts a shadow before it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.checks.dirty import DIRTY as DIRTY_CHECK
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.detail import detail_of
from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.planes import pack_detail
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.verdict import NEW_LIGHT_LEVELS, Sight, View

Frame = Any
Draw = Callable[[Frame, int], Frame]
DIRTY = DIRTY_CHECK.fault.code


def smooth(frame: Frame) -> Frame:
    """Return a view of large plain areas, as of walls and asphalt."""
    return cv2.bilateralFilter(cv2.medianBlur(frame, 9), 9, 40, 9)


@cache
def known(*, plain: bool) -> tuple[Reference, list[Frame]]:
    """Return the past of a view, and four more pictures of it a second apart."""
    camera = made.MadeCamera()
    shots = [camera.shot(12.0) for _ in range(28)]
    shots = [smooth(shot) for shot in shots] if plain else shots
    past = learn([measure(shot) for shot in shots[:24]])
    assert past is not None
    return past, shots[24:]


def told(draw: Draw, *, plain: bool = False) -> set[str]:
    """Return what is seen in pictures that `draw` changed."""
    past, shots = known(plain=plain)
    return {verdict.code for verdict in look_at([draw(*each) for each in zip(shots, range(4), strict=True)], past).seen}


def patches(frame: Frame, paint: Frame, sigma: float, count: int = 22) -> Frame:
    """Lay round patches of another picture over the whole view, their rims as soft as sigma pixels."""
    chance, mask = np.random.default_rng(4), np.zeros(frame.shape[:2], np.float32)
    for x, y in chance.random((count, 2)) * (made.WIDTH, made.HEIGHT):
        cv2.circle(mask, (int(x), int(y)), int(chance.integers(10, 20)), 1.0, -1)
    mask = (cv2.GaussianBlur(mask, (0, 0), sigma) if sigma else mask)[..., None]
    return np.clip(frame * (1 - mask) + paint * mask, 0, 255).astype(np.uint8)


def passing(frame: Frame, number: int) -> Frame:
    """Let vehicles fill much of the view, elsewhere in each picture."""
    busy, chance = frame.copy(), np.random.default_rng(number)
    for _ in range(9):
        left, top = int(chance.integers(0, made.WIDTH - 60)), int(chance.integers(0, made.HEIGHT - 40))
        busy[top : top + 40, left : left + 60] = chance.uniform(20, 230, 3)
    return busy


@pytest.mark.parametrize("colour", [(40, 60, 75), (190, 70, 150), (60, 160, 60)], ids=["mud", "purple", "green"])
def test_paint_and_mud_are_found(colour: tuple[int, int, int]) -> None:
    assert told(lambda frame, _: patches(frame, np.array(colour), 3.0)) == {DIRTY}


def test_drops_are_found_that_only_soften_what_is_behind_them() -> None:
    assert told(lambda frame, _: patches(frame, cv2.GaussianBlur(frame, (0, 0), 12), 2.0)) == {DIRTY}


def test_dirt_is_found_behind_which_everything_moves() -> None:
    assert DIRTY in told(lambda frame, number: patches(passing(frame, number), np.array((40, 60, 75)), 3.0))


def test_passing_vehicles_are_no_dirt() -> None:
    assert told(passing) == set()


def test_people_who_stand_still_are_no_dirt() -> None:
    """They are as small and as colourful as dirt, but sharp."""

    def crowd(frame: Frame, _: int) -> Frame:
        people, chance = frame.copy(), np.random.default_rng(6)
        for x, y in chance.random((16, 2)) * (made.WIDTH, made.HEIGHT):
            cv2.ellipse(people, (int(x), int(y)), (8, 22), 0, 0, 360, tuple(chance.uniform(10, 240, 3)), -1)
        return people

    assert told(crowd, plain=True) == set()


@pytest.mark.parametrize("soft", [0.5, 2.0, 40.0], ids=["wall", "roof", "cloud"])
def test_a_shadow_is_no_dirt(soft: float) -> None:
    def shaded(frame: Frame, _: int) -> Frame:
        mask = np.zeros(frame.shape[:2], np.float32)
        cv2.fillPoly(mask, [np.array([(0, 0), (330, 0), (90, 270), (0, 270)])], 0.5)
        return np.clip(frame * (1 - cv2.GaussianBlur(mask, (0, 0), soft)[..., None]), 0, 255).astype(np.uint8)

    assert told(shaded) == set()


@pytest.mark.parametrize("power", [0.75, 1.3])
def test_another_contrast_is_no_dirt(power: float) -> None:
    assert DIRTY not in told(lambda frame, _: (255 * (frame / 255) ** power).astype(np.uint8))


def coarse(frame: Frame, _: int) -> Frame:
    """Compress the picture much."""
    return cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)


def starved(frame: Frame, _: int) -> Frame:
    """Leave only the strong patterns of each block of 8 x 8 pixels, and smooth the borders between blocks."""
    colour = cv2.cvtColor(frame, cv2.COLOR_BGR2YCrCb).astype(np.float32)
    luma = colour[..., 0]
    for top, left in np.ndindex(made.HEIGHT // 8, made.WIDTH // 8):
        block = slice(8 * top, 8 * top + 8), slice(8 * left, 8 * left + 8)
        waves = cv2.dct(luma[block])
        kept = np.where(np.abs(waves) < 100, 0.0, waves).astype(np.float32)
        kept[0, 0] = waves[0, 0]
        luma[block] = cv2.idct(kept)
    smoothed = np.clip(cv2.GaussianBlur(colour, (0, 0), 0.9), 0, 255).astype(np.uint8)
    return cv2.cvtColor(smoothed, cv2.COLOR_YCrCb2BGR)


def test_a_slow_line_that_loses_weak_detail_is_no_dirt() -> None:
    assert DIRTY not in told(coarse)


def test_what_a_slow_line_leaves_of_strong_patterns_tells_no_dirt() -> None:
    """It takes the faint patterns of the whole view. Dirt leaves them beside the patches."""
    past, shots = known(plain=False)
    for draw, sight in (
        (starved, Sight.UNKNOWN),
        (lambda frame, _: patches(frame, cv2.GaussianBlur(frame, (0, 0), 12), 2.0), Sight.SEEN),
    ):
        measures = measure(draw(shots[0], 0))
        compared = compare(measures, past)
        assert compared is not None
        lost = replace(compared, scattered_loss_ratio=0.1, best_detail_ratio=1.0, scene_light_log_ratio=0.05)
        assert DIRTY_CHECK.judge(View(measures, lost, past)).sight() is sight


def test_a_light_with_less_detail_leaves_the_usual_loss_as_it_is() -> None:
    """Most of the view is softer in the most similar light. What is not has lost nothing beside the usual detail."""
    past, shots = known(plain=False)
    measures, everywhere = measure(shots[0]), np.ones((18, 32), np.bool_)
    softer, least = np.full((18, 32), 3.0, np.float32), np.ones((18, 32), np.float32)
    softer[::3, ::3] = 6.0
    usual = [replace(past.lights[0], fine=pack_detail(cells)) for cells in (softer, *[np.full_like(softer, 6.0)] * 3)]
    frame = replace(measures, cell_detail=np.where(softer > 3.0, 2.4, 3.0).astype(np.float32))
    detail = detail_of(frame, usual, np.ones_like(softer), scene=everywhere, least=least)
    assert not detail.gone(frame.cell_detail).any()
    assert detail.kept.min() == pytest.approx(0.8, abs=0.01)


def test_lamps_are_no_dirt() -> None:
    def lamps(frame: Frame, _: int) -> Frame:
        return patches(frame, np.array((255, 255, 255)), 3.0, count=9)

    assert DIRTY not in told(lamps)


def test_a_picture_out_of_focus_is_not_called_dirty() -> None:
    assert told(lambda frame, _: cv2.GaussianBlur(frame, (0, 0), 2.5)) == {"picture_blurred"}


def test_patches_in_a_light_that_is_not_known_yet_tell_nothing() -> None:
    """At the first dusk each part of the view is lit otherwise."""
    past, shots = known(plain=False)
    measures = measure(shots[0])
    compared = compare(measures, past)
    assert compared is not None
    soiled = replace(compared, spots_ratio=0.5, scene_light_log_ratio=0.05)
    assert DIRTY_CHECK.judge(View(measures, soiled, past)).sight() is Sight.SEEN
    dusk = replace(soiled, scene_light_log_ratio=0.4)
    assert DIRTY_CHECK.judge(View(measures, dusk, past)).sight() is Sight.UNKNOWN


def test_a_single_picture_of_a_low_sun_tells_no_dirt() -> None:
    """A low sun brings out more detail than is usual, or is a new light altogether; a burst may still tell."""
    past, shots = known(plain=False)
    measures = measure(shots[0])
    compared = compare(measures, past)
    assert compared is not None
    soiled = replace(compared, spots_ratio=0.5, scene_light_log_ratio=0.05)
    assert DIRTY_CHECK.judge(View(measures, soiled, past)).sight() is Sight.SEEN
    for sunny in (replace(soiled, remaining_detail_ratio=1.5), replace(soiled, light_distance_levels=15.0)):
        assert DIRTY_CHECK.judge(View(measures, sunny, past)).sight() is Sight.UNKNOWN


def test_what_is_lost_beside_a_lorry_is_no_dirt() -> None:
    """A lorry hides one part of the view, and its shadow and its load take a little elsewhere."""
    past, shots = known(plain=False)
    measures = measure(shots[0])
    compared = compare(measures, past)
    assert compared is not None
    lost = replace(compared, scattered_loss_ratio=0.1, scene_light_log_ratio=0.05)
    assert DIRTY_CHECK.judge(View(measures, lost, past)).sight() is Sight.SEEN
    assert DIRTY_CHECK.judge(View(measures, replace(lost, veiled_ratio=0.3), past)).sight() is Sight.UNKNOWN
    little = replace(lost, scattered_loss_ratio=0.02)
    assert DIRTY_CHECK.judge(View(measures, little, past)).sight() is not Sight.SEEN


@pytest.mark.parametrize(
    ("loss", "light", "sight"),
    [(0.1, 0.05, Sight.SEEN), (0.035, 0.05, Sight.UNKNOWN), (0.1, 0.2, Sight.UNKNOWN)],
    ids=["much", "little", "new light"],
)
def test_much_dirt_is_told_at_an_hour_that_was_not_seen_yet(loss: float, light: float, sight: Sight) -> None:
    """Dirt changes the light of the view, but not that of the scene beside it."""
    camera = made.MadeCamera()
    shots = [camera.shot(12.0) for _ in range(14)]
    past = learn([measure(shot) for shot in shots], [12.0] * 14)
    measures = measure(shots[0])
    compared = compare(measures, past)
    assert past is not None
    assert compared is not None
    dirty = replace(
        compared, scattered_loss_ratio=loss, scene_light_log_ratio=light, light_distance_levels=NEW_LIGHT_LEVELS + 1
    )
    assert DIRTY_CHECK.judge(View(measures, dirty, past, hour=16.0)).sight() is sight
