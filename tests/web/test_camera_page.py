"""A camera's page: results of earlier visits have their own time, and a changed fact is accepted by a person."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from tests.simulated_time import START, camera, visited
from tests.web.served import served
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.model import Finding, Identity, Rung, RungResult
from xueliang_monitor.probing.device_memory import DeviceMemory, Subject
from xueliang_monitor.probing.dome import DomeMemory
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.history import History
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.web import views
from xueliang_monitor.web.web_config import Protection
from xueliang_monitor.wire.dome_position import DomeStatus, Position, Preset
from xueliang_monitor.wire.onvif_time_keeping import NtpSettings, TimeKeeping

PASSWORD = "control room"
NAMED = Protection({"anna": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()})
ANNA = {"Authorization": aiohttp.encode_basic_auth("anna", PASSWORD)}
WHO = Identity("Maker", "Model", "1.0", "SN1")
OTHER = replace(WHO, serial="SN2")
SHOWN = "Maker Model, serial SN2, firmware 1.0"


class Watched:
    """A fleet of one camera without ONVIF, in simulated time."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.fleet = Fleet(self.clock, Policy(), (camera("gate"),))
        self.transitions: list[Transition] = []
        self.fleet.watch(self.transitions.extend)

    def visit(self, top: Rung, code: str | None = None, after: float = 360.0) -> float:
        """Visit the camera `after` seconds; return when."""
        self.clock.advance(after)
        at = self.clock.now()
        self.fleet.apply(visited("gate", at, code, top), self.fleet.entry("gate").memory, 0.0)
        return at

    def exchange(self) -> None:
        """Have another device answer until its fault is confirmed."""
        memory = Memory(device=DeviceMemory(identity=WHO, reported=OTHER))
        for _ in range(3):
            self.clock.advance(30)
            found = visited("gate", self.clock.now(), None, Rung.PICTURE)
            seen = Finding("device_replaced", "serial SN1 was registered", Rung.ONVIF)
            self.fleet.apply(replace(found, seen=(seen,)), memory, 0.0)
        assert [fault.code for fault in self.fleet.status_of("gate").faults] == ["device_replaced"]


@pytest.fixture
def watched() -> Iterator[Watched]:
    return Watched()


def ladder(page: str) -> dict[str, tuple[str, str]]:
    """Return the class and the text of each rung on a page."""
    found = re.findall(r'<li class="(\w+)" data-rung="(\w+)"><b>[^<]*</b>\s*(.*?)</li>', page, re.DOTALL)
    return {
        rung: (
            kind,
            html.unescape(re.sub(r"<time datetime=\"([^\"]*)\" data-ago>[^<]*</time>|<[^>]*>", r"\1", text)).strip(),
        )
        for kind, rung, text in found
    }


async def page_of(folder: Path, watched: Watched, language: str = "en") -> dict[str, tuple[str, str]]:
    spoken = {"Accept-Language": language}
    async with served(folder, fleet=watched.fleet) as session, session.get("/cameras/gate", headers=spoken) as answer:
        return ladder(await answer.text())


async def test_a_rung_that_was_not_climbed_at_the_last_visit_has_the_time_of_its_own(
    tmp_path: Path, watched: Watched
) -> None:
    first = iso_utc(watched.visit(Rung.PICTURE))
    assert await page_of(tmp_path, watched) == {
        "reach": ("ok", "10 ms"), "rtsp": ("ok", "10 ms"), "stream": ("ok", "100 ms"), "picture": ("ok", "100 ms"),
    }  # fmt: skip
    watched.visit(Rung.RTSP)
    shown = await page_of(tmp_path, watched)
    assert shown["rtsp"] == ("ok", "10 ms")
    assert shown["stream"] == shown["picture"] == ("earlier", f"✓ {first}")


async def test_rungs_above_a_failed_one_are_not_shown_as_passed(tmp_path: Path, watched: Watched) -> None:
    first = iso_utc(watched.visit(Rung.PICTURE))
    second = iso_utc(watched.visit(Rung.PICTURE, "no_keyframe"))
    watched.visit(Rung.RTSP, "rtsp_timeout")
    shown = await page_of(tmp_path, watched)
    assert shown["reach"] == ("ok", "10 ms")
    assert shown["rtsp"] == ("failed", "RTSP timeout")
    assert shown["stream"] == ("earlier", f"not climbed since, last ✗ No keyframe {second}")
    assert shown["picture"] == ("earlier", f"not climbed since, last ✓ {first}")
    shown = await page_of(tmp_path, watched, "zh")
    assert shown["picture"] == ("earlier", f"此后未检测，上次 ✓ {first}")
    api = views.camera_in_full(watched.fleet.entry("gate"), watched.fleet.status_of("gate"), watched.fleet.topology)
    assert {item["rung"]: item["at"] for item in api["rungs"]}["picture"] == first


def test_an_answer_over_onvif_before_the_camera_was_lost_is_no_evidence_for_now(watched: Watched) -> None:
    def answers(after: float) -> None:
        at = watched.visit(Rung.RTSP, "rtsp_timeout" if after else None, after)
        found = visited("gate", at, "rtsp_timeout" if after else None, Rung.RTSP)
        onvif = RungResult(Rung.ONVIF, True, 0.1)
        fleet = watched.fleet
        fleet.apply(replace(found, rungs=(*found.rungs, onvif)), fleet.entry("gate").memory, 0.0)

    def advice() -> str:
        fleet = watched.fleet
        return str(views.camera(fleet.entry("gate"), fleet.status_of("gate"), fleet.topology)["diagnosis"])

    answers(0.0)
    for _ in range(3):
        watched.visit(Rung.RTSP, "rtsp_timeout", 30.0)
    before = advice()
    assert "ONVIF" not in before
    answers(30.0)
    assert "ONVIF" in advice() != before


async def test_during_a_visit_only_its_own_results_are_shown_as_of_now(tmp_path: Path, watched: Watched) -> None:
    from xueliang_monitor.web.pages.camera import now_values

    watched.visit(Rung.PICTURE)
    climbing = {Rung.REACH: RungResult(Rung.REACH, True, 0.01), Rung.RTSP: None}
    shown = {each["rung"]: each for each in now_values(watched.fleet, "gate", climbing)["rungs"]}
    assert [(rung, each["earlier"], each["climbing"]) for rung, each in shown.items()] == [
        ("reach", False, False), ("rtsp", False, True), ("stream", True, False), ("picture", True, False),
    ]  # fmt: skip


async def test_a_restart_and_a_set_clock_keep_the_times_of_rungs(tmp_path: Path, watched: Watched) -> None:
    first = watched.visit(Rung.PICTURE)
    watched.visit(Rung.REACH, "connect_timeout")
    history = History(tmp_path)
    history.write(watched.fleet.collect(every=True))
    again = Watched()
    again.clock.advance(1000)
    again.fleet.restore(history.load())
    history.close()
    entry = again.fleet.entry("gate")
    assert entry.rungs == watched.fleet.entry("gate").rungs
    assert entry.rungs[Rung.PICTURE].at == first
    again.fleet.follow_clock(3600.0, impossible=False)
    assert again.fleet.entry("gate").rungs[Rung.PICTURE].at == first + 3600.0
    shown = await page_of(tmp_path, again)
    assert shown["reach"][0] == "failed"
    assert shown["picture"] == ("earlier", f"not climbed since, last ✓ {iso_utc(first + 3600.0)}")


def token_of(page: str) -> str:
    return next(iter(re.findall(r'name="token" value="(\w+)"', page)))


async def test_a_changed_fact_is_accepted_on_the_page_by_a_named_user_only(tmp_path: Path, watched: Watched) -> None:
    fleet, place = watched.fleet, "/cameras/gate/accept-change"

    async def accept(camera_id: str, shown: str) -> bool:
        return fleet.accept_change(camera_id, shown)

    async with served(tmp_path, NAMED, fleet=fleet, accept_change=accept) as session:

        async def page() -> str:
            async with session.get("/cameras/gate", headers=ANNA) as answer:
                return await answer.text()

        async def post(path: str = place, **fields: str) -> tuple[int, str]:
            async with session.post(path, data=fields, headers=ANNA, allow_redirects=False) as answer:
                return answer.status, await answer.text()

        watched.visit(Rung.PICTURE)
        assert "accept-change" not in await page(), "nothing changed"
        watched.exchange()
        shown = await page()
        assert f'name="shown" value="{SHOWN}"' in shown
        token = token_of(shown)
        assert (await post(token="wrong", shown=SHOWN))[0] == 403
        assert (await post("/cameras/other/accept-change", token=token, shown=SHOWN))[0] == 404
        for seen_before in ("", SHOWN.replace("SN2", "SN3")):
            status, text = await post(token=token, shown=seen_before)
            assert (status, "not as the page showed it" in text) == (409, True)
        assert list(tmp_path.rglob("audit.log")) == []
        assert (await post(token=token, shown=SHOWN))[0] == 303
        assert (await post(token=token, shown=SHOWN))[0] == 429
        line = json.loads(next(tmp_path.rglob("audit.log")).read_text())
        assert (line["user"], line["action"], line["camera"], line["expected"]) == (
            "anna", "change accepted", "gate", SHOWN,
        )  # fmt: skip
        shown = await page()
        assert "accept-change" not in shown
        assert "Accepted on this page" in shown
    assert fleet.status_of("gate").faults == ()
    assert [item.code for item in watched.transitions if item.kind.value == "cleared"] == ["device_replaced"]
    told = views.camera_in_full(fleet.entry("gate"), fleet.status_of("gate"), fleet.topology)["accepted"]
    assert told["identity"]["serial"] == "SN2"


async def test_a_page_without_users_accepts_nothing(tmp_path: Path, watched: Watched) -> None:
    watched.exchange()
    async with served(tmp_path, fleet=watched.fleet) as session:
        async with session.get("/cameras/gate") as answer:
            assert 'accept-change"' not in await answer.text()
        async with session.post("/cameras/gate/accept-change", data={"shown": SHOWN}) as answer:
            assert answer.status == 403


async def test_what_the_camera_does_against_the_standards_is_said_on_its_page_and_exported(
    tmp_path: Path, watched: Watched
) -> None:
    watched.clock.advance(360)
    found = visited("gate", watched.clock.now(), None, Rung.PICTURE)
    readings = replace(found.readings, oddities="other_cseq 3, of_a_later_version 2, start_codes 1")
    watched.fleet.apply(replace(found, readings=readings), Memory(), 0.0)
    async with served(tmp_path, fleet=watched.fleet) as session:
        async with session.get("/cameras/gate", headers={"Accept-Language": "zh"}) as answer:
            page = await answer.text()
        async with session.get("/metrics") as answer:
            exported = await answer.text()
        async with session.get("/api/v1/cameras/gate") as answer:
            assert (await answer.json())["readings"]["oddities"] == readings.oddities
    shown = re.findall(r'<details class="oddities">.*?</details>', page, re.DOTALL)
    assert [text.count("<li>") for text in shown] == [2]
    assert "应答的 CSeq 与请求不一致" in shown[0]
    assert "× 3" in shown[0]
    assert re.findall(r'stream_oddities\{camera="gate",.*oddity="(\w+)".*\} (\S+)', exported) == [
        ("other_cseq", "3.0"),
        ("start_codes", "1.0"),
    ]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "not told by this device",
                "no answer within 2.5 s",
                "set by hand, NTP is off",
                "(UTC+20)",
                "differs",
                "(gate)",
            ),
        ),
        (
            "zh",
            ("该设备未提供", "设备未在时限内应答", "手动设置，未启用 NTP", "(UTC+20)", "监控服务器时区", "云台位置"),
        ),
    ],
)
async def test_what_a_device_does_not_tell_is_shown(
    tmp_path: Path, watched: Watched, language: str, words: tuple[str, ...]
) -> None:
    device = DeviceMemory(
        reported=WHO,
        hostname="gate-cam",
        time_keeping=TimeKeeping("manual", "XYZ-20", 72_000.0),
        ntp=NtpSettings(servers=("ntp.example.org",)),
    )
    device = device.after_telling(Subject.IDENTITY, START).after_telling(Subject.HOSTNAME, START)
    device = device.without_telling(Subject.CLOCK, "no answer within 2.5 s").without_telling(Subject.IDENTITY, "fault")
    dome = DomeMemory((Preset("1", "gate", Position(0.5, 0.1)),)).after(DomeStatus(Position(0.5, 0.1, 0.0)), START)
    memory = Memory(device=device, dome=dome)
    watched.fleet.apply(visited("gate", watched.clock.now(), None, Rung.PICTURE), memory, 0.0)
    async with (
        served(tmp_path, fleet=watched.fleet) as session,
        session.get("/cameras/gate", headers={"Accept-Language": language}) as answer,
    ):
        page = html.unescape(await answer.text())
    assert [word for word in (*words, "gate-cam", "ntp.example.org") if word not in page] == []
    assert "SN1" not in page
    entry = watched.fleet.entry("gate")
    told = views.camera_in_full(entry, watched.fleet.status_of("gate"), watched.fleet.topology)["told"]
    assert told["not_told"] == ["clock", "identity"]
    assert (told["identity"], told["clock_offset_seconds"], told["hostname"]) == (None, None, "gate-cam")
    assert told["dome"]["position"] == {"pan": 0.5, "tilt": 0.1, "zoom": 0.0}
    assert (told["dome"]["preset"], told["dome"]["known"], told["dome"]["away_since"]) == ("gate", True, None)
    assert (told["time_source"], told["time_zone"], told["time_zone_differs"]) == ("manual", "XYZ-20", True)
