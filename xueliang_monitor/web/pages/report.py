"""`/report`: the availability report of a month, as a page, CSV or a workbook."""

from __future__ import annotations

import contextlib
import datetime
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from markupsafe import Markup

from xueliang_monitor.availability_report import figures, forms
from xueliang_monitor.availability_report.tables import tables
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.topology import Topology
from xueliang_monitor.web.all_cameras import all_cameras
from xueliang_monitor.web.keys import CLIENT, FLEET, LATEST_SETTINGS, REPORTS, STATE_FOLDER
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.renderer import environment
from xueliang_monitor.web.responses import deny, respond_in_thread
from xueliang_monitor.web.shared_work import BusyError
from xueliang_monitor.web.texts import preferred

FORMS = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
MAX_DAYS = 92
"""Longest period of a report on the page. Time and memory grow with the days of all cameras."""

MAX_ROWS = 1000
"""Longest table on the page."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report that was asked for. `form` is `csv`, `xlsx`, or empty for the page."""

    period: figures.Period
    language: str
    form: str


def kept_part(period: figures.Period, today: datetime.date, keep_seconds: float) -> figures.Period | None:
    """Return the part of a period of which availability may be stored; None if there is none."""
    oldest = today - datetime.timedelta(seconds=keep_seconds)
    return period.within(oldest, today + datetime.timedelta(days=31))  # the current month is shown as a whole


def _make(state: Path, wanted: Wanted, cameras: dict[str, Camera], topology: Topology) -> bytes | None:
    """Return the report in its form, for the page its inner part; None if the history cannot be read. Blocks."""
    period = wanted.period
    try:
        with contextlib.closing(History(state, read_only=True)) as history:
            seconds = history.seconds(period.first.isoformat(), period.last.isoformat())
            episodes = history.episodes(period.start, period.end)
            outages = history.outages(period.start, period.end)
            root_seconds = history.root_seconds(period.first.isoformat(), period.last.isoformat())
    except HistoryError:
        return None
    built = figures.build(
        period,
        tuple(cameras.values()),
        seconds,
        episodes=episodes,
        outages=outages,
        root_seconds=root_seconds,
        topology=topology,
        now=time.time(),
        target=figures.TARGET,
    )
    made = tables(built, cameras, wanted.language)
    if wanted.form:
        write = forms.comma_separated if wanted.form == "csv" else forms.workbook
        return write(made, wanted.language)
    template = environment(wanted.language).get_template("report_body.html")
    return template.render(
        tables=[table for table in made if table.rows],
        most_rows=MAX_ROWS,
        show=functools.partial(forms.show, language=wanted.language),
        bars=forms.daily_bars(built),
        chart_width=forms.WIDTH,
        chart_height=forms.HEIGHT,
    ).encode()


async def show(request: web.Request) -> web.Response:
    """Answer with the report of a month, in the form that was asked for."""
    app = request.app
    today = datetime.datetime.now().astimezone().date()
    this_month = today.strftime("%Y-%m")
    month = request.query.get("month", "") or this_month
    try:
        period = figures.Period.parse(month)
    except ValueError:
        return deny(request, 400, "month")
    kept = kept_part(period, today, app[LATEST_SETTINGS]().keep.days)
    if kept is None:
        return deny(request, 400, "kept")
    if len(kept.days) > MAX_DAYS:
        return deny(request, 400, "span")
    form = request.query.get("format", "")
    wanted = Wanted(kept, preferred(request), form if form in FORMS else "")

    async def begin() -> Callable[[], bytes | None]:
        cameras = {entry.camera.id: entry.camera for entry, _ in await all_cameras(app[FLEET])}
        return functools.partial(_make, app[STATE_FOLDER], wanted, cameras, app[FLEET].topology)

    try:
        body = await app[REPORTS].get(wanted, begin, client=request[CLIENT])
    except BusyError:
        denial = deny(request, 429, "busy")
        denial.headers["Retry-After"] = "5"
        return denial
    if body is None:
        return deny(request, 503, "history")
    if wanted.form:
        name = f'attachment; filename="cameras-{month}.{form}"'
        return web.Response(body=body, content_type=FORMS[form], headers={"Content-Disposition": name})
    inner = Markup(body.decode())  # noqa: S704 - made by a template that escapes  # nosec B704
    return await respond_in_thread(
        request, "report.html", month=month, months=_neighbours(period, this_month), body=inner
    )


def _neighbours(period: figures.Period, last: str) -> list[str]:
    """Return the month before a period and, up to the month `last`, the one after it."""
    first = period.first.replace(day=1)
    before = (first - datetime.timedelta(days=1)).strftime("%Y-%m")
    after = (first + datetime.timedelta(days=32)).strftime("%Y-%m")
    return [before, *([after] if after <= last else [])]


PAGE = Page((web.get("/report", show),), "/report", "Report")
