"""What happened, over HTTP: paged, and live as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.web import past, views
from xueliang_monitor.web.access import HEADERS

EVENTS_SECONDS = 1.0
DAY_SECONDS = 86_400.0
MAX_DAYS = 400
FLEET = web.AppKey("fleet", Fleet)
STATE = web.AppKey("state", Path)
CLOSING = web.AppKey("closing", asyncio.Event)


def _number(request: web.Request, name: str, otherwise: int) -> int:
    text = request.query.get(name, "")
    if text and not (text.isdecimal() and len(text) < 18):
        raise web.HTTPBadRequest(text=f"{name} is a number")
    return int(text) if text else otherwise


async def _read_events(request: web.Request, after: int | None) -> list[dict[str, Any]]:
    limit = min(1000, max(1, _number(request, "limit", 100)))
    before = _number(request, "before", 0) or None
    camera, state = request.query.get("camera", ""), request.app[STATE]
    found = await past.events(state, after=after, before=before, camera=camera, limit=limit)
    return [views.event(item) for item in found]


async def page(request: web.Request) -> web.Response:
    """Answer with events: the last `limit` ones, those before a number, or those after one."""
    try:
        events = await _read_events(request, _number(request, "after", -1) if "after" in request.query else None)
    except HistoryError:
        return web.json_response({"error": "there is no history to read"}, status=503)
    earlier = events[0]["id"] if events else None
    response = web.json_response({"events": events, "before": earlier})
    response.enable_compression()
    return response


async def outages(request: web.Request) -> web.Response:
    """Answer with the outages of the last `days`, 30 where none are given, of all cameras or of one."""
    days = min(MAX_DAYS, max(1, _number(request, "days", 30)))
    try:
        found = await past.outages(request.app[STATE], days * DAY_SECONDS, request.query.get("camera", ""))
    except HistoryError:
        return web.json_response({"error": "there is no history to read"}, status=503)
    told = [{"camera": name, **views.outage(known)} for name, known in found]
    response = web.json_response({"outages": told, "history_up": request.app[FLEET].monitor.history.ok})
    response.enable_compression()
    return response


async def live(request: web.Request) -> web.StreamResponse:
    """Send events as they are written; `Last-Event-ID` goes on where a client left."""
    last = request.headers.get("Last-Event-ID", "")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    response.headers.update(request[HEADERS])
    await response.prepare(request)
    number = int(last) if last.isdecimal() and len(last) < 18 else 0
    with contextlib.suppress(ConnectionResetError):
        if not number:
            with contextlib.suppress(HistoryError):
                newest = await _read_events(request, None)
                number = newest[-1]["id"] if newest else 0
        while not request.app[CLOSING].is_set():
            sent = 0.0
            with contextlib.suppress(HistoryError):
                for item in await _read_events(request, number):
                    number, sent = item["id"], 1.0
                    await response.write(f"id: {number}\nevent: {item['kind']}\ndata: {json.dumps(item)}\n\n".encode())
            if not sent:
                await response.write(b": alive\n\n")
            await asyncio.sleep(EVENTS_SECONDS)
    return response
