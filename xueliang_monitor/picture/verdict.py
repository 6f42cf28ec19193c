"""What a picture check is and what it says."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from xueliang_monitor.model import Fault
from xueliang_monitor.picture.measures import Measures
from xueliang_monitor.picture.reference import Reference


class Sight(enum.Enum):
    """Three-valued, and a wish: `SUSPECT` cannot tell but asks for an early second look."""

    SEEN = "seen"
    RULED_OUT = "ruled out"
    UNKNOWN = "unknown"
    SUSPECT = "suspect"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's word on one picture; `detail` gives the measure and its threshold."""

    code: str
    sight: Sight
    detail: str = ""


Judge = Callable[[Measures, Reference | None], tuple[Sight, str]]


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its fault, its judge, and whether seeing it leaves the later checks nothing to judge."""

    fault: Fault
    judge: Judge
    hides_others: bool = False
