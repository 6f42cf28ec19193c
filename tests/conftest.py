"""Fixtures that many tests share."""

from __future__ import annotations

import contextlib
import itertools
import os
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

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

        async def start(
            count: int, *, onvif_port: int | None = None, tls: ssl.SSLContext | None = None
        ) -> SimulatedFleet:
            fleet = SimulatedFleet(rows(count, onvif_port=onvif_port), LOGIN, tls)
            await stack.enter_async_context(fleet.running())
            return fleet

        yield start


@dataclass(frozen=True)
class Tls:
    """A certificate for loopback addresses: the server's context, and the file of the authority that vouches for it."""

    context: ssl.SSLContext
    authority: Path


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Return a certificate of a made-up authority; it names no address, as cameras' own do not."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("camera.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return Tls(context, folder / "ca.pem")


@pytest.fixture(scope="session")
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
