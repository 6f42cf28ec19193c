"""No page, list or stream of 5,000 cameras holds the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.simulated_time import camera
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import Rung, RungResult, VisitResult
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.service import spare_the_collector
from xueliang_monitor.storage.history import History
from xueliang_monitor.web.server import Server

CAMERAS = 5000
MOST_SECONDS = 0.05
ATTEMPTS = 3
PATHS = (
    *(
        "/",
        "/?q=cam-0012+site",
        "/sites",
        "/problems",
        "/api/v1/cameras",
        "/api/v1/cameras?limit=100&text=cam+site-7",
        "/api/v1/problems",
        "/api/v1/sites",
        "/api/v1/sd",
        "/api/v1/openapi.json",
        "/api/v1/events?text=cam+site+1+2+3+4+5+6",
        "/events",
        "/events?site=site-7&q=cam+site+1+2+3+4+5+6",
        "/report",
        "/cameras/cam-0001",
        "/readyz",
    ),
    "/metrics",
)


def _fleet() -> Fleet:
    cameras = tuple(camera(f"cam-{number:04d}", site=f"site-{number // 8}") for number in range(CAMERAS))
    fleet = Fleet(SystemClock(), Policy(), cameras)
    for each in cameras:
        visited = VisitResult(each.id, time.time(), (RungResult(Rung.REACH, True, 0.01),), online=True)
        fleet.apply(visited, Memory(), 0.0)
    return fleet


@contextlib.contextmanager
def _collector_spared() -> Iterator[None]:
    spare_the_collector()
    try:
        yield
    finally:
        gc.unfreeze()


class Holds:
    """The longest time for which the event loop was held, since it was last asked."""

    def __init__(self) -> None:
        self._longest = 0.0

    async def watch(self) -> None:
        while True:
            # By the clock, and no more than by our own CPU: what other processes take is not counted.
            began, spent = time.monotonic(), time.thread_time()
            await asyncio.sleep(0.001)
            self._longest = max(self._longest, min(time.monotonic() - began, time.thread_time() - spent))

    def take(self) -> float:
        longest, self._longest = self._longest, 0.0
        return longest


async def _holds_by_path(fleet: Fleet, folder: Path) -> dict[str, float]:
    """Request every path once from a new server, which has rendered nothing yet."""
    settings, holds, found = Settings(listen="127.0.0.1:0", state=folder), Holds(), {}
    async with (
        Server(fleet, settings, folder).serving(*settings.listen_address) as address,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        watching = asyncio.create_task(holds.watch())
        for path in PATHS:
            holds.take()
            async with session.get(address + path, headers={"Accept-Encoding": "gzip, deflate"}) as answer:
                assert answer.status == 200
                await answer.read()
            found[path] = holds.take()
        watching.cancel()
    return found


@pytest.mark.timed
async def test_no_request_holds_the_loop(tmp_path: Path) -> None:
    fleet, told = _fleet(), list[dict[str, float]]()
    History(tmp_path).close()
    with _collector_spared():
        while len(told) < ATTEMPTS and max((told[-1] if told else {"": 1.0}).values()) >= MOST_SECONDS:
            told.append(await _holds_by_path(fleet, tmp_path))
    for path in PATHS:
        assert min(each[path] for each in told) < MOST_SECONDS, path
