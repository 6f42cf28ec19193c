"""A page is one module and one line in `PAGES`; all pages share the header."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.conftest import ROOT
from tests.web.test_access import settings_of
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.web.access import Access
from xueliang_monitor.web.application import application
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.pages import PAGES
from xueliang_monitor.web.responses import respond
from xueliang_monitor.web.web_config import Protection


async def _show(request: web.Request) -> web.Response:
    return respond(request, "missing.html", name="new")


async def test_a_new_page_is_declared_once_and_stands_in_the_header_of_every_page(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, None)
    settings.state.mkdir()
    fleet = Fleet(SystemClock(), Policy({}, frozenset()), ())
    new = Page((web.get("/new", _show),), "/new", "A new page")
    app = application(fleet, settings, Access(Protection(), frozenset()), pages=(*PAGES, new))
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
            for path in ("/", "/new", "/about"):
                async with session.get(path) as answer:
                    text = await answer.text()
                    assert re.search(r'<a href="/new"[^>]*>A new page</a>', text), path
    finally:
        await runner.cleanup()


def test_every_module_of_a_page_is_registered() -> None:
    modules = {file.stem for file in (ROOT / "xueliang_monitor/web/pages").glob("[!_]*.py")}
    registered = (ROOT / "xueliang_monitor/web/pages/__init__.py").read_text()
    assert modules == set(re.findall(r"^    (\w+)\.PAGE,$", registered, re.MULTILINE))
