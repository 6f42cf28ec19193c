"""Devices whose ONVIF service is at another port or path, and several devices behind one address."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.test_camera_commands import Desk
from tests.conftest import LOGIN
from tests.loopback import own_address
from tests.onvif_recorder import ChannelProfile, OnvifDevice, discoverable, probe_match
from tests.recorder import Recorder
from xueliang_monitor.net.discovery import probe_addresses
from xueliang_monitor.wire.device_text import NO_SECRETS

RTSP_PORT = 8554
_numbers = itertools.count(1)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@contextlib.asynccontextmanager
async def devices_of(*places: tuple[int, str]) -> AsyncIterator[tuple[str, tuple[OnvifDevice, ...]]]:
    """Serve devices behind one address, each with an ONVIF service and a stream of its own."""
    host = own_address(78, next(_numbers))
    devices = tuple(
        OnvifDevice(
            host,
            port,
            (ChannelProfile("sub", "sub", "s", (640, 360), f"rtsp://192.168.1.10:{RTSP_PORT}/ch{number:02d}"),),
            LOGIN,
            path=path,
            serial=f"UNIT-{number:05d}",
        )
        for number, (port, path) in enumerate(places, 1)
    )
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(Recorder(host, RTSP_PORT, len(places), LOGIN).running())
        for device in devices:
            await stack.enter_async_context(device.running())
        yield host, devices


def matches(devices: tuple[OnvifDevice, ...], *, endpoint: str = "") -> tuple[str, ...]:
    return tuple(
        probe_match(endpoint or f"urn:uuid:{number}", f"Door%20{number}", f"http://{each.host}:{each.port}{each.path}")
        for number, each in enumerate(devices, 1)
    )


DOORS = (8081, "/cam1/device"), (8082, "/cam2/device")


@pytest.mark.parametrize("in_one_datagram", [True, False])
async def test_devices_behind_one_address_are_each_found(*, in_one_datagram: bool) -> None:
    async with devices_of(*DOORS) as (host, devices):
        said = matches(devices)
        async with discoverable(host, *((said,) if in_one_datagram else tuple((each,) for each in (*said, *said)))):
            found = await probe_addresses([host], 0.5, gate=NO_SECRETS)
    assert sorted((each.name, each.port, each.path) for each in found) == [
        ("Door 1", *DOORS[0]),
        ("Door 2", *DOORS[1]),
    ]


async def test_devices_behind_one_address_are_told_apart_and_registered(desk: Desk) -> None:
    async with (
        devices_of(*DOORS) as (host, devices),
        discoverable(host, matches(devices, endpoint="urn:uuid:the-same-in-all-units")),
    ):
        subnet = ("discover", "--subnet", f"{host}/32", "--timeout", "0.5")
        code, _, err = await desk.add(host, "--site", "S")
        assert code == 1
        assert f"2 devices answer at {host}: port 8081, path /cam1/device (Door 1), port 8082" in err
        assert "Say which one is meant with --onvif-port." in err
        code, _, err = await desk.add(host, "--site", "S", "--id", "door2", "--onvif-port", "8082")
        assert code == 0, err
        assert desk.file("door2")["onvif_path"] == "/cam2/device"
        rows = json.loads((await desk.run(*subnet, "--json"))[1])
        assert [row["registered"] for row in rows] == [None, "door2"]
        code, out, _ = await desk.run(*subnet, "--add", "--site", "S", "--credentials", "district")
        assert code == 0, out
        first = desk.file(f"camera-{host.replace('.', '-')}")
        assert (first["onvif_port"], first["onvif_path"]) == (8081, "/cam1/device")
        assert (await desk.run("config", "check"))[0] == 0


async def test_a_service_at_another_path_is_found(desk: Desk) -> None:
    async with devices_of((8083, "/onvif/device")) as (host, devices):
        code, _, err = await desk.add(host, "--site", "S", "--id", "a", "--onvif-port", "8083")
        assert code == 0, err
        assert desk.file("a")["onvif_path"] == "/onvif/device"
        assert devices[0].refused == 0
        code, _, err = await desk.add(host, "--site", "S", "--id", "b", "--onvif-port", "8083", "--onvif-path", "/none")
        assert code == 1
        assert "does not speak ONVIF" in err
        assert err.count("port 8083") == 1


async def test_a_path_that_only_the_device_knows_is_given(desk: Desk) -> None:
    async with devices_of((8000, "/cgi/soap")) as (host, devices):
        code, _, err = await desk.add(host, "--site", "S", "--id", "a")
        assert code == 1
        assert "port 8000" in err
        code, _, err = await desk.add(host, "--site", "S", "--id", "a", "--onvif-path", "/cgi/soap")
        assert code == 0, err
        assert (desk.file("a")["onvif_port"], desk.file("a")["onvif_path"]) == (8000, "/cgi/soap")
        assert devices[0].calls["GetProfiles"] >= 1
