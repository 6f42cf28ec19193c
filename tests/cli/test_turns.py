"""Commands that wait for a turn at a camera's host."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.conftest import LOGIN
from tests.loopback import own_address
from tests.recorder import Recorder
from tests.waiting import AT_MOST_SECONDS
from xueliang_monitor.probing.camera_lock import CameraLocks, HostSessions

ADDRESS = own_address(202, 1)
SESSIONS = {ADDRESS: HostSessions(3, 2)}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Write an installation with a recorder of three channels, of which two are visited at once."""
    settings = tmp_path / "xueliang.yaml"
    settings.write_text(
        "recorder_sessions: 2\ncredentials:\n  district: {username: viewer, password_env: FLEET_PASSWORD}\n"
    )
    (tmp_path / "state").mkdir()
    (tmp_path / "cameras.d").mkdir()
    for number in (1, 2, 3):
        (tmp_path / "cameras.d" / f"ch{number}.yaml").write_text(
            f"site: S\naddress: {ADDRESS}\nrtsp_port: 8554\nrtsp_path: /ch0{number}\nonvif: none\n"
            "credentials: district\n"
        )
    return tmp_path


async def start(place: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "xueliang_monitor", *arguments, "--config", str(place / "xueliang.yaml")),
        env={**os.environ, "FLEET_PASSWORD": LOGIN.password, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("command", ["check", "capture"])
async def test_a_command_says_what_it_waits_for_and_goes_on(place: Path, command: str) -> None:
    async with Recorder(ADDRESS, 8554, 3, LOGIN).running() as recorder, AsyncExitStack() as held:
        locks = CameraLocks(place / "state", SESSIONS)
        await held.enter_async_context(locks.hold(ADDRESS))
        second = await held.enter_async_context(AsyncExitStack())
        await second.enter_async_context(locks.hold(ADDRESS))
        process = await start(place, command, "ch1")
        assert process.stderr is not None
        line = await asyncio.wait_for(process.stderr.readline(), AT_MOST_SECONDS)
        expected = f"waiting: the monitor or another command is using all 2 sessions at {ADDRESS}"
        assert expected in line.decode()
        assert recorder.accepted == 0
        await second.aclose()
        await asyncio.wait_for(process.communicate(), AT_MOST_SECONDS)
        assert recorder.accepted > 0


async def test_a_command_takes_a_free_session_beside_the_monitor(place: Path) -> None:
    async with Recorder(ADDRESS, 8554, 3, LOGIN).running() as recorder:
        async with CameraLocks(place / "state", SESSIONS).hold(ADDRESS):
            process = await start(place, "capture", "ch1")
            _, told = await asyncio.wait_for(process.communicate(), AT_MOST_SECONDS)
        assert recorder.accepted > 0
        assert b"waiting" not in told
