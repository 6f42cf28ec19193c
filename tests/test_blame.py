"""147 healthy cameras, watched by a daemon that lacks a resource: no camera and no uplink is blamed."""

from __future__ import annotations

import asyncio
import re
import resource
import signal
import time
from pathlib import Path

import pytest

from tests.blamed_fleet import shortages, watched

pytestmark = [pytest.mark.timed, pytest.mark.timeout(400)]


async def test_too_few_descriptors(tmp_path: Path) -> None:
    async with watched(tmp_path, settings="rechecks: {picture: 5s}", descriptors=64) as (daemon, _):
        await daemon.until(lambda: daemon.all_are("up"), 120)
        assert "Set LimitNOFILE=" in daemon.log.read_text()
        host, port = daemon.page.removeprefix("http://").split(":")
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(100)]  # they leave some for the visits
        resource.prlimit(daemon.daemon.pid, resource.RLIMIT_NOFILE, (8, 64))  # fewer than are open already
        await asyncio.sleep(18)  # longer than one round of visits
        assert daemon.daemon.returncode is None, daemon.log.read_text()[-4000:]
        resource.prlimit(daemon.daemon.pid, resource.RLIMIT_NOFILE, (64, 64))
        for _, writer in idle:
            writer.close()
        await daemon.until(lambda: daemon.all_are("up"), 180)  # a failed look is repeated twice
        assert shortages(await daemon.get("/metrics"))["descriptors"] > 0
        assert daemon.log.read_text().count("connections to the page cannot be accepted") <= 3
        assert not daemon.blamed
        assert not daemon.said()


async def test_a_daemon_that_is_stopped_for_longer_than_a_camera_may_go_unvisited(tmp_path: Path) -> None:
    # A camera without a visit for 34 s would be unknown.
    settings = "intervals: {reach: 3s, rtsp: 3s}\ntimeouts: {stream: 6s, onvif: 4s}"
    async with watched(tmp_path, settings=settings) as (daemon, _):
        await daemon.until(lambda: daemon.all_are("up"), 120)
        daemon.daemon.send_signal(signal.SIGSTOP)
        await asyncio.sleep(40)
        daemon.daemon.send_signal(signal.SIGCONT)
        ends = time.monotonic() + 15
        while time.monotonic() < ends:
            await daemon.look()
            assert daemon.all_are("up"), daemon.states
            await asyncio.sleep(0.2)
        said = re.findall(r"the monitor did not run for (\d+\.\d) s\b(?! of)", daemon.log.read_text())
        assert len([seconds for seconds in said if float(seconds) > 38]) == 1
        stopped = re.search(
            r"^xueliang_monitor_stopped_seconds_total (\S+)$", await daemon.get("/metrics"), re.MULTILINE
        )
        assert stopped is not None
        assert float(stopped[1]) > 38
        assert not daemon.blamed
        assert not daemon.said()
