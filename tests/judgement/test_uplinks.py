"""Uplinks and flapping: one alarm per cause, in whatever order cameras are lost."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.endurance import length
from tests.simulated_time import DAY, START, SimulatedDays, Troubles, camera, visited
from xueliang_monitor.fleet.root_causes import RootCauses
from xueliang_monitor.model import Rung, State, VisitResult
from xueliang_monitor.topology import Node, Topology

CAMERAS = tuple(camera(f"cam-{number:02d}", "sw1" if number < 12 else "sw2") for number in range(24))


def alarms(days: SimulatedDays) -> list[str]:
    return [f"{item.camera} {item.code}" for item in days.said("raised")]


@pytest.mark.parametrize("seed", range(100))
def test_a_dead_uplink_is_one_event_each_way_and_alarms_no_camera(seed: int) -> None:
    chance = random.Random(seed)
    dies, back = START + 600 + chance.random() * 15, START + 900 + chance.random() * 15
    # Switches come back port by port.
    returns = {item.id: back + chance.random() * 10 for item in CAMERAS}

    def truth(name: str, at: float) -> str | None:
        return "connect_timeout" if name < "cam-12" and dies <= at < returns[name] else None

    days = SimulatedDays(CAMERAS, truth)
    days.run(890)
    assert [(item.uplink, item.kind) for item in days.uplink_changes()] == [("sw1", "raised")]
    assert days.uplink_changes()[0].at - dies < 25
    shown = {entry.camera.id: state for entry, state in days.fleet.snapshot().entries}
    for name, status in shown.items():
        expected = (State.UNKNOWN, "uplink_down", None) if name < "cam-12" else (State.UP, "", True)
        assert (status.state, status.cause, status.online) == expected
    days.run(400)
    assert [(item.uplink, item.kind) for item in days.uplink_changes()] == [("sw1", "raised"), ("sw1", "cleared")]
    assert alarms(days) == []
    assert {status.state for _, status in days.fleet.snapshot().entries} == {State.UP}


def test_a_single_dead_camera_is_blamed_itself_and_in_time() -> None:
    for seed in range(20):
        dies = START + 600 + seed

        def truth(name: str, at: float, dies: float = dies) -> str | None:
            return "connect_timeout" if name == "cam-03" and at >= dies else None

        days = SimulatedDays(CAMERAS, truth)
        days.run(700)
        assert alarms(days) == ["cam-03 connect_timeout"]
        assert days.said("raised")[0].at + 2 - dies <= 25
        assert days.uplink_changes() == []


def test_cameras_that_stay_dead_when_the_uplink_is_back_are_blamed_then() -> None:
    def truth(name: str, at: float) -> str | None:
        until = START + (2000 if name == "cam-05" else 900)
        return "connect_timeout" if name < "cam-12" and START + 600 <= at < until else None

    days = SimulatedDays(CAMERAS, truth)
    days.run(1500)
    assert [item.kind for item in days.uplink_changes()] == ["raised", "cleared"]
    assert alarms(days) == ["cam-05 connect_timeout"]
    assert days.said("raised")[0].at > START + 900


def test_cameras_without_an_uplink_share_their_sites() -> None:
    cameras = tuple(camera(f"cam-{number}", site="village") for number in range(4))
    days = SimulatedDays(cameras, lambda _name, at: "host_unreachable" if at > START + 100 else None)
    days.run(200)
    assert [(item.uplink, item.kind) for item in days.uplink_changes()] == [("village", "raised")]
    assert alarms(days) == []


def test_two_cameras_are_no_uplink_and_refusals_no_dead_line() -> None:
    few = (camera("cam-0", "sw"), camera("cam-1", "sw"))
    days = SimulatedDays(few, lambda _name, at: "connect_timeout" if at > START + 100 else None)
    days.run(200)
    assert sorted(alarms(days)) == ["cam-0 connect_timeout", "cam-1 connect_timeout"]
    refused = SimulatedDays(CAMERAS[:12], lambda _name, at: "connection_refused" if at > START + 100 else None)
    refused.run(200)
    assert len(alarms(refused)) == 12
    assert refused.uplink_changes() == []


def test_a_camera_that_comes_and_goes_is_flapping_and_alarms_once() -> None:
    def truth(name: str, at: float) -> str | None:
        gone = START + 600 < at < START + 7800 and (at - START) % 240 < 90
        return "rtsp_timeout" if name == "cam-03" and gone else None

    days = SimulatedDays(CAMERAS, truth)
    days.run(4000)
    assert len(days.said("raised", "flapping")) == 1
    assert len(days.said("raised", "rtsp_timeout")) == 3  # after that it is reported as flapping, once
    assert days.said("raised", "rtsp_timeout")[-1].at < days.said("raised", "flapping")[0].at
    shown = days.fleet.status_of("cam-03")
    assert (shown.state, shown.online, shown.healthy) == (State.DEGRADED, True, False)
    assert [fault.code for fault in shown.faults] == ["flapping"]
    days.run(7800)
    assert len(days.said("cleared", "flapping")) == 1
    assert days.fleet.status_of("cam-03").state is State.UP


def test_a_flapping_camera_that_dies_is_found_once_it_is_quiet() -> None:
    def truth(name: str, at: float) -> str | None:
        flaps = START + 600 < at < START + 3000 and (at - START) % 240 < 90
        return "rtsp_timeout" if name == "cam-03" and (flaps or at >= START + 3000) else None

    days = SimulatedDays(CAMERAS, truth)
    days.run(9000)
    assert len(days.said("raised", "flapping")) == len(days.said("cleared", "flapping")) == 1
    assert days.fleet.status_of("cam-03").state is State.DOWN


def test_a_whole_fleet_with_lost_visits_reboots_and_outages() -> None:
    """Single losses raise no alarm; every real outage of at least a minute raises exactly one."""
    cameras = tuple(camera(f"cam-{number:03d}", f"sw{number // 9}") for number in range(147))
    truth = Troubles(cameras, 1)
    days = SimulatedDays(cameras, truth)
    seconds = length(DAY / 4, DAY)
    days.run(seconds)
    assert days.uplink_changes() == []
    raised = [item for item in days.said("state", "down") if item.camera not in truth.flapping]
    for item in raised:
        inside = truth.during_outage(item.camera, item.at)
        assert inside or truth.since_reboot(item.camera, item.at) < 30, item
    checked = 0
    for name, each in truth.outages.items():
        for start, end in (item for item in each if item[1] < START + seconds):
            checked += 1
            found = [item for item in raised if item.camera == name and start <= item.at <= end]
            assert len(found) == 1, (name, found)
            assert found[0].at - start <= 25
    assert checked > 3


SEEN = [None, "connect_timeout", "rtsp_timeout"]


class NetworkMachine(RuleBasedStateMachine):
    """For any visits in any order, the events of each node alternate and the state follows from them."""

    def __init__(self) -> None:
        super().__init__()
        self.causes = network()
        self.at = START
        self.events: list[tuple[str, str]] = []
        self.history: list[VisitResult] = []

    @rule(number=st.integers(0, 11), code=st.sampled_from(SEEN), later=st.floats(0, 40))
    def visit(self, number: int, code: str | None, later: float) -> None:
        self.at += later
        self.history.append(visited(f"cam-{number:02d}", self.at, code, Rung.RTSP))
        seen = self.causes.observe(self.history[-1].camera, self.history[-1])
        self.events += [(item.uplink, item.kind) for item in seen.transitions]

    @invariant()
    def events_alternate_and_tell_the_state(self) -> None:
        for name in {name for name, _ in self.events}:
            kinds = [kind for each, kind in self.events if each == name]
            assert all((kind == "raised") == (place % 2 == 0) for place, kind in enumerate(kinds))
            assert (name in self.causes.downs) == (len(kinds) % 2 == 1)
        assert all(name in {each for each, _ in self.events} for name in self.causes.downs)

    @invariant()
    def no_node_is_down_below_one_that_went_down_with_it(self) -> None:
        for name, down in self.causes.downs.items():
            for above in (*self.causes.topology.path(name)[1:], ""):
                other = self.causes.downs.get(above)
                assert other is None or not other.lost & down.lost

    def teardown(self) -> None:
        again = network()
        for made in self.history:
            again.observe(made.camera, made)
        assert again.downs == self.causes.downs


NetworkMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestNetworkMachine = NetworkMachine.TestCase


def network() -> RootCauses:
    """Return a line with two switches of three cameras and a recorder with two channels, and a switch elsewhere."""
    nodes = (Node("line"), Node("sw1", "line"), Node("sw2", "line"))
    cameras = [
        camera(
            f"cam-{number:02d}",
            "sw1" if number < 3 else "sw2" if number < 8 else "sw3",
            host="10.0.0.7" if number in (6, 7) else "",
        )
        for number in range(12)
    ]
    causes = RootCauses()
    causes.take_topology(Topology.of(nodes, cameras), START)
    return causes


def lost_seven_of_eight() -> SimulatedDays:
    """Return a fleet whose uplink is down: cameras 0 to 6 are lost, number 7 only later; number 6 is reached again."""
    cameras = tuple(camera(f"cam-{number}", "sw") for number in range(8))
    gone = {f"cam-{number}" for number in range(8)}
    days = SimulatedDays(cameras, lambda name, at: "connect_timeout" if name in gone and at > START + 100 else None)
    days.run(200)
    assert [(item.uplink, item.kind) for item in days.uplink_changes()] == [("sw", "raised")]
    assert all(
        len(uplink.lost) == 8 for uplink in days.fleet.uplinks
    )  # cameras lost shortly afterwards belong to the same outage
    gone.discard("cam-6")
    days.run(60)
    return days


def test_a_camera_that_is_reached_is_known_while_its_uplink_is_down() -> None:
    days = lost_seven_of_eight()
    assert [uplink.down for uplink in days.fleet.uplinks] == [True]
    shown = {entry.camera.id: status.cause or status.state.value for entry, status in days.fleet.snapshot().entries}
    assert shown == {f"cam-{number}": "up" if number == 6 else "uplink_down" for number in range(8)}


def test_an_uplink_is_up_once_too_few_of_the_lost_cameras_are_left_behind_it() -> None:
    days = lost_seven_of_eight()
    elsewhere = tuple(camera(f"cam-{number}", "other") for number in range(6))
    days.fleet.take(elsewhere)
    days.run(120)
    assert [(item.uplink, item.kind) for item in days.uplink_changes() if item.uplink == "sw"] == [
        ("sw", "raised"),
        ("sw", "cleared"),
    ]
    assert days.fleet.status_of("cam-6").state is State.UP
    assert days.fleet.status_of("cam-7").state is State.DOWN  # the camera itself is at fault
