"""What the history holds: events, also as a live stream, and outages."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Annotated

from aiohttp import web
from pydantic import Field

from xueliang_monitor.model import Severity
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.web import past, views
from xueliang_monitor.web.answers import EventAnswer, Events, Outages
from xueliang_monitor.web.api.endpoint import Digits, Endpoint, FaultCode, Query, Since, Text, Until
from xueliang_monitor.web.event_query import EventQuery
from xueliang_monitor.web.keys import CLOSING, FLEET, STATE_FOLDER
from xueliang_monitor.web.problem_documents import refused
from xueliang_monitor.web.responses import compressed, event_stream, limited
from xueliang_monitor.web.threads import in_thread

LIVE_SECONDS = 1.0
"""How often a live stream reads new events."""

DAY_SECONDS = 86_400.0
MOST_EVENTS = 1000
USUAL_EVENTS = 100
MOST_NUMBER = 2**53 - 1
"""The largest number that every reader of JSON keeps exactly."""

NO_HISTORY = "there is no history to read"
_UNREADABLE = ((503, "There is no history to read."),)


class EventsFilter(Query):
    """Which events are asked for."""

    camera: Text = ""
    """Only events of the camera with this id."""

    site: Text = ""
    """Only events of the cameras of this site and of the nodes that they hang on."""

    fault: FaultCode | None = None
    """Only events of this fault."""

    severity: Severity | None = None
    """Only events of faults of this severity."""

    since: Annotated[Since | None, Field(alias="from")] = None
    """Only events from this moment on. Without a zone it is local time of the monitor; a date is its first moment."""

    until: Annotated[Until | None, Field(alias="to")] = None
    """Only events before this moment; a date includes that day."""

    text: Text = ""
    """Words, each of which is in the detail or names the camera, its site, the node, the fault or the kind."""

    @property
    def asked(self) -> EventQuery:
        """What is asked of the history."""
        severity = self.severity.value if self.severity is not None else ""
        period = {"since": self.since, "until": self.until}
        return EventQuery(self.camera, self.site, self.fault or "", severity, **period, text=self.text)


class EventsQuery(EventsFilter):
    """Which events are asked for, and how many at once."""

    limit: Annotated[int, Field(ge=1, le=MOST_EVENTS), Digits] = USUAL_EVENTS
    """At most so many events."""

    before: Annotated[int, Field(ge=0, le=MOST_NUMBER), Digits] | None = None
    """The last events before the one with this number; 0 means the last ones of all."""

    after: Annotated[int, Field(ge=0, le=MOST_NUMBER), Digits] | None = None
    """The first events after the one with this number, instead of the last ones."""


class OutagesQuery(Query):
    """Which outages are asked for."""

    camera: Text = ""
    """Only outages of the camera with this id."""

    days: Annotated[int, Field(ge=1, le=400), Digits] = 30
    """Outages of so many days up to now."""


async def _read(
    request: web.Request, query: EventsFilter, limit: int, *, after: int | None = None, before: int | None = None
) -> list[EventAnswer]:
    wanted = await query.asked.resolved(request.app[FLEET])
    found = await past.events(request.app[STATE_FOLDER], wanted, after=after, before=before, limit=limit)
    return [views.event(item) for item in found]


async def events(request: web.Request, query: EventsQuery) -> web.Response:
    """Answer with the last events, or with those before or after the event of a number."""
    try:
        found = await _read(request, query, query.limit, after=query.after, before=query.before or None)
    except HistoryError:
        return refused(503, NO_HISTORY)
    body: Events = {"events": found, "before": found[0]["id"] if found else None}
    return compressed(await in_thread(lambda: json.dumps(body).encode()), "application/json")


async def outages(request: web.Request, query: OutagesQuery) -> web.Response:
    """Answer with the outages of the last days, of all cameras or of one."""
    try:
        found = await past.outages(request.app[STATE_FOLDER], query.days * DAY_SECONDS, query.camera)
    except HistoryError:
        return refused(503, NO_HISTORY)
    up = request.app[FLEET].monitor.history.ok

    def listed() -> bytes:
        lines = ", ".join(json.dumps({"camera": name, **views.outage(known)}) for name, known in found)
        return f'{{"outages": [{lines}], "history_up": {json.dumps(up)}}}'.encode()

    return compressed(await in_thread(listed), "application/json")


async def _newest(request: web.Request) -> int:
    """Return the number of the newest event; 0 if there is none."""
    found = await _read(request, EventsFilter(), 1)
    return found[-1]["id"] if found else 0


async def live_events(request: web.Request, query: EventsFilter) -> web.StreamResponse:
    """Send events as they are written. A client that sends `Last-Event-ID` continues after that event."""
    last = request.headers.get("Last-Event-ID", "")
    response = await event_stream(request)
    number = int(last) if last.isdecimal() and len(last) < 18 else 0
    with contextlib.suppress(ConnectionResetError):
        if not number:
            with contextlib.suppress(HistoryError):
                number = await _newest(request)
        while not request.app[CLOSING].is_set():
            found: list[EventAnswer] = []
            with contextlib.suppress(HistoryError):
                newest = await _newest(request)
                found = await _read(request, query, USUAL_EVENTS, after=number)
                last_found = found[-1]["id"] if found else 0
                # Events that are not wanted are read only once.
                number = last_found if len(found) == USUAL_EVENTS else max(newest, last_found)
            for item in found:
                lines = f"id: {item['id']}\nevent: {item['kind']}\ndata: {json.dumps(item)}\n\n"
                await response.write(lines.encode())
            if not found:
                await response.write(b": alive\n\n")
            await asyncio.sleep(LIVE_SECONDS)
    return response


ENDPOINTS = (
    Endpoint("/api/v1/outages", "Outages, oldest first.", Outages, outages, OutagesQuery, codes=_UNREADABLE),
    Endpoint(
        "/api/v1/events",
        "The last events, or those before or after one, oldest first.",
        Events,
        events,
        EventsQuery,
        codes=_UNREADABLE,
    ),
)

LIVE = Endpoint(
    "/api/v1/events/live",
    "Events as server-sent events. `Last-Event-ID` continues after an event.",
    str,
    live_events,
    EventsFilter,
    media_type="text/event-stream",
)
LIVE_ROUTE = web.get(LIVE.path, limited(LIVE.handler), allow_head=False)
