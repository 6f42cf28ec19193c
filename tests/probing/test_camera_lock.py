"""Camera locks, within one process and between processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.conftest import LOGIN
from tests.waiting import AT_MOST_SECONDS, PATIENT
from xueliang_monitor.model import Rung, Target
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing import host_queue, lock_files
from xueliang_monitor.probing.camera_lock import CameraBusyError, CameraLocks, HostSessions
from xueliang_monitor.probing.host_queue import Urgency
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.fleet import SimulatedFleet

HOLD = """
import asyncio, sys
from pathlib import Path
from xueliang_monitor.probing.camera_lock import CameraLocks
async def hold():
    async with CameraLocks(Path(sys.argv[1])).hold("10.0.0.1"):
        print("held", flush=True)
        await asyncio.sleep(60)
asyncio.run(hold())
"""


async def test_visits_of_one_process_wait_for_each_other(
    simulated: Callable[[int], Awaitable[SimulatedFleet]], tmp_path: Path
) -> None:
    fleet = await simulated(2)
    one, other = fleet.cameras.values()
    for shared in (CameraLocks(), CameraLocks(tmp_path), None):
        each = [shared or CameraLocks(tmp_path) for _ in range(6)]
        await asyncio.gather(
            *(
                visit(
                    camera.target,
                    Rung.RTSP,
                    Memory(),
                    timeouts=PATIENT,
                    workers=Workers(1),
                    now=time.time(),
                    locks=lock,
                )
                for lock in each
                for camera in (one, other)
            )
        )
    assert (one.most_connections, other.most_connections) == (1, 1)
    assert LOGIN.password not in "".join(path.name for path in tmp_path.rglob("*"))


async def test_a_lock_is_waited_for_until_the_other_process_ends(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    async with CameraLocks(tmp_path).hold("10.0.0.2"):
        pass  # another camera's lock does not matter

    async def take() -> None:
        async with CameraLocks(tmp_path).hold("10.0.0.1"):
            pass

    waiting = asyncio.create_task(take())
    await asyncio.sleep(0.3)
    assert not waiting.done()
    holder.kill()
    await asyncio.wait_for(waiting, AT_MOST_SECONDS)
    holder.wait()
    holder.stdout.close()


async def test_a_host_with_several_cameras_takes_several_sessions_over_all_processes(tmp_path: Path) -> None:
    sessions = {"10.0.0.1": HostSessions(channels=9, sessions=3)}
    monitor, command, older = CameraLocks(tmp_path, sessions), CameraLocks(tmp_path, sessions), CameraLocks(tmp_path)
    async with monitor.hold("10.0.0.1"), monitor.hold("10.0.0.1"):
        async with older.hold("10.0.0.1"):
            waiting = asyncio.create_task(command.hold("10.0.0.1").__aenter__())
            await asyncio.sleep(0.2)
            assert not waiting.done()
        await asyncio.wait_for(waiting, AT_MOST_SECONDS)
    assert sorted(file.name for file in (tmp_path / lock_files.FOLDER).glob("*")) == [
        "10.0.0.1",
        "10.0.0.1.1",
        "10.0.0.1.2",
        "10.0.0.1~waiting",
    ]


async def test_sessions_that_a_host_refused_are_left_to_nobody(tmp_path: Path) -> None:
    sessions = {"h": HostSessions(channels=9, sessions=3)}
    monitor, command = CameraLocks(tmp_path, sessions), CameraLocks(tmp_path, sessions)
    async with monitor.hold("h"):
        monitor.queue("h").capacity.refuse(2, time.monotonic())
        async with contextlib.AsyncExitStack() as stack:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await stack.enter_async_context(monitor.hold("h"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), command.hold("h"):
                pass
    async with asyncio.timeout(AT_MOST_SECONDS), command.hold("h"):
        pass


async def test_a_busy_monitor_lets_a_command_have_a_turn(tmp_path: Path) -> None:
    monitor, command = CameraLocks(tmp_path), CameraLocks(tmp_path)
    target, turns, stopped = Target("cam", "h"), 0, asyncio.Event()

    async def visit() -> None:
        nonlocal turns
        while not stopped.is_set():
            async with monitor.turn(target, Urgency.ROUTINE):
                await asyncio.sleep(0.01)
                turns += 1

    visiting = [asyncio.create_task(visit()) for _ in range(5)]
    await asyncio.sleep(0.1)
    for _ in range(3):
        async with asyncio.timeout(AT_MOST_SECONDS), command.hold("h"):
            before = turns
            await asyncio.sleep(0.05)
            assert turns == before
    stopped.set()
    await asyncio.gather(*visiting)


async def test_a_stuck_process_is_not_waited_for_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_queue, "WAIT_SECONDS", 0.2)
    async with CameraLocks(tmp_path).hold("h"):
        with pytest.raises(CameraBusyError, match="the monitor or another command has been connected to h for"):
            async with CameraLocks(tmp_path).hold("h"):
                pass


async def test_locks_work_without_a_usable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shared = CameraLocks(tmp_path / "file")
    async with shared.hold("h"):
        waiting = asyncio.create_task(shared.hold("h").__aenter__())
        await asyncio.sleep(0.1)
        assert not waiting.done()
    await waiting


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another owner")
async def test_a_command_run_by_root_does_not_lock_the_daemon_out(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    async with CameraLocks(tmp_path).hold("h"):
        pass
    assert (tmp_path / lock_files.FOLDER).stat().st_uid == 65534
    assert (tmp_path / lock_files.FOLDER / "h").stat().st_mode & 0o777 == 0o644


async def test_a_planted_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / lock_files.FOLDER).mkdir()
    (tmp_path / lock_files.FOLDER / "h").symlink_to(tmp_path / "elsewhere")
    async with CameraLocks(tmp_path).hold("h"):
        assert not (tmp_path / "elsewhere").exists()
