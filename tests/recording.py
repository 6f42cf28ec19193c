"""A recorder on a real folder with short intervals, and cameras whose faults a test raises and clears."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.simulated_time import camera, visited
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.configuration.inventory import Inventory
from xueliang_monitor.configuration.settings import KeepSettings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import Rung
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage import recorder, upkeep
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_queries import Event
from xueliang_monitor.storage.recorder import Recorder

CAMERAS = tuple(camera(f"cam-{number}", f"sw{number}", f"site-{number}") for number in range(4))
FAULT = "rtsp_timeout"


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten all intervals of the recorder."""
    for name in ("WAKE", "FLUSH", "RETRY", "LONGEST_RETRY"):
        monkeypatch.setattr(recorder, f"{name}_SECONDS", 0.05)
    monkeypatch.setattr(upkeep, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(upkeep, "CHECK_PAUSES", 1)


@dataclass
class Rig:
    """A fleet and its recorder."""

    folder: Path
    fleet: Fleet = field(default_factory=lambda: Fleet(SystemClock(), Policy(flaps=10**6), CAMERAS))

    def __post_init__(self) -> None:
        self.recorder = Recorder(
            lambda: History(self.folder),
            self.fleet,
            SystemClock(),
            resume=lambda stored: self.fleet.resume(stored, CAMERAS, Inventory(CAMERAS, ())),
            keep=KeepSettings(),
        )

    def visit(self, name: str, code: str | None, times: int = 3) -> None:
        for _ in range(times):
            self.fleet.apply(visited(name, self.fleet.now, code, Rung.RTSP), Memory(), 0.0)

    def fail(self, name: str) -> None:
        self.visit(name, FAULT)

    def mend(self, name: str) -> None:
        self.visit(name, None)

    @property
    def up(self) -> bool:
        return "xueliang_history_up 1.0" in render(self.fleet.snapshot(), "")[0].decode()

    def metric(self, name: str) -> str:
        text = render(self.fleet.snapshot(), "")[0].decode()
        return next(line.split()[1] for line in text.splitlines() if line.startswith(name + " "))

    def events(self) -> list[tuple[str, str]]:
        """Return what a separate process reads, so that the cache of this process does not matter."""
        return [(item.camera, item.kind) for item in read(self.folder)]

    def episodes(self) -> list[tuple[str, bool]]:
        """Return the episodes, and whether each has ended."""
        with contextlib.closing(History(self.folder, read_only=True)) as history:
            return [(item.camera, item.ended is not None) for item in history.episodes(0, self.fleet.now + 1)]

    async def until_up(self, wanted: bool = True) -> None:
        await until(lambda: self.up is wanted)

    async def until_written(self) -> None:
        """Wait until all changes so far can have been written."""
        await until(lambda: self.up and not len(self.recorder._backlog))
        before = self.recorder._flushed_at
        await until(lambda: self.recorder._flushed_at > before and self.up)
        before = self.recorder._flushed_at
        await until(lambda: self.recorder._flushed_at > before and self.up)


def read(folder: Path) -> list[Event]:
    """Return the events of a history, as `xueliang events` reads them."""
    with contextlib.closing(History(folder, read_only=True)) as history:
        return history.events(limit=10_000)


async def until(wanted: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not wanted():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def recording(folder: Path) -> AsyncIterator[Rig]:
    rig = Rig(folder)
    with rig.recorder.open():
        task = asyncio.create_task(rig.recorder.run())
        try:
            yield rig
        finally:
            assert not task.done(), "the recorder ended"
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@contextlib.contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """Mount a separate small file system, or skip the test."""
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("no file system can be mounted here, which takes root")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the database's write lock over another connection."""
    with contextlib.closing(sqlite3.connect(folder / "history.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(item.levelname, item.message) for item in caplog.records if item.levelno >= logging.INFO]


def overwrite(file: Path, first: int, content: bytes) -> None:
    """Write into a file that other processes have open."""
    with file.open("r+b") as stream:
        stream.seek(first)
        stream.write(content)


def remove(*paths: Path) -> None:
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
