"""The HTTP server: every address it answers, and the headers on every answer."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.metrics import render
from xueliang_monitor.storage.audit_log import Audit
from xueliang_monitor.web import actions, camera_page, events, more_pages, views, wall
from xueliang_monitor.web.access import Access, Handler
from xueliang_monitor.web.camera_page import AUDIT, CLOSING, FLEET, SETTINGS
from xueliang_monitor.web.live import Wall
from xueliang_monitor.web.pages import Pages, prefer, static
from xueliang_monitor.web.wall import PAGES, WALL

MAX_LIVE_STREAMS = 200


async def _metrics(request: web.Request) -> web.Response:
    snapshot = request.app[FLEET].snapshot()
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")

    def work() -> tuple[bytes, str]:
        body, content_type = render(snapshot, request.headers.get("Accept", ""))
        return (gzip.compress(body, 5) if zipped else body), content_type

    body, content_type = await asyncio.to_thread(work)
    headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=headers)


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    snapshot = request.app[FLEET].snapshot()
    waiting = sum(entry.health.visited_at is None for entry, _ in snapshot.entries)
    if waiting:
        return web.Response(text=f"{waiting} of {len(snapshot.entries)} cameras not visited yet\n", status=503)
    return web.Response(text="ok\n")


async def _cameras(request: web.Request) -> web.Response:
    snapshot = request.app[FLEET].snapshot()
    response = web.json_response(
        {
            "cameras": [views.camera(entry, status) for entry, status in snapshot.entries],
            "problems": [views.problem_line(problem) for problem in snapshot.monitor.reload.problems],
            "uplinks": [views.uplink(uplink) for uplink in snapshot.uplinks if uplink.telling],
            "monitor": [views.monitor_fault(known) for known in snapshot.monitor_faults],
        }
    )
    response.enable_compression()
    return response


async def _camera(request: web.Request) -> web.Response:
    fleet, name = request.app[FLEET], request.match_info["camera"]
    try:
        entry = fleet.entry(name)
    except KeyError:
        return web.json_response({"error": f"no camera is called {name}"}, status=404)
    return web.json_response(views.camera_in_full(entry, fleet.status_of(name)))


class LiveStreams:
    """How many browsers are kept live at once; each holds a connection and costs a little at every change."""

    def __init__(self) -> None:
        self._open = 0

    def limited(self, handler: Handler) -> Handler:
        """Return a handler that refuses one stream too many."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if self._open >= MAX_LIVE_STREAMS:
                return web.Response(status=503, text="Too many live pages are open.\n", headers={"Retry-After": "30"})
            self._open += 1
            try:
                return await handler(request)
            finally:
                self._open -= 1

        return guarded


def _routes() -> list[web.RouteDef]:
    streams = LiveStreams()
    return [
        web.get("/", wall.page),
        web.get("/live", streams.limited(wall.live)),
        web.get("/cameras/{camera}", camera_page.page),
        web.get("/cameras/{camera}/live", streams.limited(camera_page.live)),
        web.get("/cameras/{camera}/evidence/{file}", camera_page.picture),
        web.get(r"/cameras/{camera}/lights/{number:\d{1,2}}", camera_page.light),
        web.post("/cameras/{camera}/check", actions.check),
        web.post("/maintenance/start", actions.start),
        web.post("/maintenance/stop", actions.stop),
        web.get("/events", more_pages.events_page),
        web.get("/sites", more_pages.sites_page),
        web.get("/report", more_pages.report_page),
        web.get("/about", more_pages.about_page),
        web.get("/prefer", prefer),
        web.get("/static/{name}", static),
        web.get("/api/v1/cameras", _cameras),
        web.get("/api/v1/cameras/{camera}", _camera),
        web.get("/api/v1/outages", events.outages),
        web.get("/api/v1/events", events.page),
        web.get("/api/v1/events/live", streams.limited(events.live)),
        web.get("/metrics", _metrics),
        web.get("/healthz", _healthz),
        web.get("/readyz", _readyz),
    ]


def application(
    fleet: Fleet,
    settings: Settings,
    access: Access,
    check_now: Callable[[str], None] | None = None,
    newest: Callable[[], Settings] | None = None,
) -> web.Application:
    """Return the server's application; `access` is the gate before everything, `check_now` has a camera visited.

    `settings` are those of the start, `newest` returns those that were read last.
    """

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await access.gate(request, handler)

    built = web.Application(middlewares=[gate], client_max_size=64 * 1024)
    pages = Pages()
    built[FLEET], built[SETTINGS], built[PAGES] = fleet, settings, pages
    built[more_pages.NEWEST] = newest or (lambda: settings)
    built[events.STATE] = settings.state
    built[events.CLOSING] = built[CLOSING] = asyncio.Event()
    built[WALL] = Wall(fleet, pages)
    built[AUDIT] = Audit(settings.state)
    built[actions.CHECKS] = actions.Checks()
    built[actions.CHECK_NOW] = check_now or (lambda _camera: None)

    async def follow(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(app[WALL].run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def close_streams(app: web.Application) -> None:
        app[events.CLOSING].set()
        app[WALL].close()

    built.cleanup_ctx.append(follow)
    built.on_shutdown.append(close_streams)
    built.add_routes(_routes())
    return built
