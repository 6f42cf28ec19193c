"""The lock on the state folder: one holder, which is named; the daemon runs without it if the folder is unwritable."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from tests.recording import mounted, until
from xueliang_monitor.storage import state_lock
from xueliang_monitor.storage.state_lock import StateHeldError, StateLock

NOW = 1_700_000_000.0


def refused(folder: Path, why: str) -> None:
    with pytest.raises(StateHeldError, match=why), StateLock(folder, NOW).held():
        raise AssertionError


def test_the_second_daemon_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with StateLock(state, NOW).held():
        refused(state, f"pid {os.getpid()}, since 2023-11-1")
    first = StateLock(state, NOW)
    with first.held():
        first.tell("http://127.0.0.1:9147")
        first.tell("http://127.0.0.1:9148")
        refused(state, r"page http://127.0.0.1:9148/\)")
    assert (state / "daemon.lock").stat().st_mode & 0o777 == 0o600


def test_an_unlocked_lock_file_is_taken_whatever_its_content(tmp_path: Path) -> None:
    (tmp_path / "daemon.lock").write_bytes(b"\xff" * 5000)
    with StateLock(tmp_path, NOW).held():
        assert (tmp_path / "daemon.lock").read_text().startswith(f"pid {os.getpid()}")


def test_a_child_does_not_inherit_it(tmp_path: Path) -> None:
    with StateLock(tmp_path, NOW).held():
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with StateLock(tmp_path, NOW).held():
            pass
    finally:
        child.kill()
        child.wait()


async def test_an_unavailable_lock_is_logged_once_and_taken_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_lock, "CHECK_SECONDS", 0.02)
    state = tmp_path / "state"
    state.write_text("in the way")
    lock = StateLock(state, NOW)
    with lock.held():
        keeping = asyncio.create_task(lock.keep())
        await asyncio.sleep(0.2)  # several attempts
        assert [item.levelname for item in caplog.records] == ["WARNING"]
        assert "make sure that only one daemon runs" in caplog.text
        state.unlink()
        await until((state / "daemon.lock").exists)
        await until(lambda: lock._is_ours())
        refused(state, "another xueliang")
        keeping.cancel()


async def test_a_daemon_whose_lock_another_took_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_lock, "CHECK_SECONDS", 0.02)
    lock = StateLock(tmp_path, NOW)
    with lock.held():
        (tmp_path / "daemon.lock").unlink()
        with StateLock(tmp_path, NOW + 60).held():
            keeping = asyncio.create_task(lock.keep())
            await until(lambda: "stop one of the two" in caplog.text)
            await asyncio.sleep(0.2)
            assert len(caplog.records) == 1
        await until(lock._is_ours)
        keeping.cancel()


def test_the_lock_works_on_a_full_disk(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "64k") as disk:
        (disk / "daemon.lock").touch()
        with pytest.raises(OSError, match="No space"):
            (disk / "filling").write_bytes(bytes(1 << 20))
        with StateLock(disk, NOW).held():
            refused(disk, "unknown process")
