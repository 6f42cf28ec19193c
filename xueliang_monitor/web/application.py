"""The web application: its routes, its values, and the gate before every handler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.storage.audit_log import Audit
from xueliang_monitor.web import actions, api, keys, monitoring, preferences, static_files
from xueliang_monitor.web.access import Access
from xueliang_monitor.web.checks import Checks
from xueliang_monitor.web.documentation import Documentation
from xueliang_monitor.web.live import Wall
from xueliang_monitor.web.live_streams import LiveStreams
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.pages import PAGES
from xueliang_monitor.web.problem_documents import problem_documents
from xueliang_monitor.web.problem_list import ProblemList
from xueliang_monitor.web.renderer import Renderer
from xueliang_monitor.web.shared_work import SharedWork

MAX_FORM_BYTES = 64 * 1024
METRICS_SECONDS = 1.0
LISTS_SECONDS = 0.5
REPORT_SECONDS = 30.0
"""How long an answer that is costly to make is given to all who ask for it."""


def _routes(pages: tuple[Page, ...]) -> list[web.RouteDef]:
    return [
        *(route for page in pages for route in page.routes),
        *actions.ROUTES,
        *preferences.ROUTES,
        *static_files.ROUTES,
        *api.ROUTES,
        *monitoring.ROUTES,
    ]


async def _follow_fleet(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[keys.WALL].run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _close_streams(app: web.Application) -> None:
    app[keys.CLOSING].set()
    app[keys.WALL].close()
    app[keys.PROBLEMS].close()


async def _stop_work(app: web.Application) -> None:
    for each in (app[keys.METRICS], app[keys.LISTS], app[keys.REPORTS]):
        await each.close()


async def _nothing_accepted(_camera: str, _shown: str) -> bool:
    return False


def application(
    fleet: Fleet,
    settings: Settings,
    access: Access,
    *,
    check_now: Callable[[str], None] | None = None,
    accept_change: keys.AcceptChange | None = None,
    latest_settings: Callable[[], Settings] | None = None,
    pages: tuple[Page, ...] = PAGES,
    documentation: Documentation | None = None,
) -> web.Application:
    """Return the web application.

    `settings` are those of the start, `latest_settings` returns those that were read last. `check_now` schedules a
    visit of a camera, `accept_change` accepts what it became. `access` lets a request through or answers it.
    """

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await access.gate(request, handler)

    built = web.Application(middlewares=[problem_documents, gate], client_max_size=MAX_FORM_BYTES)
    renderer = Renderer()
    built[keys.FLEET] = fleet
    built[keys.SETTINGS] = settings
    built[keys.LATEST_SETTINGS] = latest_settings or (lambda: settings)
    built[keys.STATE_FOLDER] = settings.state
    built[keys.AUDIT] = Audit(settings.state)
    built[keys.PAGES] = pages
    built[keys.LINKED] = monitoring.LINKED.union(*({page.address, *page.linked} for page in pages)) - {""}
    built[keys.RENDERER] = renderer
    built[keys.WALL] = Wall(fleet, renderer)
    built[keys.PROBLEMS] = ProblemList(fleet, built[keys.WALL], renderer)
    built[keys.CHECKS] = Checks()
    built[keys.CHECK_NOW] = check_now or (lambda _camera: None)
    built[keys.ACCEPT_CHANGE] = accept_change or _nothing_accepted
    built[keys.DOCUMENTATION] = documentation or Documentation()
    built[keys.LIVE_STREAMS] = LiveStreams()
    built[keys.METRICS] = SharedWork(METRICS_SECONDS, kept=8)
    built[keys.LISTS] = SharedWork(LISTS_SECONDS, kept=8)
    built[keys.REPORTS] = SharedWork(REPORT_SECONDS, kept=4, rest=4.0)
    built[keys.CLOSING] = asyncio.Event()
    built.cleanup_ctx.append(_follow_fleet)
    built.on_shutdown.append(_close_streams)
    built.on_cleanup.append(_stop_work)
    built.add_routes(_routes(pages))
    return built
