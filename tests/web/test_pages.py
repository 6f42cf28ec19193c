"""A page is one module and one line in `PAGES`; all pages share the header."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web

from tests.conftest import ROOT
from tests.web.served import served
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.pages import PAGES
from xueliang_monitor.web.responses import respond


async def _show(request: web.Request) -> web.Response:
    return respond(request, "missing.html", name="new")


async def test_a_new_page_is_declared_once_and_stands_in_the_header_of_every_page(tmp_path: Path) -> None:
    new = Page((web.get("/new", _show),), "/new", "A new page")
    async with served(tmp_path, pages=(*PAGES, new)) as session:
        for path in ("/", "/new", "/about"):
            async with session.get(path) as answer:
                assert re.search(r'<a href="/new"[^>]*>A new page</a>', await answer.text()), path


def test_every_module_of_a_page_is_registered() -> None:
    modules = {file.stem for file in (ROOT / "xueliang_monitor/web/pages").glob("[!_]*.py")}
    registered = (ROOT / "xueliang_monitor/web/pages/__init__.py").read_text()
    assert modules == set(re.findall(r"^    (\w+)\.PAGE,$", registered, re.MULTILINE))
