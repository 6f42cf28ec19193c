"""Tiles of the wall: their content and their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.catalogue import fault
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem
from xueliang_monitor.judgement.status import CAUSES, CameraStatus
from xueliang_monitor.model import Severity
from xueliang_monitor.topology import Topology
from xueliang_monitor.web.levels import LEVELS, level_of, open_faults


@dataclass(slots=True)
class Tile:
    """The tile of one camera.

    `shown` is what the content depends on, `version` that of the wall when the content last changed, `rendered` the
    HTML by language. `order` sorts by site, then by level, the worst first, then by name.
    """

    camera: str
    site: str
    rank: int
    shown: tuple[Any, ...]
    values: dict[str, Any]
    version: int
    order: tuple[Any, ...]
    rendered: dict[str, str] = field(default_factory=dict)


Known = tuple[tuple[OpenProblem, Acknowledgement | None], ...]
"""The open problems of a camera, each with its acknowledgement."""


def values_of(entry: Entry, status: CameraStatus, topology: Topology, problems: Known = ()) -> dict[str, Any]:
    """Return the values for the template of a tile."""
    camera = entry.camera
    path = topology.path(topology.leaf(camera.id))
    level = level_of(status)
    return {
        "id": camera.id,
        "name": camera.name,
        "site": camera.site,
        "programme": camera.programme,
        "uplink": camera.uplink,
        "address": camera.target.host,
        "state": status.state.value,
        "level": level.value,
        "word": LEVELS[level],
        "rank": level.rank,
        "since": status.since,
        "faults": [fault(known.code) for known in open_faults(entry, status)],
        "cause": CAUSES.get(status.cause),
        "behind": topology.shown(status.behind),
        "hangs_on": " ".join(dict.fromkeys(word for name in path for word in (name, topology.shown(name)))),
        "trial": camera.status is Lifecycle.COMMISSIONING,
        "outdated": camera.outdated,
        "troubled": bool(problems),
        "critical": sum(problem.severity is Severity.CRITICAL for problem, _ in problems),
        "alarms": alarms(problems),
        "acknowledged": _acknowledged_by(problems),
    }


def alarms(problems: Iterable[tuple[OpenProblem, Acknowledgement | None]]) -> str:
    """Return a mark for each critical problem that nobody acknowledged; the same problem later has another one."""
    new = (each for each, who in problems if who is None and each.severity is Severity.CRITICAL)
    return " ".join(f"{quote(each.key, safe=':')}@{each.confirmed_at:.0f}" for each in new)


def _acknowledged_by(problems: Known) -> str:
    """Return who acknowledged the problems of a camera; empty while one of them is not acknowledged."""
    known = [acknowledgement.by for _, acknowledgement in problems if acknowledgement is not None]
    return ", ".join(dict.fromkeys(known)) if known and len(known) == len(problems) else ""


def shown_of(entry: Entry, status: CameraStatus, topology: Topology, problems: Known = ()) -> tuple[Any, ...]:
    """Return what the content of a tile depends on; equal values mean equal content."""
    camera = entry.camera
    codes = tuple(known.code for known in open_faults(entry, status))
    path = tuple(topology.nodes[name] for name in topology.path(topology.leaf(camera.id)))
    known = tuple((problem.key, problem.since, who.id if who is not None else 0) for problem, who in problems)
    return status.state, status.since, status.cause, status.behind, codes, path, camera, known


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts site 2 before site 10. The script of the page sorts in the same way."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(bool(number % 2)), int(part) if number % 2 else 0, part) for number, part in enumerate(parts))


def grouped(tiles: list[Tile]) -> Iterator[tuple[str, list[Tile]]]:
    """Yield each site with its tiles, in the order of the tiles."""
    together: dict[str, list[Tile]] = {}
    for tile in tiles:
        together.setdefault(tile.site, []).append(tile)
    yield from together.items()
