"""Addresses for machines that watch the monitor: `/metrics`, `/healthz` and `/readyz`."""

from __future__ import annotations

import gzip
from collections.abc import Callable

from aiohttp import web

from xueliang_monitor.metrics import render
from xueliang_monitor.web.all_cameras import all_cameras
from xueliang_monitor.web.keys import FLEET, METRICS

_MEDIA_TYPES = ("application/openmetrics-text", "text/plain")
_ESCAPING = ("escaping=allow-utf-8", "escaping=underscores", "escaping=dots", "escaping=values")


def negotiated(accept: str) -> str:
    """Return the Accept header of the exposition format that a client is given, one of a few.

    The client library reads versions without checking them, and renders a format of its own for each.
    """
    for part in accept.split(","):
        kind, *parameters = (text.strip() for text in part.split(";"))
        if kind in _MEDIA_TYPES and "version=1.0.0" in parameters:
            escaping = next((each for each in parameters if each in _ESCAPING), "")
            return ";".join(filter(None, (kind, "version=1.0.0", escaping)))
        if kind == _MEDIA_TYPES[0]:
            return kind
    return ""


async def metrics(request: web.Request) -> web.Response:
    """Answer with the metrics in the format that the scraper accepts. Scrapes at the same time share one rendering."""
    form = negotiated(request.headers.get("Accept", ""))
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")

    async def begin() -> Callable[[], tuple[bytes, str]]:
        fleet = request.app[FLEET]
        snapshot = fleet.snapshot(await all_cameras(fleet))

        def work() -> tuple[bytes, str]:
            body, content_type = render(snapshot, form)
            return (gzip.compress(body, 5) if zipped else body), content_type

        return work

    body, content_type = await request.app[METRICS].get((form, zipped), begin)
    headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=headers)


async def healthz(_request: web.Request) -> web.Response:
    """Answer 200 while the event loop runs."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 once every camera was visited, else 503."""
    entries = await all_cameras(request.app[FLEET])
    waiting = sum(entry.health.visited_at is None for entry, _ in entries)
    if waiting:
        return web.Response(text=f"{waiting} of {len(entries)} cameras not visited yet\n", status=503)
    return web.Response(text="ok\n")


ROUTES = (web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz))
LINKED = frozenset({"/metrics", "/healthz", "/readyz"})
"""Prometheus links to these from its list of targets."""
