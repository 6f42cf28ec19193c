"""Dusk, night and dawn are no faults, and what is a fault then is still found."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.look import Look, look_at
from xueliang_monitor.picture.reference import Reference

LAMPS = ((60, 200), (210, 180), (390, 230), (300, 120))


class LampCamera(made.MadeCamera):
    """A street without infrared light: at dusk the sky turns dark, lamps go on, and the gain makes noise."""

    def shot(self, hour: float, noise_times: float = 1.0) -> Any:
        height = self.sun(hour)
        day = float(np.clip((height + 0.05) / 0.2, 0, 1))
        lit = self.scene * (0.05 + 0.95 * day)
        rows, columns = np.mgrid[0 : made.HEIGHT, 0 : made.WIDTH]
        for across, down in LAMPS:
            glow = np.exp(-((columns - across) ** 2 + 2 * (rows - down) ** 2) / 5000.0)
            lit += (1 - day) * (self.scene * 0.9 + 60) * glow[..., None]
        noise = (1.2 + 6.0 * (1 - day)) * noise_times
        return np.clip(lit + self.chance.normal(0, noise, lit.shape), 0, 255).astype(np.uint8)


def watched(scene: LampCamera, hours: np.ndarray, known: Reference | None = None) -> tuple[list[Look], Reference]:
    looks = []
    for hour in hours:
        looks.append(look_at([scene.shot(float(hour) % 24)], known, 0.1, float(hour) % 24))
        known = looks[-1].reference
    assert known is not None
    return looks, known


@pytest.fixture(scope="module")
def past() -> tuple[list[Look], Reference]:
    return watched(LampCamera(), np.arange(9.0, 24.0 + 21.0, 0.5))


def test_the_first_dusk_and_night_are_no_fault(past: tuple[list[Look], Reference]) -> None:
    assert {verdict.code for look in past[0] for verdict in look.seen} == set()


@pytest.mark.parametrize("hour", [12.0, 18.7, 23.0])
def test_the_view_is_known_at_every_hour(past: tuple[list[Look], Reference], hour: float) -> None:
    look = look_at([LampCamera(seed=5).shot(hour)], past[1], 0.1, hour)
    assert (look.seen, look.failures) == ((), ())


def test_a_sensor_that_is_noisier_than_usual_at_night_is_found(past: tuple[list[Look], Reference]) -> None:
    scene = LampCamera()
    assert [verdict.code for verdict in look_at([scene.shot(23.0, 2.5)], past[1], 0.1, 23.0).seen] == ["picture_noisy"]


def test_a_day_as_noisy_as_the_night_is_found(past: tuple[list[Look], Reference]) -> None:
    scene = LampCamera()
    assert [verdict.code for verdict in look_at([scene.shot(12.0, 6.0)], past[1], 0.1, 12.0).seen] == ["picture_noisy"]


@pytest.mark.parametrize("hour", [12.0, 23.0])
def test_a_sheet_over_half_of_the_view_is_found_by_day_and_by_night(
    past: tuple[list[Look], Reference], hour: float
) -> None:
    picture = LampCamera().shot(hour)
    picture[:, : made.WIDTH * 3 // 5] = cv2.GaussianBlur(picture, (0, 0), 60)[:, : made.WIDTH * 3 // 5] // 2 + 20
    assert "picture_covered" in {verdict.code for verdict in look_at([picture], past[1], 0.1, hour).seen}


def test_a_hand_before_an_infrared_lamp_covers_the_view() -> None:
    scene, known = made.MadeCamera(), made.nights()
    night = scene.shot(23.0).astype(np.float32)
    rows, columns = np.mgrid[0 : made.HEIGHT, 0 : made.WIDTH]
    hand = 300.0 - 0.4 * np.hypot(columns - 330, rows - 130)
    for share in (1.0, 0.85):
        picture = np.clip(0.02 * night + share * hand[..., None], 0, 255).astype(np.uint8)
        codes = [verdict.code for verdict in look_at([picture], known, 0.1, 23.0, sun_degrees=-30.0).seen]
        assert codes == ["picture_covered"], share


def test_grey_by_the_suns_height() -> None:
    """At 19 h in summer it is day; at 17 h in a northern winter it is night. The clock alone does not tell."""
    scene = made.MadeCamera()
    known = made.nights()
    grey = cv2.cvtColor(cv2.cvtColor(scene.shot(12.0), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)

    def codes(hour: float, sun_degrees: float | None) -> list[str]:
        look = look_at([grey], known, 0.1, hour, sun_degrees=sun_degrees)
        return [verdict.code for verdict in look.seen]

    assert codes(19.0, None) == []
    assert codes(19.0, 14.0) == ["picture_colourless"]
    assert codes(16.0, -3.0) == []
    assert codes(12.0, None) == ["picture_colourless"]


def test_grey_by_what_the_hour_has_shown() -> None:
    """A camera without a position learns that its day lasts until 20 h."""
    scene = made.MadeCamera(sunrise=5.0, sunset=21.5)
    _, known = _watch_days(scene, np.arange(6.0, 20.6, 0.5))
    grey = cv2.cvtColor(cv2.cvtColor(scene.shot(19.0), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert [verdict.code for verdict in look_at([grey], known, 0.1, 19.0).seen] == ["picture_colourless"]


def _watch_days(scene: made.MadeCamera, hours: np.ndarray) -> tuple[list[Look], Reference]:
    looks: list[Look] = []
    known: Reference | None = None
    for hour in hours:
        looks.append(look_at([scene.shot(float(hour))], known, 0.1, float(hour)))
        known = looks[-1].reference
    assert known is not None
    return looks, known
