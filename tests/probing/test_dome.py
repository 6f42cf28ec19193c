"""Domes: the picture's past is by position, a dome that is left elsewhere is told, and nothing is ever moved."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.conftest import LOGIN
from tests.waiting import PATIENT
from xueliang_monitor.model import OnvifTarget, Rung, Target, VisitResult
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.dome import GATE, HOME
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.simulator.manners import Dome
from xueliang_monitor.storage.persisted_memory import StoredMemory

Start = Callable[..., Awaitable[SimulatedFleet]]
COMPARING = {"picture_moved", "picture_covered", "picture_blurred", "picture_dirty"}
AWAY = Dome(pan=-0.7, tilt=0.3)


class Watched:
    """A simulated dome, visited every five minutes of its own time."""

    def __init__(self, camera: SimulatedCamera, workers: Workers) -> None:
        onvif = OnvifTarget(8000, credentials=LOGIN, profile="main", request_keyframe=False)
        self.camera = camera
        self.target: Target = replace(camera.target, credentials=LOGIN, onvif=onvif, listen_seconds=0.0)
        self.memory = Memory()
        self.workers = workers
        self.began = time.time()
        self.after = 0.0

    async def visits(self, count: int = 1, seconds: float = 300.0) -> list[list[str]]:
        return [codes(await self.visit(seconds)) for _ in range(count)]

    async def visit(self, seconds: float = 300.0) -> VisitResult:
        self.after += seconds
        visited, self.memory = await visit(
            self.target,
            Rung.PICTURE,
            self.memory,
            timeouts=PATIENT,
            workers=self.workers,
            now=self.began + self.after,
            beside={Rung.ONVIF},
        )
        return visited


LONGER = 330.0
"""Seconds after which the six visits before are half an hour ago, however long the visits themselves took."""


def codes(visited: VisitResult) -> list[str]:
    """Return what was seen but the clock, as the simulated camera's clock does not jump along."""
    return [finding.code for finding in visited.seen if finding.code != "clock_drift"]


@pytest.fixture
async def watched(simulated: Start) -> Watched:
    fleet = await simulated(1, onvif_port=8000)
    return Watched(fleet.cameras["cam-000"], Workers(1))


async def test_a_turned_dome_is_away_and_not_moved(watched: Watched) -> None:
    camera = watched.camera
    await camera.set_fault(Dome())
    assert await watched.visits(7) == [[]] * 7
    learned = watched.memory.reference
    assert learned is not None
    assert learned.learned
    await camera.set_fault(AWAY)
    first = await watched.visit()
    assert codes(first) == []
    assert not first.ruled_out & COMPARING, "there is no past of this place to compare with"
    assert await watched.visits(5) == [[]] * 5  # a past of its own is learned
    assert await watched.visits(2, LONGER) == [["ptz_away"]] * 2
    stored = StoredMemory.of(watched.memory)
    assert stored.dome is not None
    watched.memory = replace(stored.memory(), reference=watched.memory.reference, dome=watched.memory.dome)
    await camera.set_fault(Dome())
    back = await watched.visit()
    assert codes(back) == []
    assert {"ptz_away", "picture_moved"} <= back.ruled_out, "its past at home is as before"
    await camera.set_fault(BY_NAME["turned"]())
    assert "picture_moved" in codes(await watched.visit()), "a dome whose bracket gave way is moved all the same"
    assert camera.onvif is not None
    asked = {name for name in camera.onvif.calls if name not in ALLOWED}
    assert asked == {"GetStatus", "GetPresets"}


ALLOWED = frozenset({
    "GetSystemDateAndTime", "GetDeviceInformation", "GetServices", "GetCapabilities", "GetHostname", "GetProfiles",
    "GetStreamUri", "GetNTP", "GetEventProperties", "CreatePullPointSubscription", "PullMessages", "Unsubscribe",
})  # fmt: skip


async def test_a_patrol_between_presets_is_not_away(watched: Watched) -> None:
    for _ in range(6):
        for place in (HOME, GATE):
            await watched.camera.set_fault(Dome(place.pan or 0.0, place.tilt or 0.0, place.zoom or 0.0))
            assert await watched.visits(1, 600.0) == [[]]
    dome = watched.memory.dome
    assert dome is not None
    assert [place.known for place in dome.places] == [True, True]
    assert all(place.reference is not None and place.reference.looks >= 5 for place in dome.places)


async def test_a_picture_of_a_moving_dome_is_not_compared(watched: Watched) -> None:
    await watched.camera.set_fault(Dome())
    await watched.visits(6)
    before = watched.memory.reference
    await watched.camera.set_fault(replace(AWAY, moving=1.0))
    visited = await watched.visit()
    assert codes(visited) == []
    assert not visited.ruled_out & COMPARING
    assert watched.memory.reference == before
    assert watched.memory.dome is not None
    assert len(watched.memory.dome.places) == 1


async def test_a_dome_whose_position_cannot_be_read_is_not_compared(watched: Watched) -> None:
    await watched.camera.set_fault(Dome())
    await watched.visits(6)
    await watched.camera.set_fault(AWAY)
    await watched.camera.set_fault(BY_NAME["onvif-fault"]())
    visited = await watched.visit()
    assert codes(visited) == ["onvif_fault"]
    assert not visited.ruled_out & COMPARING
    assert watched.memory.dome is not None


async def test_a_dome_that_always_reports_to_move_is_compared_all_the_same(watched: Watched) -> None:
    await watched.camera.set_fault(Dome(moving=1.0))
    assert await watched.visits(7) == [[]] * 7
    dome = watched.memory.dome
    assert dome is not None
    assert [place.reference is not None and place.reference.learned for place in dome.places] == [True]
    await watched.camera.set_fault(BY_NAME["turned"]())
    assert "picture_moved" in codes(await watched.visit())


async def test_a_dome_without_onvif_in_its_file_is_a_fixed_camera(watched: Watched) -> None:
    await watched.camera.set_fault(Dome())
    await watched.visits(6)
    watched.target = replace(watched.target, onvif=None)
    await watched.camera.set_fault(AWAY)
    assert "picture_moved" in codes(await watched.visit())


async def test_off_never_tells(watched: Watched) -> None:
    watched.target = replace(watched.target, ptz_away_seconds=None)
    await watched.camera.set_fault(Dome())
    await watched.visits(2)
    await watched.camera.set_fault(AWAY)
    for _ in range(3):
        visited = await watched.visit(3600.0)
        assert "ptz_away" in visited.ruled_out


async def test_a_camera_that_is_no_dome_is_asked_nothing_more(watched: Watched) -> None:
    await watched.visits(3)
    assert watched.memory.dome is None
    assert watched.camera.onvif is not None
    assert not {"GetStatus", "GetPresets"} & watched.camera.onvif.calls.keys()
