"""The running daemon follows uplinks.yaml and uplinks.d on disk; what is invalid leaves the last valid version."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.waiting import until
from xueliang_monitor.daemon import Monitor

CAMERA = "site: S\naddress: {}\nuplink: sw1\n"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "xueliang.yaml"
    file.write_text(f"state: {tmp_path / 'state'}\nlisten: 127.0.0.1:0\n", encoding="utf-8")
    (tmp_path / "cameras.d").mkdir()
    (tmp_path / "cameras.d" / "a.yaml").write_text(CAMERA.format("127.99.98.1"), encoding="utf-8")
    return file


async def test_the_topology_follows_its_files(settings: Path, caplog: pytest.LogCaptureFixture) -> None:
    uplinks, folder = settings.parent / "uplinks.yaml", settings.parent / "uplinks.d"
    monitor = Monitor(settings)
    camera = monitor.fleet.entry("a").camera

    def path() -> tuple[str, ...]:
        return monitor.fleet.path_of(camera)

    async with monitor.running():
        assert path() == ("sw1",)
        uplinks.write_text("sw1: {uplink: line, port: 7}\nline:\n", encoding="utf-8")
        await until(lambda: path() == ("sw1", "line"))
        assert monitor.fleet.topology.nodes["sw1"].port == "7"
        uplinks.write_text("sw1: {uplink: lime}\nline: {uplink: carrier}\ncarrier:\n", encoding="utf-8")
        await until(lambda: path() == ("sw1", "line", "carrier"))
        message = 'uplinks.yaml:1: sw1.uplink: no uplink "lime" is declared; did you mean "line"?'
        assert message in caplog.text
        assert [str(problem).rpartition("/")[2] for problem in monitor.fleet.monitor.reload.problems] == [message]
        uplinks.write_text("- [", encoding="utf-8")
        await until(lambda: "is not valid YAML" in str(monitor.fleet.monitor.reload.problems))
        assert path() == ("sw1", "line", "carrier")
        uplinks.unlink()
        await until(lambda: path() == ("sw1",))
        assert monitor.fleet.monitor.reload.problems == ()
        folder.mkdir()
        (folder / "sw1.yaml").write_text("uplink: router\n", encoding="utf-8")
        (folder / "router.yaml").touch()
        await until(lambda: path() == ("sw1", "router"))


async def test_invalid_settings_do_not_hold_the_topology_back(settings: Path) -> None:
    monitor = Monitor(settings)
    camera = monitor.fleet.entry("a").camera
    settings.write_text(settings.read_text() + "clera: 3\n", encoding="utf-8")
    (settings.parent / "uplinks.yaml").write_text("sw1: {uplink: line}\nline:\n", encoding="utf-8")
    async with monitor.running():
        await until(lambda: monitor.fleet.path_of(camera) == ("sw1", "line"))
        assert not monitor.fleet.monitor.reload.succeeded


async def test_a_daemon_begins_with_what_the_files_declare(settings: Path) -> None:
    (settings.parent / "uplinks.yaml").write_text("sw1: {uplink: line}\nline: {uplnk: x}\n", encoding="utf-8")
    for _ in range(2):  # also with the history of the first run
        monitor = Monitor(settings)
        async with monitor.running():
            assert monitor.fleet.path_of(monitor.fleet.entry("a").camera) == ("sw1", "line")
            assert "uplnk" in str(monitor.fleet.monitor.reload.problems)
