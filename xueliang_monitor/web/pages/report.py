"""`/report`: the availability report of a month, as a page, CSV or a workbook."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import time

from aiohttp import web

from xueliang_monitor.availability_report import figures, forms
from xueliang_monitor.availability_report.tables import Table, tables
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.web.keys import FLEET, STATE_FOLDER
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.responses import deny, respond
from xueliang_monitor.web.texts import preferred

FORMS = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def _figures(request: web.Request, period: figures.Period, cameras: dict[str, Camera]) -> figures.Figures | None:
    """Return the figures of a period; None if the history cannot be read."""
    try:
        with contextlib.closing(History(request.app[STATE_FOLDER], read_only=True)) as history:
            seconds = history.seconds(period.first.isoformat(), period.last.isoformat())
            episodes = history.episodes(period.start, period.end)
            outages = history.outages(period.start, period.end)
    except HistoryError:
        return None
    return figures.build(
        period,
        tuple(cameras.values()),
        seconds,
        episodes=episodes,
        outages=outages,
        now=time.time(),
        target=figures.TARGET,
    )


async def _download(made: tuple[Table, ...], language: str, form: str, month: str) -> web.Response:
    write = forms.comma_separated if form == "csv" else forms.workbook
    body = await asyncio.to_thread(write, made, language)
    name = f'attachment; filename="cameras-{month}.{form}"'
    return web.Response(body=body, content_type=FORMS[form], headers={"Content-Disposition": name})


async def show(request: web.Request) -> web.Response:
    """Answer with the report of a month, in the form that was asked for."""
    language = preferred(request)
    this_month = datetime.datetime.now().astimezone().strftime("%Y-%m")
    month = request.query.get("month", "") or this_month
    try:
        period = figures.Period.parse(month)
    except ValueError:
        return deny(request, 400, "month")
    cameras = {entry.camera.id: entry.camera for entry, _ in request.app[FLEET].pairs()}
    built = await asyncio.to_thread(_figures, request, period, cameras)
    if built is None:
        return deny(request, 503, "history")
    made = tables(built, cameras, language)
    form = request.query.get("format", "")
    if form in FORMS:
        return await _download(made, language, form, month)
    return respond(
        request,
        "report.html",
        month=month,
        months=_neighbours(period, this_month),
        tables=[table for table in made if table.rows],
        figures=built,
        show=functools.partial(forms.show, language=language),
        bars=forms.daily_bars(built),
        chart_width=forms.WIDTH,
        chart_height=forms.HEIGHT,
    )


def _neighbours(period: figures.Period, last: str) -> list[str]:
    """Return the month before a period and, up to the month `last`, the one after it."""
    first = period.first.replace(day=1)
    before = (first - datetime.timedelta(days=1)).strftime("%Y-%m")
    after = (first + datetime.timedelta(days=32)).strftime("%Y-%m")
    return [before, *([after] if after <= last else [])]


PAGE = Page((web.get("/report", show),), "/report", "Report")
