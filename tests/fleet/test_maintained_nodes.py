"""Maintenance of a node of the topology: every camera below it is neither judged nor counted, and no other."""

from __future__ import annotations

from tests.simulated_time import START, SimulatedDays, camera
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.model import State
from xueliang_monitor.topology import Node

NODES = (Node("line"), Node("sw1", "line"), Node("sw2", "line"))


def test_a_window_of_a_line_covers_the_cameras_of_its_switches() -> None:
    cameras = (camera("a", "sw1"), camera("b", "sw2"), camera("c", "line"), camera("d", "other"))
    days = SimulatedDays(cameras, lambda _name, _at: None)
    days.fleet.take_nodes(NODES)
    days.run(200)
    days.fleet.windows = (Window(1, WindowKind.UPLINK, "line", days.clock.now(), START + 1200, "new line"),)
    days.run(400)
    states = {entry.camera.id: status.state for entry, status in days.fleet.snapshot().entries}
    assert states == {"a": State.MAINTENANCE, "b": State.MAINTENANCE, "c": State.MAINTENANCE, "d": State.UP}
    assert days.fleet.path_of(cameras[0]) == ("sw1", "line")


TREE = (Node("line"), *(Node(f"sw{name}", "line") for name in "abc"))
CAMERAS = (
    *(camera(f"{name}{number}", f"sw{name}") for name in "abc" for number in range(4)),
    *(camera(f"o{number}", "other") for number in range(6)),
)


def line_dead(dies: float, back: float) -> SimulatedDays:
    return SimulatedDays(
        CAMERAS,
        lambda name, at: "connect_timeout" if name[0] in "abc" and START + dies <= at < START + back else None,
        nodes=TREE,
    )


def maintain(days: SimulatedDays, name: str, until: float) -> None:
    days.fleet.take_windows((Window(1, WindowKind.UPLINK, name, days.clock.now(), START + until, "work"),))


def events(days: SimulatedDays) -> list[tuple[str, str, float]]:
    return [
        (item.kind, item.camera or item.uplink, item.at - START) for item in days.transitions if item.kind != "state"
    ]


def test_cameras_in_maintenance_do_not_count_as_answering() -> None:
    days = line_dead(200, 700)
    days.run(100)
    maintain(days, "swa", 500)
    days.run(800)
    assert [item[:2] for item in events(days)] == [("raised", "line"), ("cleared", "line")]


def test_the_event_of_a_node_ends_when_it_is_back_also_in_maintenance() -> None:
    days = line_dead(200, 400)
    days.run(300)
    maintain(days, "line", 1000)
    days.run(900)
    (raised, cleared) = events(days)
    assert (raised[:2], cleared[:2]) == (("raised", "line"), ("cleared", "line"))
    assert 400 <= cleared[2] <= 430


def test_an_event_goes_on_after_maintenance_in_which_the_node_was_not_repaired() -> None:
    days = line_dead(200, 900)
    days.run(300)
    maintain(days, "line", 600)
    days.run(700)
    assert [item[:2] for item in events(days)] == [("raised", "line"), ("cleared", "line")]


def test_what_dies_in_maintenance_is_one_event_after_it() -> None:
    """Cameras that were silent are asked at once, before one of them is blamed."""
    days = line_dead(250, 900)
    days.run(200)
    maintain(days, "line", 600)
    days.run(390)
    assert not events(days)
    assert not any(item.down for item in days.fleet.uplinks)
    days.run(500)
    assert [item[:2] for item in events(days)] == [("raised", "line"), ("cleared", "line")]


def test_maintenance_that_is_ended_by_hand_is_followed_at_once() -> None:
    days = line_dead(250, 900)
    days.run(200)
    maintain(days, "line", 5000)
    days.run(300)
    days.fleet.take_windows(())
    days.run(600)
    assert [item[:2] for item in events(days)] == [("raised", "line"), ("cleared", "line")]
