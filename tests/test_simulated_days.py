"""Fast days over real sockets: dusk, infrared nights and dawns raise no fault, and a fault of the night is found."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from tests.conftest import LOGIN, rows
from tests.endurance import length
from tests.waiting import until
from xueliang_monitor import daemon
from xueliang_monitor.clock import FastClock
from xueliang_monitor.configuration import camera_file
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.simulator.clips import PROFILES
from xueliang_monitor.simulator.day import DAY_SECONDS, Light, SimulatedDay
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet

NOON = time.mktime((2026, 6, 1, 12, 0, 0, 0, 0, -1))
LOOK_MINUTES = 30
"""Minutes of the simulated day between two looks at a camera."""


class Days:
    """A fleet and a daemon whose days last `seconds` each, from a noon on."""

    def __init__(self, folder: Path, cameras: int, seconds: float) -> None:
        self.clock = FastClock(DAY_SECONDS / seconds, NOON)
        self._day = SimulatedDay(seconds, time.time(), clocks_follow=True, first=NOON)
        listed = rows(cameras)
        self.fleet = SimulatedFleet(listed, LOGIN, day=self._day)
        (folder / "cameras.d").mkdir()
        for row in listed:
            camera_file.write(folder / "cameras.d", row.id, row.data)
        (folder / "secret").touch(mode=0o600)
        (folder / "secret").write_text(LOGIN.password)
        looks = f"{LOOK_MINUTES}m"
        settings = {
            "listen": "127.0.0.1:0",
            "stream_listen": "0s",
            "intervals": {"reach": "2h", "rtsp": "2h", "stream": looks, "picture": looks, "onvif": "24h"},
            "rechecks": {"reach": "5m", "picture": "5m"},
            "clock_drift": "24h",
            "timeouts": {"rtsp": "60s", "stream": "60s", "picture": "120s"},
            "credentials": {"district": {"username": LOGIN.username, "password_file": "secret"}},
        }
        self._file = folder / "xueliang.yaml"
        self._file.write_text(yaml.safe_dump(settings))
        self.raised: list[Transition] = []
        self.looks: Counter[tuple[str, Light]] = Counter()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[daemon.Monitor]:
        monitor = daemon.Monitor(self._file, self.clock)
        monitor.fleet.watch(self._watch)
        async with self.fleet.running(), monitor.running():
            yield monitor

    def _watch(self, transitions: tuple[Transition, ...]) -> None:
        self.raised += [item for item in transitions if item.kind == "raised"]

    async def play(self, enough: Callable[[], bool]) -> None:
        """Let time pass, and count the sessions of each camera in each light, until it is enough."""
        cameras = self.fleet.cameras
        before = {name: camera.sessions_served for name, camera in cameras.items()}
        while not enough():
            await asyncio.sleep(0.1)
            for name, camera in cameras.items():
                self.looks[name, camera.light()] += camera.sessions_served - before[name]
                before[name] = camera.sessions_served

    def looks_in(self, light: Light) -> int:
        """Return how many sessions all cameras together had in a light."""
        return sum(count for (_, seen), count in self.looks.items() if seen is light)

    def said(self) -> list[tuple[str, str, str, str]]:
        scenes = {name: f"{camera.scene} {camera.codec}" for name, camera in self.fleet.cameras.items()}
        return [
            (item.code, scenes.get(item.camera, ""), time.strftime("%d %H:%M", time.localtime(item.at)), item.detail)
            for item in self.raised
        ]


@pytest.mark.timed
@pytest.mark.timeout(length(900, 3600))
async def test_days_with_dusk_infrared_and_dawn_raise_nothing(tmp_path: Path) -> None:
    cameras, seconds, days = length((len(PROFILES), 30.0, 1.0), (147, 600.0, 3.0))
    played = Days(tmp_path, cameras, seconds)
    lights, ends = (Light.DAY, Light.DUSK, Light.INFRARED, Light.DAWN), NOON + days * DAY_SECONDS
    async with played.running() as monitor:
        await played.play(lambda: played.clock.now() > ends and min(map(played.looks_in, lights)) >= cameras / 2)
        failures = monitor.fleet.snapshot().monitor.visits.failures.counts
    assert [each for each in played.said() if each[0].startswith(("picture_", "check_failed"))] == []
    assert failures == {}


@pytest.mark.timed
async def test_a_camera_that_is_covered_by_night_is_found(tmp_path: Path) -> None:
    days = Days(tmp_path, 1, 30.0)
    camera = days.fleet.cameras["cam-000"]
    async with days.running():
        await days.play(lambda: camera.light() is Light.INFRARED and days.looks_in(Light.INFRARED) > 5)
        assert days.said() == []
        await camera.set_fault(BY_NAME["covered"]())
        await until(lambda: any(item.code == "picture_covered" for item in days.raised))
