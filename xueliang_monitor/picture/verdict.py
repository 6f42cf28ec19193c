"""What a picture check gets and what it returns.

The limits of the checks are constants in the check's file; each has a docstring. Where no other source is given, a
limit was chosen by hand on the tuning cameras of `benchmarks.corpus`, so that the check finds the made faults and
passes the healthy cases. The test cameras were looked at as well. No separate measurement of a limit is recorded.
The third argument of `over` and `under`, where a score reaches 1, is chosen by hand too: it sets how steeply the score
rises, not where the fault begins.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from xueliang_monitor.model import CheckFailure, Fault
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.hours import looks_at, usual_at
from xueliang_monitor.picture.measures import NOISE, Measures
from xueliang_monitor.picture.reference import NOTHING, Reference, Usual

LIMIT = 0.5
"""The score from which a fault is seen, unless a camera's rules set another."""

HYSTERESIS = 0.1
"""A fault is ruled out this far below its limit. In between nothing can be told, and the last judgement stays."""

OFF = 2.0
"""A limit that no score reaches: the check is off."""

TEXTURED = 0.36
"""Smallest share of the view with a pattern for which a check can tell where the pattern went."""

STEADY_MEDIAN, STEADY_LOWEST = 0.6, 0.28
"""Edge correlations with its past, median and lowest, from which a view is steady."""

OTHER_LIGHT = 0.12
"""Distance in natural logarithms from which the scene is lit in a way that is not known yet.

Made dirt and casts leave it at 0.08 at most, blur at 0.14; a real dusk or a real morning whose clouds are new has 0.15
and more.
"""

NEW_LIGHT_LEVELS = 10.0
"""Distance from every known light from which a look is the first of a new one (`remembering.SAME_LIGHT_LEVELS`)."""

FAINT = 0.7
"""Share of the usual faint detail of the whole view below which a slow line takes it. Dirt leaves it elsewhere.

Made dirt left 0.78 and more, real drops 0.73. Most real H.264 and H.265 that looked dirty had 0.53 to 0.68.
"""

COARSE = 0.08
"""Excess over the usual steps between blocks from which a low bitrate took detail. Dirt and blur make no steps.

Made dirt left them 0.04 above the usual at most, blur 0.06; real H.264 at a low bitrate had 0.09 to 0.5.
"""

GRAIN = 0.8
"""Share of the lowest usual noise below which a low bitrate may have taken the grain. A repeated picture has it."""

NO_GRAIN = 0.15
"""Share of the lowest usual noise below which a low bitrate took the grain. It is made behind the lens.

Dirt and blur leave it: made ones had 0.2 and more, after an encoder; H.264 at a low bitrate 0.03.
"""

USUAL_STEPS = 0.1
"""Highest usual steps between blocks while none are known."""

HOUR_LOOKS = 4
"""Looks around an hour of day after which it is known what is usual then."""

GREY_LEVELS = 4.0
"""Colour up to which a picture may be one of infrared light: burned-in text and a tint have some."""

DARK_PAST_LEVELS = 60.0
"""Mean luma below which a past is bare because it is dark: lamps that go on then show what was always there."""

GROWN_LOOKS = 12
"""Looks after which a camera's usual values are well known."""


class Sight(enum.Enum):
    """Whether a check sees its fault. `SUSPECT` cannot tell, but asks for an early second look."""

    SEEN = "seen"
    RULED_OUT = "ruled out"
    UNKNOWN = "unknown"
    SUSPECT = "suspect"


@dataclass(frozen=True, slots=True)
class View:
    """What a check judges: the measures of a frame, its comparison with the camera's past, and that past."""

    measures: Measures

    compared: Comparison | None = None
    """How the frame compares with the past; None without any past."""

    reference: Reference | None = None
    """The camera's past."""

    hour: float | None = None
    """Local hour at the camera, in [0, 24); None if unknown."""

    sun_degrees: float | None = None
    """Height of the sun over the horizon at the camera; None if unknown."""

    usual: Usual = field(init=False)
    """What is usual for the camera, recently and at this hour; without values if the past is not enough."""

    at_hour: Usual = field(init=False)
    """What was usual for the camera at this hour on the last days; without values if that is not known."""

    def __post_init__(self) -> None:
        """Unpack the usual values once for all checks."""
        known = self.reference if self.past is not None else None
        at_hour = usual_at(known.hours, self.hour) if known is not None and self.hour is not None else NOTHING
        object.__setattr__(self, "at_hour", Usual.of(at_hour))
        object.__setattr__(self, "usual", Usual.of(known.usual, at_hour) if known is not None else Usual.of(NOTHING))

    @property
    def past(self) -> Comparison | None:
        """How the frame compares with its past; None if the past is not enough to judge against."""
        return self.compared if self.reference is not None and self.reference.learned else None

    @property
    def young(self) -> bool:
        """Whether too few looks taught for the usual values to be well known."""
        return self.reference is None or self.reference.looks < GROWN_LOOKS

    @property
    def in_this_light(self) -> Usual:
        """What is usual at this hour where enough looks have shown it, else what is usual at all."""
        return self.at_hour if self.hour_known else self.usual

    @property
    def hour_known(self) -> bool:
        """Whether enough looks of the last days have shown what is usual at this hour."""
        known = self.reference if self.past is not None else None
        return known is not None and self.hour is not None and looks_at(known.hours, NOISE, self.hour) >= HOUR_LOOKS

    @property
    def hours_around_known(self) -> bool:
        """Whether the hours before and after this one have been seen too, so that dusk and dawn would be known."""
        known = self.reference if self.past is not None else None
        return known is not None and self.hour is not None and known.known_around(self.hour)

    @property
    def otherwise_lit(self) -> bool:
        """Whether what shows of the scene is lit in a way that is not known yet: a low sun, lamps, new clouds."""
        return self.past is not None and OTHER_LIGHT < self.past.scene_light_log_ratio < math.inf

    @property
    def slow_line(self) -> bool:
        """Whether a low bitrate took the faint detail of the whole view."""
        return self.past is not None and self.past.faint_detail_ratio < FAINT

    @property
    def coarse(self) -> bool:
        """Whether a low bitrate left its blocks or took the grain, and may have taken detail as dirt and blur do."""
        usual = self.usual.frame
        blocks = self.measures.grid_steps_ratio > max(0.0, usual.grid_steps_ratio.highest(USUAL_STEPS)) + COARSE
        return blocks or self.measures.noise_levels < NO_GRAIN * usual.noise_levels.lowest(0.0)

    @property
    def grainless(self) -> bool:
        """Whether the view has less grain than it ever had, as after a low bitrate, blur or missing data."""
        return self.measures.noise_levels < GRAIN * self.usual.frame.noise_levels.lowest(0.0)

    @property
    def first_light(self) -> bool:
        """Whether the camera sees this hour of day for the first time, in a light that is not known yet.

        A camera that was installed by night knows nothing of the day: what is new then is the day itself.
        """
        known = self.reference if self.past is not None else None
        if known is None or self.past is None or self.hour is None or not known.hours:
            return False
        return self.past.light_distance_levels > NEW_LIGHT_LEVELS and not self.hours_around_known

    @property
    def dark_past(self) -> bool:
        """Whether the camera knows nights only: the day will show another pattern."""
        return self.usual.frame.luma_mean_levels.highest(0.0) < DARK_PAST_LEVELS

    @property
    def unproven(self) -> bool:
        """Whether a fault was seen in the last light that is known: a light seen for the first time cannot end it.

        A camera that knows grey or dark nights only must learn its day whatever it saw at dawn.
        """
        known = self.reference
        coloured = self.usual.frame.chroma_levels.highest(0.0) > GREY_LEVELS
        return known is not None and known.faulty and self.first_light and coloured and not self.dark_past

    @property
    def infrared(self) -> bool:
        """Whether the picture is grey in a light, at an hour or under a sun in which the camera's pictures are grey."""
        past = self.past
        if past is None or self.measures.chroma_levels > GREY_LEVELS:
            return False
        if past.colours is None or (past.colours.grey and past.colours.nearest_is_grey):
            return True
        night = self.sun_degrees is not None and self.sun_degrees < 0
        return night or self.at_hour.frame.chroma_levels.lowest(GREY_LEVELS + 1) <= GREY_LEVELS

    @property
    def textured_ratio(self) -> float:
        """Share of the view with a pattern, now or usually, whichever is smaller; 0 if unknown."""
        if self.compared is None:
            return 0.0
        return min(self.compared.textured_ratio, self.usual.scene.textured_ratio.median(1.0))

    @property
    def steady(self) -> bool:
        """Whether the view always matches its own past, so that a mismatch means something."""
        usual = self.usual.scene.edge_correlation
        return usual.median(0.0) >= STEADY_MEDIAN and usual.lowest(0.0) >= STEADY_LOWEST


@dataclass(frozen=True, slots=True)
class Judged:
    """What a check found: a score in [0, 1], None if it cannot tell, and the reason in words.

    `suspect` asks for an early second look.
    """

    score: float | None
    detail: str
    suspect: bool = False

    def sight(self, limit: float = LIMIT) -> Sight:
        """Return what the score means if `limit` is the least score of a fault."""
        if limit >= OFF:
            return Sight.RULED_OUT
        if self.suspect:
            return Sight.SUSPECT
        if self.score is None or limit - HYSTERESIS < self.score < limit:
            return Sight.UNKNOWN
        return Sight.SEEN if self.score >= limit else Sight.RULED_OUT


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check on one picture.

    `detail` gives the measure and its limit. `failure` is an exception in the check itself, which then tells nothing.
    """

    code: str
    sight: Sight
    detail: str = ""
    score: float | None = None
    failure: CheckFailure | None = None


Judge = Callable[[View], Judged]


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its fault and the pure function that judges it.

    `hides_others`: once the fault is seen, the later checks cannot tell anything.
    `intermittent`: a clean next frame does not clear the fault.
    """

    fault: Fault
    judge: Judge
    hides_others: bool = True
    intermittent: bool = False


def over(value: float, limit: float, full: float) -> float:
    """Return a score: 0.5 if `value` is at `limit`, 1 at `full`, 0 as far on the other side.

    Where `full` is not beyond the limit, the score is a step: 0 below the limit, 1 above.
    """
    if full <= limit:
        return 0.5 if value == limit else float(value > limit)
    return min(1.0, max(0.0, 0.5 + 0.5 * (value - limit) / (full - limit)))


def under(value: float, limit: float, full: float) -> float:
    """Return a score as `over` does, for a value that must be below its limit: 1 at `full`, which is below too."""
    return over(-value, -limit, -full)


def any_of(*found: Judged) -> Judged:
    """Return the strongest of several signs of one fault; unknown only if every sign is unknown."""
    return max(found, key=lambda judged: -1.0 if judged.score is None else judged.score)


def both(*scores: float) -> float:
    """Return the score of signs that must all be present."""
    return min(scores)
