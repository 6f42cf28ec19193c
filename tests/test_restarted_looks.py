"""A restart after any number of looks: no check fails, settled lights are kept, the rest is learned again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from pydantic import TypeAdapter

from tests.endurance import length
from tests.picture import made
from tests.test_daemon import PASSWORD, Rig, running
from tests.watched import Watched
from xueliang_monitor.model import State
from xueliang_monitor.picture.reference import ENOUGH, SETTLED_LOOKS
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.persisted_memory import StoredMemory

NOON = time.mktime((2026, 6, 1, 12, 0, 0, 0, 0, -1))
Watch = Callable[..., Watched]


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Return a function that watches a generated camera in noon light."""
    begun: list[Watched] = []

    def begin(change: Callable[[made.Frame], made.Frame] = lambda frame: frame) -> Watched:
        scene = made.MadeCamera()
        watched = Watched(tmp_path, lambda _: change(scene.shot(12.0)), NOON, monkeypatch, 60.0)
        begun.append(watched)
        return watched

    yield begin
    for each in begun:
        each.close()


@pytest.mark.parametrize(
    ("looks", "how"),
    length(
        [(1, "upgraded"), (5, "killed"), (10, "upgraded"), (20, "stopped"), (24, "killed"), (24, "upgraded")],
        list(itertools.product((1, 5, 10, 20, 24, 40), ("stopped", "killed", "upgraded"))),
    ),
)
async def test_no_check_fails_after_a_restart(watch: Watch, looks: int, how: str) -> None:
    watched = watch()
    for _ in range(looks):
        await watched.look()
    watched.restart(how)
    restored = watched.reference
    assert restored is None or restored.lights
    assert restored is None or min(light.looks for light in restored.lights) >= SETTLED_LOOKS
    for number in range(ENOUGH + 2):
        visited = await watched.look()
        assert visited.seen == (), visited
        if restored is None and number < ENOUGH - 1:
            assert not {"picture_moved", "picture_blurred", "picture_colour_cast"} & visited.ruled_out, "cannot tell"
    assert {"picture_moved", "picture_blurred", "picture_colour_cast"} <= visited.ruled_out
    assert set(watched.states[looks:]) == {State.UP}
    assert watched.fleet.snapshot().monitor.visits.failures.counts == {}


async def test_a_second_restart_recovers_from_the_first(watch: Watch) -> None:
    watched = watch()
    for how, looks in (("upgraded", 10), ("upgraded", 3), ("killed", 7), ("stopped", 2)):
        for _ in range(looks):
            assert (await watched.look()).seen == ()
        watched.restart(how)
    assert (await watched.look()).seen == ()
    assert set(watched.states) == {State.UP}


async def test_settled_lights_are_used_at_once(watch: Watch) -> None:
    hidden = False

    def change(frame: made.Frame) -> made.Frame:
        covered = frame.copy()
        covered[:, : int(frame.shape[1] * 0.7)] = 45
        return covered if hidden else frame

    watched = watch(change)
    while watched.reference is None or max(light.looks for light in watched.reference.lights) < SETTLED_LOOKS:
        await watched.look()
    known = watched.reference
    watched.restart("stopped")
    restored = watched.reference
    assert restored is not None
    assert (restored.looks, restored.usual, restored.least) == (known.looks, known.usual, known.least)
    assert {light for light in known.lights if light.looks >= SETTLED_LOOKS} == set(restored.lights)
    hidden = True
    assert [finding.code for finding in (await watched.look()).seen] == ["picture_covered"]


async def test_an_unreadable_reference_costs_only_the_reference(watch: Watch, tmp_path: Path) -> None:
    kept = StoredMemory.of(Memory(made.reference(60), Login(refusals=(5.0,))))
    assert kept.reference is not None
    adapter = TypeAdapter(StoredMemory)
    whole = json.loads(adapter.dump_json(kept))
    assert adapter.validate_json(json.dumps(whole)) == kept
    for spoiled in (
        {**whole["reference"], "lights": []},
        {**whole["reference"], "looks": 0},
        {**whole["reference"], "least": "AAAA"},
        {**whole["reference"], "usual": {"mean": [None]}},
        {**whole["reference"], "usual": {"mean": []}},
        {**whole["reference"], "lights": [{**whole["reference"]["lights"][0], "thumb": "AAAA"}]},
        {**whole["reference"], "lights": [{**whole["reference"]["lights"][0], "fine": ""}]},
        {**whole["reference"], "lights": [*whole["reference"]["lights"]] * 7},
        "nothing",
    ):
        restored = adapter.validate_json(json.dumps({**whole, "reference": spoiled}))
        assert restored.reference is None, spoiled
        assert restored.refusals == (5.0,)


def test_a_single_picture_is_never_saved() -> None:
    """Few looks save nothing and many save their medians; the last picture is never saved."""
    for looks in (1, 9, SETTLED_LOOKS - 1):
        assert StoredMemory.of(Memory(made.reference(looks))).reference is None
    old = made.reference(60)
    kept = StoredMemory.of(Memory(old)).reference
    assert kept is not None
    assert kept.previous == b""
    assert all(light.looks >= SETTLED_LOOKS for light in kept.lights)
    assert np.any([light.looks < SETTLED_LOOKS for light in old.lights]) or kept.lights == old.lights


WAIT_SECONDS = 90.0
SETTINGS = "intervals: {reach: 1s, rtsp: 1s, stream: 1s, picture: 1s}\nrechecks: {reach: 1s, picture: 1s}"


async def looked_at(rig: Rig, looks: int) -> list[dict[str, Any]]:
    """Return every camera from the API once each has learned from so many looks; no check may fail meanwhile."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(aiohttp.ClientError):
            cameras = [json.loads(await rig.get(f"/api/v1/cameras/{row.id}")) for row in rig.cameras]
            assert not [item for item in cameras if "check_failed" in {fault["code"] for fault in item["faults"]}]
            if all(item["reference_pictures"] >= looks for item in cameras):
                return cameras
        await asyncio.sleep(0.2)
    raise AssertionError(
        f"some cameras did not reach {looks} looks within {WAIT_SECONDS} s: {rig.log.read_text()[-2000:]}"
    )


@pytest.mark.timeout(600)
async def test_a_stopped_or_killed_daemon_continues_without_a_failed_check(tmp_path: Path) -> None:
    """The daemon process watches a simulated fleet and is restarted several times, each time after a few looks."""
    async with running(tmp_path, 6, SETTINGS) as rig, contextlib.AsyncExitStack() as stack:
        daemon = rig.daemon
        for how, looks in ((signal.SIGTERM, 7), (signal.SIGKILL, 6), (signal.SIGTERM, 10)):
            await looked_at(rig, looks)
            daemon.send_signal(how)
            await asyncio.wait_for(daemon.wait(), 30)
            log = stack.enter_context(rig.log.open("a"))
            daemon = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "xueliang_monitor", "run", "--config", str(tmp_path / "xueliang.yaml"),
                env={**os.environ, "FLEET_PASSWORD": PASSWORD}, stderr=log,
            )  # fmt: skip
            stack.push_async_callback(_ended, daemon)
        cameras = await looked_at(rig, ENOUGH + 1)
        assert {item["state"] for item in cameras} == {"up"}
        metrics = await rig.get("/metrics")
        assert "xueliang_picture_check_errors_total{" not in metrics
        assert 'fault="check_failed"' not in metrics.split("# HELP xueliang_fault_info")[0]
        daemon.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(daemon.wait(), 30) == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "history.db")) as database:
        assert database.execute("SELECT count(*) FROM events WHERE fault = 'check_failed'").fetchone() == (0,)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()
