"""`/events`: what happened, newest first."""

from __future__ import annotations

from aiohttp import web

from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.web import past
from xueliang_monitor.web.keys import FLEET, STATE_FOLDER
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.responses import respond
from xueliang_monitor.web.tree import link

EVENTS = 100
"""Events on one page."""


async def show(request: web.Request) -> web.Response:
    """Answer with the events of all cameras or of one, from the newest or from before a number."""
    app = request.app
    given, camera = request.query.get("before", ""), request.query.get("camera", "")[:64]
    before = int(given) if given.isdecimal() and len(given) < 18 else None
    readable, found = True, []
    try:
        found = await past.events(app[STATE_FOLDER], before=before, camera=camera, limit=EVENTS)
    except HistoryError:
        readable = False
    cameras = [app[FLEET].camera(item.camera) for item in found if item.camera]
    topology = app[FLEET].topology
    nodes = {item.uplink: (topology.shown(item.uplink), link(item.uplink)) for item in found if item.uplink}
    names = {each.id: each.name for each in cameras if each is not None}
    return respond(
        request,
        "events.html",
        events=[(item, FAULTS.get(item.fault)) for item in reversed(found)],
        readable=readable,
        names=names,
        nodes=nodes,
        camera=camera,
        earlier=found[0].id if len(found) == EVENTS else None,
    )


PAGE = Page((web.get("/events", show),), "/events", "Events")
