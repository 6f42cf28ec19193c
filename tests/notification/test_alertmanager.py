"""An acknowledgement has its silence at Alertmanager, whatever fails on the way there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web

from tests.notification.fleet import Site
from tests.notification.test_webhooks import FAULT, OUTAGE, mend
from tests.real.gstreamer import free_port
from tests.waiting import until
from xueliang_monitor.fleet.notification_status import Trouble
from xueliang_monitor.metrics import render
from xueliang_monitor.notification import alertmanager, http_client


@dataclass
class Api:
    """The part of Alertmanager's API v2 that is used; `mode` is `ok`, `lose` (a POST's answer), `hang` or a status."""

    port: int = field(default_factory=free_port)
    mode: str = "ok"
    silences: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: int = 0
    checks: int = 0
    logins: set[str] = field(default_factory=set)

    @property
    def active(self) -> list[str]:
        """What the silences in force are about: values of their matchers."""
        found = [each["matchers"] for each in self.silences.values() if each["status"]["state"] == "active"]
        return sorted("/".join(part["value"] for part in matchers) for matchers in found)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.logins.add(request.headers.get("Authorization", ""))
        if self.mode == "hang":
            await asyncio.sleep(3600)
        if self.mode.isdecimal():
            return web.Response(status=int(self.mode))
        path = request.path.removeprefix("/api/v2/")
        if path == "status":
            self.checks += 1
            return web.json_response({})
        if path == "silences":
            return await self._all(request)
        known = self.silences.get(path.removeprefix("silence/"))
        if known is None:
            return web.Response(status=404)
        if request.method == "DELETE":
            known["status"]["state"] = "expired"
        return web.json_response(known)

    async def _all(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response(list(self.silences.values()))
        self.posts += 1
        name = f"silence-{self.posts}"
        self.silences[name] = {**json.loads(await request.text()), "id": name, "status": {"state": "active"}}
        if self.mode == "lose":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"silenceID": name})

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/api/v2/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port).start()
            yield
        finally:
            await runner.cleanup()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "TURN_SECONDS", 0.02)
    monkeypatch.setattr(alertmanager, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(alertmanager, "FIRST_RETRY_SECONDS", 0.02)
    monkeypatch.setattr(alertmanager, "LONGEST_RETRY_SECONDS", 0.1)
    monkeypatch.setattr(http_client, "CALL_SECONDS", 0.5)


@pytest.fixture
def api() -> Api:
    return Api()


def site_of(folder: Path, api: Api, more: str = "") -> Site:
    return Site(folder, f"alertmanager_url: http://127.0.0.1:{api.port}\n{more}")


async def test_a_silence_is_placed_and_lifted(tmp_path: Path, api: Api) -> None:
    site = site_of(tmp_path, api)
    async with api.up(), site.alertmanager():
        site.acknowledge(OUTAGE)
        site.acknowledge(FAULT)
        await until(lambda: api.active == ["CameraOffline/cam-1", "ClockDrift/cam-2/clock_drift"])
        await until(lambda: b"xueliang_alertmanager_silences 2.0" in render(site.fleet.snapshot(), "")[0])
        site.release(FAULT)
        await until(lambda: api.active == ["CameraOffline/cam-1"])
        mend(site, "cam-1")  # the problem ends
        await until(lambda: api.active == [])
    assert api.posts == 2


async def test_an_acknowledgement_that_replaces_another_replaces_its_silence(tmp_path: Path, api: Api) -> None:
    site = site_of(tmp_path, api)
    async with api.up(), site.alertmanager():
        site.acknowledge(OUTAGE)
        await until(lambda: api.posts == 1)
        site.acknowledge(OUTAGE, note="later", seconds=7200)
        await until(lambda: api.posts == 2 and len(api.active) == 1)
    (active,) = (each for each in api.silences.values() if each["status"]["state"] == "active")
    assert active["comment"].startswith("later")


@pytest.mark.parametrize("mode", ["500", "hang"])
async def test_a_silence_is_placed_when_alertmanager_works_again(
    tmp_path: Path, api: Api, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site = site_of(tmp_path, api)
    api.mode = mode
    async with api.up(), site.alertmanager():
        site.acknowledge(OUTAGE)
        known = site.fleet.monitor.notifications
        await until(lambda: known.alertmanager is not None and known.alertmanager.waiting == 1)
        await until(lambda: known.alertmanager is not None and known.alertmanager.trouble is not None)
        text = render(site.fleet.snapshot(), "")[0]
        assert b"xueliang_alertmanager_up 0.0" in text
        assert b"xueliang_alertmanager_silences_waiting 1.0" in text
        api.mode = "ok"
        await until(lambda: api.active == ["CameraOffline/cam-1"])
        await until(lambda: known.alertmanager is not None and known.alertmanager.trouble is None)
    assert len([record for record in caplog.records if record.message.startswith("Alertmanager")]) == 2


async def test_a_dead_alertmanager_at_the_end_of_a_problem_still_lifts_its_silence(tmp_path: Path, api: Api) -> None:
    site = site_of(tmp_path, api)
    async with site.alertmanager():
        async with api.up():
            site.acknowledge(OUTAGE)
            await until(lambda: api.active != [])
        site.release(OUTAGE)
        known = site.fleet.monitor.notifications.alertmanager
        assert known is not None
        await until(lambda: known.trouble is Trouble.CONNECTION)
        async with api.up():
            await until(lambda: api.active == [])


async def test_a_lost_answer_makes_no_second_silence(tmp_path: Path, api: Api) -> None:
    site = site_of(tmp_path, api)
    api.mode = "lose"
    async with api.up(), site.alertmanager():
        site.acknowledge(OUTAGE)
        await until(lambda: api.posts == 1)
        api.mode = "ok"
        known = site.fleet.monitor.notifications.alertmanager
        assert known is not None
        await until(lambda: known.placed == 1)
    assert api.posts == 1


async def test_a_restart_remembers_the_silence_and_lifts_what_ended_meanwhile(tmp_path: Path, api: Api) -> None:
    site = site_of(tmp_path, api)
    async with api.up():
        async with site.alertmanager():
            site.acknowledge(OUTAGE)
            known = site.fleet.monitor.notifications
            await until(lambda: known.alertmanager is not None and known.alertmanager.placed == 1)
        async with site.alertmanager():
            await until(lambda: known.alertmanager is not None and known.alertmanager.placed == 1)
            assert api.posts == 1
        site.release(OUTAGE)
        async with site.alertmanager():
            await until(lambda: api.active == [])
    assert api.posts == 1


async def test_an_alertmanager_that_lost_its_data_gets_the_silence_again(tmp_path: Path, api: Api) -> None:
    site = site_of(tmp_path, api)
    async with api.up(), site.alertmanager():
        site.acknowledge(OUTAGE)
        await until(lambda: api.active != [])
        api.silences.clear()
        await until(lambda: api.active != [])
    assert api.posts == 2


async def test_a_silence_that_a_person_lifted_stays_lifted(tmp_path: Path, api: Api) -> None:
    site = site_of(tmp_path, api)
    async with api.up(), site.alertmanager():
        site.acknowledge(OUTAGE)
        known = site.fleet.monitor.notifications
        await until(lambda: known.alertmanager is not None and known.alertmanager.placed == 1)
        api.silences["silence-1"]["status"]["state"] = "expired"
        site.acknowledge(FAULT)
        await until(lambda: api.posts == 2)
        checked = api.checks
        await until(lambda: api.checks > checked + 1)
    assert api.active == ["ClockDrift/cam-2/clock_drift"]


async def test_the_login_is_sent_and_never_shown(tmp_path: Path, api: Api, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "password").write_text("s3cret-of-alertmanager\n")
    (tmp_path / "password").chmod(0o600)
    site = site_of(tmp_path, api, "alertmanager_login: {username: xueliang, password_file: password}\n")
    async with api.up(), site.alertmanager():
        site.acknowledge(OUTAGE)
        await until(lambda: api.active != [])
        api.mode = "401"
        site.release(OUTAGE)
        await until(lambda: "HTTP status 401" in caplog.text)
    assert api.logins == {encode_basic_auth("xueliang", "s3cret-of-alertmanager")}
    assert "s3cret" not in caplog.text + repr(site.installation)


async def test_without_the_setting_nothing_is_called(tmp_path: Path) -> None:
    site = Site(tmp_path, "")
    async with site.alertmanager():
        number = site.acknowledge(OUTAGE)
        await asyncio.sleep(0)
    assert number
    assert site.fleet.monitor.notifications.alertmanager is None
