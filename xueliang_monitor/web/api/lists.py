"""Lists beside that of the cameras: open problems, sites, uplinks, maintenance, the fault catalogue."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable

from aiohttp import web

from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.maintenance import WindowKind
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.model import State
from xueliang_monitor.web import views
from xueliang_monitor.web.all_cameras import all_cameras
from xueliang_monitor.web.answers import Faults, Maintenance, Problems, SiteAnswer, Sites, Uplinks
from xueliang_monitor.web.api.endpoint import Endpoint, Query
from xueliang_monitor.web.keys import FLEET, PROBLEMS, WALL
from xueliang_monitor.web.responses import compressed
from xueliang_monitor.web.threads import in_thread

USUAL_DAYS = "30d"


async def _answer(body: Callable[[], object]) -> web.Response:
    """Answer with what a function returns, which is called and written beside the event loop."""
    return compressed(await in_thread(lambda: json.dumps(body()).encode()), "application/json")


async def problems(request: web.Request, _query: Query) -> web.Response:
    """Answer with the open problems, the most serious and newest first, each with its acknowledgement."""
    await request.app[WALL].freshen()
    rows = await request.app[PROBLEMS].rows()

    def body() -> Problems:
        return {"problems": [views.problem(row.problem, row.acknowledgement) for row in rows]}

    return await _answer(body)


async def sites(request: web.Request, _query: Query) -> web.Response:
    """Answer with the sites, with the states of their cameras, their availability and their maintenance."""
    fleet = request.app[FLEET]
    pairs, availability = await all_cameras(fleet), fleet.availability
    windows = [each for each in fleet.windows if each.kind is WindowKind.SITE and each.active(fleet.now)]

    def site(name: str, members: list[tuple[Entry, CameraStatus]]) -> SiteAnswer:
        states = Counter(status.state.value for _, status in members)
        rates = [
            rate for entry, _ in members if (rate := availability.get(entry.camera.id, {}).get(USUAL_DAYS)) is not None
        ]
        return {
            "name": name,
            "cameras": len(members),
            "states": {state.value: states[state.value] for state in State},
            "availability_ratio": sum(rates) / len(rates) if rates else None,
            "maintenance": [each.id for each in windows if each.name == name],
        }

    def body() -> Sites:
        return {"sites": [site(name, members) for name, members in sorted(_by_site(pairs).items())]}

    return await _answer(body)


def _by_site(pairs: Iterable[tuple[Entry, CameraStatus]]) -> dict[str, list[tuple[Entry, CameraStatus]]]:
    groups: dict[str, list[tuple[Entry, CameraStatus]]] = {}
    for entry, status in pairs:
        if entry.camera.site:
            groups.setdefault(entry.camera.site, []).append((entry, status))
    return groups


async def uplinks(request: web.Request, _query: Query) -> web.Response:
    """Answer with the nodes of the topology that are judged."""
    known, topology = request.app[FLEET].uplinks, request.app[FLEET].topology

    def body() -> Uplinks:
        return {"uplinks": [views.uplink(each, topology) for each in known if each.telling]}

    return await _answer(body)


async def maintenance(request: web.Request, _query: Query) -> web.Response:
    """Answer with the maintenance windows that are in force or planned."""
    windows, now = request.app[FLEET].windows, request.app[FLEET].now
    body: Maintenance = {"maintenance": [views.window(each, now) for each in windows if each.ends > now]}
    return web.json_response(body)


async def faults(_request: web.Request, _query: Query) -> web.Response:
    """Answer with the fault catalogue."""
    body: Faults = {"faults": [views.declaration(FAULTS[code]) for code in sorted(FAULTS)]}
    return compressed(json.dumps(body).encode(), "application/json")


ENDPOINTS = (
    Endpoint(
        "/api/v1/problems",
        "Open problems, the most serious and newest first, each with its acknowledgement.",
        Problems,
        problems,
    ),
    Endpoint("/api/v1/sites", "Sites, with the states, availability and maintenance of their cameras.", Sites, sites),
    Endpoint("/api/v1/uplinks", "The nodes of the topology that are judged.", Uplinks, uplinks),
    Endpoint("/api/v1/maintenance", "Maintenance windows, in force or planned.", Maintenance, maintenance),
    Endpoint("/api/v1/faults", "The fault catalogue.", Faults, faults),
)
