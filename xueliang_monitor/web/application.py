"""The HTTP server: every address it answers, and the headers on every answer."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from xueliang_monitor.fleet import Fleet
from xueliang_monitor.history import History, HistoryError
from xueliang_monitor.metrics import render
from xueliang_monitor.web import views

HEARTBEAT_SECONDS = 10.0
UPDATE_SPACING_SECONDS = 1.0
EVENTS_SECONDS = 1.0
_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_STATIC = {"page.css": "text/css", "live.js": "text/javascript"}
_FLEET = web.AppKey("fleet", Fleet)
_STATE = web.AppKey("state", Path)


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

    @property
    def closing(self) -> bool:
        """Whether the server stops."""
        return self._closing

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
    response.headers.update(_SECURITY_HEADERS)
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


@web.middleware
async def _security(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    response = await handler(request)
    if not response.prepared:
        response.headers.update(_SECURITY_HEADERS)
    return response


def _number(request: web.Request, name: str, otherwise: int) -> int:
    text = request.query.get(name, "")
    if text and not (text.isdecimal() and len(text) < 18):
        raise web.HTTPBadRequest(text=f"{name} is a number")
    return int(text) if text else otherwise


async def _read_events(request: web.Request, after: int | None) -> list[dict[str, Any]]:
    limit = min(1000, max(1, _number(request, "limit", 100)))
    before = _number(request, "before", 0) or None
    camera, folder = request.query.get("camera", ""), request.app[_STATE]

    def read() -> list[dict[str, Any]]:
        history = History(folder, read_only=True)
        try:
            return [
                views.event(item) for item in history.events(after=after, before=before, camera=camera, limit=limit)
            ]
        finally:
            history.close()

    return await asyncio.to_thread(read)


async def _events(request: web.Request) -> web.Response:
    try:
        events = await _read_events(request, _number(request, "after", -1) if "after" in request.query else None)
    except HistoryError:
        return web.json_response({"error": "there is no history to read"}, status=503)
    earlier = events[0]["id"] if events else None
    response = web.json_response({"events": events, "before": earlier})
    response.enable_compression()
    return response


async def _live_events(request: web.Request) -> web.StreamResponse:
    """Send events as they are written; `Last-Event-ID` goes on where a client left."""
    last = request.headers.get("Last-Event-ID", "")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    response.headers.update(_SECURITY_HEADERS)
    await response.prepare(request)
    page, number = request.app[_PAGE], int(last) if last.isdecimal() and len(last) < 18 else 0
    with contextlib.suppress(ConnectionResetError):
        if not number:
            with contextlib.suppress(HistoryError):
                newest = await _read_events(request, None)
                number = newest[-1]["id"] if newest else 0
        while not page.closing:
            sent = 0.0
            with contextlib.suppress(HistoryError):
                for item in await _read_events(request, number):
                    number, sent = item["id"], 1.0
                    await response.write(f"id: {number}\nevent: {item['kind']}\ndata: {json.dumps(item)}\n\n".encode())
            if not sent:
                await response.write(b": alive\n\n")
            await asyncio.sleep(EVENTS_SECONDS)
    return response


def application(fleet: Fleet, state: Path) -> web.Application:
    """Return the server's application; `state` is the folder of the history."""
    built = web.Application(middlewares=[_security], client_max_size=64 * 1024)
    built[_FLEET] = fleet
    built[_STATE] = state
    built[_PAGE] = LivePage(fleet)

    async def close_streams(app: web.Application) -> None:
        app[_PAGE].close()

    built.on_shutdown.append(close_streams)
    built.add_routes(
        [
            web.get("/", _page),
            web.get("/static/{name}", _static),
            web.get("/api/v1/live", _live),
            web.get("/api/v1/cameras", _cameras),
            web.get("/api/v1/cameras/{camera}", _camera),
            web.get("/api/v1/events", _events),
            web.get("/api/v1/events/live", _live_events),
            web.get("/metrics", _metrics),
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz),
        ]
    )
    return built
