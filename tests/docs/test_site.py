"""The built documentation in a real Chromium: from a folder and over HTTP below /docs/, without any other network."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import async_playwright, expect

from tests.waiting import AT_MOST_SECONDS, until

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.real, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]


@contextlib.asynccontextmanager
async def served(site: Path, scheme: str) -> AsyncIterator[str]:
    """Yield the address of the site's folder."""
    if scheme == "file":
        yield f"file://{site}/"
        return
    application = web.Application()
    application.router.add_static("/docs/", site)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/docs/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("scheme", ["file", "http"])
@pytest.mark.parametrize(
    ("page", "query", "found"), [("", "SIGHUP", "reference/configuration"), ("zh/", "冻结", "fault-cat")]
)
async def test_search_works_without_a_network(site: Path, scheme: str, page: str, query: str, found: str) -> None:
    """Chinese has no spaces: words are found inside a sentence."""
    outside: list[str] = []
    wrong: list[str] = []
    async with served(site, scheme) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = await (await browser.new_context()).new_page()
        opened.set_default_timeout(AT_MOST_SECONDS * 1000)
        opened.on("request", lambda sent: None if sent.url.startswith((address, "data:")) else outside.append(sent.url))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        await opened.goto(f"{address}{page}index.html")
        field = opened.get_by_role("combobox")

        async def searching() -> bool:
            await opened.keyboard.press("Control+k")  # does nothing before the site's script has started
            await asyncio.sleep(0.2)
            return await field.is_visible()

        await until(searching, what="the search does not open")
        await field.fill(query)
        results = opened.locator(f'a[role=option][href*="{found}"]')
        await expect(results.first).to_be_visible(timeout=AT_MOST_SECONDS * 1000)
        await expect(results.first.locator("mark").first).to_be_visible()
        await browser.close()
    assert outside == []
    assert wrong == []
