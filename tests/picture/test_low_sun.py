"""A low sun, lamps and the sky of twilight tint a view like black bodies; a filter that is stuck does not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.picture import made
from xueliang_monitor.picture.look import look_at

SUNSET = (0.68, 0.95, 1.2)
BLUE_HOUR = (1.22, 1.0, 0.78)
STUCK_FILTER = (1.1, 0.72, 1.2)


@pytest.mark.parametrize(
    ("gains", "hour", "codes"),
    [
        (SUNSET, 18.5, []),
        (SUNSET, 12.0, ["picture_colour_cast"]),
        (BLUE_HOUR, 20.5, []),
        (BLUE_HOUR, 12.0, ["picture_colour_cast"]),
        (STUCK_FILTER, 18.5, ["picture_colour_cast"]),
        (STUCK_FILTER, 12.0, ["picture_colour_cast"]),
    ],
)
def test_only_what_no_light_does_is_a_cast(gains: tuple[float, float, float], hour: float, codes: list[str]) -> None:
    frame = np.clip(made.MadeCamera().shot(12.0) * np.array(gains), 0, 255).astype(np.uint8)
    told = look_at([frame], made.reference(14), 0.1, hour=hour)
    assert [verdict.code for verdict in told.seen] == codes
    assert "picture_colour_cast" not in told.ruled_out
