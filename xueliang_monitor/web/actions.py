"""What authorised users do from a page: check a camera now, accept a change, acknowledge, start and end maintenance.

The audit log records each.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable

from aiohttp import web

from xueliang_monitor.configuration.strict_yaml import parse_duration
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.judgement.problems import Acknowledgement
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.web.addresses import local_address
from xueliang_monitor.web.all_cameras import all_cameras
from xueliang_monitor.web.form_body import read_form
from xueliang_monitor.web.keys import (
    ACCEPT_CHANGE,
    AUDIT,
    CHECK_NOW,
    CHECKS,
    CLIENT,
    FLEET,
    PROBLEMS,
    RENDERER,
    STATE_FOLDER,
    USER,
    WALL,
)
from xueliang_monitor.web.responses import deny
from xueliang_monitor.web.threads import in_thread

log = logging.getLogger(__name__)
LEAST_SECONDS, MOST_SECONDS = 60.0, 30 * 86_400.0
"""Shortest and longest maintenance and acknowledgement."""

MOST_LETTERS = 200
"""Length of a reason or a note."""


async def _note(request: web.Request, action: str, **what: str) -> bool:
    who, where = request[USER], request[CLIENT]
    return await in_thread(lambda: request.app[AUDIT].note(who, where, action, **what))


async def _form(request: web.Request) -> dict[str, str] | web.Response:
    """Return the fields of a form, or the denial: no user is logged in, or another site sent the form."""
    user = request.get(USER)
    if user is None:
        return deny(request, 403, "nobody")
    form = await read_form(request)
    if not request.app[RENDERER].is_own_form(user, form):
        return deny(request, 403, "form")
    return form


async def check(request: web.Request) -> web.StreamResponse:
    """Check a camera at once, on every rung."""
    form = await _form(request)
    if not isinstance(form, dict):
        return form
    name = request.match_info["camera"]
    if request.app[FLEET].camera(name) is None:
        raise web.HTTPNotFound
    if not request.app[CHECKS].may(name, time.monotonic()):
        return deny(request, 429, "often")
    if not await _note(request, "check now", camera=name):
        return deny(request, 503, "audit")
    request.app[CHECK_NOW](name)
    raise web.HTTPSeeOther(f"/cameras/{name}")


async def accept_change(request: web.Request) -> web.StreamResponse:
    """Accept that a camera was replaced, updated or reconfigured, as `xueliang camera accept-change` does."""
    form = await _form(request)
    if not isinstance(form, dict):
        return form
    name, shown = request.match_info["camera"], form.get("shown", "")
    if request.app[FLEET].camera(name) is None:
        raise web.HTTPNotFound
    if not shown or str(request.app[FLEET].entry(name).memory.observed) != shown:
        return deny(request, 409, "changed")
    if not request.app[CHECKS].may(name, time.monotonic()):
        return deny(request, 429, "often")
    if not await _note(request, "change accepted", camera=name, expected=shown):
        return deny(request, 503, "audit")
    if not await request.app[ACCEPT_CHANGE](name, shown):
        return deny(request, 409, "changed")
    raise web.HTTPSeeOther(f"/cameras/{name}")


async def acknowledge(request: web.Request) -> web.StreamResponse:
    """Say that the user knows of an open problem, for a time."""
    form = await _form(request)
    if not isinstance(form, dict):
        return form
    key, note = form.get("problem", ""), _line(form.get("note", ""))
    seconds = _seconds(form.get("for", ""))
    if seconds is None:
        return deny(request, 400, "note")
    await request.app[WALL].freshen()
    if await request.app[PROBLEMS].find(key) is None:
        return deny(request, 409, "over")
    if not await _note(request, "problem acknowledged", problem=key, length=form["for"], note=note):
        return deny(request, 503, "audit")
    user = request[USER]

    def change(history: History, now: float) -> None:
        history.acknowledge(key, by=user, at=now, until=now + seconds, note=note)

    return await _written(request, change, form)


async def release(request: web.Request) -> web.StreamResponse:
    """Take an acknowledgement back."""
    form = await _form(request)
    if not isinstance(form, dict):
        return form
    key = form.get("problem", "")
    if key not in {each.problem for each in request.app[FLEET].acknowledged.known}:
        return deny(request, 409, "over")
    if not await _note(request, "acknowledgement taken back", problem=key):
        return deny(request, 503, "audit")

    def change(history: History, now: float) -> None:
        history.release(key, now)

    return await _written(request, change, form)


def _line(given: str) -> str:
    """Return what a user wrote as one line of bounded length."""
    return "".join(letter for letter in given if letter.isprintable()).strip()[:MOST_LETTERS]


def _seconds(given: str) -> float | None:
    """Return a duration in seconds; None if it is none, or not allowed."""
    try:
        seconds = parse_duration(given)
    except ValueError:
        return None
    return seconds if isinstance(seconds, float) and LEAST_SECONDS <= seconds <= MOST_SECONDS else None


async def _known(request: web.Request, kind: str, name: str) -> bool:
    fleet = request.app[FLEET]
    if kind == WindowKind.UPLINK:
        return name in fleet.topology.nodes
    cameras = (entry.camera for entry, _ in await all_cameras(fleet))
    return any(name == (camera.id if kind == WindowKind.CAMERA else camera.site) for camera in cameras)


async def start(request: web.Request) -> web.StreamResponse:
    """Start maintenance of a camera, of a site, or of all that hangs on a node of the topology."""
    form = await _form(request)
    if not isinstance(form, dict):
        return form
    kind, name, reason = form.get("kind", ""), form.get("name", ""), _line(form.get("reason", ""))
    seconds = _seconds(form.get("for", ""))
    if kind not in set(WindowKind) or not name or not await _known(request, kind, name):
        return deny(request, 400, "subject")
    if seconds is None:
        return deny(request, 400, "duration")
    if not reason:
        return deny(request, 400, "reason")
    if not await _note(request, "maintenance started", kind=kind, name=name, length=form["for"], reason=reason):
        return deny(request, 503, "audit")

    def change(history: History, now: float) -> None:
        history.start_maintenance(
            WindowKind(kind), name, began=now, ends=now + seconds, reason=f"{reason} ({request[USER]})"
        )

    return await _written(request, change, form)


async def stop(request: web.Request) -> web.StreamResponse:
    """End maintenance early."""
    form = await _form(request)
    if not isinstance(form, dict):
        return form
    number = form.get("number", "")
    if not (number.isdecimal() and len(number) < 18):
        return deny(request, 400, "subject")
    if not await _note(request, "maintenance ended", number=number):
        return deny(request, 503, "audit")

    def change(history: History, now: float) -> None:
        history.stop_maintenance(int(number), now)

    return await _written(request, change, form)


async def _written(
    request: web.Request, change: Callable[[History, float], None], form: dict[str, str]
) -> web.StreamResponse:
    """Change the history and hand what people wrote in it to the fleet, so that the next page shows it."""

    def write() -> tuple[tuple[Window, ...], tuple[Acknowledgement, ...]]:
        now = time.time()
        with contextlib.closing(History(request.app[STATE_FOLDER])) as history:
            change(history, now)
            return tuple(history.windows(now)), tuple(history.acknowledgements(now))

    try:
        windows, acknowledgements = await in_thread(write)
    except HistoryError as error:
        log.error("%s", error)  # noqa: TRY400
        return deny(request, 503, "history")
    request.app[FLEET].take_windows(windows)
    request.app[FLEET].acknowledged.take(acknowledgements)
    raise web.HTTPSeeOther(local_address(form.get("back", "/")))


ROUTES = (
    web.post("/cameras/{camera}/check", check),
    web.post("/cameras/{camera}/accept-change", accept_change),
    web.post("/problems/acknowledge", acknowledge),
    web.post("/problems/release", release),
    web.post("/maintenance/start", start),
    web.post("/maintenance/stop", stop),
)
