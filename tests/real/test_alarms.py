"""New critical problems in Chromium: the count in title and icon, the mark until one is seen, the sound, and greys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.real.test_page import CHROMIUM, browser
from tests.simulated_time import visited
from tests.web.served import served
from tests.web.test_levels import fleet_of_kinds
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.model import Rung

pytestmark = [
    pytest.mark.real,
    pytest.mark.timed,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
LISTEN = "window.beeps = 0; document.addEventListener('beep', () => { window.beeps += 1; });"
NEW = re.compile(r"\bnew\b")


def blind(fleet: Fleet, clock: ManualClock, name: str, code: str | None = "picture_covered") -> None:
    for _ in range(3):
        clock.advance(2)
        fleet.apply(visited(name, clock.now(), code, Rung.PICTURE), fleet.entry(name).memory, 0.0)


async def test_a_new_critical_problem_is_counted_marked_until_seen_and_heard_where_asked_for(tmp_path: Path) -> None:
    fleet, clock = fleet_of_kinds()
    async with served(tmp_path, fleet=fleet) as session, browser() as opened:

        async def visiting() -> Page:
            page = await (await opened.new_context(base_url=str(session._base_url), locale="en-GB")).new_page()
            await page.add_init_script(LISTEN)
            await page.goto("/")
            return page

        page, quiet = await visiting(), await visiting()
        await expect(page).to_have_title(re.compile(r"^\(2\) Overview"))
        await expect(page.locator("#icon")).to_have_attribute("href", re.compile(r"icon-2\.svg\?"))
        await expect(page.locator(".tile.new")).to_have_count(0)  # nothing is new to a browser that comes first
        await page.locator("#sound").click()
        assert await page.evaluate("window.beeps") == 1  # a trial
        blind(fleet, clock, "fine")
        for each in (page, quiet):
            await expect(each.locator("#c-fine")).to_have_class(NEW)
            await expect(each.locator("#c-fine .word")).to_have_text("blind")
            await expect(each).to_have_title(re.compile(r"^\(3\) "))
        assert await page.evaluate("window.beeps") == 2
        assert await quiet.evaluate("window.beeps") == 0
        blind(fleet, clock, "worn", None)  # another change keeps the mark, and is no alarm
        await expect(page.locator("#c-worn")).to_have_class(re.compile("up"))
        await page.reload()
        await expect(page.locator("#c-fine")).to_have_class(NEW)
        assert await page.evaluate("window.beeps") == 0
        await page.locator("#c-fine a").focus()
        await expect(page.locator("#c-fine")).not_to_have_class(NEW)
        await page.reload()
        await expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator(".tile.new")).to_have_count(0)
        await expect(quiet.locator("#c-fine")).to_have_class(NEW)  # each browser for itself
        blind(fleet, clock, "fine", None)
        await expect(page).to_have_title(re.compile(r"^\(2\) "))
        blind(fleet, clock, "fine")  # the same again is new again
        await expect(page.locator("#c-fine")).to_have_class(NEW)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sight", ["deuteranopia", "achromatopsia"])
async def test_levels_are_told_apart_without_colours(tmp_path: Path, sight: str, scheme: str) -> None:
    fleet, _ = fleet_of_kinds()
    async with served(tmp_path, fleet=fleet) as session, browser() as opened:
        context = await opened.new_context(base_url=str(session._base_url), locale="en-GB", color_scheme=scheme)  # type: ignore[arg-type]
        page = await context.new_page()
        await page.goto("/")
        told = {}
        for name in ("away", "black", "worn", "fine"):
            look = await page.locator(f"#c-{name} a").evaluate(
                "each => { const style = getComputedStyle(each), shape = getComputedStyle(each, '::before').content;"
                " return [shape, style.backgroundImage.split('(')[0], each.querySelector('.word').textContent]; }"
            )
            told[name] = tuple(look)
        shapes, _, words = zip(*told.values(), strict=True)
        assert len(set(shapes)) == len(set(words)) == 4
        assert told["black"][1] == "repeating-linear-gradient" != told["away"][1]
        client = await context.new_cdp_session(page)
        await client.send("Emulation.setEmulatedVisionDeficiency", {"type": sight})
        down, minor, fine = [await darkness(page, name) for name in ("away", "worn", "fine")]
        assert abs(down - minor) > 40
        assert abs(down - fine) > 40


async def darkness(page: Page, name: str) -> float:
    """Return the usual grey of a tile, from 0 for black to 255, as it is on the screen."""
    import cv2
    import numpy as np

    shot = await page.locator(f"#c-{name} a").screenshot(animations="disabled")
    return float(np.median(cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_GRAYSCALE)))
