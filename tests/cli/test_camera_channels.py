"""`camera add --channels`: the channels of a recorder are registered by one command, one session at a time."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.test_camera_commands import Desk
from tests.conftest import LOGIN
from tests.endurance import IN_FULL
from tests.loopback import own_address
from tests.onvif_recorder import OnvifDevice, recorder_profiles
from tests.recorder import Recorder
from xueliang_monitor.simulator.behaviour import Behaviour

PORT, ONVIF_PORT = 8554, 8000
_numbers = iter(range(1, 250))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@contextlib.asynccontextmanager
async def recorder_of(channels: int, linked: int | None = None) -> AsyncIterator[tuple[Recorder, OnvifDevice]]:
    """Serve a recorder that takes one session; of its channels the first ones have a camera."""
    host = own_address(77, next(_numbers))
    streams = Recorder(host, PORT, channels if linked is None else linked, LOGIN)
    streams.sessions.most = 1
    device = OnvifDevice(host, ONVIF_PORT, recorder_profiles(host, PORT, channels), LOGIN)
    async with streams.running(), device.running():
        yield streams, device


async def test_channels_are_registered_by_one_command(desk: Desk) -> None:
    async with recorder_of(4) as (streams, device):
        arguments = ("--site", "S", "--name", "Hall", "--id", "nvr", "--channels")
        code, out, err = await desk.add(device.host, *arguments, "1,3-4")
        assert code == 0, out + err
        assert sorted(path.stem for path in desk.cameras.iterdir()) == ["nvr-ch01", "nvr-ch03", "nvr-ch04"]
        written = desk.file("nvr-ch03")
        assert (written["rtsp_path"], written["name"], written["stream"]["profile"]) == ("/ch03", "Hall 3", "c3sub")
        assert written["stream"]["width"] == 640
        assert written["main_stream"]["width"] == 1920
        assert written["identity"]["serial"] == "NVR-2026-0001"
        assert (streams.sessions.refused, device.refused) == (0, 0)
        assert device.calls["GetProfiles"] <= 3
        assert "3 of 3 channels are monitored" in out
        assert "registered 已登记" in out
        assert "4 channels: 1-4" in err
        # The rest, and what is there already.
        code, out, err = await desk.add(device.host, "--site", "S", "--id", "nvr", "--channels", "all", "--json")
        rows = {row["channel"]: row for row in json.loads(out)}
        assert code == 0, err
        assert {number: row["result"] for number, row in rows.items()} == {
            1: "already registered", 2: "registered", 3: "already registered", 4: "already registered",
        }  # fmt: skip
        assert rows[1]["detail"] == "as nvr-ch01"
        assert rows[2]["name"] == "Gate 2"
        assert rows[2]["file"] == str(desk.cameras / "nvr-ch02.yaml")
        assert (await desk.run("config", "check"))[0] == 0


async def test_a_bad_channel_costs_that_channel(desk: Desk) -> None:
    async with recorder_of(4, linked=3) as (streams, device):
        streams.channels[1].behaviour = Behaviour(variant="black")
        code, out, err = await desk.add(device.host, "--site", "S", "--channels", "1-5", "--json")
        rows = {row["channel"]: row for row in json.loads(out)}
        assert code == 1, err
        assert [rows[number]["result"] for number in range(1, 6)] == [
            "registered", "not passed", "registered", "not passed", "no such channel",
        ]  # fmt: skip
        assert "picture_black" in rows[2]["detail"]
        assert "is a camera linked to this channel?" in rows[4]["detail"]
        assert "是否已接入摄像机" in rows[4]["detail"]
        assert rows[5]["detail"] == "the device has the channels 1-4"
        assert len(list(desk.cameras.iterdir())) == 2
        code, out, err = await desk.add(
            device.host, "--site", "S", "--channels", "4", "--as", "commissioning", "--json"
        )
        assert (code, json.loads(out)[0]["result"]) == (0, "in commissioning"), err


async def test_a_refused_login_is_tried_once_for_all_channels(desk: Desk) -> None:
    async with recorder_of(4) as (_, device):
        code, _, err = await desk.run(
            "camera", "add", device.host, "--site", "S", "--credentials", "other", "--channels", "all"
        )
        assert code == 1
        assert "the camera refused the login" in err
        assert device.refused == 1
        assert list(desk.cameras.iterdir()) == []


async def test_a_login_that_only_the_streams_refuse_is_tried_once(desk: Desk) -> None:
    async with recorder_of(3) as (streams, device):
        device.credentials = replace(LOGIN, password="wr0ng-pass")
        code, out, err = await desk.run(
            "camera", "add", device.host, "--site", "S", "--credentials", "other", "--channels", "all", "--json"
        )
        assert code == 1, err
        assert [row["result"] for row in json.loads(out)] == ["not passed", "not tried", "not tried"]
        assert "the login was refused at channel 1" in json.loads(out)[1]["detail"]
        assert sum(channel.refused_logins for channel in streams.channels) == 1


async def test_the_second_channel_of_an_address_is_a_camera_of_its_own(desk: Desk) -> None:
    async with recorder_of(3) as (_, device):
        code, _, err = await desk.add(device.host, "--site", "S", "--profile", "c1sub")
        assert code == 0, err
        code, _, err = await desk.add(device.host, "--site", "S", "--profile", "c3sub")
        assert code == 0, err
        first = f"camera-{device.host.replace('.', '-')}"
        assert sorted(path.stem for path in desk.cameras.iterdir()) == [first, f"{first}-ch3"]
        code, _, err = await desk.add(device.host, "--site", "S", "--profile", "c3sub")
        assert code == 1
        assert f"is already registered as {first}-ch3" in err
        code, _, err = await desk.add(device.host, "--site", "S", "--profile", "c9sub")
        assert code == 2
        assert "the camera has no profile c9sub; it has:" in err
        assert "\n3        c3sub    Gate 3 sub   H264 640x360\n" in err
        assert desk.file(f"{first}-ch3")["main_stream"]["profile"] == "c3main"
        code, out, err = await desk.add(device.host, "--profile", "list")
        assert code == 0, err
        lines = out.splitlines()
        assert len(lines) == 7
        assert lines[0].split() == ["channel", "profile", "name", "stream"]
        assert lines[6].split()[:2] == ["3", "c3sub"]


@pytest.mark.skipif(not IN_FULL, reason="the test of four channels is its brief form")
async def test_forty_channels_take_less_than_a_minute(desk: Desk) -> None:
    async with recorder_of(40) as (streams, device):
        began = time.monotonic()
        code, out, err = await desk.add(device.host, "--site", "S", "--id", "nvr", "--channels", "all", "--json")
        assert code == 0, err
        assert time.monotonic() - began < 60
        assert len(json.loads(out)) == 40
        assert len(list(desk.cameras.iterdir())) == 40
        assert streams.sessions.refused == 0
        assert "40 of 40 channels done" in err
