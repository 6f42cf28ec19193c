"""`/prefer`: stores a reader's language, colours and density in cookies."""

from __future__ import annotations

from aiohttp import web

from xueliang_monitor.web.addresses import local_address
from xueliang_monitor.web.responses import DENSITIES, THEMES
from xueliang_monitor.web.texts import COOKIE, LANGUAGES

YEAR_SECONDS = 365 * 86_400


async def prefer(request: web.Request) -> web.StreamResponse:
    """Set the cookies and redirect to the page that the reader came from."""
    response = web.HTTPSeeOther(local_address(request.query.get("back", "/")))
    for name, known in ((COOKIE, tuple(LANGUAGES)), ("theme", THEMES), ("density", DENSITIES)):
        if request.query.get(name) in known:
            value = request.query[name]
            response.set_cookie(name, value, max_age=YEAR_SECONDS, samesite="Lax", secure=request.secure)
    raise response


ROUTES = (web.get("/prefer", prefer),)
