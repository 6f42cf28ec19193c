"""The pages beside wall and camera: events, uplinks and sites, the report, about."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from xueliang_monitor import __version__
from xueliang_monitor.availability_report import figures, forms
from xueliang_monitor.availability_report.tables import tables
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.configuration.settings import AT_START, Settings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.web import past
from xueliang_monitor.web.camera_page import FLEET, SETTINGS
from xueliang_monitor.web.events import STATE
from xueliang_monitor.web.texts import preferred
from xueliang_monitor.web.views import STATES, WORST_FIRST
from xueliang_monitor.web.wall import PAGES

NEWEST: web.AppKey[Callable[[], Settings]] = web.AppKey("newest")
"""Returns the settings as they were last read; `SETTINGS` are those of the start."""

EVENTS = 100
TARGET = 0.98
FORMS = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


async def events_page(request: web.Request) -> web.Response:
    """Answer with what happened, the last first."""
    app = request.app
    given, camera = request.query.get("before", ""), request.query.get("camera", "")[:64]
    before = int(given) if given.isdecimal() and len(given) < 18 else None
    readable, found = True, []
    try:
        found = await past.events(app[STATE], before=before, camera=camera, limit=EVENTS)
    except HistoryError:
        readable = False
    names = {entry.camera.id: entry.camera.name for entry, _ in app[FLEET].pairs()}
    return app[PAGES].respond(
        request,
        "events.html",
        events=[(item, FAULTS.get(item.fault)) for item in reversed(found)],
        readable=readable,
        names=names,
        camera=camera,
        earlier=found[0].id if len(found) == EVENTS else None,
    )


def _group(pairs: list[tuple[Entry, CameraStatus]], kind: str, fleet: Fleet) -> list[dict[str, Any]]:
    groups: dict[str, list[tuple[Entry, CameraStatus]]] = {}
    for entry, status in pairs:
        name = getattr(entry.camera, kind)
        if name:
            groups.setdefault(name, []).append((entry, status))
    down = {uplink.name: uplink for uplink in fleet.uplinks if uplink.down}
    rows = []
    for name, members in groups.items():
        states = Counter(status.state for _, status in members)
        rates = [rate for entry, _ in members if (rate := fleet.availability.get(entry.camera.id, {}).get("30d"))]
        window = next((item for item in fleet.windows if (item.kind, item.name) == (kind, name)), None)
        rows.append(
            {
                "kind": kind,
                "name": name,
                "count": len(members),
                "states": [(state.value, STATES[state], states[state]) for state in WORST_FIRST if states[state]],
                "month": sum(rates) / len(rates) if rates else None,
                "down": down.get(name),
                "window": window if window is not None and window.active(fleet.now) else None,
                "worst": min(WORST_FIRST.index(state) for state in states),
            }
        )
    return sorted(rows, key=lambda row: (row["down"] is None, row["worst"], row["name"]))


async def sites_page(request: web.Request) -> web.Response:
    """Answer with every uplink and every site: how its cameras are, and its maintenance."""
    fleet = request.app[FLEET]
    pairs = list(fleet.pairs())
    return request.app[PAGES].respond(
        request, "sites.html", uplinks=_group(pairs, "uplink", fleet), sites=_group(pairs, "site", fleet)
    )


def _built(request: web.Request, period: figures.Period) -> tuple[figures.Figures, dict[str, Camera]] | None:
    cameras = {entry.camera.id: entry.camera for entry, _ in request.app[FLEET].pairs()}
    try:
        with contextlib.closing(History(request.app[STATE], read_only=True)) as history:
            seconds = history.seconds(period.first.isoformat(), period.last.isoformat())
            episodes = history.episodes(period.start, period.end)
            outages = history.outages(period.start, period.end)
    except HistoryError:
        return None
    known = tuple(cameras.values())
    return figures.build(period, known, seconds, episodes, outages, now=time.time(), target=TARGET), cameras


async def report_page(request: web.Request) -> web.Response:
    """Answer with the report of a month: as a page, or as CSV or a workbook to take along."""
    language, pages = preferred(request), request.app[PAGES]
    this_month = datetime.datetime.now().astimezone().strftime("%Y-%m")
    month = request.query.get("month", "") or this_month
    try:
        period = figures.Period.parse(month)
    except ValueError:
        return pages.respond(request, "refused.html", status=400, why="month")
    found = await asyncio.to_thread(_built, request, period)
    if found is None:
        return pages.respond(request, "refused.html", status=503, why="history")
    built, cameras = found
    made = tables(built, cameras, language)
    form = request.query.get("format", "")
    if form in FORMS:
        body = await asyncio.to_thread(
            lambda: forms.comma_separated(made, language) if form == "csv" else forms.workbook(made, language)
        )
        name = f'attachment; filename="cameras-{month}.{form}"'
        return web.Response(body=body, content_type=FORMS[form], headers={"Content-Disposition": name})
    return pages.respond(
        request,
        "report.html",
        month=month,
        months=_months(period, this_month),
        tables=[table for table in made if table.rows],
        figures=built,
        show=forms.show,
        bars=forms.daily_bars(built),
        chart_width=forms.WIDTH,
        chart_height=forms.HEIGHT,
    )


def _months(period: figures.Period, last: str) -> list[str]:
    """Return the months around one that can be asked for."""
    first = period.first.replace(day=1)
    before = (first - datetime.timedelta(days=1)).strftime("%Y-%m")
    after = (first + datetime.timedelta(days=32)).strftime("%Y-%m")
    return [before, *([after] if after <= last else [])]


async def about_page(request: web.Request) -> web.Response:
    """Answer with the version, the settings without secrets or folders, what is stored how long, what is never done."""
    started, newest = request.app[SETTINGS], request.app[NEWEST]()
    flat = _flat(newest)
    pending = {key: flat.get(key, "") for key in AT_START if getattr(started, key) != getattr(newest, key)}
    flat |= {key: value for key, value in _flat(started).items() if key in AT_START}
    flat |= {key: "–" for key in pending if key not in flat}  # folders are not shown
    return request.app[PAGES].respond(
        request, "about.html", settings=flat, pending=pending, keep=newest.keep, release=__version__
    )


def _flat(settings: Settings) -> dict[str, Any]:
    """Return settings by their whole key, without secrets or folders."""
    told = settings.model_dump(mode="json", exclude={"credentials", "web_config", "inventory", "state"})
    told["hosts"] = ", ".join(sorted(settings.hosts)) or "–"
    told["credentials"] = sorted(settings.credentials)
    return {
        (f"{key}.{inner}" if inner else key): value
        for key, known in told.items()
        for inner, value in (known.items() if isinstance(known, dict) else [("", known)])
    }
