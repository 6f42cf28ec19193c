"""No text of a page is cut, runs out of its box or lies on another one: from a phone to 4K, and on paper."""

from __future__ import annotations

from pathlib import Path

import bcrypt
import pytest
from playwright.async_api import Browser, Page

from tests.real.long_names import fleet_in_trouble
from tests.real.test_page import CHROMIUM, PASSWORD, browser
from tests.web.served import served
from xueliang_monitor.web.web_config import Protection

pytestmark = [
    pytest.mark.real,
    pytest.mark.timed,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
MEASURE = (Path(__file__).parent / "cut_texts.js").read_text(encoding="utf-8")
WIDTHS = (390, 1280, 1920, 2560, 3840)
PAPER = 794
"""Width of A4 in CSS pixels."""

PAGES = ("/", "/cameras/sv-024", "/problems", "/events", "/sites", "/report", "/about", "/cameras/nobody")
NAMED = Protection({"anna": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()})


async def measured(page: Page, width: int) -> list[str]:
    await page.set_viewport_size({"width": width, "height": 1000})
    return [f"{page.url} at {width} px: {each}" for each in await page.evaluate(MEASURE)]


async def visiting(opened: Browser, base: str, path: str, locale: str) -> Page:
    login = {"username": "anna", "password": PASSWORD}
    # The policy of the pages forbids the style that has the browser lay out what is out of sight.
    context = await opened.new_context(base_url=base, locale=locale, http_credentials=login, bypass_csp=True)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(path)
    await page.add_style_tag(content=".site { content-visibility: visible !important; }")
    await page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    return page


async def test_no_text_is_cut_from_a_phone_to_a_video_wall(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    fleet = fleet_in_trouble(state)
    async with served(tmp_path, NAMED, fleet=fleet) as session, browser() as opened:
        base, found = str(session._base_url), list[str]()
        for path in PAGES:
            for locale in ("en-GB", "zh-CN"):
                page = await visiting(opened, base, path, locale)
                for width in WIDTHS:
                    found += await measured(page, width)
                await page.emulate_media(media="print")
                found += await measured(page, PAPER)
                await page.context.close()
        assert found == []

        page = await visiting(opened, base, "/", "en-GB")
        assert await page.locator(".tile").count() == 147
        await page.add_style_tag(content=".tile a { white-space: nowrap; overflow: hidden; }")
        assert len(await measured(page, 1920)) > 100, "the measure sees what is cut"
