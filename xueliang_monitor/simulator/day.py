"""The simulated day: which light a camera has at which hour, and a day that runs faster than the real one."""

from __future__ import annotations

import enum
import math
import time
from dataclasses import dataclass

DAY_SECONDS = 86_400.0
SHORTEST_SECONDS = 30.0
"""The shortest simulated day. In a shorter one, dusk would be over between two looks at a camera."""


class Light(enum.StrEnum):
    """The states of light and weather in which there are clips of each scene."""

    DAY = "day"
    DUSK = "dusk"
    DAWN = "dawn"
    INFRARED = "infrared"
    RAIN = "rain"
    FOG = "fog"


HOURS: tuple[tuple[float, Light], ...] = (
    (5.4, Light.INFRARED),
    (6.6, Light.DAWN),
    (18.2, Light.DAY),
    (19.4, Light.DUSK),
    (24.0, Light.INFRARED),
)
"""Until which hour each light lasts, in the order of the day."""

APART_HOURS = 0.4
"""How far the cameras are apart in what they see of dusk and dawn: one hangs in the shade, another is on a hill."""

SHOWER_HOURS = (13.0, 15.5)
"""Hours of rain on every third day."""


def light_at(hour: float, number: int = 0, day: int = 0) -> Light:
    """Return the light of the camera with a number in its fleet, at an hour of a day that is counted from 0."""
    apart = APART_HOURS * (math.modf(number * 0.618)[0] - 0.5)
    if day % 3 == 1 and SHOWER_HOURS[0] <= hour + apart < SHOWER_HOURS[1]:
        return Light.RAIN
    at = (hour + apart) % 24 % 24  # a tiny negative number gives 24.0 at first
    return next(light for until, light in HOURS if at < until)


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """Days that last `seconds` of the machine each.

    They began at the real moment `began`, in seconds since the epoch; the simulated moment was `first` then, by default
    the same. If `clocks_follow`, the clocks of the cameras run with it; else they show the real time.
    """

    seconds: float
    began: float
    clocks_follow: bool = False
    first: float | None = None

    @property
    def speed(self) -> float:
        """How many seconds of the day pass in a second."""
        return DAY_SECONDS / self.seconds

    def now(self, real: float | None = None) -> float:
        """Return the simulated time in seconds since the epoch, at a real moment; by default at the present one."""
        at = time.time() if real is None else real
        return (self.began if self.first is None else self.first) + (at - self.began) * self.speed

    def light(self, number: int, real: float | None = None) -> Light:
        """Return the light of a camera."""
        moment = time.localtime(self.now(real))
        hour = moment.tm_hour + moment.tm_min / 60 + moment.tm_sec / 3600
        return light_at(hour, number, moment.tm_yday)
