"""The monitor itself is cut off: one event of its own, whatever shows it, and no camera or uplink is blamed."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import simulated_time
from tests.simulated_time import START, SimulatedDays, camera
from xueliang_monitor.judgement.status import StatusCause
from xueliang_monitor.model import State
from xueliang_monitor.probing.rungs import LADDER

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
@example(14.53125, 0.5, 10.0, 0.0)  # a visit began before the monitor noticed, and ended after
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


def test_names_that_cannot_be_looked_up_hide_no_camera_known_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch dies meanwhile. It is an event of its own, and so is a camera that dies alone."""
    monkeypatch.setitem(simulated_time._RUNGS, "check_failed", LADDER[0])
    named = frozenset(item.id for item in CAMERAS if item.data.uplink == "sw-0")
    fails, dies, back = START + 120, START + 240, START + 600

    def truth(name: str, at: float) -> str | None:
        if name in named:
            return "check_failed" if fails <= at < back else None
        dead = name.endswith("-1") or behind[name] == "sw-2"
        return "connect_timeout" if dead and dies <= at < back else None

    behind = {item.id: item.data.uplink for item in CAMERAS}
    days = SimulatedDays(CAMERAS, truth)
    days.run(137)
    days.fleet.take_own_network("no name server answers (10.0.0.1)", nameless=True)
    days.run(263)
    states = {entry.camera.id: (status.state, status.cause) for entry, status in days.fleet.snapshot().entries}
    assert {states[name] for name in named} == {(State.UNKNOWN, StatusCause.MONITOR_ISOLATED)}
    assert states["cam-1"] == (State.DOWN, StatusCause.NONE)
    assert {states[name] for name in states if behind[name] == "sw-2"} == {(State.UNKNOWN, StatusCause.UPLINK_DOWN)}
    assert states["cam-4"] == (State.UP, StatusCause.NONE)
    days.run(200)
    days.fleet.take_own_network(None)
    days.run(120)
    assert {item for item in said(days) if item[0] != "attributed"} == {
        *ONE_EVENT,
        ("raised", "connect_timeout", "cam-1"),
        ("cleared", "connect_timeout", "cam-1"),
        ("raised", "uplink_down", "sw-2"),
        ("cleared", "uplink_down", "sw-2"),
    }
    assert causes(days) == {(State.UP, StatusCause.NONE)}


@pytest.mark.parametrize("whole", [True, False], ids=["monitor", "switch"])
@pytest.mark.parametrize("own", ["connection_refused", "rtsp_timeout", "auth_failed"])
def test_a_camera_that_was_down_before_keeps_its_own_fault_and_gets_no_other(own: str, *, whole: bool) -> None:
    """Its outage goes on, and what the network does to it is not its own."""
    dies, back = START + 240, START + 600
    gone = {item.id for item in CAMERAS if whole or item.data.uplink == "sw-0"}

    def truth(name: str, at: float) -> str | None:
        if name in gone and dies <= at < back:
            return "host_unreachable"
        return own if name == "cam-3" and at >= START + 60 else None

    days = SimulatedDays(CAMERAS, truth)
    days.run(1000)
    blamed = [(item.kind, item.code) for item in days.transitions if item.camera and item.kind != "state"]
    assert blamed == [("raised", own)]
    assert days.fleet.status_of("cam-3").state is State.DOWN
    outage = days.fleet.open_outages()["cam-3"]
    assert outage.codes == (own,)
