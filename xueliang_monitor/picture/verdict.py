"""What a picture check is and what it says."""

from __future__ import annotations

import enum
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from xueliang_monitor.model import CheckFailure, Fault
from xueliang_monitor.picture.comparison import Comparison
from xueliang_monitor.picture.measures import Measures
from xueliang_monitor.picture.reference import Reference

LIMIT = 0.5
"""The score from which on a fault is seen, unless a camera's rules say otherwise."""

HYSTERESIS = 0.1
"""As far below it is ruled out; between the two nothing can be told, so that what was known stays."""

OFF = 2.0
"""A limit that no score reaches: the check is off."""

TEXTURED = 0.36
"""Share of the view with a pattern below which nothing can be said of where it went."""

STEADY = (0.6, 0.28)
"""How well a view's edges fit its past, in the median and at least, for it to be called steady."""

GROWN_LOOKS = 12
"""Looks after which it is known well what is usual for a camera."""


class Sight(enum.Enum):
    """Three-valued, and a wish: `SUSPECT` cannot tell but asks for an early second look."""

    SEEN = "seen"
    RULED_OUT = "ruled out"
    UNKNOWN = "unknown"
    SUSPECT = "suspect"


@dataclass(frozen=True, slots=True)
class View:
    """What a check judges: a frame's measures, how it compares with the camera's past, and that past.

    `compared` is None where there is no past at all; `hour` is the local hour at the camera, in [0, 24), None where it
    is not known.
    """

    measures: Measures
    compared: Comparison | None = None
    reference: Reference | None = None
    hour: float | None = None

    def number(self, name: str) -> float:
        """Return a measure by its name."""
        return self.measures.numbers[name]

    @property
    def past(self) -> Comparison | None:
        """How the frame compares with its past; None where there is not enough of one to judge against."""
        return self.compared if self.reference is not None and self.reference.learned else None

    @property
    def young(self) -> bool:
        """Whether so few looks taught that what is usual is not known well."""
        return self.reference is None or self.reference.looks < GROWN_LOOKS

    @property
    def textured(self) -> float:
        """Share of the view with a pattern, now or usually, whichever is less; 0 where that is not known."""
        return min(self.compared.textured, self.median("textured", 1.0)) if self.compared is not None else 0.0

    @property
    def steady(self) -> bool:
        """Whether the view always fits its own past, so that it tells something when it does not."""
        return self.median("kept", 0.0) >= STEADY[0] and self.lowest("kept", 0.0) >= STEADY[1]

    def _usual(self, name: str) -> tuple[float, ...]:
        return self.reference.usual.get(name, ()) if self.reference is not None and self.past is not None else ()

    def highest(self, name: str, default: float) -> float:
        """Return the largest value of a measure or comparison on healthy looks."""
        return max(self._usual(name), default=default)

    def lowest(self, name: str, default: float) -> float:
        """Return the smallest value of a measure or comparison on healthy looks."""
        return min(self._usual(name), default=default)

    def median(self, name: str, default: float) -> float:
        """Return the median of a measure or comparison on healthy looks."""
        return statistics.median(self._usual(name) or (default,))


@dataclass(frozen=True, slots=True)
class Judged:
    """One check's score in [0, 1], 0.5 and more is the fault; None where it cannot be told. And why, in words."""

    score: float | None
    detail: str
    suspect: bool = False

    def sight(self, limit: float = LIMIT) -> Sight:
        """Return what the score means where a fault is seen from `limit` on."""
        if limit >= OFF:
            return Sight.RULED_OUT
        if self.suspect:
            return Sight.SUSPECT
        if self.score is None or limit - HYSTERESIS < self.score < limit:
            return Sight.UNKNOWN
        return Sight.SEEN if self.score >= limit else Sight.RULED_OUT


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's word on one picture; `detail` gives the measure and its threshold.

    `failure` is the exception of our own that kept it from telling.
    """

    code: str
    sight: Sight
    detail: str = ""
    score: float | None = None
    failure: CheckFailure | None = None


Judge = Callable[[View], Judged]


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its fault, its judge, and whether seeing it leaves the later checks nothing to judge.

    What `comes_and_goes` is so although the next picture is whole.
    """

    fault: Fault
    judge: Judge
    hides_others: bool = True
    comes_and_goes: bool = False


def over(value: float, limit: float, full: float) -> float:
    """Return a score: 0.5 where `value` is at its limit, 1 at `full`, 0 as far on the other side.

    Where `full` leaves no way beyond the limit, it is a step: 0 below, 1 above.
    """
    if full <= limit:
        return 0.5 if value == limit else float(value > limit)
    return min(1.0, max(0.0, 0.5 + 0.5 * (value - limit) / (full - limit)))


def any_of(*found: Judged) -> Judged:
    """Return the strongest of several signs of one fault; one that cannot be told only where none can."""
    return max(found, key=lambda judged: -1.0 if judged.score is None else judged.score)


def both(*scores: float) -> float:
    """Return the score of evidence that must all be there."""
    return min(scores)
