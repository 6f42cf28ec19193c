"""What the metrics say of uplinks and recorders: only the root of what is lost is down."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.simulated_time import START, SimulatedDays, camera
from xueliang_monitor.metrics import render
from xueliang_monitor.topology import Node

ODD = 'A "1"\\\n'
NODES = (
    Node("line", title="Village line", place="Town hall", circuit="SC-0012"),
    *(Node(f"sw-{number}", "line", title=f"Switch {number}", place=ODD, port="1:24") for number in range(3)),
    Node("far"),
)
RECORDER = "192.0.2.9"
CAMERAS = (
    *(camera(f"cam-{number:02d}", f"sw-{number % 3}") for number in range(30)),
    *(camera(f"far-{number}", "far") for number in range(4)),
    *(camera(f"channel-{number}", "far", host=RECORDER) for number in range(4)),
)
LINE = frozenset(item.id for item in CAMERAS if item.id.startswith("cam-"))
SWITCH = frozenset(item.id for item in CAMERAS if item.data.uplink == "sw-0")
CHANNELS = frozenset(item.id for item in CAMERAS if item.id.startswith("channel-"))
ALL = frozenset(item.id for item in CAMERAS)

Lost = Mapping[frozenset[str], tuple[float, float]]


def after(seconds: float, lost: Lost) -> SimulatedDays:
    """Return a fleet after a time in which groups of cameras were lost, each from and to a time."""

    def truth(name: str, at: float) -> str | None:
        gone = any(name in group and START + first <= at < START + last for group, (first, last) in lost.items())
        return "connect_timeout" if gone else None

    days = SimulatedDays(CAMERAS, truth, nodes=NODES)
    days.run(seconds)
    return days


def series(days: SimulatedDays, name: str, label: str = "uplink") -> dict[str, float]:
    """Return the values of a metric by a label."""
    text = render(days.fleet.snapshot(), "")[0].decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {sample.labels[label]: sample.value for sample in samples if sample.name == name}


def test_everything_is_up_and_described() -> None:
    days = after(60, {})
    names = {"line", "sw-0", "sw-1", "sw-2", "far", RECORDER}
    assert series(days, "xueliang_uplink_up") == dict.fromkeys(names, 1.0)
    assert series(days, "xueliang_uplink_cameras") == {
        "line": 30, "sw-0": 10, "sw-1": 10, "sw-2": 10, "far": 8, RECORDER: 4,
    }  # fmt: skip
    text = render(days.fleet.snapshot(), "")[0].decode()
    told = {
        sample.labels["uplink"]: sample.labels
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "xueliang_uplink_info"
    }
    assert told.keys() == names
    assert told["line"] == {
        "uplink": "line", "parent": "", "kind": "uplink", "name": "Village line", "place": "Town hall", "port": "",
        "circuit": "SC-0012",
    }  # fmt: skip
    assert told["sw-0"] == {
        "uplink": "sw-0", "parent": "line", "kind": "uplink", "name": "Switch 0", "place": ODD, "port": "1:24",
        "circuit": "",
    }  # fmt: skip
    assert (told[RECORDER]["kind"], told[RECORDER]["parent"]) == ("host", "far")


def test_only_the_root_of_what_is_lost_is_down() -> None:
    days = after(180, {LINE: (60, 1000)})
    assert series(days, "xueliang_uplink_up") == {"line": 0.0, "far": 1.0, RECORDER: 1.0}
    assert series(days, "xueliang_uplink_down_since_timestamp_seconds").keys() == {"line"}
    assert series(days, "xueliang_uplink_cameras")["line"] == 30
    assert series(days, "xueliang_camera_online", "camera").keys() == ALL - LINE


def test_a_switch_that_was_down_before_its_line_stays_an_event_of_its_own() -> None:
    days = after(900, {SWITCH: (60, 5000), LINE: (600, 5000)})
    up = series(days, "xueliang_uplink_up")
    assert {name for name, value in up.items() if not value} == {"line", "sw-0"}
    assert up.keys() == {"line", "sw-0", "far", RECORDER}


def test_a_dead_recorder_is_down_itself() -> None:
    days = after(180, {CHANNELS: (60, 1000)})
    up = series(days, "xueliang_uplink_up")
    assert {name for name, value in up.items() if not value} == {RECORDER}


def test_nothing_is_known_of_uplinks_while_the_monitor_is_cut_off() -> None:
    days = after(900, {SWITCH: (60, 5000), ALL: (600, 5000)})
    assert series(days, "xueliang_monitor_fault", "fault") == {"monitor_isolated": 1.0}
    assert series(days, "xueliang_uplink_up") == {"sw-0": 0.0}
    assert series(days, "xueliang_uplink_cameras").keys() == {"line", "sw-0", "sw-1", "sw-2", "far", RECORDER}
