"""`/static/`: the style sheet, the script and the icon of the pages."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources

from aiohttp import web

CONTENT_TYPES = {
    "page.css": "text/css",
    "keys.js": "text/javascript",
    "live.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
YEAR_SECONDS = 365 * 86_400


def _read(name: str) -> bytes:
    return (resources.files("xueliang_monitor.web") / "static" / name).read_bytes()


@functools.cache
def fingerprint(name: str) -> str:
    """Return a hash of a file. It is part of the file's address, so that browsers cache the file until it changes."""
    return hashlib.sha256(_read(name)).hexdigest()[:12]


async def static(request: web.Request) -> web.Response:
    """Answer with a file."""
    name = request.match_info["name"]
    if name not in CONTENT_TYPES:
        raise web.HTTPNotFound
    response = web.Response(body=_read(name), content_type=CONTENT_TYPES[name], charset="utf-8")
    response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    response.enable_compression()
    return response


ROUTES = (web.get("/static/{name}", static),)
