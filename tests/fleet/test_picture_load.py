"""The load of pictures as metrics and page show it, and an overload as all others of the monitor's own faults."""

from __future__ import annotations

from dataclasses import replace

from tests.picture import made
from tests.simulated_time import START, camera, visited
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.picture_load import PictureLoad
from xueliang_monitor.fleet.picture_queue import PictureQueue, Purpose, Wish
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import Rung
from xueliang_monitor.probing.memory import Memory


def fleet_of(clock: ManualClock) -> Fleet:
    """Return three cameras: one with a normal view that is known, one that learns it, one that was never seen."""
    fleet = Fleet(clock, Policy(), tuple(camera(name) for name in ("known", "learning", "unseen")))
    fleet.apply(visited("known", START, None, Rung.PICTURE), Memory(made.reference(30)), 0.0)
    fleet.apply(visited("learning", START, None, Rung.PICTURE), Memory(made.reference(2)), 0.0)
    return fleet


def test_the_load_is_shown_and_an_overload_is_a_fault_of_the_monitor_until_it_is_over() -> None:
    clock = ManualClock(START)
    fleet, queue = fleet_of(clock), PictureQueue(workers=2, fetches=8)
    told: list[tuple[str, str]] = []
    fleet.watch(lambda items: told.extend((item.kind.value, item.code) for item in items))
    load = PictureLoad(fleet, queue, clock, lambda: 300.0)
    load.measure()
    assert (fleet.monitor.pictures.learning, fleet.monitor.pictures.shown) == (1, 2)
    assert fleet.monitor_faults == ()
    queue.wish("known", Wish(Purpose.ROUTINE, clock.monotonic() - 200.0))
    load.measure()
    (fault,) = fleet.monitor_faults
    assert fault.code == "monitor_overloaded"
    assert "200 s late" in fault.detail
    text = render(fleet.snapshot(), "")[0].decode()
    assert 'xueliang_monitor_fault{fault="monitor_overloaded"} 1.0' in text
    assert "xueliang_pictures_learning 1.0" in text
    assert 'xueliang_pictures_waiting{purpose="routine"} 1.0' in text
    assert "xueliang_pictures_held_interval_seconds 10.0" in text
    queue.drop("known")
    load.measure()
    assert fleet.monitor_faults == ()
    assert told == [("raised", "monitor_overloaded"), ("cleared", "monitor_overloaded")]


def test_an_overload_moves_with_the_clock() -> None:
    clock = ManualClock(START)
    fleet, queue = fleet_of(clock), PictureQueue(workers=2, fetches=8)
    queue.wish("known", Wish(Purpose.ROUTINE, clock.monotonic() - 200.0))
    PictureLoad(fleet, queue, clock, lambda: 300.0).measure()
    (before,) = fleet.monitor_faults
    fleet.follow_clock(3600.0, impossible=False)
    assert fleet.monitor_faults == (replace(before, since=before.since + 3600.0),)
