"""`/api/v1/`: cameras, problems, outages and events as JSON, and events as a live stream."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from xueliang_monitor.fleet.snapshot import Snapshot
from xueliang_monitor.storage.event_filter import EventFilter
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.web import past, views
from xueliang_monitor.web.all_cameras import all_cameras
from xueliang_monitor.web.keys import CLOSING, FLEET, LISTS, PROBLEMS, STATE_FOLDER, WALL
from xueliang_monitor.web.responses import compressed, event_stream, limited
from xueliang_monitor.web.threads import in_thread

EVENTS_SECONDS = 1.0
"""How often a live stream reads new events."""

MAX_PROBLEMS = 1000
DAY_SECONDS = 86_400.0
MAX_DAYS = 400
NO_HISTORY = "there is no history to read"


async def cameras(request: web.Request) -> web.Response:
    """Answer with every camera, the problems of the files, the uplinks, refused logins and the monitor's own faults."""
    fleet = request.app[FLEET]

    async def begin() -> Callable[[], bytes]:
        return functools.partial(_listed, fleet.snapshot(await all_cameras(fleet)))

    return compressed(await request.app[LISTS].get("cameras", begin), "application/json")


def _listed(snapshot: Snapshot) -> bytes:
    """Return all cameras as JSON, one at a time, as the encoder does not let other threads run."""
    topology = snapshot.topology
    rest = {
        "problems": [views.problem_line(problem) for problem in snapshot.monitor.reload.problems[:MAX_PROBLEMS]],
        "uplinks": [views.uplink(uplink, topology) for uplink in snapshot.uplinks if uplink.telling],
        "credentials": [views.credentials(known) for known in snapshot.credentials],
        "monitor": [views.monitor_fault(known) for known in snapshot.monitor_faults],
    }
    cameras = ", ".join(json.dumps(views.camera(entry, status, topology)) for entry, status in snapshot.entries)
    return f'{{"cameras": [{cameras}], {json.dumps(rest)[1:]}'.encode()


async def camera(request: web.Request) -> web.Response:
    """Answer with everything that is known of one camera."""
    fleet, name = request.app[FLEET], request.match_info["camera"]
    try:
        entry = fleet.entry(name)
    except KeyError:
        return web.json_response({"error": f"there is no camera with the id {name}"}, status=404)
    return web.json_response(views.camera_in_full(entry, fleet.status_of(name), fleet.topology))


async def problems(request: web.Request) -> web.Response:
    """Answer with the open problems, the most serious and newest first, each with its acknowledgement."""
    await request.app[WALL].freshen()
    rows = await request.app[PROBLEMS].rows()
    body = await in_thread(
        lambda: json.dumps({"problems": [views.problem(row.problem, row.acknowledgement) for row in rows]}).encode()
    )
    return compressed(body, "application/json")


def _number(request: web.Request, name: str, otherwise: int) -> int:
    text = request.query.get(name, "")
    if text and not (text.isdecimal() and len(text) < 18):
        raise web.HTTPBadRequest(text=f"{name} must be a number")
    return int(text) if text else otherwise


async def _read_events(request: web.Request, after: int | None) -> list[dict[str, Any]]:
    limit = min(1000, max(1, _number(request, "limit", 100)))
    before = _number(request, "before", 0) or None
    named, state = request.query.get("camera", ""), request.app[STATE_FOLDER]
    found = await past.events(state, EventFilter(camera=named), after=after, before=before, limit=limit)
    return [views.event(item) for item in found]


async def events(request: web.Request) -> web.Response:
    """Answer with the last `limit` events, or with those before or after the event of a number."""
    try:
        found = await _read_events(request, _number(request, "after", -1) if "after" in request.query else None)
    except HistoryError:
        return web.json_response({"error": NO_HISTORY}, status=503)
    earlier = found[0]["id"] if found else None
    response = web.json_response({"events": found, "before": earlier})
    response.enable_compression()
    return response


async def outages(request: web.Request) -> web.Response:
    """Answer with the outages of the last `days` (default 30), of all cameras or of one."""
    days = min(MAX_DAYS, max(1, _number(request, "days", 30)))
    named, state = request.query.get("camera", ""), request.app[STATE_FOLDER]
    try:
        found = await past.outages(state, days * DAY_SECONDS, named)
    except HistoryError:
        return web.json_response({"error": NO_HISTORY}, status=503)
    up = request.app[FLEET].monitor.history.ok

    def listed() -> bytes:
        lines = ", ".join(json.dumps({"camera": name, **views.outage(known)}) for name, known in found)
        return f'{{"outages": [{lines}], "history_up": {json.dumps(up)}}}'.encode()

    return compressed(await in_thread(listed), "application/json")


async def live_events(request: web.Request) -> web.StreamResponse:
    """Send events as they are written. A client that sends `Last-Event-ID` continues after that event."""
    last = request.headers.get("Last-Event-ID", "")
    response = await event_stream(request)
    number = int(last) if last.isdecimal() and len(last) < 18 else 0
    with contextlib.suppress(ConnectionResetError):
        if not number:
            with contextlib.suppress(HistoryError):
                newest = await _read_events(request, None)
                number = newest[-1]["id"] if newest else 0
        while not request.app[CLOSING].is_set():
            sent = False
            with contextlib.suppress(HistoryError):
                for item in await _read_events(request, number):
                    number, sent = item["id"], True
                    await response.write(f"id: {number}\nevent: {item['kind']}\ndata: {json.dumps(item)}\n\n".encode())
            if not sent:
                await response.write(b": alive\n\n")
            await asyncio.sleep(EVENTS_SECONDS)
    return response


ROUTES = (
    web.get("/api/v1/cameras", cameras),
    web.get("/api/v1/cameras/{camera}", camera),
    web.get("/api/v1/problems", problems),
    web.get("/api/v1/outages", outages),
    web.get("/api/v1/events", events),
    web.get("/api/v1/events/live", limited(live_events), allow_head=False),
)
