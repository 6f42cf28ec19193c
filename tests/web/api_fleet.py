"""A fleet with everything that the API tells: for tests of its answers."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from tests.simulated_time import START, camera, visited
from tests.web.test_recorded_facts import RECORDED
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.changes import Changes
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Outage, Policy
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.judgement.problems import Acknowledgement
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Identity, Rung, StreamParameters
from xueliang_monitor.probing.accepted import Accepted
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.dome import DomeMemory
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.history import History
from xueliang_monitor.topology import Node
from xueliang_monitor.wire.dome_position import DomeStatus, Position, Preset
from xueliang_monitor.wire.onvif_time_keeping import NtpSettings, TimeKeeping

WHO = Identity("Maker", "Model", "1.0", "SN1")
STREAM = StreamParameters("h264", 1920, 1080, 25.0)
LOST = tuple(f"line-{number}" for number in range(8))


def _known() -> Memory:
    """Return what is known of a dome that tells everything."""
    dome = DomeMemory((Preset("1", "gate", Position(0.5, 0.1)),)).after(DomeStatus(Position(0.5, 0.1, 0.0)), START)
    device = DeviceMemory(
        identity=WHO,
        reported=WHO,
        time_keeping=TimeKeeping(source="ntp", zone="CST-8"),
        ntp=NtpSettings(by_dhcp=False, servers=("192.0.2.9",)),
    )
    return Memory(device=device, dome=dome, accepted=Accepted(WHO, STREAM, START))


def _fleet(clock: ManualClock) -> Fleet:
    door = camera("door", "sw", site="East gate")
    dome = replace(door, data=door.data.model_copy(update=RECORDED))
    cameras = (dome, camera("slow", "sw", site="East gate"), camera("off", "sw"), camera("new"), camera("kept"))
    behind = tuple(camera(name, "line", site="Far") for name in LOST)
    return Fleet(clock, Policy(), (*cameras, *behind), nodes=(Node("line", title="Fibre 7", place="hall"),))


def _visit(fleet: Fleet, clock: ManualClock, lost: bool) -> None:
    clock.advance(30)
    for name, memory in (("door", _known()), ("kept", Memory())):
        fleet.apply(visited(name, clock.now(), None, Rung.PICTURE), memory, 0.0)
    fleet.apply(visited("slow", clock.now(), "picture_black", Rung.PICTURE), Memory(), 0.0)
    fleet.apply(visited("off", clock.now(), "connection_refused", Rung.REACH), Memory(), 0.0)
    for name in LOST:
        fleet.apply(visited(name, clock.now(), "connect_timeout" if lost else None, Rung.REACH), Memory(), 0.0)


def _store(folder: Path, fleet: Fleet) -> None:
    """Store what happened, and events of every other kind."""
    more = (
        Transition("line-1", START, TransitionKind.ATTRIBUTED, "connect_timeout", "why", uplink="line"),
        Transition("off", START + 60, TransitionKind.ACKNOWLEDGED, "", "by anna", since=START),
        Transition("gone", START + 120, TransitionKind.CLEARED, "no_longer_known", "why", since=START),
        Transition("", START + 180, TransitionKind.RAISED, "credentials_refused", "why", login="shared"),
    )
    with contextlib.closing(History(folder / "state")) as history:
        history.write(fleet.collect())
        history.write(Changes(more, outages=(("door", Outage(1, START, START + 30, ("no_media",), START + 60)),)))


def made(folder: Path) -> Fleet:
    """Return the fleet; its history is in the state folder below `folder`."""
    clock = ManualClock(START)
    fleet = _fleet(clock)
    for lost in (False, False, True, True, True, True, True, True):
        _visit(fleet, clock, lost)
    now = clock.now()
    fleet.acknowledged.take((Acknowledgement(1, "outage:off:", "anna", now, now + 3600, "on my way"),))
    fleet.take_windows(
        (
            Window(1, WindowKind.CAMERA, "kept", now - 10, now + 3600, "cleaning"),
            Window(2, WindowKind.SITE, "Far", now + 600, now + 3600, "new poles"),
        )
    )
    fleet.availability = {"door": {"30d": 0.5}}
    _store(folder, fleet)
    return fleet
