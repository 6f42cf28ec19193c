"""The height of the sun over the horizon, by the formulas of NOAA's solar calculator (Meeus 1998). Pure.

They are good to a tenth of a degree between 1950 and 2050. Refraction is left out: it lifts the sun on the horizon by
half a degree.
"""

from __future__ import annotations

import math

_J2000_SECONDS = 946_728_000.0
"""Noon of 1 January 2000 UTC, in seconds since 1970."""

_DAY_SECONDS, _CENTURY_DAYS = 86_400.0, 36_525.0


def sun_height_degrees(at: float, latitude: float, longitude: float) -> float:
    """Return the height of the sun's centre at a moment in seconds since 1970, at a place in degrees of WGS 84."""
    days = (at - _J2000_SECONDS) / _DAY_SECONDS
    century = days / _CENTURY_DAYS
    mean_longitude = math.radians(280.46646 + century * (36_000.76983 + 0.0003032 * century))
    anomaly = math.radians(357.52911 + century * (35_999.05029 - 0.0001537 * century))
    centre = (
        (1.914602 - century * (0.004817 + 0.000014 * century)) * math.sin(anomaly)
        + (0.019993 - 0.000101 * century) * math.sin(2 * anomaly)
        + 0.000289 * math.sin(3 * anomaly)
    )
    node = math.radians(125.04 - 1934.136 * century)
    ecliptic = mean_longitude + math.radians(centre - 0.00569 - 0.00478 * math.sin(node))
    tilt = math.radians(23.439291 - 0.0130042 * century + 0.00256 * math.cos(node))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    turned = math.radians(280.46061837 + 360.98564736629 * days + longitude)  # local sidereal time
    there = math.radians(latitude)
    return math.degrees(
        math.asin(
            math.sin(there) * math.sin(declination)
            + math.cos(there) * math.cos(declination) * math.cos(turned - ascension)
        )
    )
