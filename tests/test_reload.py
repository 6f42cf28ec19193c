"""Camera files that are added, changed and removed while the daemon runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import LOGIN
from tests.real.gstreamer import free_port
from tests.waiting import AT_MOST_SECONDS, PATIENCE, until
from xueliang_monitor.daemon import Monitor
from xueliang_monitor.model import State
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.storage.history import History

pytestmark = pytest.mark.timed

Start = Callable[..., Awaitable[SimulatedFleet]]
SETTINGS = (
    "listen: 127.0.0.1:{port}\n"
    "intervals: {{reach: 1s, rtsp: 1s, stream: 2s, picture: 2s, onvif: 2s}}\n"
    "rechecks: {{reach: 500ms, picture: 1s}}\n"
    "{patience}"
    "credentials:\n  district: {{username: viewer, password_file: district.password}}\n"
)


class Place:
    """An installation in a temporary folder."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder, self.cameras = folder, folder / "cameras.d"
        self.cameras.mkdir()
        self.settings = folder / "xueliang.yaml"
        self.settings.write_text(SETTINGS.format(port=port, patience=PATIENCE))
        self.password = folder / "district.password"
        self.password.touch(0o600)
        self.password.write_text(LOGIN.password)

    def write(self, name: str, host: str, more: str = "") -> None:
        text = (
            f"site: S\naddress: {host}\nrtsp_port: 8554\nrtsp_path: /live/main\ncredentials: district\n"
            f"onvif_port: 8000\n{more}"
        )
        temporary = self.cameras / ".new"
        temporary.write_text(text)
        temporary.rename(self.cameras / f"{name}.yaml")


@contextlib.asynccontextmanager
async def watching(place: Place) -> AsyncIterator[Monitor]:
    monitor = Monitor(place.settings)
    async with monitor.running():
        yield monitor


def known(monitor: Monitor) -> dict[str, State]:
    return {entry.camera.id: status.state for entry, status in monitor.fleet.snapshot().entries}


async def test_cameras_come_change_and_go(simulated: Start, tmp_path: Path) -> None:
    fleet = await simulated(3, onvif_port=8000)
    hosts = [camera.target.host for camera in fleet.cameras.values()]
    place = Place(tmp_path)
    async with watching(place) as monitor:
        assert known(monitor) == {}
        place.write("a", hosts[0])
        await until(lambda: "a" in known(monitor))
        await until(lambda: known(monitor)["a"] is State.UP)
        for name, host in (("b", hosts[1]), ("c", "127.99.99.1")):
            place.write(name, host)
        await until(lambda: set(known(monitor)) == {"a", "b", "c"})
        place.write("c", hosts[2])  # another address: the picture reference is discarded and the camera rescheduled
        await until(lambda: monitor.fleet.entry("c").camera.target.host == hosts[2])
        await until(lambda: set(known(monitor).values()) == {State.UP})
        (place.cameras / "a.yaml").unlink()
        await until(lambda: "a" not in known(monitor))
        place.write("b", hosts[1], "status: retired\n")
        await until(lambda: set(known(monitor)) == {"c"})
    assert [camera.open_sessions for camera in fleet.cameras.values()] == [0, 0, 0]


async def test_an_invalid_change_keeps_the_last_good_version_and_says_so(
    simulated: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = await simulated(2, onvif_port=8000)
    hosts = [camera.target.host for camera in fleet.cameras.values()]
    place = Place(tmp_path)
    place.write("a", hosts[0])
    place.write("b", hosts[1])
    async with watching(place) as monitor:
        await until(lambda: set(known(monitor).values()) == {State.UP})
        place.write("a", hosts[0], "rstp_port: 7\n")
        await until(lambda: bool(monitor.fleet.monitor.reload.problems))
        assert monitor.fleet.entry("a").camera.outdated
        assert known(monitor) == {"a": State.UP, "b": State.UP}
        message = 'a.yaml:7: rstp_port: unknown key; did you mean "rtsp_port"?'
        assert message in caplog.text
        assert "camera a: the last valid version of its file stays in force" in caplog.text
        from xueliang_monitor.metrics import render
        from xueliang_monitor.web import views

        text = render(monitor.fleet.snapshot(), "")[0].decode()
        assert "xueliang_inventory_invalid_files 1.0" in text
        assert 'xueliang_camera_file_outdated{camera="a",programme="",site="S"} 1.0' in text
        assert [views.problem_line(problem) for problem in monitor.fleet.monitor.reload.problems] == [message]
        before = monitor.fleet.entry("a").health.visited_at
        await until(lambda: monitor.fleet.entry("a").health.visited_at != before)  # it is still visited
        place.write("a", hosts[0])
        await until(lambda: not monitor.fleet.monitor.reload.problems)
        assert not monitor.fleet.entry("a").camera.outdated


async def test_invalid_settings_keep_the_old_and_cameras_still_follow(simulated: Start, tmp_path: Path) -> None:
    fleet = await simulated(1, onvif_port=8000)
    place = Place(tmp_path)
    async with watching(place) as monitor:
        good = place.settings.read_text()
        place.settings.write_text(good + "clera: 3\n")
        await monitor.reload()
        assert not monitor.fleet.monitor.reload.succeeded
        assert 'did you mean "clear"' in str(monitor.fleet.monitor.reload.problems[0])
        place.write("a", next(iter(fleet.cameras.values())).target.host)
        await until(lambda: "a" in known(monitor))
        place.settings.write_text(good + "clear: 3\n")
        await monitor.reload()
        assert monitor.fleet.monitor.reload.succeeded
        assert monitor.fleet.policy.clear == 3
        (place.cameras / "a.yaml").unlink()
        place.cameras.rmdir()
        await monitor.reload()
        assert not monitor.fleet.monitor.reload.succeeded
        assert "a" in known(monitor)


async def test_a_new_password_is_tried_at_once_after_a_reload(simulated: Start, tmp_path: Path) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    place = Place(tmp_path)
    place.write("a", camera.target.host)
    place.password.write_text("wrong")
    async with watching(place) as monitor:
        await until(lambda: known(monitor)["a"] is State.DOWN)
        place.password.write_text(LOGIN.password)
        await monitor.reload()
        await until(lambda: known(monitor)["a"] is State.UP)


async def test_a_camera_in_commissioning_is_watched_and_not_counted(simulated: Start, tmp_path: Path) -> None:
    from xueliang_monitor.metrics import render

    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    await camera.set_fault(BY_NAME["black"]())
    place = Place(tmp_path)
    place.write("a", camera.target.host, "status: commissioning\n")
    async with watching(place) as monitor:
        await until(lambda: known(monitor)["a"] is State.DEGRADED)
        text = render(monitor.fleet.snapshot(), "")[0].decode()
    for family in ("online", "healthy", "state", "fault", "fault_episodes_total"):
        assert f"xueliang_camera_{family}{{" not in text
    assert 'xueliang_camera_commissioning{camera="a",programme="",site="S"} 1.0' in text
    assert "xueliang_inventory_cameras 0.0" in text


async def test_sighup_reloads_and_what_camera_add_adds_is_in_the_metrics(simulated: Start, tmp_path: Path) -> None:
    fleet = await simulated(1, onvif_port=8000)
    port = free_port()
    place = Place(tmp_path, port)
    environment = {**os.environ, "XUELIANG_CONFIG": str(place.settings)}
    xueliang = [sys.executable, "-m", "xueliang_monitor"]
    with (tmp_path / "log").open("w") as log:
        daemon = await asyncio.create_subprocess_exec(*xueliang, "run", env=environment, stderr=log)
        try:
            async with aiohttp.ClientSession() as session:

                async def metrics() -> str:
                    try:
                        async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                            return await response.text()
                    except aiohttp.ClientError:
                        return ""

                async def answers() -> bool:
                    return bool(await metrics())

                async def is_watched() -> bool:
                    return 'xueliang_camera_online{camera="new",programme="",site="S"} 1.0' in await metrics()

                await until(answers)
                host = fleet.cameras["cam-000"].target.host
                add = await asyncio.create_subprocess_exec(
                    *xueliang, "camera", "add", host, "--site", "S", "--id", "new",
                    env=environment, stdout=subprocess.PIPE,
                )  # fmt: skip
                out, _ = await add.communicate()
                assert add.returncode == 0
                assert "the daemon picks it up within 2 s" in out.decode()
                await until(is_watched)
                (first,) = re.findall(r"\nxueliang_config_last_reload_timestamp_seconds \S+", await metrics())

                async def is_read_anew() -> bool:
                    return first not in await metrics()

                await asyncio.sleep(0.1)  # so that the modification time differs
                daemon.send_signal(signal.SIGHUP)
                await until(is_read_anew)
                listed = await asyncio.create_subprocess_exec(
                    *xueliang, "camera", "list", "--state", "up", env=environment, stdout=subprocess.PIPE
                )
                assert b"1 of 1 cameras" in (await listed.communicate())[0]
        finally:
            daemon.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(daemon.wait(), AT_MOST_SECONDS) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_a_killed_daemon_comes_back_with_states_and_since_when(simulated: Start, tmp_path: Path) -> None:
    fleet = await simulated(2, onvif_port=8000)
    port = free_port()
    place = Place(tmp_path, port)
    for name, camera in zip(("a", "b"), fleet.cameras.values(), strict=True):
        place.write(name, camera.target.host)
    await fleet.cameras["cam-000"].set_fault(BY_NAME["refuse"]())
    seen = []

    def both_are_stored() -> bool:
        history = History(tmp_path / "state", read_only=True)
        try:
            return {known.health.state for known in history.load().cameras.values()} == {State.UP, State.DOWN}
        finally:
            history.close()

    async with aiohttp.ClientSession() as session:

        async def states() -> dict[str, tuple[str, str]]:
            try:
                async with session.get(f"http://127.0.0.1:{port}/api/v1/cameras") as response:
                    found = (await response.json())["cameras"]
            except aiohttp.ClientError:
                return {}
            return {item["id"]: (item["state"], item["since"]) for item in found}

        for last in (False, True):
            daemon = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "xueliang_monitor", "run", "-c", str(place.settings), stderr=subprocess.DEVNULL
            )
            now: dict[str, tuple[str, str]] = {}

            async def told(last: bool = last) -> bool:
                nonlocal now
                now = await states()
                return bool(now) and (last or {item[0] for item in now.values()} == {"up", "down"})

            await until(told)
            seen.append(now)
            await until(both_are_stored)
            daemon.send_signal(signal.SIGTERM if last else signal.SIGKILL)
            assert await asyncio.wait_for(daemon.wait(), AT_MOST_SECONDS) == (0 if last else -9)
    assert seen[0] == seen[1]
    history = History(tmp_path / "state", read_only=True)
    (episode,) = history.episodes(0, time.time())
    assert (episode.camera, episode.fault, episode.ended) == ("a", "connection_refused", None)
    history.close()


async def test_a_history_that_cannot_be_opened_does_not_stop_monitoring(simulated: Start, tmp_path: Path) -> None:
    from xueliang_monitor.metrics import render

    fleet = await simulated(1, onvif_port=8000)
    place = Place(tmp_path)
    place.write("a", fleet.cameras["cam-000"].target.host)
    (tmp_path / "taken").write_text("")
    place.settings.write_text(place.settings.read_text() + "state: taken/below\n")
    async with watching(place) as monitor:
        await until(lambda: known(monitor)["a"] is State.UP)
        assert "xueliang_history_up 0.0" in render(monitor.fleet.snapshot(), "")[0].decode()
