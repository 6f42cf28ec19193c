"""The command socket in the state folder is created again after it was removed or could not be created."""

from __future__ import annotations

import contextlib
import logging
import shutil
from pathlib import Path

import aiohttp
import pytest

from tests.waiting import until
from xueliang_monitor.configuration.settings import SOCKET
from xueliang_monitor.daemon import Monitor
from xueliang_monitor.web import server


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.05)
    (tmp_path / "cameras.d").mkdir()
    file = tmp_path / "xueliang.yaml"
    file.write_text("listen: 127.0.0.1:0\n")
    return file


async def answers(place: Path) -> bool:
    with contextlib.suppress(OSError, aiohttp.ClientError):
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(place))) as session,
            session.get("http://localhost/healthz") as response,
        ):
            return response.status == 200
    return False


@pytest.mark.parametrize("what", ["socket", "folder"])
async def test_a_socket_that_was_removed_is_made_anew(settings: Path, what: str) -> None:
    state = settings.parent / "state"
    async with Monitor(settings).running():
        assert await answers(state / SOCKET)
        if what == "socket":
            (state / SOCKET).unlink()
        else:
            state.rename(settings.parent / "elsewhere")
        await until(lambda: answers(state / SOCKET))
        assert (state / SOCKET).stat().st_mode & 0o777 == 0o600


async def test_a_socket_that_cannot_be_made_is_said_once_and_made_later(
    settings: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = settings.parent / "state"
    caplog.set_level(logging.INFO, "xueliang_monitor.web.server")
    async with Monitor(settings).running():
        shutil.rmtree(state)
        state.write_text("in the way")
        await until(lambda: "commands cannot reach the daemon" in caplog.text)
        state.unlink()
        await until(lambda: answers(state / SOCKET))
    assert caplog.text.count("commands cannot reach the daemon") == 1
    assert "commands can reach the daemon again" in caplog.text
