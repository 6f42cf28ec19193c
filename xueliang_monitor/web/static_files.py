"""`/static/`: the style sheet, the scripts and the icons of the pages."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources

from aiohttp import web

CONTENT_TYPES = {
    "page.css": "text/css",
    "alarms.js": "text/javascript",
    "keys.js": "text/javascript",
    "live.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
YEAR_SECONDS = 365 * 86_400


_BADGE = (
    '<circle cx="21" cy="11" r="11" fill="#c8141f"/><text x="21" y="16.5" font-family="sans-serif" font-size="16"'
    ' font-weight="700" fill="#fff" text-anchor="middle">{}</text>'
)
"""A number over the icon of the pages."""

_COUNTS = {f"icon-{number}.svg": str(number) if number < 9 else "9+" for number in range(1, 10)}
"""Icons with a number, which show how many problems are critical."""


def _read(name: str) -> bytes:
    if name in _COUNTS:
        return _read("icon.svg").replace(b"</svg>", _BADGE.format(_COUNTS[name]).encode() + b"</svg>")
    return (resources.files("xueliang_monitor.web") / "static" / name).read_bytes()


@functools.cache
def fingerprint(name: str) -> str:
    """Return a hash of a file. It is part of the file's address, so that browsers cache the file until it changes."""
    return hashlib.sha256(_read(name)).hexdigest()[:12]


async def static(request: web.Request) -> web.Response:
    """Answer with a file."""
    name = request.match_info["name"]
    kind = CONTENT_TYPES["icon.svg"] if name in _COUNTS else CONTENT_TYPES.get(name)
    if kind is None:
        raise web.HTTPNotFound
    response = web.Response(body=_read(name), content_type=kind, charset="utf-8")
    response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    response.enable_compression()
    return response


ROUTES = (web.get("/static/{name}", static),)
