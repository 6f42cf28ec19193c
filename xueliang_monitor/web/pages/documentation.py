"""`/docs/`: the documentation, served from the folder that `make docs` fills."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from xueliang_monitor.web.documentation import Documentation, content_security_policy
from xueliang_monitor.web.headers import SECURITY_HEADERS
from xueliang_monitor.web.keys import DOCUMENTATION, HEADERS
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.responses import respond
from xueliang_monitor.web.threads import in_thread

_POLICY = "Content-Security-Policy"


async def start(_request: web.Request) -> web.StreamResponse:
    """Redirect to the start page."""
    raise web.HTTPFound("/docs/")


def _find(documentation: Documentation, path: str) -> tuple[Path | None, str]:
    """Return the file of a path and its policy, which is empty for files that are no pages; None without a file."""
    found = documentation.find(path)
    if found is not None and found.is_dir():
        found = found / "index.html" if path.endswith("/") or not path else None
    if found is None or not found.is_file():
        return None, ""
    return found, content_security_policy(found.read_bytes()) if found.suffix == ".html" else ""


async def show(request: web.Request) -> web.StreamResponse:
    """Answer with a file of the documentation."""
    documentation = request.app[DOCUMENTATION]
    file, policy = await in_thread(_find, documentation, request.match_info["path"])
    if file is None:
        if not await in_thread(documentation.exists):
            return respond(request, "no_documentation.html", status=404)
        raise web.HTTPNotFound
    # A policy from the web configuration stays in force.
    if policy and request[HEADERS].get(_POLICY) == SECURITY_HEADERS[_POLICY]:
        request[HEADERS][_POLICY] = policy
    return web.FileResponse(file, headers={"Cache-Control": "no-cache"})


PAGE = Page((web.get("/docs", start), web.get("/docs/{path:.*}", show)), linked=("/docs", "/docs/{path}"))
