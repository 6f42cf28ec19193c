"""An outage is one period in which a camera was offline, whatever the faults during it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.simulated_time import START, SimulatedDays, camera, visited
from xueliang_monitor.availability_report.figures import Period, build
from xueliang_monitor.availability_report.tables import tables
from xueliang_monitor.judgement.availability import day_of
from xueliang_monitor.judgement.debounce import advance
from xueliang_monitor.judgement.episodes import Episode, outages_of
from xueliang_monitor.judgement.health import Health, Policy
from xueliang_monitor.model import Rung, RungResult, State, VisitResult
from xueliang_monitor.storage.history import History

CAMERAS = tuple(camera(f"cam-{number}", f"sw{number}") for number in range(3))


def dying(name: str, at: float) -> str | None:
    """One camera is offline for 600 s: first its cable, then its start-up."""
    gone = at - START - 600
    if name != "cam-1" or not 0 <= gone < 600:
        return None
    return "connect_timeout" if gone < 200 else "connection_refused" if gone < 400 else "rtsp_timeout"


def test_one_outage_of_three_causes_is_one_in_report_history_and_health(tmp_path: Path) -> None:
    days = SimulatedDays(CAMERAS, dying)
    history = History(tmp_path)
    days.run(900)
    lasting = days.fleet.entry("cam-1").health.outage
    assert lasting is not None
    assert lasting.codes == ("connect_timeout", "connection_refused")
    history.write(days.fleet.collect())
    days.run(900)
    history.write(days.fleet.collect())
    assert days.fleet.entry("cam-1").health.outage is None
    ((name, outage),) = history.outages(0, START * 2)
    assert (name, outage.codes) == ("cam-1", ("connect_timeout", "connection_refused", "rtsp_timeout"))
    assert outage.ended is not None
    assert 590 < outage.ended - outage.began < 640
    assert len([item for item in history.episodes(0, START * 2) if item.camera]) == 3  # each fault has its own episode
    period = Period(date.fromisoformat(day_of(START)), date.fromisoformat(day_of(START + 86_400)))
    built = build(
        period,
        CAMERAS,
        history.seconds("2000-01-01", "2100-01-01"),
        episodes=history.episodes(period.start, period.end),
        outages=history.outages(period.start, period.end),
        root_seconds=history.root_seconds("2000-01-01", "2100-01-01"),
        topology=days.fleet.topology,
        now=START + 1800,
    )
    assert len(built.outages) == 1
    assert built.repair_mean == pytest.approx(outage.ended - outage.began)
    made = {table.key: table for table in tables(built, {item.id: item for item in CAMERAS}, "zh")}
    assert made["outages"].rows[0][3] == "无响应、连接被拒绝、RTSP 无应答"
    history.close()


def test_an_outage_begins_with_the_first_visit_that_failed() -> None:
    health, at = Health(), START
    for code in (None, "connect_timeout", "rtsp_timeout", "connection_refused"):
        at += 5
        health, _ = advance(health, visited("cam-1", at, code, Rung.RTSP), Policy())
    assert health.outage is not None
    assert (health.outage.began, health.outage.confirmed_at) == (START + 10, START + 20)


def test_an_outage_is_over_only_once_the_camera_is_online() -> None:
    """Visits that rule out its cause without reaching the camera, as in a login back-off, do not end it."""
    health, at = Health(told_online=True, state=State.UP), START
    for _ in range(3):
        at += 5
        health, _ = advance(health, visited("cam-1", at, "connect_timeout", Rung.RTSP), Policy())
    reached = (RungResult(Rung.REACH, True, 0.1), RungResult(Rung.RTSP, False, 0.1, "auth_failed", "held back"))
    for _ in range(4):
        at += 5
        held = VisitResult("cam-1", at, reached, ruled_out=frozenset({"connect_timeout"}))
        health, _ = advance(health, held, Policy())
    assert health.outage is not None
    assert health.state is State.DOWN
    at += 5
    health, _ = advance(health, visited("cam-1", at, None, Rung.RTSP), Policy())
    assert health.outage is None
    assert health.state is State.UP


def test_a_flapping_camera_has_no_outage_until_it_is_quiet_and_dead() -> None:
    def truth(name: str, at: float) -> str | None:
        flaps = START + 600 < at < START + 3000 and (at - START) % 240 < 90
        return "rtsp_timeout" if name == "cam-1" and (flaps or at >= START + 3000) else None

    days = SimulatedDays(CAMERAS, truth)
    days.run(2900)
    assert days.fleet.status_of("cam-1").state is State.DEGRADED
    assert days.fleet.entry("cam-1").health.outage is None
    ended = [item for name, item in days.fleet.collect().outages if item.ended is not None]
    assert len(ended) == 3
    days.run(6100)
    outage = days.fleet.entry("cam-1").health.outage
    assert outage is not None
    assert outage.began >= START + 2900


def test_earlier_outages_are_derived_from_episodes() -> None:
    def episode(fault: str, began: float, ended: float | None, name: str = "cam-1") -> Episode:
        return Episode(name, "", fault, began, began + 5, ended, "")

    found = outages_of(
        [
            episode("rtsp_timeout", 400, 610),
            episode("connect_timeout", 0, 215),
            episode("connection_refused", 200, 405),
            episode("picture_black", 100, 5000),
            episode("connect_timeout", 3000, None),
            episode("auth_failed", 3100, 3200),
            episode("rtsp_timeout", 0, 100, "cam-2"),
            Episode("", "sw", "uplink_down", 0, 0, 100, ""),
        ]
    )
    assert [(name, item.began, item.ended, item.codes) for name, item in found] == [
        ("cam-1", 0, 610, ("connect_timeout", "connection_refused", "rtsp_timeout")),
        ("cam-2", 0, 100, ("rtsp_timeout",)),
        ("cam-1", 3000, None, ("connect_timeout", "auth_failed")),
    ]
