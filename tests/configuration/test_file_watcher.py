"""The camera folder is watched even if it disappears or the system cannot report changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from xueliang_monitor.configuration import file_watcher

FOLLOWER = """
import asyncio, logging, sys
from pathlib import Path
from xueliang_monitor.configuration import file_watcher
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
file_watcher.REFUSED_SECONDS = 1.0
folder = Path(sys.argv[1])
async def changed():
    print("changed", sorted(path.name for path in folder.iterdir()), flush=True)
print("ready", flush=True)
asyncio.run(file_watcher.follow(folder, file_watcher.fingerprint(folder), changed))
"""


class Followed:
    """A watched folder, and how often a change was reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    async def changed(self) -> None:
        self.count += 1

    async def told_after(self, change: Callable[[], object]) -> None:
        before = self.count
        change()
        async with asyncio.timeout(20):
            while self.count == before:
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def following(folder: Path) -> AsyncIterator[Followed]:
    followed = Followed(folder)
    task = asyncio.create_task(file_watcher.follow(folder, file_watcher.fingerprint(folder), followed.changed))
    try:
        yield followed
    finally:
        assert not task.done(), "it ended"
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(file_watcher, "GONE_SECONDS", 0.2)
    monkeypatch.setattr(file_watcher, "LOOK_SECONDS", 0.1)
    folder = tmp_path / "cameras.d"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("limit", ["max_inotify_instances", "max_inotify_watches"])
def test_without_inotify_the_folder_is_polled_until_inotify_works(tmp_path: Path, limit: str) -> None:
    place = f"/proc/sys/user/{limit}"
    script = f'echo 0 > {place} && exec "$0" -c "$1" "$2"'
    own = ["unshare", "--user", "--map-root-user", "--"]
    if subprocess.run([*own, "test", "-w", place], capture_output=True).returncode:
        pytest.skip("a user namespace of one's own is not allowed here")
    folder = tmp_path / "cameras.d"
    folder.mkdir()
    process = subprocess.Popen(
        [*own, "sh", "-c", script, sys.executable, FOLLOWER, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        lines = iter(process.stdout.readline, "")
        assert next(lines) == "ready\n"
        warning = next(lines)
        assert warning.startswith(f"WARNING {folder}: the system does not report changes (")
        assert "polled every second" in warning
        started = time.monotonic()
        (folder / "a.yaml").write_text("x")
        assert next(lines) == "changed ['a.yaml']\n"
        assert time.monotonic() - started < 15
        (folder / "b.yaml").write_text("x")
        assert next(lines) == "changed ['a.yaml', 'b.yaml']\n"  # and the warning was logged once
        inside = ["nsenter", "--user", "--preserve-credentials", "--target", str(process.pid)]
        subprocess.run([*inside, "sh", "-c", f"echo 100 > {place}"], check=True)
        assert next(lines) == f"INFO {folder}: the system reports changes again\n"
        (folder / "a.yaml").unlink()
        assert next(lines) == "changed ['b.yaml']\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class PanicError(BaseException):
    """Like the panic exception of pyo3, which is not an `Exception`."""


@pytest.mark.parametrize("error", [RuntimeError("Already borrowed"), PanicError("at lib.rs"), OSError(5, "I/O error")])
async def test_the_folder_is_watched_whatever_the_library_raises(
    cameras: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    async def awatch(*_: object, **__: object) -> AsyncIterator[set[object]]:
        yield set()
        raise error

    monkeypatch.setattr("watchfiles.awatch", awatch)
    async with following(cameras) as followed:
        for name in ("a", "b"):
            await followed.told_after(lambda name=name: (cameras / f"{name}.yaml").write_text("x"))  # type: ignore[misc]
    assert [line.levelno for line in caplog.records] == [logging.WARNING]
    assert str(error) in caplog.text


async def test_a_failing_callback_is_not_blamed_on_the_library(cameras: Path) -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    task = asyncio.create_task(file_watcher.follow(cameras, frozenset({("gone.yaml", None)}), fails))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(task, 20)


async def test_a_folder_that_goes_and_comes_back_is_followed(
    cameras: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "xueliang_monitor.configuration.file_watcher")
    (cameras / "a.yaml").write_text("1")

    def swap(make: Callable[[], object]) -> None:
        (cameras / "a.yaml").unlink()
        cameras.rmdir()
        make()

    async with following(cameras) as followed:
        await followed.told_after(lambda: swap(lambda: None))
        await followed.told_after(lambda: (cameras.mkdir(), (cameras / "a.yaml").write_text("22")))
        await followed.told_after(lambda: (cameras / "a.yaml").write_text("333"))
        other = tmp_path / "other"
        other.mkdir()
        (other / "b.yaml").write_text("x")
        await followed.told_after(lambda: swap(lambda: cameras.symlink_to(other)))
        third = tmp_path / "third"
        third.mkdir()
        (third / "c.yaml").write_text("xx")

        def point_elsewhere() -> None:
            cameras.unlink()
            cameras.symlink_to(third)

        await followed.told_after(point_elsewhere)
        await followed.told_after(lambda: (third / "d.yaml").write_text("x"))


async def test_a_missing_folder_is_logged_once(cameras: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "xueliang_monitor.configuration.file_watcher")
    cameras.rmdir()
    async with following(cameras) as followed:
        await asyncio.sleep(1.0)  # several attempts
        await followed.told_after(lambda: (cameras.mkdir(), (cameras / "a.yaml").write_text("x")))
        async with asyncio.timeout(20):
            while len(caplog.records) < 2:
                await asyncio.sleep(0.02)
    assert [line.levelname for line in caplog.records] == ["WARNING", "INFO"]
