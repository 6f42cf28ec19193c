"""The pictures on a camera's page: fault pictures, and the learned view in each kind of light."""

from __future__ import annotations

from aiohttp import web

from xueliang_monitor.picture.reference import SETTLED_LOOKS
from xueliang_monitor.storage import evidence
from xueliang_monitor.web.keys import AUDIT, CLIENT, FLEET, STATE_FOLDER, USER
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.threads import in_thread


async def fault_picture(request: web.Request) -> web.Response:
    """Answer with a fault picture, after the audit log has recorded who opens it."""
    app, name, file = request.app, request.match_info["camera"], request.match_info["file"]
    camera = app[FLEET].camera(name)
    if camera is None or not camera.target.picture.evidence:
        raise web.HTTPNotFound
    body = await in_thread(evidence.read, app[STATE_FOLDER], name, file)
    if body is None:
        raise web.HTTPNotFound
    who, where = request.get(USER) or "(no login)", request[CLIENT]
    noted = await in_thread(lambda: app[AUDIT].note(who, where, "evidence viewed", camera=name, file=file))
    if not noted:
        return web.Response(status=503, text="The audit log cannot be written, so the picture is not shown.\n")
    return web.Response(body=body, content_type="image/jpeg", headers={"Cache-Control": "no-store"})


async def learned_view(request: web.Request) -> web.Response:
    """Answer with the learned view in one kind of light: a median of 48x27 pixels, in steps of six grey levels."""
    app, name = request.app, request.match_info["camera"]
    camera = app[FLEET].camera(name)
    number = int(request.match_info["number"])
    if camera is None or not camera.target.picture.evidence:
        raise web.HTTPNotFound
    reference = app[FLEET].entry(name).memory.reference
    lights = reference.lights if reference else ()
    if number >= len(lights) or lights[number].looks < SETTLED_LOOKS:
        raise web.HTTPNotFound
    return web.Response(body=lights[number].thumb, content_type="image/png", headers={"Cache-Control": "no-store"})


PAGE = Page(
    (
        web.get("/cameras/{camera}/evidence/{file}", fault_picture),
        web.get(r"/cameras/{camera}/lights/{number:\d{1,2}}", learned_view),
    )
)
