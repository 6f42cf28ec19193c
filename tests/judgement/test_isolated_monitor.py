"""The monitor itself is cut off: one event of its own, whatever shows it, and no camera or uplink is blamed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulated_time import START, SimulatedDays, camera
from xueliang_monitor.judgement.status import StatusCause
from xueliang_monitor.model import State

CAMERAS = tuple(camera(f"cam-{number}", f"sw-{number % 3}") for number in range(24))
ONE_EVENT = [("raised", "monitor_isolated", ""), ("cleared", "monitor_isolated", "")]


def said(days: SimulatedDays) -> list[tuple[str, str, str]]:
    return [(item.kind, item.code, item.camera or item.uplink) for item in days.transitions if item.kind != "state"]


def causes(days: SimulatedDays) -> set[tuple[State, StatusCause]]:
    return {(status.state, status.cause) for _, status in days.fleet.snapshot().entries}


@pytest.mark.parametrize("code", ["connect_timeout", "host_unreachable"])
def test_all_cameras_of_several_uplinks_lost_at_once_are_one_event_of_the_monitor(code: str) -> None:
    dies, back = START + 120, START + 420
    days = SimulatedDays(CAMERAS, lambda _, at: code if dies <= at < back else None)
    days.run(240)
    assert causes(days) == {(State.UNKNOWN, StatusCause.MONITOR_ISOLATED)}
    days.run(360)
    assert said(days) == ONE_EVENT
    assert causes(days) == {(State.UP, StatusCause.NONE)}


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 15), st.floats(0, 30), st.floats(5, 300), st.floats(0, 30))
def test_it_is_one_event_whenever_the_monitor_itself_notices(
    dies_after: float, noticed_after: float, lasts: float, seen_back_after: float
) -> None:
    """The monitor's own look and the visits of its cameras come in any order."""
    dies = START + 60 + dies_after
    back = dies + noticed_after + lasts
    days = SimulatedDays(CAMERAS, lambda _, at: "host_unreachable" if dies <= at < back else None)
    days.run(dies + noticed_after - START)
    days.fleet.take_own_network("the monitor has no route to any of its cameras")
    days.run(lasts + seen_back_after)
    days.fleet.take_own_network(None)
    days.run(200)
    raised = [item for item in said(days) if item[1] == "monitor_isolated"]
    assert raised == ONE_EVENT
    assert {item[2] for item in said(days)} == {""}, "a camera or an uplink was blamed"
    assert causes(days) == {(State.UP, StatusCause.NONE)}
