"""What named users may do on the page: start and end maintenance, have a camera checked now. Written down."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable

from aiohttp import web

from xueliang_monitor.configuration.strict_yaml import parse_duration
from xueliang_monitor.judgement.maintenance import KINDS, Window
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.web.access import USER
from xueliang_monitor.web.camera_page import AUDIT, FLEET
from xueliang_monitor.web.events import STATE
from xueliang_monitor.web.wall import PAGES

log = logging.getLogger(__name__)
CheckNow = Callable[[str], None]
CHECK_NOW: web.AppKey[CheckNow] = web.AppKey("check_now")
LEAST_SECONDS, MOST_SECONDS = 60.0, 30 * 86_400.0
AGAIN_SECONDS = 20.0
"""How long one camera is not checked again on demand."""

A_MINUTE = 12
"""Cameras that are checked on demand in a minute, all users together."""


class Checks:
    """Which cameras were checked on demand lately."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._all: deque[float] = deque(maxlen=A_MINUTE)

    def may(self, camera: str, now: float) -> bool:
        """Say whether a camera may be checked now, and note it where it may."""
        if now - self._last.get(camera, -AGAIN_SECONDS) < AGAIN_SECONDS:
            return False
        if len(self._all) == A_MINUTE and now - self._all[0] < 60.0:
            return False
        self._last = {name: at for name, at in self._last.items() if now - at < AGAIN_SECONDS} | {camera: now}
        self._all.append(now)
        return True


CHECKS = web.AppKey("checks", Checks)


def _back(where: str) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(where if where.startswith("/") and not where.startswith(("//", "/\\")) else "/")


async def _note(request: web.Request, action: str, **what: str) -> bool:
    who, where = request[USER], request.remote or "(socket)"
    return await asyncio.to_thread(lambda: request.app[AUDIT].note(who, where, action, **what))


def _refused(request: web.Request, status: int, why: str) -> web.Response:
    return request.app[PAGES].respond(request, "refused.html", status=status, why=why)


async def _form(request: web.Request) -> dict[str, str] | web.Response:
    """Return a form's fields, or why it is refused: nobody is named, or another page sent it."""
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    if request.get(USER) is None:
        return _refused(request, 403, "nobody")
    if not request.app[PAGES].may_act(request, form):
        return _refused(request, 403, "form")
    return form


async def check(request: web.Request) -> web.StreamResponse:
    """Have a camera checked at once, every rung of it."""
    form = await _form(request)
    if not isinstance(form, dict):
        return form
    name = request.match_info["camera"]
    if request.app[FLEET].camera(name) is None:
        raise web.HTTPNotFound
    if not request.app[CHECKS].may(name, time.monotonic()):
        return _refused(request, 429, "often")
    if not await _note(request, "check now", camera=name):
        return _refused(request, 503, "audit")
    request.app[CHECK_NOW](name)
    raise _back(f"/cameras/{name}")


def _known(request: web.Request, kind: str, name: str) -> bool:
    fleet = request.app[FLEET]
    return any(
        name == {"camera": entry.camera.id, "site": entry.camera.site, "uplink": entry.camera.uplink}[kind]
        for entry, _ in fleet.pairs()
    )


async def start(request: web.Request) -> web.StreamResponse:
    """Begin maintenance of a camera, a site or an uplink."""
    form = await _form(request)
    if not isinstance(form, dict):
        return form
    kind, name, reason = form.get("kind", ""), form.get("name", ""), form.get("reason", "").strip()[:200]
    try:
        seconds = parse_duration(form.get("for", ""))
    except ValueError:
        seconds = None
    if kind not in KINDS or not name or not _known(request, kind, name):
        return _refused(request, 400, "subject")
    if not isinstance(seconds, float) or not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        return _refused(request, 400, "duration")
    if not reason:
        return _refused(request, 400, "reason")
    if not await _note(request, "maintenance started", kind=kind, name=name, length=form["for"], reason=reason):
        return _refused(request, 503, "audit")

    def change(history: History, now: float) -> None:
        history.start_maintenance(kind, name, began=now, ends=now + seconds, reason=f"{reason} ({request[USER]})")

    return await _written(request, change, form)


async def stop(request: web.Request) -> web.StreamResponse:
    """End maintenance before its time."""
    form = await _form(request)
    if not isinstance(form, dict):
        return form
    number = form.get("number", "")
    if not (number.isdecimal() and len(number) < 18):
        return _refused(request, 400, "subject")
    if not await _note(request, "maintenance ended", number=number):
        return _refused(request, 503, "audit")

    def change(history: History, now: float) -> None:
        history.stop_maintenance(int(number), now)

    return await _written(request, change, form)


async def _written(
    request: web.Request, change: Callable[[History, float], None], form: dict[str, str]
) -> web.StreamResponse:
    """Change the windows of maintenance in the history and take them up at once, so that the next page shows it."""

    def write() -> tuple[Window, ...]:
        now = time.time()
        with contextlib.closing(History(request.app[STATE])) as history:
            change(history, now)
            return tuple(history.windows(now))

    try:
        windows = await asyncio.to_thread(write)
    except HistoryError as error:
        log.error("%s", error)  # noqa: TRY400
        return _refused(request, 503, "history")
    request.app[FLEET].take_windows(windows)
    raise _back(form.get("back", "/"))
