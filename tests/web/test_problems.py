"""Open problems on a page: their order, who knows of them, and what a browser is sent."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from tests.simulated_time import camera
from tests.web.served import served
from tests.web.test_strangers import LOGGED_IN, NAMED
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import Finding, Rung, RungResult, VisitResult
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.history import History

UP = tuple(RungResult(rung, True, 0.01) for rung in (Rung.REACH, Rung.RTSP))
LOST = (RungResult(Rung.REACH, False, 0.01, "connection_refused"),)


class Served:
    """A fleet of one dead camera, one with a slight fault and one in order, and a user who is logged in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "state").mkdir()
        cameras = tuple(camera(name, site=f"site-{name[-1]}") for name in ("cam-1", "cam-2", "cam-3"))
        self.fleet = Fleet(SystemClock(), Policy(), cameras)
        self.fleet.acknowledged.take(())  # as the daemon does when it has read its history
        for name in ("cam-1", "cam-2", "cam-3"):
            self.see(name, UP)
        self.lose("cam-1")
        self.see("cam-2", UP, "clock_drift", Rung.ONVIF)

    def see(self, name: str, rungs: tuple[RungResult, ...], code: str = "", rung: Rung = Rung.REACH) -> None:
        """Apply three visits, so that the fault is confirmed."""
        seen = (Finding(code, "observed", rung),) if code else ()
        if code and rung is Rung.ONVIF:
            rungs = (*rungs, RungResult(Rung.ONVIF, False, 0.01, code))
        for _ in range(3):
            result = VisitResult(name, self.fleet.now, rungs, seen, online=rungs is not LOST)
            self.fleet.apply(result, Memory(), 0.0)

    def lose(self, name: str) -> None:
        """Let a camera go offline."""
        self.see(name, LOST, "connection_refused")


async def text_of(session: aiohttp.ClientSession, address: str, language: str = "en") -> str:
    async with session.get(address, headers={**LOGGED_IN, "Accept-Language": language}) as answer:
        assert answer.status == 200
        return await answer.text()


async def post(session: aiohttp.ClientSession, address: str, fields: Mapping[str, str]) -> int:
    found = re.search(r'name="token" value="([0-9a-f]+)"', await text_of(session, "/problems"))
    assert found is not None
    form = {**fields, "token": found[1]}
    async with session.post(address, data=form, headers=LOGGED_IN, allow_redirects=False) as answer:
        return answer.status


async def listed(session: aiohttp.ClientSession) -> dict[str, object]:
    found = json.loads(await text_of(session, "/api/v1/problems"))["problems"]
    return {each["key"]: each["acknowledgement"] and each["acknowledgement"]["note"] for each in found}


async def test_the_most_serious_comes_first_and_an_outage_is_one_problem(tmp_path: Path) -> None:
    site = Served(tmp_path)
    site.see("cam-1", LOST, "connect_timeout")  # another fault of the same outage
    async with served(tmp_path, NAMED, fleet=site.fleet) as session:
        assert list(await listed(session)) == ["outage:cam-1:", "fault:cam-2:clock_drift"]
        page = await text_of(session, "/problems")
    assert re.findall(r'data-problem="([^"]+)"', page) == ["outage:cam-1:", "fault:cam-2:clock_drift"]
    assert "Connection refused" in page
    assert "observed" in page


async def test_the_filter_and_the_order_work_without_scripts(tmp_path: Path) -> None:
    site = Served(tmp_path)

    def shown(page: str) -> list[str]:
        rows = re.findall(r"<li id=\"p-[^>]*>", page)
        return [re.findall(r'data-name="([^"]+)"', row)[0] for row in rows if " hidden" not in row]

    async with served(tmp_path, NAMED, fleet=site.fleet) as session:
        expected = {
            "severity=warning": ["cam-2"],
            "site=site-1": ["cam-1"],
            "known=yes": [],
            "q=cam+drift": ["cam-2"],
            "q=cam-1+drift": [],
            "sort=newest": ["cam-2", "cam-1"],
            "sort=name": ["cam-1", "cam-2"],
        }
        for query, names in expected.items():
            assert shown(await text_of(session, f"/problems?{query}")) == names, query


async def test_an_acknowledgement_is_seen_everywhere_and_kept(tmp_path: Path) -> None:
    site = Served(tmp_path)
    key = "outage:cam-1:"
    async with served(tmp_path, NAMED, fleet=site.fleet) as session:
        form = {"problem": key, "for": "8h", "note": "<b>fibre\n cut</b>"}
        assert await post(session, "/problems/acknowledge", form) == 303
        assert (await listed(session))[key] == "<b>fibre cut</b>"
        page = await text_of(session, "/problems")
        assert "&lt;b&gt;fibre cut&lt;/b&gt;" in page
        assert 'data-known="yes"' in page
        assert "acknowledged" in await text_of(session, "/")
        assert "已确认" in await text_of(session, "/", "zh")
        metrics = render(site.fleet.snapshot(), "")[0].decode()
        wanted = 'xueliang_problem_acknowledged{camera="cam-1",credentials="",fault="",kind="outage",uplink=""} 1.0'
        assert wanted in metrics
        audit = (tmp_path / "state" / "audit.log").read_text()
        assert '"action": "problem acknowledged"' in audit
        assert key in audit
    kinds = [item.kind.value for item in site.fleet.collect().transitions]
    assert kinds[-1] == "acknowledged"
    history = History(tmp_path / "state", read_only=True)
    kept = history.acknowledgements(site.fleet.now)
    history.close()
    assert [(each.problem, each.ended) for each in kept] == [(key, None)]


async def test_it_ends_with_the_problem_and_does_not_hold_for_the_next(tmp_path: Path) -> None:
    site = Served(tmp_path)
    key = "outage:cam-1:"
    async with served(tmp_path, NAMED, fleet=site.fleet) as session:
        assert await post(session, "/problems/acknowledge", {"problem": key, "for": "8h"}) == 303
        site.see("cam-1", UP)
        assert key not in await listed(session)
        assert await post(session, "/problems/acknowledge", {"problem": key, "for": "8h"}) == 409
        await asyncio.sleep(0.01)
        site.lose("cam-1")
        assert (await listed(session))[key] is None


async def test_it_is_taken_back_and_a_new_one_replaces_the_last(tmp_path: Path) -> None:
    site = Served(tmp_path)
    key = "fault:cam-2:clock_drift"
    async with served(tmp_path, NAMED, fleet=site.fleet) as session:
        for note in ("first", "second"):
            assert await post(session, "/problems/acknowledge", {"problem": key, "for": "1h", "note": note}) == 303
        assert (await listed(session))[key] == "second"
        assert await post(session, "/problems/release", {"problem": key}) == 303
        assert (await listed(session))[key] is None
        assert await post(session, "/problems/release", {"problem": "fault:nobody:clock_drift"}) == 409
    kinds = [item.kind.value for item in site.fleet.collect().transitions]
    assert kinds[-3:] == ["acknowledged", "acknowledged", "released"]


async def test_a_wrong_form_changes_nothing(tmp_path: Path) -> None:
    site = Served(tmp_path)
    key = "outage:cam-1:"
    async with served(tmp_path, NAMED, fleet=site.fleet) as session:
        for length in ("", "soon", "0s", "31d", "nan", "1e9d"):
            assert await post(session, "/problems/acknowledge", {"problem": key, "for": length}) == 400
        for wrong in ("", "x", "outage:", "outage:nobody:", ":::", "fault:cam-1:", "monitor::", "\x00" * 200):
            assert await post(session, "/problems/acknowledge", {"problem": wrong, "for": "1h"}) == 409
        sent = session.post("/problems/acknowledge", data={"problem": key, "for": "1h"}, headers=LOGGED_IN)
        async with sent as answer:
            assert answer.status == 403  # without the token of the page
        assert (await listed(session))[key] is None


async def test_browsers_are_sent_what_changed(tmp_path: Path) -> None:
    site = Served(tmp_path)
    async with (
        served(tmp_path, NAMED, fleet=site.fleet) as session,
        session.get("/problems/live", headers=LOGGED_IN) as live,
    ):
        told = [await live.content.readuntil(b"\n\n")]
        assert await post(session, "/problems/acknowledge", {"problem": "outage:cam-1:", "for": "1h"}) == 303
        while b'data-known="yes"' not in told[-1]:
            told.append(await asyncio.wait_for(live.content.readuntil(b"\n\n"), 30))
    assert b'data-known="no"' in told[-1]  # the other problem
