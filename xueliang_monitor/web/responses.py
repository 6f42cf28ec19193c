"""Answers that pages share: a rendered page, a denial, a live stream."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Handler

from xueliang_monitor.web import keys
from xueliang_monitor.web.texts import preferred
from xueliang_monitor.web.threads import POOL, in_thread

THEMES = ("auto", "light", "dark")
DENSITIES = ("compact", "roomy")
COMPRESS_IN_THREAD_BYTES = 32 * 1024


def respond(request: web.Request, template: str, /, *, status: int = 200, **values: Any) -> web.Response:
    """Answer with a page in the reader's language, colours and density."""
    text = request.app[keys.RENDERER].fragment(template, preferred(request), **_shared(request), **values)
    return _page(request, text.encode(), status)


async def respond_in_thread(request: web.Request, template: str, /, **values: Any) -> web.Response:
    """Answer with a page that grows with the number of cameras. It is rendered beside the event loop."""
    render, language, shared = request.app[keys.RENDERER].fragment, preferred(request), _shared(request)
    return _page(request, await in_thread(lambda: render(template, language, **shared, **values).encode()), 200)


def _shared(request: web.Request) -> dict[str, Any]:
    """Return the values that every page shows."""
    user, renderer = request.get(keys.USER), request.app[keys.RENDERER]
    theme, density = request.cookies.get("theme", ""), request.cookies.get("density", "")
    return {
        "user": user,
        "token": renderer.token(user) if user is not None else "",
        "theme": theme if theme in THEMES else "auto",
        "density": density if density in DENSITIES else "compact",
        "page": request.path,
        "navigation": [page for page in request.app[keys.PAGES] if page.title],
        "documentation": request.app[keys.DOCUMENTATION].address(preferred(request)),
        "prefer": lambda **changes: "/prefer?" + urlencode({**changes, "back": str(request.rel_url)}),
    }


def compressed(body: bytes, content_type: str, status: int = 200) -> web.Response:
    """Answer with text in UTF-8, compressed if the client takes that; a long one is compressed off the event loop."""
    response = web.Response(
        body=body,
        content_type=content_type,
        charset="utf-8",
        status=status,
        zlib_executor_size=COMPRESS_IN_THREAD_BYTES,
        zlib_executor=POOL,
    )
    response.enable_compression()
    return response


def _page(request: web.Request, body: bytes, status: int) -> web.Response:
    language = preferred(request)
    response = compressed(body, "text/html", status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


def deny(request: web.Request, status: int, why: str) -> web.Response:
    """Answer that the request is denied; `why` selects the sentence in `denied.html`."""
    return respond(request, "denied.html", status=status, why=why)


def limited(handler: Handler) -> Handler:
    """Return a handler that answers 503 while its client has too many live streams open."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        streams, client, transport = request.app[keys.LIVE_STREAMS], request[keys.CLIENT], request.transport
        if transport is None or not streams.enter(client, transport):
            return web.Response(status=503, text="Too many live pages are open.\n", headers={"Retry-After": "30"})
        try:
            return await handler(request)
        finally:
            streams.leave(client, transport)

    return guarded


async def event_stream(request: web.Request) -> web.StreamResponse:
    """Start a response of server-sent events."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    response.headers.update(request[keys.HEADERS])
    await response.prepare(request)
    return response
