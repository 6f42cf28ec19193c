"""How bad it stands with a camera, as the pages show it: its state, with blind cameras apart. Pure."""

from __future__ import annotations

import enum

from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.catalogue import fault
from xueliang_monitor.judgement.health import FaultState
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.model import Severity, State, Text


class Level(enum.StrEnum):
    """The levels, the worst first. All but `BLIND` are states; a blind camera answers, but nobody can see with it."""

    DOWN = "down"
    BLIND = "blind"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"
    UP = "up"

    @property
    def rank(self) -> int:
        """Its place among the levels, from 0 for the worst."""
        return WORST_FIRST.index(self)


WORST_FIRST = tuple(Level)
CRITICAL = frozenset({Level.DOWN, Level.BLIND})
"""Levels of cameras that show nothing."""

LEVELS = {
    Level.UP: Text("up", "正常"),
    Level.DEGRADED: Text("degraded", "异常"),
    Level.BLIND: Text("blind", "画面失效"),
    Level.DOWN: Text("down", "离线"),
    Level.UNKNOWN: Text("unknown", "未知"),
    Level.MAINTENANCE: Text("maintenance", "维护中"),
}
"""The word for each level."""


def level_of(status: CameraStatus) -> Level:
    """Return the level of a camera. One that answers is blind if one of its confirmed faults is critical."""
    if status.state is State.DEGRADED and any(
        fault(known.code).severity is Severity.CRITICAL for known in status.faults
    ):
        return Level.BLIND
    return Level(status.state.value)


def open_faults(entry: Entry, status: CameraStatus) -> tuple[FaultState, ...]:
    """Return the confirmed faults of a camera, oldest first. Maintenance, which suspends judgement, hides none."""
    if status.state is not State.MAINTENANCE:
        return status.faults
    return tuple(sorted(entry.health.confirmed, key=lambda known: (known.since, known.code)))
