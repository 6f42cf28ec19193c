"""A reload of a large fleet reads only what changed, and holds the event loop for no longer than 50 ms at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.loop_steps import measured_steps
from tests.real.gstreamer import free_port
from tests.waiting import AT_MOST_SECONDS, until
from xueliang_monitor.configuration import inventory
from xueliang_monitor.daemon import Monitor

CAMERAS = 2000
HOLD_SECONDS = 0.05
SETTINGS = """\
listen: 127.0.0.1:{port}
intervals: {{reach: 1d, rtsp: 1d, stream: 1d, picture: 1d, onvif: 1d}}
credentials: {{district: {{username: viewer, password_file: password}}}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An installation without cameras."""
    (tmp_path / "cameras.d").mkdir()
    (tmp_path / "password").touch(0o600)
    (tmp_path / "xueliang.yaml").write_text(SETTINGS.format(port=free_port()))
    return tmp_path


def _text(number: int) -> str:
    return (
        f"name: Camera {number}\nsite: S{number // 8}\nuplink: U{number // 8}\ncredentials: district\n"
        f"address: 127.{100 + number // 250}.{number % 250}.1\nidentity: {{model: M-1, serial: DS{number}}}\n"
    )


@pytest.fixture
def measuring() -> Iterator[contextlib.ExitStack]:
    """Return a stack whose contexts end with the test, however it ends."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.timed
async def test_2000_cameras_are_read_again_without_holding_the_loop(
    place: Path, monkeypatch: pytest.MonkeyPatch, measuring: contextlib.ExitStack
) -> None:
    monkeypatch.setattr(inventory, "UNSETTLED_NS", 0)
    read: list[str] = []
    real = inventory.read_camera

    def counted(file: Path, *others: object) -> inventory.Camera:
        read.append(file.stem)
        return real(file, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(inventory, "read_camera", counted)
    for number in range(CAMERAS):
        (place / "cameras.d" / f"c-{number:04d}.yaml").write_text(_text(number))
    monitor = Monitor(place / "xueliang.yaml")
    async with monitor.running():
        await monitor.reload()
        read.clear()
        steps = measuring.enter_context(measured_steps())
        (place / "cameras.d" / "c-0007.yaml").write_text(_text(7).replace("Camera 7", "Renamed"))
        await until(lambda: monitor.fleet.entry("c-0007").camera.name == "Renamed")
        assert read == ["c-0007"] * len(read)
        assert steps.longest_seconds < HOLD_SECONDS, "one changed file"
        (place / "password").write_text("changed")
        read.clear()
        await monitor.reload()
        assert len(read) == CAMERAS
        assert monitor.fleet.entry("c-1999").camera.target.credentials is not None
        assert monitor.fleet.entry("c-1999").camera.target.credentials.password == "changed"
        assert steps.longest_seconds < HOLD_SECONDS, "a new password for all"
        await asyncio.to_thread(lambda: [file.unlink() for file in (place / "cameras.d").iterdir()])
        await until(lambda: not monitor.fleet.snapshot().entries)
        assert steps.longest_seconds < HOLD_SECONDS, "no camera is left"


async def test_odd_files_hold_neither_a_reload_nor_the_stop(place: Path) -> None:
    cameras = place / "cameras.d"
    os.mkfifo(cameras / "fifo.yaml")
    (cameras / "zero.yaml").symlink_to("/dev/zero")
    page = f"http://{(place / 'xueliang.yaml').read_text().split()[1]}"
    command = [sys.executable, "-m", "xueliang_monitor", "run", "-c", str(place / "xueliang.yaml")]
    with (place / "log").open("w") as log:
        daemon = await asyncio.create_subprocess_exec(*command, stderr=log)
    try:
        async with aiohttp.ClientSession() as session:

            async def answered(path: str, wanted: str) -> bool:
                try:
                    async with session.get(page + path) as response:
                        return wanted in await response.text()
                except aiohttp.ClientError:
                    return False

            await until(lambda: answered("/metrics", "xueliang_inventory_invalid_files 2.0"))
            os.mkfifo(cameras / "another.yaml")
            await until(lambda: answered("/metrics", "xueliang_inventory_invalid_files 3.0"))
            (cameras / "good.yaml").write_text(_text(1))
            await until(lambda: answered("/api/v1/cameras/good", "Camera 1"))
            (place / "xueliang.yaml").write_text(f"{(place / 'xueliang.yaml').read_text()}clear: {'[' * 8000}\n")
            daemon.send_signal(signal.SIGHUP)
            await until(lambda: answered("/metrics", "xueliang_config_last_reload_successful 0.0"))
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(daemon.wait(), AT_MOST_SECONDS) == 0
    assert "fifo.yaml: is a FIFO, not a regular file" in (place / "log").read_text()
