"""Fixtures that many tests share."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from xueliang_monitor.camera_file import CameraFile
from xueliang_monitor.model import Credentials
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.spreadsheet import Row

ROOT = Path(__file__).parent.parent
LOGIN = Credentials("viewer", "correct horse")
_hosts = itertools.count(1)


def rows(
    count: int, *, port: int = 8554, credentials: str | None = "district", onvif_port: int | None = None
) -> tuple[Row, ...]:
    """Return rows of cameras on addresses that no other test of this run uses."""
    made = []
    for number in range(count):
        host = next(_hosts)
        address = f"127.{50 + os.getpid() % 100}.{host // 250}.{host % 250 + 1}"
        data = CameraFile(
            site=f"site-{number % 3}",
            address=address,
            rtsp_port=port,
            rtsp_path="/live/main",
            uplink=f"switch-{number // 8}",
            credentials=credentials,
            onvif_port=onvif_port,
        )
        made.append(Row(f"cam-{number:03d}", data))
    return tuple(made)


@pytest.fixture
async def simulated() -> AsyncIterator[Callable[..., object]]:
    """Start simulated fleets that end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(count: int, *, onvif_port: int | None = None) -> SimulatedFleet:
            fleet = SimulatedFleet(rows(count, onvif_port=onvif_port), LOGIN)
            await stack.enter_async_context(fleet.running())
            return fleet

        yield start


@pytest.fixture
def footage() -> Path:
    """Return the folder of real footage, or skip."""
    folder = Path(os.environ.get("XUELIANG_FOOTAGE", ROOT.parent / "shared" / "footage"))
    if not (folder / "street.mp4").exists():
        pytest.skip(f"no footage at {folder}; set XUELIANG_FOOTAGE")
    return folder


@pytest.fixture
def recorded() -> Path:
    """Return the folder of real cameras' recorded ONVIF answers, or skip."""
    folder = Path(os.environ.get("XUELIANG_ONVIF_RECORDED", ROOT.parent / "shared" / "onvif-recorded"))
    if not folder.is_dir():
        pytest.skip(f"no recorded ONVIF answers at {folder}; set XUELIANG_ONVIF_RECORDED")
    return folder
