"""What a browser hides of the overview and sends to the events, without a daemon."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.real.test_page import CHROMIUM, browser
from tests.web.api_fleet import made
from tests.web.served import served

pytestmark = [pytest.mark.real, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]


async def test_the_overview_hides_tiles_that_lack_a_word(tmp_path: Path) -> None:
    async with served(tmp_path, fleet=made(tmp_path)) as session, browser() as opened:
        async with session.get("/healthz") as answer:
            origin = str(answer.url.origin())
        page = await opened.new_page()
        await page.goto(origin)
        for text, count in (("fibre", 8), ("7 FIBRE", 8), ("line-7 fibre", 1), (" fibre  door ", 0), ("", 13)):
            await page.fill("[name=q]", text)
            await expect(page.locator("#count")).to_have_text(f"{count} / 13")
            await expect(page.locator(".tile:visible")).to_have_count(count)


@pytest.mark.parametrize("width", [390, 1280, 3840])
async def test_events_are_filtered_in_a_browser_and_fit(tmp_path: Path, width: int) -> None:
    async with served(tmp_path, fleet=made(tmp_path)) as session, browser() as opened:
        async with session.get("/healthz") as answer:
            origin = str(answer.url.origin())
        page = await opened.new_page(viewport={"width": width, "height": 900}, locale="zh-CN")
        await page.goto(f"{origin}/events?to=2100-01-01")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        cut = "[...document.querySelectorAll('input')].filter((each) => each.scrollWidth > each.clientWidth).length"
        assert await page.evaluate(cut) == 0
        await page.select_option("[name=severity]", "critical")
        await page.fill("[name=q]", "why connection")
        await page.click("button[type=submit]")
        await expect(page.locator("tbody tr")).to_have_count(1)
        assert "to=2100-01-02T00" in page.url, "a date includes its day"
