"""Whatever exception a background task raises, the daemon continues and restarts the task."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from xueliang_monitor import daemon, service
from xueliang_monitor.configuration import file_watcher
from xueliang_monitor.daemon import Monitor
from xueliang_monitor.metrics import render
from xueliang_monitor.net.notify import ServiceManager
from xueliang_monitor.process import supervision
from xueliang_monitor.process.pauses import Pauses
from xueliang_monitor.storage import evidence
from xueliang_monitor.web.server import Server


class PanicError(BaseException):
    """Like a panic in Rust code, which is not an `Exception`."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.05)
    (tmp_path / "cameras.d").mkdir()
    file = tmp_path / "xueliang.yaml"
    file.write_text("listen: 127.0.0.1:0\n")
    return file


async def until(wanted: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not wanted():
            await asyncio.sleep(0.02)


def once(error: BaseException, otherwise: Callable[..., object]) -> tuple[Callable[..., object], list[int]]:
    """Return a function that raises on its first call, and the list of its calls."""
    calls: list[int] = []

    def work(*arguments: object, **named: object) -> object:
        calls.append(len(calls))
        if len(calls) == 1:
            raise error
        return otherwise(*arguments, **named)

    return work, calls


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("broken"), PanicError("panic")])
@pytest.mark.parametrize("task", ["inventory", "web_config", "evidence", "lag"])
async def test_a_task_that_fails_comes_back(
    settings: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, task: str, error: BaseException
) -> None:
    place, name = {
        "inventory": (file_watcher, "follow"),
        "web_config": (Server, "follow_files"),
        "evidence": (evidence, "forget"),
        "lag": (Pauses, "watch"),
    }[task]
    broken, calls = once(error, getattr(place, name))
    monkeypatch.setattr(place, name, broken)
    monitor = Monitor(settings)
    async with monitor.running() as address, aiohttp.ClientSession() as session:
        await until(lambda: len(calls) >= 2)
        async with session.get(f"{address}/metrics") as response:
            assert f'xueliang_task_restarts_total{{task="{task}"}} 1.0' in await response.text()
    (line,) = [record for record in caplog.records if record.name == supervision.__name__]
    assert line.exc_info
    assert f"the task {task} failed" in line.message


async def test_a_reload_that_fails_by_a_monitor_error_is_repeated(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, calls = once(RuntimeError("broken"), daemon.load)
    monitor = Monitor(settings)
    async with monitor.running():
        monkeypatch.setattr(daemon, "load", broken)
        monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.3)
        reloading = asyncio.create_task(service._reload_when_signalled(monitor, ServiceManager()))
        await asyncio.sleep(0)
        before = monitor.fleet.monitor.reload.succeeded_at
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: bool(calls))
        os.kill(os.getpid(), signal.SIGHUP)  # also during the pause
        await until(lambda: monitor.fleet.monitor.reload.succeeded_at > before)
        reloading.cancel()
        await asyncio.wait([reloading])
    assert 'xueliang_task_restarts_total{task="reload"} 1.0' in render(monitor.fleet.snapshot(), "")[0].decode()
