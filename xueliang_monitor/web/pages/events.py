"""`/events`: what happened, newest first, by site, camera, fault, severity, period and words."""

from __future__ import annotations

import contextlib
import datetime
import functools
from dataclasses import dataclass

from aiohttp import web

from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.web import past
from xueliang_monitor.web.event_query import EventQuery, moment_of
from xueliang_monitor.web.keys import FLEET, STATE_FOLDER
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.responses import respond
from xueliang_monitor.web.search import asked
from xueliang_monitor.web.tree import link
from xueliang_monitor.web.views import SEVERITIES

EVENTS = 100
"""Events on one page."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are shown, as it stands in the address. `since` and `until` are local times."""

    site: str = ""
    camera: str = ""
    fault: str = ""
    severity: str = ""
    since: str = ""
    until: str = ""
    text: str = ""

    @classmethod
    def of(cls, request: web.Request) -> Filter:
        """Read the filter from the address of a request. Moments that cannot be read are left out."""
        value = functools.partial(asked, request.query)
        return cls(
            value("site"),
            value("camera"),
            value("fault"),
            value("severity"),
            since=_local(value("from")),
            until=_local(value("to"), end=True),
            text=value("q"),
        )

    @property
    def query(self) -> dict[str, str]:
        """What stands in the address."""
        named = {
            "site": self.site,
            "camera": self.camera,
            "fault": self.fault,
            "severity": self.severity,
            "from": self.since,
            "to": self.until,
            "q": self.text,
        }
        return {name: value for name, value in named.items() if value}

    @property
    def asked(self) -> EventQuery:
        """What is asked of the history."""
        return EventQuery(
            self.camera,
            self.site,
            self.fault,
            self.severity,
            since=moment_of(self.since) if self.since else None,
            until=moment_of(self.until) if self.until else None,
            text=self.text,
        )


def _local(text: str, *, end: bool = False) -> str:
    """Return a moment as a field of a form takes it, in local time; empty if there is none, or it cannot be read."""
    with contextlib.suppress(ValueError):
        return f"{datetime.datetime.fromtimestamp(moment_of(text, end=end)).astimezone():%Y-%m-%dT%H:%M:%S}"
    return ""


async def show(request: web.Request) -> web.Response:
    """Answer with the events that the filter shows, from the newest or from before a number."""
    app, shown = request.app, Filter.of(request)
    fleet, given = app[FLEET], request.query.get("before", "")
    before = int(given) if given.isdecimal() and len(given) < 18 else None
    readable, found = True, []
    try:
        wanted = await shown.asked.resolved(fleet)
        found = await past.events(app[STATE_FOLDER], wanted, before=before, limit=EVENTS)
    except HistoryError:
        readable = False
    topology = fleet.topology
    cameras = [fleet.camera(name) for name in {shown.camera, *(item.camera for item in found)}]
    every = [fleet.camera(name) for name in topology.leaves]
    return respond(
        request,
        "events.html",
        events=[(item, FAULTS.get(item.fault)) for item in reversed(found)],
        readable=readable,
        names={each.id: each.name for each in cameras if each is not None},
        nodes={item.uplink: (topology.shown(item.uplink), link(item.uplink)) for item in found if item.uplink},
        filter=shown,
        query=shown.query,
        sites=sorted({each.site for each in every if each is not None} - {""}),
        severities=SEVERITIES,
        fault_list=sorted(FAULTS.values(), key=lambda declared: declared.code),
        earlier=found[0].id if len(found) == EVENTS else None,
    )


PAGE = Page((web.get("/events", show),), "/events", "Events")
