"""Every hour of every camera has a light."""

from __future__ import annotations

import math

from xueliang_monitor.simulator.day import APART_HOURS, Light, light_at


def test_a_moment_just_before_midnight_is_night() -> None:
    number = 1
    apart = APART_HOURS * (math.modf(number * 0.618)[0] - 0.5)
    assert light_at(-apart - 1e-16, number) is Light.INFRARED
    assert light_at(math.nextafter(-apart, -1.0), number) is Light.INFRARED
    assert light_at(-1e-16, 0) is Light.INFRARED
