"""Which events of the history a reader wants, as a condition of SQL. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subjects:
    """What events are about: cameras by id, and nodes of the topology by name."""

    cameras: Collection[str] = ()
    nodes: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class WordMatch:
    """One word of a search in lower case, and what is called by it; the detail of an event may hold it, too."""

    word: str
    subjects: Subjects
    faults: Collection[str] = ()


Condition = tuple[str, tuple[object, ...]]
"""SQL, and the values of its marks."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; what is empty or None does not matter.

    Attributes:
        camera: the id of a camera.
        subjects: what the events are about, such as the cameras of a site and the nodes that they hang on.
        faults: the codes of faults. An event without a code, such as an acknowledged outage, has the code "".
        since: the earliest moment, in seconds since the epoch.
        until: the first moment that is too late.
        words: the words of a search; an event has all of them.

    """

    camera: str = ""
    subjects: Subjects | None = None
    faults: Collection[str] | None = None
    since: float | None = None
    until: float | None = None
    words: tuple[WordMatch, ...] = ()

    def condition(self) -> Condition:
        """Return the condition of SQL; it starts with AND, and is empty if every event is wanted."""
        parts: list[Condition] = []
        if self.camera:
            parts.append(("camera = ?", (self.camera,)))
        if self.subjects is not None:
            parts.append(_about(self.subjects))
        if self.faults is not None:
            parts.append((f"fault {_IN}", (_listed(self.faults),)))
        if self.since is not None:
            parts.append(("at >= ?", (self.since,)))
        if self.until is not None:
            parts.append(("at < ?", (self.until,)))
        parts += map(_has, self.words)
        return "".join(f" AND ({sql})" for sql, _ in parts), tuple(value for _, values in parts for value in values)


EVERY_EVENT = EventFilter()
_IN = "IN (SELECT value FROM json_each(?))"


def _listed(values: Collection[str]) -> str:
    return json.dumps(sorted(values))


def _about(subjects: Subjects) -> Condition:
    """Return the condition of events of cameras, or of nodes themselves."""
    sql = f"camera {_IN} OR (camera = '' AND uplink {_IN})"
    return sql, (_listed(subjects.cameras), _listed(subjects.nodes))


def _has(match: WordMatch) -> Condition:
    sql = f"camera {_IN} OR uplink {_IN} OR fault {_IN} OR instr(lower(detail || ' ' || kind), ?)"
    named = (match.subjects.cameras, match.subjects.nodes, match.faults)
    return sql, (*map(_listed, named), match.word)
