"""The monitor's own load: when it is told, what interval it names, and when it is over."""

from __future__ import annotations

from dataclasses import replace

from xueliang_monitor.judgement.overload import Overload, PictureDemand
from xueliang_monitor.judgement.transition import TransitionKind

DEMAND = PictureDemand(
    cameras=5000,
    interval_seconds=300.0,
    overdue_seconds=0.0,
    look_seconds=0.15,
    workers=2,
    fetch_seconds=0.5,
    fetches=64,
)


def test_an_overload_is_told_once_with_the_interval_that_can_be_held() -> None:
    load = Overload()
    assert load.judge(replace(DEMAND, overdue_seconds=149.0), 1000.0) == ()
    (raised,) = load.judge(replace(DEMAND, overdue_seconds=151.0), 1005.0)
    assert (raised.kind, raised.code, raised.since) == (TransitionKind.RAISED, "monitor_overloaded", 1005.0)
    assert "an interval of 450 s can be held" in raised.detail
    assert load.judge(replace(DEMAND, overdue_seconds=400.0), 1010.0) == ()
    assert load.judge(replace(DEMAND, overdue_seconds=31.0), 1015.0) == (), "it is not over at once"
    (cleared,) = load.judge(replace(DEMAND, overdue_seconds=30.0), 1020.0)
    assert (cleared.kind, cleared.since) == (TransitionKind.CLEARED, 1005.0)


def test_few_workers_or_few_visits_limit_the_interval() -> None:
    assert DEMAND.held_seconds == 450.0
    assert replace(DEMAND, fetch_seconds=12.0).held_seconds == 1130.0
    assert replace(DEMAND, cameras=0).held_seconds == 0.0


def test_a_short_wait_is_no_overload() -> None:
    assert Overload().judge(replace(DEMAND, interval_seconds=10.0, overdue_seconds=50.0), 0.0) == ()
