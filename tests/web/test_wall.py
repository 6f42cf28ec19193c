"""The wall without a browser: updates and their receivers, order of tiles, chart geometry, checks on demand."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from tests.simulated_time import camera
from tests.waiting import until
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.availability import AvailabilitySeconds
from xueliang_monitor.judgement.episodes import Episode, outages_of
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.model import Finding, Rung, RungResult, State, VisitResult
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.web import charts, live, live_streams
from xueliang_monitor.web.checks import A_MINUTE, Checks
from xueliang_monitor.web.live import Wall
from xueliang_monitor.web.renderer import Renderer
from xueliang_monitor.web.tiles import natural

UP = tuple(RungResult(rung, True, 0.01) for rung in (Rung.REACH, Rung.RTSP))


def fleet_of(*names: str) -> tuple[Fleet, ManualClock]:
    clock = ManualClock(1_000_000.0)
    fleet = Fleet(clock, Policy(), tuple(camera(name, site=f"site-{name[-1]}") for name in names))
    for name in names:
        fleet.apply(VisitResult(name, clock.now(), UP, online=True), Memory(), 0.0)
    return fleet, clock


def lose(fleet: Fleet, clock: ManualClock, name: str) -> None:
    gone = Finding("connection_refused", "refused", Rung.REACH)
    failed = (RungResult(Rung.REACH, False, 0.01, "connection_refused"),)
    for _ in range(3):
        fleet.apply(VisitResult(name, clock.now(), failed, (gone,), online=False), Memory(), 0.0)


async def test_only_what_changed_is_sent_and_once_a_language() -> None:
    fleet, clock = fleet_of("cam-1", "cam-2", "cam-3")
    wall = Wall(fleet, Renderer())
    await wall.sweep()
    english, chinese = wall.updates(wall.identity, "en"), wall.updates(wall.identity, "zh")
    for stream in (english, chinese):
        assert b'id="figures"' in await anext(stream)
    lose(fleet, clock, "cam-2")
    await wall.sweep()
    told = (await anext(english)).decode()
    assert re.findall(r'id="c-(cam-\d)"', told) == ["cam-2"]
    assert 'class="tile down"' in told
    assert "cam-2: down." in told
    assert "离线" in (await anext(chinese)).decode()
    assert [tile.camera for tile in wall.tiles()] == ["cam-2", "cam-1", "cam-3"]
    await wall.sweep()  # nothing happened
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await anext(english)


async def test_a_browser_that_was_away_is_told_what_it_missed_or_to_load_anew() -> None:
    fleet, clock = fleet_of("cam-1", "cam-2")
    wall = Wall(fleet, Renderer())
    await wall.sweep()
    known = wall.identity
    lose(fleet, clock, "cam-1")
    await wall.sweep()
    assert b'id="c-cam-1"' in await anext(wall.updates(known, "en"))
    assert b'id="c-cam-' not in await anext(wall.updates(wall.identity, "en"))
    for unknown in ("", "x", "0-0-0", f"{known}x", "other-1-1"):
        assert b"event: reload" in await anext(wall.updates(unknown, "en"))
    fleet.drop("cam-2")
    await wall.sweep()
    assert b"event: reload" in await anext(wall.updates(known, "en"))


async def test_a_browser_that_reads_too_slowly_holds_nothing_up() -> None:
    fleet, _clock = fleet_of("cam-1")
    wall = Wall(fleet, Renderer())
    await wall.sweep()
    slow = wall.updates(wall.identity, "en")
    await anext(slow)
    for number in range(live_streams.QUEUED + 5):
        entry = fleet.entry("cam-1")
        fleet.take((replace(entry.camera, data=entry.camera.data.model_copy(update={"name": f"gate {number}"})),))
        await wall.sweep()
    assert b"event: reload" in await anext(slow)
    wall.close()
    assert len([update async for update in slow]) < 10  # and then it ends


async def test_what_goes_stale_turns_unknown_without_an_event() -> None:
    fleet, clock = fleet_of("cam-1")
    wall = Wall(fleet, Renderer())
    await wall.sweep()
    clock.advance(3600)
    await wall.sweep()
    assert wall.tiles()[0].values["state"] == "unknown"


async def test_an_error_of_our_own_stops_the_wall_for_one_sweep_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fleet, _ = fleet_of("cam-1")
    wall = Wall(fleet, Renderer())
    monkeypatch.setattr(live, "SPACING_SECONDS", 0.01)
    monkeypatch.setattr(live, "SWEEP_SECONDS", 0.05)
    broken = True
    pairs = fleet.pairs

    def sometimes() -> object:
        if broken:
            raise ValueError("ours")
        return pairs()

    monkeypatch.setattr(fleet, "pairs", sometimes)
    running = asyncio.create_task(wall.run())
    await until(lambda: "could not be brought up to date" in caplog.text)
    broken = False
    await until(lambda: [tile.camera for tile in wall.tiles()] == ["cam-1"])
    running.cancel()


def test_names_with_numbers_are_in_the_order_of_people() -> None:
    assert sorted(["site-10", "site-2", "site", "a1b2", "a1b10"], key=natural) == [
        "a1b2", "a1b10", "site", "site-2", "site-10",
    ]  # fmt: skip


def test_days_and_the_last_day_are_drawn_as_they_were() -> None:
    day = AvailabilitySeconds(86_400, 86_400 * 0.9, 86_400 * 0.9)
    bars = charts.days({"2026-11-25": day}, "2026-11-25", 3)
    assert [bar.day for bar in bars] == ["2026-11-23", "2026-11-24", "2026-11-25"]
    assert [bar.kind for bar in bars] == ["unknown", "unknown", "down"]
    assert bars[-1].height == pytest.approx(charts.BAR_HEIGHT / 2)
    now = 2_000_000.0
    hour = 3600.0
    episodes = [
        Episode("c", "", "connect_timeout", now - 6 * hour, now - 6 * hour, now - 3 * hour, ""),
        Episode("c", "", "picture_black", now - 2 * hour, now - hour, None, ""),
        Episode("", "u", "uplink_down", now - 48 * hour, now - 48 * hour, now - 47 * hour, ""),
    ]
    windows = [Window(1, WindowKind.CAMERA, "c", now - hour, now + hour, "mast")]
    found = charts.timeline(episodes, [item for _, item in outages_of(episodes)], windows, now)
    assert [(each.state, round(each.x), round(each.width)) for each in found] == [
        (State.DEGRADED, 917, 83),
        (State.DOWN, 750, 125),
        (State.MAINTENANCE, 958, 42),
    ]
    assert charts.watched_from({"2026-11-25": AvailabilitySeconds(21_600, 0, 0)}, "2026-11-25") == 750


def test_a_line_has_gaps_where_nothing_was_seen() -> None:
    values = [(0.0, 0.0), (600.0, 0.5), (100_000.0, 1.0)]
    line = charts.line(values, 0.5, 1.0)
    assert line is not None
    assert line.path.count("M") == 2
    assert line.limit_y == charts.LINE_HEIGHT / 2
    assert charts.line(values[:1]) is None


def test_checks_on_demand_are_few() -> None:
    checks = Checks()
    assert checks.may("gate", 0.0)
    assert not checks.may("gate", 10.0)
    assert checks.may("gate", 20.0)
    assert sum(checks.may(f"cam-{number}", 21.0) for number in range(50)) == A_MINUTE - 2
    assert checks.may("yard", 82.0)


def test_a_fault_of_the_monitor_itself_stands_above_the_wall_in_both_languages() -> None:
    fleet, _ = fleet_of("a-1")
    wall = Wall(fleet, Renderer())
    assert "clock is wrong" not in wall.figures("en")
    fleet.follow_clock(0.0, impossible=True)
    assert "The monitor&#39;s own clock is wrong" in wall.figures("en")
    assert "监控服务器时钟错误" in wall.figures("zh")
    fleet.follow_clock(0.0, impossible=False)
    assert "clock is wrong" not in wall.figures("en")
