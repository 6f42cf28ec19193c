"""After a restart, the problems that are still open are those that were told before."""

from __future__ import annotations

from pathlib import Path

from tests.simulated_time import START
from tests.test_restart import CAMERAS, changed, lost_uplink, started, visit
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.configuration.inventory import Inventory
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.notification.events import Moment, differences
from xueliang_monitor.notification.open_problems import open_problems


async def test_an_uplink_that_is_down_over_a_restart_is_told_once(tmp_path: Path) -> None:
    history, clock = lost_uplink(tmp_path)
    fleet = started(history, clock, Inventory(CAMERAS, ()))
    first = differences({}, await open_problems(fleet), Moment(clock.now()))
    assert [(each.problem, each.told is not None) for each in first] == [("uplink:sw:uplink_down", True)]
    told = {each.problem: each.told for each in first if each.told is not None}
    again = started(history, clock, Inventory(CAMERAS, ()))
    assert differences(told, await open_problems(again), Moment(clock.now())) == []
    visit(again, clock, {item.id: "connect_timeout" for item in CAMERAS})
    assert differences(told, await open_problems(again), Moment(clock.now(), 5.0)) == []


async def test_a_camera_in_commissioning_is_told_to_nobody(tmp_path: Path) -> None:
    clock, trial = ManualClock(START), changed(CAMERAS[0], uplink="", status=Lifecycle.COMMISSIONING)
    fleet = Fleet(clock, Policy(), (trial,))
    visit(fleet, clock, {"cam-0": "connect_timeout"}, rounds=8)
    assert fleet.entry("cam-0").health.outage is not None
    assert await open_problems(fleet) == {}
