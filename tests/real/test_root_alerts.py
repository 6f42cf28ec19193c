"""One cause is one notification at the webhook, through the deployed files of Prometheus and Alertmanager."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.conftest import rows
from tests.real.alerting import MISSING, Told, alerting
from tests.simulated_time import camera, visited
from tests.test_daemon import all_up, running
from tests.test_daemon import until as until_states
from tests.waiting import PATIENCE, until
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import Rung
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.topology import Node

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian packages)"),
]

SHORT = "intervals: {reach: 5s, rtsp: 5s, stream: 10s, picture: 10s}\nrechecks: {reach: 1s, picture: 2s}\n" + PATIENCE
QUIET_SECONDS = 8.0
"""In which whatever is still to be told arrives: far longer than a scrape, a group's wait and its interval together."""

UPLINKS = """
line: {name: 柳林专线, place: 镇政府机房, circuit: SC-0012}
far: {}
sw-0: {uplink: line, port: "1"}
sw-1: {uplink: line, port: "2"}
sw-2: {uplink: line, port: "3"}
"""
LINE = ("UplinkDown", "line", "")
SWITCH = ("UplinkDown", "sw-0", "")


async def _told(told: Told, wanted: dict[tuple[tuple[str, str, str], str], int]) -> None:
    """Wait until the wanted notifications were sent, and see that nothing more is."""
    await until(
        lambda: all(Counter(told.notifications)[each] >= count for each, count in wanted.items()),
        180,
        lambda: f"told only {told.notifications}",
    )
    await asyncio.sleep(QUIET_SECONDS)
    assert Counter(told.notifications) == wanted


@pytest.mark.timed
@pytest.mark.timeout(900)
async def test_a_line_with_three_switches_and_thirty_cameras_is_one_notification(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It dies and is back: one message, and one that says that it is over. Then one of its switches dies slowly."""
    fleet = tuple(
        replace(row, data=row.data.model_copy(update={"uplink": f"sw-{number % 3}" if number < 30 else "far"}))
        for number, row in enumerate(rows(40))
    )
    (tmp_path / "uplinks.yaml").write_text(UPLINKS)
    async with (
        running(tmp_path, 40, SHORT, fleet) as rig,
        alerting(tmp_path, rig.page, every="1s") as (told, _, _),
    ):
        await until_states(rig, all_up, 180)
        assert not told.notifications
        began = time.monotonic()
        await rig.node_fault("line", "black-hole")
        await _told(told, {(LINE, "firing"): 1})
        (alert,) = told.alerts
        assert alert["annotations"]["summary"] == "柳林专线 (line): uplink down, 30 cameras behind it"
        assert alert["annotations"]["where_zh"] == "镇政府机房，电路编号 SC-0012"
        over = time.monotonic()
        await rig.node_fault("line", None)
        await _told(told, {(LINE, "firing"): 1, (LINE, "resolved"): 1})
        with capsys.disabled():
            print(f"\nline to webhook: {told.firing[LINE] - began:.1f} s, back: {told.resolved[LINE] - over:.1f} s")
        await until_states(rig, all_up, 180)
        told.notifications.clear()
        await rig.node_fault("sw-0", "black-hole", 3.5)
        await _told(told, {(SWITCH, "firing"): 1})
        await rig.node_fault("sw-0", None)
        await _told(told, {(SWITCH, "firing"): 1, (SWITCH, "resolved"): 1})


@contextlib.asynccontextmanager
async def _served(fleet: Fleet) -> AsyncIterator[str]:
    """Serve the metrics of a fleet."""

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=render(fleet.snapshot(), "")[0].decode())

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


NODES = (Node("line"), Node("sw-0", "line"), Node("sw-1", "line"))
CAMERAS = tuple(camera(f"cam-{number}", f"sw-{number % 2}") for number in range(12))
OTHERS = tuple(camera(f"other-{number}", "far") for number in range(6))


def _look(fleet: Fleet, lost: Collection[str]) -> None:
    """Visit every camera three times, as often as the monitor takes to be sure."""
    for _ in range(3):
        for known in (*CAMERAS, *OTHERS):
            code = "connect_timeout" if known.id in lost else None
            fleet.apply(visited(known.id, fleet.now, code, Rung.RTSP), Memory(), 0.0)


async def test_whoever_was_told_of_a_camera_is_told_that_it_is_over_when_its_line_turns_out_dead(
    tmp_path: Path,
) -> None:
    """Two cameras are lost and told of; then all others of the line. The alerts of the two end while it is down."""
    fleet = Fleet(SystemClock(), Policy(), (*CAMERAS, *OTHERS), nodes=NODES)
    early, every = {"cam-0", "cam-3"}, {known.id for known in CAMERAS}
    async with (
        _served(fleet) as page,
        alerting(tmp_path, page, every="1s", patient=False) as (told, _, _),
    ):
        _look(fleet, ())
        _look(fleet, early)
        cameras = {("CameraOffline", name, "") for name in early}
        await until(lambda: cameras <= told.firing.keys(), what=lambda: f"told only {told.notifications}")
        _look(fleet, every)
        await until(lambda: cameras <= told.resolved.keys(), what=lambda: f"told only {told.notifications}")
        await until(lambda: LINE in told.firing, what=lambda: f"told only {told.notifications}")
        assert told.resolved.keys() == cameras
        _look(fleet, ())
        await until(lambda: LINE in told.resolved, what=lambda: f"told only {told.notifications}")
        await asyncio.sleep(5)
        assert told.firing.keys() == told.resolved.keys() == {*cameras, LINE}
        assert Counter(told.notifications)[LINE, "firing"] == Counter(told.notifications)[LINE, "resolved"] == 1
