"""The pages in Chromium, with a real daemon and simulated cameras."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
from playwright.async_api import Browser, Error, Page, async_playwright, expect

from tests.conftest import ROOT
from tests.test_daemon import Rig, all_up, running, until, until_learned
from tests.waiting import AT_MOST_SECONDS, PATIENCE

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.real,
    pytest.mark.timed,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
PASSWORD = "wall of the control room"
FAST = (
    "intervals: {reach: 1s, rtsp: 1s, stream: 3s, picture: 3s, onvif: 30s}\nrechecks: {reach: 300ms, picture: 500ms}\n"
) + PATIENCE
PAGES = ("/", "/cameras/cam-000", "/problems", "/events", "/sites", "/report", "/about", "/cameras/nobody")
MOST_MILLISECONDS = AT_MOST_SECONDS * 1000
expect.set_options(timeout=MOST_MILLISECONDS)
SHOTS = ROOT / "artifacts" / "screenshots"


def login_of(name: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(name, PASSWORD)}


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


@contextlib.asynccontextmanager
async def protected(folder: Path, count: int = 6, pace: str = FAST) -> AsyncIterator[tuple[Rig, Browser]]:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "web.yml").write_text(f'basic_auth_users: {{anna: "{hashed}", ben: "{hashed}"}}\n')
    async with (
        running(folder, count, pace + "web_config: web.yml", headers=login_of("anna")) as rig,
        browser() as opened,
    ):
        await until(rig, all_up)
        yield rig, opened


async def visiting(opened: Browser, rig: Rig, path: str, **more: Any) -> Page:
    more.setdefault("locale", "en-GB")
    context = await opened.new_context(
        base_url=rig.page, http_credentials={"username": "anna", "password": PASSWORD}, **more
    )
    page = await context.new_page()
    page.set_default_timeout(MOST_MILLISECONDS)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    page.wrong = wrong  # type: ignore[attr-defined]
    await page.goto(path)
    return page


async def test_the_wall_follows_a_camera_without_a_reload(tmp_path: Path) -> None:
    async with protected(tmp_path) as (rig, opened):
        page = await visiting(opened, rig, "/")
        await page.evaluate("window.untouched = true")
        tile = page.locator("#c-cam-003")
        await expect(tile).to_have_class(re.compile("up"))
        await page.locator("#c-cam-003 a").focus()
        await rig.fault("cam-003", "refuse")
        await until(rig, lambda states: states["cam-003"][0] == "down")
        await expect(tile).to_have_class(re.compile("down"))
        assert await page.evaluate("document.activeElement.closest('li')?.id") == "c-cam-003"
        first = page.locator("section.site:first-child .tile:first-child")
        assert await first.get_attribute("id") == "c-cam-003"  # the worst first
        await expect(page.locator(".states .down b")).to_have_text("1")
        await expect(page.locator("#said")).to_contain_text("down")
        assert await page.evaluate("window.untouched")

        await page.select_option("[name=state]", "down")
        await expect(page.locator(".tile:visible")).to_have_count(1)
        assert page.url.endswith("?state=down")
        shared = await visiting(opened, rig, "/?state=down", java_script_enabled=False)
        await expect(shared.locator(".tile:visible")).to_have_count(1)  # also without the script
        await rig.fault("cam-003", None)
        await expect(page.locator(".tile:visible")).to_have_count(0)
        assert page.wrong == []  # type: ignore[attr-defined]


async def test_a_problem_is_acknowledged_from_the_wall_with_three_keys(tmp_path: Path) -> None:
    async with protected(tmp_path) as (rig, opened):
        page, others = await visiting(opened, rig, "/"), await visiting(opened, rig, "/problems")
        await rig.fault("cam-003", "refuse")
        await until(rig, lambda states: states["cam-003"][0] == "down")
        await page.keyboard.press("p")
        await expect(page.locator(".problem")).to_have_count(1)
        await expect(page.locator(".keys")).to_be_visible()  # the script runs
        await page.keyboard.press("a")
        await expect(page.locator("#acknowledge [name=note]")).to_be_focused()
        await page.keyboard.press("Enter")
        for each in (page, others):  # the other browser was told
            await expect(each.locator(".problem.known .answer")).to_contain_text("anna knows")
        await page.keyboard.press("w")
        await expect(page.locator("#c-cam-003")).to_contain_text("acknowledged")
        await page.goto("/problems?known=no")
        await expect(page.locator(".problem:visible")).to_have_count(0)
        await page.fill("[name=q]", "CAM refused")
        await page.select_option("[name=known]", "")
        await expect(page.locator(".problem:visible")).to_have_count(1)
        assert page.url.endswith("/problems?q=CAM+refused")
        await page.locator("h1").click()
        await page.keyboard.press("j")
        await expect(page.locator(".problem")).to_be_focused()
        await page.keyboard.press("u")
        await expect(others.locator(".problem .acknowledge")).to_be_visible()
        await page.locator("#keys").click()  # single keys can be turned off
        await page.keyboard.press("w")
        await expect(page.locator(".problem")).to_have_count(1)
        await rig.fault("cam-003", None)
        await expect(others.locator("#problem-count")).to_have_text("Nothing is wrong.")
        assert page.wrong + others.wrong == []  # type: ignore[attr-defined]


async def test_a_problem_is_acknowledged_without_scripts(tmp_path: Path) -> None:
    async with protected(tmp_path, 2) as (rig, opened):
        await rig.fault("cam-001", "refuse")
        await until(rig, lambda states: states["cam-001"][0] == "down")
        page = await visiting(opened, rig, "/problems", java_script_enabled=False)
        await page.get_by_role("link", name="Acknowledge").click()
        await page.fill("[name=note]", "fibre cut, contractor on the way")
        await page.get_by_role("button", name="Acknowledge").click()
        await expect(page.locator(".answer")).to_contain_text("fibre cut, contractor on the way")
        await page.get_by_role("link", name="Take back").click()
        await page.get_by_role("button", name="Take back").click()
        await expect(page.get_by_role("link", name="Acknowledge")).to_be_visible()


async def test_language_and_colours_are_the_readers(tmp_path: Path) -> None:
    async with protected(tmp_path, 2) as (rig, opened):
        page = await visiting(opened, rig, "/?state=up", locale="zh-CN", color_scheme="dark")
        await expect(page.locator("h1")).to_have_text("全部摄像机")
        dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        await page.get_by_role("link", name="English").click()
        await expect(page.locator("h1")).to_have_text("All cameras")
        assert page.url.endswith("/?state=up")
        await page.locator("#theme").click()  # as the system, then dark
        await page.locator("#theme").click()
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
        await page.goto("/prefer?lang=zh&back=//evil.example/")
        assert page.url == rig.page + "/"


async def test_a_lost_connection_is_said_and_found_again(tmp_path: Path) -> None:
    async with protected(tmp_path, 3) as (rig, opened):
        page = await visiting(opened, rig, "/")
        banner = page.locator("#link")
        await expect(banner).to_be_hidden()
        rig.daemon.send_signal(signal.SIGSTOP)
        try:
            await expect(banner).to_be_visible()
        finally:
            rig.daemon.send_signal(signal.SIGCONT)
        await expect(banner).to_be_hidden()
        await rig.fault("cam-001", "refuse")
        await expect(page.locator("#c-cam-001")).to_have_class(re.compile("down"))


async def test_a_named_user_has_a_camera_checked_and_sees_the_ladder_climb(tmp_path: Path) -> None:
    slow = "intervals: {reach: 5s, rtsp: 5s, stream: 10m, picture: 10m, onvif: 10m}\n" + PATIENCE
    async with protected(tmp_path, 3, slow) as (rig, opened):
        page = await visiting(opened, rig, "/cameras/cam-000")
        await page.evaluate(
            "window.climbed = []; window.good = 0; new MutationObserver(() => {"
            "document.querySelectorAll('.climbing').forEach(each => window.climbed.push(each.dataset.rung));"
            "if (window.climbed.includes('stream'))"
            " window.good = Math.max(window.good, document.querySelectorAll('.ladder .ok').length)})"
            ".observe(document.getElementById('main'), {subtree: true, childList: true})"
        )
        await page.get_by_role("button", name="Check now").click()
        await page.wait_for_function("() => window.climbed.includes('stream')", timeout=MOST_MILLISECONDS)
        await page.wait_for_function("() => window.good === 4", timeout=MOST_MILLISECONDS)
        await expect(page.get_by_role("button", name="Check now")).to_be_disabled()
        token = await page.locator("[name=token]").first.get_attribute("value")
        async with rig.session.post(f"{rig.page}/cameras/cam-000/check", data={"token": token}) as answer:
            assert answer.status == 429
            assert "Wait 20 seconds" in await answer.text()
        lines = [json.loads(line) for line in (tmp_path / "state" / "audit.log").read_text().splitlines()]
        assert [(line["user"], line["action"], line["camera"]) for line in lines] == [("anna", "check now", "cam-000")]


async def test_maintenance_from_the_page_is_for_named_users_and_their_own_forms(tmp_path: Path) -> None:
    async with protected(tmp_path, 3) as (rig, opened):
        page = await visiting(opened, rig, "/cameras/cam-002")
        await page.locator("details.maintenance summary").click()
        await page.fill("[name=reason]", "new mast <b>")
        async with page.expect_navigation():
            await page.get_by_role("button", name="Start maintenance").click()
        await expect(page.locator("#now")).to_have_class(re.compile("maintenance"))
        wall = await visiting(opened, rig, "/")
        await expect(wall.locator("#c-cam-002")).to_have_class(re.compile("maintenance"))
        await expect(wall.locator(".notice")).to_contain_text("new mast <b> (anna)")
        async with page.expect_navigation():
            await page.get_by_role("button", name="End maintenance").click()
        await expect(wall.locator("#c-cam-002")).to_have_class(re.compile("up"))
        lines = (tmp_path / "state" / "audit.log").read_text().splitlines()
        assert [json.loads(line)["action"] for line in lines] == ["maintenance started", "maintenance ended"]

        token = await page.locator("[name=token]").first.get_attribute("value")
        form = {"kind": "site", "name": "nowhere", "for": "2h", "reason": "x", "token": token}
        post = rig.session.post
        async with post(rig.page + "/maintenance/start", data=form) as answer:
            assert answer.status == 400
        for wrong in ({**form, "token": "0" * 64}, {key: form[key] for key in ("kind", "name", "for", "reason")}):
            async with post(rig.page + "/maintenance/start", data=wrong) as answer:
                assert answer.status == 403
        async with (
            aiohttp.ClientSession(headers=login_of("ben")) as other,
            other.post(rig.page + "/maintenance/start", data=form) as answer,
        ):
            assert answer.status == 403  # a form of anna's
        async with post(
            rig.page + "/maintenance/start", data=form, headers={"Origin": "https://evil.example"}
        ) as answer:
            assert answer.status == 403
        assert len((tmp_path / "state" / "audit.log").read_text().splitlines()) == 2


async def test_without_a_login_nothing_is_shown_and_without_users_nothing_is_done(tmp_path: Path) -> None:
    async with protected(tmp_path, 2) as (rig, opened):
        context = await opened.new_context(base_url=rig.page)
        page = await context.new_page()
        for path in ("/", "/cameras/cam-000", "/about"):
            assert (await context.request.get(path)).status == 401
            with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
                await page.goto(path)
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    async with running(open_folder, 2, FAST) as rig, browser() as opened:
        context = await opened.new_context(base_url=rig.page, locale="en-GB")
        page = await context.new_page()
        await page.goto("/cameras/cam-000")
        await expect(page.get_by_role("button", name="Check now")).to_have_count(0)
        async with rig.session.post(rig.page + "/cameras/cam-000/check", data={"token": ""}) as answer:
            assert answer.status == 403


async def test_evidence_is_opened_on_the_page_and_that_is_written_down(tmp_path: Path) -> None:
    async with protected(tmp_path, 2) as (rig, opened):
        await until_learned(rig, ["cam-000"])
        await rig.fault("cam-000", "black")
        await until(rig, lambda states: "picture_black" in states["cam-000"][1])
        page = await visiting(opened, rig, "/cameras/cam-000")
        audit = tmp_path / "state" / "audit.log"
        assert not audit.exists()  # a closed picture is not asked for
        await page.locator("details.shot summary").first.click()
        await page.wait_for_function("() => document.querySelector('.shot img').naturalWidth === 320")
        (line,) = [json.loads(each) for each in audit.read_text().splitlines()]
        assert (line["user"], line["action"], line["camera"]) == ("anna", "evidence viewed", "cam-000")
        await expect(page.locator("#now")).to_contain_text("Black picture")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_has_a_serious_barrier(tmp_path: Path, scheme: str) -> None:
    from axe_playwright_python.async_playwright import Axe

    async with protected(tmp_path) as (rig, opened):
        await rig.fault("cam-003", "refuse")
        await rig.fault("cam-004", "black")
        await until(rig, lambda states: {states["cam-003"][0], states["cam-004"][0]} == {"down", "degraded"})
        for path in PAGES:
            for locale in ("en-GB", "zh-CN"):
                page = await visiting(opened, rig, path, color_scheme=scheme, locale=locale)
                await page.wait_for_timeout(300)
                found = (await Axe().run(page)).response["violations"]
                grave = [
                    (each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"])
                    for each in found
                    if each["impact"] in ("serious", "critical")
                ]
                assert grave == [], path
                await page.context.close()


async def test_pages_fit_from_a_phone_to_a_video_wall(tmp_path: Path) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    async with protected(tmp_path) as (rig, opened):
        for width, height in ((390, 844), (1280, 800), (3840, 2160)):
            for path, name in (("/", "wall"), ("/cameras/cam-000", "camera")):
                page = await visiting(opened, rig, path, viewport={"width": width, "height": height})
                assert await page.evaluate("document.documentElement.scrollWidth") <= width
                await page.screenshot(path=SHOTS / f"{name}-{width}.png")
                await page.context.close()
