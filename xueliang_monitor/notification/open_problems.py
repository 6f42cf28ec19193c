"""The open problems of a fleet, with what other systems want to know of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.fleet.acknowledged import InForce
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.problems import OpenProblem, ProblemKind, parts_of
from xueliang_monitor.notification.events import KnownProblem

AT_ONCE = 50
"""Cameras looked at in one step of the event loop."""

_NODES = frozenset({ProblemKind.UPLINK, ProblemKind.HOST})


def untold(fleet: Fleet) -> frozenset[ProblemKind]:
    """Return the kinds of problems of which nothing is known now: nodes, while the monitor itself is cut off."""
    return _NODES if fleet.isolated else frozenset()


async def open_problems(fleet: Fleet) -> Mapping[str, KnownProblem]:
    """Return all open problems by their keys, without those of cameras in commissioning."""
    found = {problem.key: _of_cause(fleet, problem) for problem in fleet.acknowledged.causes()}
    for number, (entry, _) in enumerate(fleet.pairs(), start=1):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
        if entry.camera.status is not Lifecycle.COMMISSIONING:
            found |= _of_camera(fleet, entry)
    return found


def _of_camera(fleet: Fleet, entry: Entry) -> dict[str, KnownProblem]:
    camera, page = entry.camera, f"{fleet.monitor.page_url}/cameras/{entry.camera.id}"
    return {
        problem.key: KnownProblem(problem, who, camera.name, camera.site, camera.programme, page)
        for problem, who in fleet.acknowledged.of_camera(entry, fleet.now)
    }


def _of_cause(fleet: Fleet, problem: OpenProblem) -> KnownProblem:
    name = fleet.topology.shown(problem.subject) if problem.kind in _NODES else problem.subject
    page = f"{fleet.monitor.page_url}/problems#p-{quote(problem.key, safe='')}"
    return KnownProblem(problem, fleet.acknowledged.of(problem, fleet.now), name, page=page)


def acknowledged(fleet: Fleet) -> InForce:
    """Return the open problems that are acknowledged, with the acknowledgement in force."""
    cameras = {parts_of(each.problem)[1] for each in fleet.acknowledged.known}
    return fleet.acknowledged.in_force({name: fleet.entry(name) for name in cameras if fleet.camera(name) is not None})
