"""`/problems`: what is open, the most serious first, and who knows of it; live."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from aiohttp import web
from markupsafe import Markup

from xueliang_monitor.web.keys import PROBLEMS, WALL
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.problem_list import Row
from xueliang_monitor.web.responses import deny, event_stream, limited, respond, respond_in_thread
from xueliang_monitor.web.search import asked, finds, words_of
from xueliang_monitor.web.texts import preferred
from xueliang_monitor.web.threads import in_thread
from xueliang_monitor.web.views import SEVERITIES

DURATIONS = ("1h", "4h", "8h", "1d", "3d", "7d")
"""How long an acknowledgement may last, as offered by the form."""

USUAL_DURATION = "8h"
"""A shift."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which problems are shown, and in which order. It is the query of the page's address."""

    severity: str = ""
    site: str = ""
    known: str = ""
    text: str = ""
    sort: str = ""

    @classmethod
    def of(cls, request: web.Request) -> Filter:
        """Read the filter from the address of a request."""
        value = functools.partial(asked, request.query)
        return cls(value("severity"), value("site"), value("known"), value("q"), value("sort"))

    def shows(self, row: Row) -> bool:
        """Return whether a problem is shown."""
        return (
            self.severity in ("", row.problem.severity.value)
            and self.site in ("", row.site)
            and self.known in ("", "yes" if row.acknowledgement is not None else "no")
            and finds(words_of(self.text), (row.text,))
        )

    def ordered(self, rows: tuple[Row, ...]) -> list[Row]:
        """Return problems in the order that was asked for; as given, the most serious first, by default."""
        if self.sort == "newest":
            return sorted(rows, key=lambda row: -row.problem.since)
        return sorted(rows, key=lambda row: row.order) if self.sort == "name" else list(rows)


async def show(request: web.Request) -> web.Response:
    """Answer with the page."""
    problems, shown = request.app[PROBLEMS], Filter.of(request)
    await request.app[WALL].freshen()
    rows, language = await problems.rows(), preferred(request)
    listed = await in_thread(lambda: problems.html(language, rows, shows=shown.shows, ordered=shown.ordered))
    return await respond_in_thread(
        request,
        "problems.html",
        listed=Markup(listed),  # noqa: S704 - made by a template that escapes  # nosec B704
        filter=shown,
        sites=sorted({row.site for row in rows} - {""}),
        severities=SEVERITIES,
        durations=DURATIONS,
        usual=USUAL_DURATION,
    )


async def ask(request: web.Request) -> web.Response:
    """Answer with the form that acknowledges one problem, for browsers without scripts."""
    await request.app[WALL].freshen()
    row = await request.app[PROBLEMS].find(request.query.get("problem", ""))
    if row is None:
        return deny(request, 404, "over")
    return respond(request, "acknowledge.html", row=row, durations=DURATIONS, usual=USUAL_DURATION)


async def live(request: web.Request) -> web.StreamResponse:
    """Send the problems again whenever they change."""
    response = await event_stream(request)
    try:
        async for update in request.app[PROBLEMS].updates(preferred(request)):
            await response.write(update)
    except ConnectionResetError:
        pass
    return response


PAGE = Page(
    (
        web.get("/problems", show),
        web.get("/problems/live", limited(live), allow_head=False),
        web.get("/problems/acknowledge", ask),
    ),
    "/problems",
    "Problems",
    linked=("/problems/acknowledge",),
)
