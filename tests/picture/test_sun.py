"""The height of the sun against published values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from xueliang_monitor.picture.sun import sun_height_degrees


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("at", "latitude", "longitude", "height"),
    [
        # The example of NREL's Solar Position Algorithm (Reda and Andreas 2004): zenith 50.11162 with refraction.
        pytest.param("2003-10-17T19:30:30", 39.742476, -105.1786, 39.872, id="NREL"),
        # At an equinox the sun stands upright over the equator, at a solstice over a tropic.
        pytest.param("2024-03-20T12:07:26", 0.0, 0.0, 89.9, id="equinox"),
        pytest.param("2024-06-20T12:01:50", 23.436, 0.0, 89.9, id="solstice"),
        # Sunrise and sunset as almanacs give them: the centre is then 0.83 degrees below the horizon.
        pytest.param("2024-06-21T03:43:00", 51.5074, -0.1278, -0.83, id="London, sunrise"),
        pytest.param("2024-12-21T08:53:00", 39.9042, 116.4074, -0.83, id="Beijing, sunset"),
        pytest.param("2024-12-21T16:04:00", 39.9042, 116.4074, -73.5, id="Beijing, midnight"),
    ],
)
def test_heights_are_those_published(at: str, latitude: float, longitude: float, height: float) -> None:
    assert sun_height_degrees(seconds(at), latitude, longitude) == pytest.approx(height, abs=0.35)


def test_the_sun_stays_above_the_horizon_in_a_polar_summer() -> None:
    heights = [sun_height_degrees(seconds("2024-06-20T00:00:00") + hour * 3600, 80.0, 15.0) for hour in range(24)]
    assert min(heights) > 13
    assert max(heights) < 34
