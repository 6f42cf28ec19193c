"""Fixtures that many tests share."""

from __future__ import annotations

import collections
import contextlib
import fcntl
import itertools
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from hypothesis import settings

from tests.loopback import own_address
from tests.net.synthetic_cameras import write_cameras
from tests.scenes import make_footage
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.model import Credentials
from xueliang_monitor.net import http_digest
from xueliang_monitor.simulator.faults import FAULTS, SimulatedFault
from xueliang_monitor.simulator.fleet import SimulatedFleet

ROOT = Path(__file__).parent.parent
settings.register_profile("patient", deadline=None)  # on a busy machine any example may take long
settings.load_profile("patient")
LOGIN = Credentials("viewer", "correct horse")
_hosts = itertools.count(1)


def rows(
    count: int, *, port: int = 8554, credentials: str | None = "district", onvif_port: int | None = None
) -> tuple[Row, ...]:
    """Return rows of cameras on addresses that no other test on this machine uses."""
    made = []
    for number in range(count):
        host = next(_hosts)
        address = own_address(host // 250, host % 250 + 1)
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


@pytest.fixture(autouse=True)
def _no_known_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what earlier tests taught of servers: a port of theirs may be that of another one now."""
    monkeypatch.setattr(http_digest.USED_UP_NONCES, "_servers", collections.OrderedDict())


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Take back what a command that ran in this process said of the log: commands end with their process."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
async def simulated() -> AsyncIterator[Callable[..., object]]:
    """Start simulated fleets that end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            count: int,
            *,
            onvif_port: int | None = None,
            tls: ssl.SSLContext | None = None,
            faults: Sequence[type[SimulatedFault]] = FAULTS,
        ) -> SimulatedFleet:
            fleet = SimulatedFleet(rows(count, onvif_port=onvif_port), LOGIN, tls, faults=faults)
            await stack.enter_async_context(fleet.running())
            return fleet

        yield start


@dataclass(frozen=True)
class Tls:
    """A certificate for loopback addresses: the server's context, and the file of the authority that vouches for it."""

    context: ssl.SSLContext
    authority: Path


@pytest.fixture
def control_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the simulator's default control port, for one test at a time; skip if a demo runs here already."""
    port, shared = 9148, tmp_path_factory.getbasetemp().parent / "control-port"
    with shared.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip("a demo or simulator is running here already")
        yield port


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Return a certificate of a made-up authority; it names no address, as cameras' own do not."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("camera.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return Tls(context, folder / "ca.pem")


FOOTAGE = Path(os.environ.get("XUELIANG_FOOTAGE", ROOT.parent / "shared" / "footage"))
FOOTAGES = ["packaged", *(["real"] if (FOOTAGE / "cameras.json").exists() else [])]


@pytest.fixture(scope="session", params=FOOTAGES)
def footage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of footage: the packaged clips laid out as such, and the real footage where it is at hand."""
    return FOOTAGE if request.param == "real" else make_footage(tmp_path_factory.mktemp("footage"))


RECORDED = Path(os.environ.get("XUELIANG_ONVIF_RECORDED", ROOT.parent / "shared" / "onvif-recorded"))
RECORDINGS = ["made", *(["real"] if RECORDED.is_dir() else [])]


@pytest.fixture(scope="session", params=RECORDINGS)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of ONVIF answers: ones made like those of real cameras, and recorded ones where at hand."""
    return RECORDED if request.param == "real" else write_cameras(tmp_path_factory.mktemp("onvif"))
