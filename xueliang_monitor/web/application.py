"""The HTTP server: every address it answers, and the headers on every answer."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

import jinja2
from aiohttp import web

from xueliang_monitor.fleet import Fleet
from xueliang_monitor.metrics import render
from xueliang_monitor.web import events, views
from xueliang_monitor.web.access import HEADERS, Access, Handler

HEARTBEAT_SECONDS = 10.0
UPDATE_SPACING_SECONDS = 1.0
MAX_LIVE_STREAMS = 200
_STATIC = {"page.css": "text/css", "live.js": "text/javascript"}
_FLEET = web.AppKey("fleet", Fleet)


class LivePage:
    """Renders the fleet once a change, however many browsers look."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        loader = jinja2.PackageLoader("xueliang_monitor.web", "templates")
        environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True)
        self._page = environment.get_template("page.html")
        self._fragment = environment.get_template("fleet.html")
        self._changed = asyncio.Event()
        self._version = 0
        self._cached: tuple[int, float, str] = (-1, 0.0, "")
        self._closing = False
        fleet.watch(lambda _transitions: self.touch())

    def touch(self) -> None:
        """Wake every browser's stream."""
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """End every browser's stream."""
        self._closing = True
        self.touch()

    def page(self) -> str:
        """Return the whole page."""
        return self._page.render(views.page(self._fleet.snapshot()))

    def fragment(self) -> str:
        """Return the table, rendered at most once a change and second."""
        version, at, text = self._cached
        now = asyncio.get_running_loop().time()
        if version != self._version or now - at > UPDATE_SPACING_SECONDS:
            text = self._fragment.render(views.page(self._fleet.snapshot()))
            self._cached = (self._version, now, text)
        return text

    async def updates(self) -> AsyncIterator[str]:
        """Yield the table at once, after each change, and now and then as a sign of life."""
        while not self._closing:
            changed = self._changed
            yield self.fragment()
            await asyncio.sleep(UPDATE_SPACING_SECONDS)
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await changed.wait()
            except TimeoutError:
                continue


_PAGE = web.AppKey("page", LivePage)


async def _page(request: web.Request) -> web.Response:
    response = web.Response(text=request.app[_PAGE].page(), content_type="text/html")
    response.enable_compression()
    return response


async def _live(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    response.headers.update(request[HEADERS])
    await response.prepare(request)
    try:
        async for text in request.app[_PAGE].updates():
            lines = "\n".join(f"data: {line}" for line in text.splitlines())
            await response.write(f"event: fleet\n{lines}\n\n".encode())
    except ConnectionResetError:
        pass
    return response


async def _metrics(request: web.Request) -> web.Response:
    snapshot = request.app[_FLEET].snapshot()
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
    snapshot = request.app[_FLEET].snapshot()
    waiting = sum(entry.health.visited_at is None for entry, _ in snapshot.entries)
    if waiting:
        return web.Response(text=f"{waiting} of {len(snapshot.entries)} cameras not visited yet\n", status=503)
    return web.Response(text="ok\n")


async def _cameras(request: web.Request) -> web.Response:
    snapshot = request.app[_FLEET].snapshot()
    response = web.json_response(
        {
            "cameras": [views.camera(entry, status) for entry, status in snapshot.entries],
            "problems": [views.problem_line(problem) for problem in snapshot.problems],
            "uplinks": [views.uplink(uplink) for uplink in snapshot.uplinks if uplink.telling],
        }
    )
    response.enable_compression()
    return response


async def _camera(request: web.Request) -> web.Response:
    fleet, name = request.app[_FLEET], request.match_info["camera"]
    try:
        entry = fleet.entry(name)
    except KeyError:
        return web.json_response({"error": f"no camera is called {name}"}, status=404)
    return web.json_response(views.camera_in_full(entry, fleet.status_of(name)))


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _STATIC:
        raise web.HTTPNotFound
    body = (resources.files("xueliang_monitor.web") / "static" / name).read_bytes()
    return web.Response(body=body, content_type=_STATIC[name], charset="utf-8")


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


def application(fleet: Fleet, state: Path, access: Access) -> web.Application:
    """Return the server's application; `state` is the folder of the history, `access` the gate before everything."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await access.gate(request, handler)

    built = web.Application(middlewares=[gate], client_max_size=64 * 1024)
    live = LiveStreams()
    built[_FLEET] = fleet
    built[events.STATE] = state
    built[events.CLOSING] = asyncio.Event()
    built[_PAGE] = LivePage(fleet)

    async def close_streams(app: web.Application) -> None:
        app[_PAGE].close()
        app[events.CLOSING].set()

    built.on_shutdown.append(close_streams)
    built.add_routes(
        [
            web.get("/", _page),
            web.get("/static/{name}", _static),
            web.get("/api/v1/live", live.limited(_live)),
            web.get("/api/v1/cameras", _cameras),
            web.get("/api/v1/cameras/{camera}", _camera),
            web.get("/api/v1/events", events.page),
            web.get("/api/v1/events/live", live.limited(events.live)),
            web.get("/metrics", _metrics),
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz),
        ]
    )
    return built
