"""The history: states across restarts and kills, availability against a recomputation, damaged and full disks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import logging
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.endurance import length
from tests.picture import made
from tests.simulated_time import START, SimulatedDays, camera, visited
from tests.storage.killed_history import CAMERAS as KILLED
from tests.storage.killed_history import STEP, WINDOW, gone
from tests.waiting import until
from xueliang_monitor.cli.offered_logins import guarded
from xueliang_monitor.clock import ManualClock, SystemClock
from xueliang_monitor.configuration.settings import KeepSettings
from xueliang_monitor.fleet.changes import CameraRecord, Changes, StoredState
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.availability import AvailabilitySeconds, split_by_day
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import AuthPolicy, Credentials, Rung, State, Target
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.probing.login import Login, LoginHistory
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage import recorder
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_error import HistoryError

CAMERAS = tuple(camera(f"cam-{number}", "sw") for number in range(4))
KILLS, LANES = length(16, 40), 4


def test_a_restart_keeps_states_since_when_and_what_was_learned(tmp_path: Path) -> None:
    days = SimulatedDays(CAMERAS, lambda name, at: "rtsp_timeout" if name == "cam-1" and at > START + 100 else None)
    days.run(300)
    history = History(tmp_path)
    history.write(days.fleet.collect(every=True))
    before = {entry.camera.id: status for entry, status in days.fleet.snapshot().entries}
    login = Login(LoginHistory().for_credentials(Credentials("viewer", "secret")).refused(START))
    picture = b"picture-of-something" * 720
    memory = Memory(replace(made.reference(60).settled() or Reference(), previous=picture), login)
    entry = days.fleet.entry("cam-0")
    history.write(Changes(cameras=(CameraRecord("cam-0", entry.health, memory, entry.camera.data, entry.episodes),)))
    history.close()
    assert (
        b"secret" not in (tmp_path / "history.db").read_bytes() + (tmp_path / "history.db-wal").read_bytes()
        if (tmp_path / "history.db-wal").exists()
        else b"secret" not in (tmp_path / "history.db").read_bytes()
    )

    history = History(tmp_path)
    clock = ManualClock(START + 5000)  # the daemon was down for over an hour
    fleet = Fleet(clock, Policy(), CAMERAS)
    fleet.restore(history.load())
    after = {entry.camera.id: status for entry, status in fleet.snapshot().entries}
    assert {name: (item.state, item.since) for name, item in after.items()} == {
        name: (item.state, item.since) for name, item in before.items()
    }
    assert after["cam-1"].state is State.DOWN
    assert memory.reference is not None
    assert memory.reference.learned
    assert fleet.entry("cam-0").memory == replace(memory, reference=replace(memory.reference, previous=b""))
    written = base64.b64encode(b"picture-of-something")[:20]
    assert all(written not in file.read_bytes() for file in tmp_path.iterdir())
    assert fleet.entry("cam-1").episodes == {"rtsp_timeout": 1}
    for name in ("cam-0", "cam-1"):
        fleet.apply(visited(name, clock.now(), None, Rung.RTSP), Memory(), 0.0)
    assert fleet.collect().seconds == ()  # the downtime counts as unwatched
    clock.advance(15)
    for name in ("cam-0", "cam-1"):
        fleet.apply(visited(name, clock.now(), None, Rung.RTSP), Memory(), 0.0)
    changes = fleet.collect()
    history.write(changes)
    assert {(name, seconds) for name, _, seconds in changes.seconds} == {
        ("cam-0", AvailabilitySeconds(15, 15, 15)),
        ("cam-1", AvailabilitySeconds(15, 0, 0)),
    }
    (episode,) = history.episodes(0, START + 10_000)
    assert (episode.camera, episode.fault, episode.ended) == ("cam-1", "rtsp_timeout", clock.now())
    history.close()


def test_a_dead_uplink_across_a_restart_stays_one_event(tmp_path: Path) -> None:
    days = SimulatedDays(CAMERAS, lambda _name, at: "connect_timeout" if at > START + 100 else None)
    days.run(300)
    history = History(tmp_path)
    history.write(days.fleet.collect(every=True))
    fleet = Fleet(ManualClock(START + 900), Policy(), CAMERAS)
    fleet.restore(history.load())
    said = []
    fleet.watch(said.extend)
    for at, code in ((910, "connect_timeout"), (925, "connect_timeout"), (940, None), (955, None)):
        for each in CAMERAS:
            fleet.apply(visited(each.id, START + at, code, Rung.RTSP), Memory(), 0.0)
    assert [(item.kind, item.code) for item in said if item.kind != "state"] == [("cleared", "uplink_down")]
    history.write(fleet.collect())
    (episode,) = history.episodes(0, START + 10_000)
    assert (episode.camera, episode.uplink, episode.fault, episode.ended) == ("", "sw", "uplink_down", START + 940)
    history.close()


def test_availability_agrees_with_a_recomputation_from_the_raw_visits(tmp_path: Path) -> None:
    chance = random.Random(5)
    outages = {item.id: sorted(START + chance.uniform(0, 170_000) for _ in range(6)) for item in CAMERAS}

    def truth(name: str, at: float) -> str | None:
        return "rtsp_timeout" if any(start <= at < start + 1500 for start in outages[name]) else None

    days = SimulatedDays(CAMERAS, truth)
    visits: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    apply = days.fleet.apply

    def spy(made: object, memory: Memory, lateness: float) -> object:
        answer = apply(made, memory, lateness)  # type: ignore[arg-type]
        name = made.camera  # type: ignore[attr-defined]
        visits[name].append((made.at, days.fleet.status_of(name).state is not State.DOWN))  # type: ignore[attr-defined]
        return answer

    days.fleet.apply = spy  # type: ignore[method-assign,assignment]
    history = History(tmp_path)
    for _ in range(40):
        days.run(172_800 / 40)
        history.write(days.fleet.collect(every=True))
    expected: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for name, each in visits.items():
        for (start, online), (end, _) in itertools.pairwise(each):
            for day, seconds in split_by_day(start, end):
                expected[name, day][0] += seconds
                expected[name, day][1] += seconds * online
    found = {
        (name, day): [seconds.observed, seconds.online]
        for name, by_day in history.seconds("2000-01-01", "2100-01-01").items()
        for day, seconds in by_day.items()
    }
    assert found.keys() == expected.keys()
    for key, (observed, online) in expected.items():
        assert found[key] == [pytest.approx(observed), pytest.approx(online)]
        assert observed <= 86_400.001
    assert any(online < observed for observed, online in expected.values())
    history.close()


def test_a_command_keeps_to_what_the_daemon_remembers_of_a_login(tmp_path: Path) -> None:
    target = Target("cam-0", "192.0.2.7")
    assert guarded(target, tmp_path) == target
    fleet = Fleet(ManualClock(START), Policy(), CAMERAS)
    for number, item in enumerate(CAMERAS):
        memory = Memory(login=Login(offered_digest=number == 0))
        fleet.apply(visited(item.id, START, None, Rung.RTSP), memory, 0.0)
    history = History(tmp_path)
    history.write(fleet.collect(every=True))
    history.close()
    assert guarded(target, tmp_path).auth is AuthPolicy.DIGEST
    assert guarded(replace(target, id="cam-1"), tmp_path).auth is None
    assert guarded(replace(target, auth=AuthPolicy.BASIC), tmp_path).auth is AuthPolicy.BASIC


def test_days_are_split_at_local_midnight() -> None:
    start = time.mktime((2026, 3, 1, 23, 59, 50, 0, 0, -1))
    assert list(split_by_day(start, start + 30)) == [("2026-03-01", 10.0), ("2026-03-02", 20.0)]
    assert sum(seconds for _, seconds in split_by_day(start, start + 3 * 86_400)) == pytest.approx(3 * 86_400)


@pytest.mark.parametrize("damage", ["garbage", "page", "empty"])
def test_a_damaged_history_is_put_aside_and_replaced(tmp_path: Path, damage: str) -> None:
    days = SimulatedDays(CAMERAS, lambda _name, _at: None)
    days.run(3000)
    history = History(tmp_path)
    history.write(days.fleet.collect(every=True))
    history.close()
    content = bytearray(history.path.read_bytes())
    if damage == "garbage":
        history.path.write_bytes(b"not a database at all" * 500)
    elif damage == "page":
        content[4096 : 4096 * 3] = bytes(4096 * 2)
        history.path.write_bytes(content)
    else:
        history.path.write_bytes(b"")
    again = History(tmp_path)
    assert (again.put_aside is not None) == (damage != "empty")
    if again.put_aside is not None:
        assert again.put_aside.exists()
    assert again.load() == StoredState()
    again.write(Changes(seconds=(("a", "2026-01-01", AvailabilitySeconds(1)),)))
    again.close()


def test_an_unwritable_history_is_logged_and_loses_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    history._database.execute("PRAGMA max_page_count=12")
    changes = Changes(seconds=tuple((f"cam-{n}", "2026-01-01", AvailabilitySeconds(1)) for n in range(5000)))
    with pytest.raises(HistoryError, match="cannot be written"):
        history.write(changes)
    assert history.seconds("2026-01-01", "2026-01-01") == {}  # the transaction was rolled back
    history._database.execute("PRAGMA max_page_count=100000")
    history.write(changes)
    assert len(history.seconds("2026-01-01", "2026-01-01")) == 5000
    history.close()
    with pytest.raises(HistoryError):
        History(tmp_path / "history.db" / "below-a-file")


def test_a_history_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    History(tmp_path).close()
    database = sqlite3.connect(tmp_path / "history.db")
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(HistoryError, match="newer than this program"):
        History(tmp_path)


def test_old_data_is_deleted(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.write(
        Changes(seconds=(("a", "2025-01-01", AvailabilitySeconds(1)), ("a", "2026-01-01", AvailabilitySeconds(1))))
    )
    days = SimulatedDays(
        CAMERAS, lambda name, at: "rtsp_timeout" if name == "cam-1" and START + 60 < at < START + 200 else None
    )
    days.run(600)
    history.write(days.fleet.collect(every=True))
    history.forget("2025-06-01", START)
    assert len(history.episodes(0, START * 2)) == 1
    history.forget("2025-06-01", START + 700)
    assert history.episodes(0, START * 2) == []
    assert "2025-01-01" not in history.seconds("2000-01-01", "2100-01-01").get("a", {})
    history.close()


def test_a_camera_taken_out_closes_its_episodes() -> None:
    days = SimulatedDays(CAMERAS, lambda name, _at: "rtsp_timeout" if name == "cam-1" else None)
    days.run(100)
    days.fleet.drop("cam-1")
    assert [item.kind for item in days.transitions if item.camera == "cam-1" and item.kind != "state"] == [
        "raised",
        "cleared",
    ]


def far_enough(folder: Path) -> bool:
    history = History(folder, read_only=True)
    try:
        return max(known.health.visited_at or 0.0 for known in history.load().cameras.values()) > START + 4 * WINDOW
    finally:
        history.close()


@pytest.mark.timeout(1200)
def test_kills_lose_and_double_no_episode(tmp_path: Path) -> None:
    def lane(number: int) -> int:
        folder, chance = tmp_path / str(number), random.Random(number)
        killed = 0
        while killed < KILLS // LANES or (killed < 10 * KILLS // LANES and not far_enough(folder)):
            killed += 1
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.storage.killed_history", str(folder)], stdout=subprocess.PIPE, cwd=ROOT
            )
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.15))
            process.kill()
            process.wait()
            process.stdout.close()
        return killed

    with ThreadPoolExecutor(LANES) as pool:
        kills = list(pool.map(lane, range(LANES)))
    for number, count in enumerate(kills):
        history = History(tmp_path / str(number))
        assert history.put_aside is None
        end = max(known.health.visited_at or 0.0 for known in history.load().cameras.values())
        episodes = history.episodes(0, end + 1)
        history_seconds = history.seconds("2000-01-01", "2100-01-01")
        assert end - START > 3 * WINDOW, "the fleet hardly ran"
        for index, each in enumerate(KILLED):
            own = [item for item in episodes if item.camera == each.id]
            windows = [
                START + turn * WINDOW
                for turn in range(int((end - START) // WINDOW) + 1)
                if gone(index, START + turn * WINDOW + 1)
            ]
            started = [start for start in windows if end - start > 8 * STEP]
            assert len(own) in (len(started), len(windows))
            for start, episode in zip(windows, own, strict=False):
                assert start <= episode.began <= start + 4 * STEP  # a kill resets the count of visits in a row
                assert episode.ended is None or abs(episode.ended - (start + WINDOW)) <= 3 * STEP
            total = sum((seconds for seconds in history_seconds[each.id].values()), AvailabilitySeconds())
            # One interval per kill, and the time before the first judgement.
            assert end - START - (count + 4) * STEP <= total.observed <= end - START
            lost = sum((min(episode.ended or end, end) - episode.confirmed) for episode in own)
            assert abs((total.observed - total.online) - lost) <= (count + 4) * STEP
        history.close()


def test_unchanged_state_is_not_written_again() -> None:
    fleet = Fleet(ManualClock(START), Policy(), CAMERAS)
    assert fleet.collect() == Changes()
    assert replace(Changes(), seconds=(("a", "b", AvailabilitySeconds()),)) != Changes()


async def test_failing_reads_beside_working_writes_are_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "WAKE_SECONDS", 0.05)
    monkeypatch.setattr(recorder, "FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(recorder, "LONGEST_RETRY_SECONDS", 0.05)
    caplog.set_level(logging.INFO, "xueliang_monitor.storage.recorder")
    clock = SystemClock()
    fleet = Fleet(clock, Policy(), CAMERAS)
    history = History(tmp_path)
    with sqlite3.connect(history.path) as other:
        other.execute("ALTER TABLE maintenance RENAME TO elsewhere")
    other.close()
    history.close()
    made = recorder.Recorder(lambda: History(tmp_path), fleet, clock, resume=lambda _stored: None, keep=KeepSettings())
    stack = contextlib.ExitStack()
    stack.enter_context(made.open())
    running = asyncio.create_task(made.run())
    await until(lambda: not fleet.monitor.history.ok)
    await asyncio.sleep(0.5)  # time for a retry
    assert not fleet.monitor.history.ok
    assert [item.levelname for item in caplog.records] == ["ERROR"]
    with sqlite3.connect(history.path) as other:
        other.execute("ALTER TABLE elsewhere RENAME TO maintenance")
    other.close()
    await until(lambda: fleet.monitor.history.ok)
    await until(lambda: len(caplog.records) > 1)
    assert [item.levelname for item in caplog.records] == ["ERROR", "INFO"]
    running.cancel()
    with stack, contextlib.suppress(asyncio.CancelledError):
        await running


def test_only_the_owner_can_read_the_files_of_the_history(tmp_path: Path) -> None:
    """Whatever the umask and the mode of the folder, and also if an earlier version created them."""
    tmp_path.chmod(0o755)
    before = os.umask(0)
    with contextlib.ExitStack() as still_open:  # so that the second one finds the log of the first
        still_open.callback(os.umask, before)
        for _ in range(2):
            history = still_open.enter_context(contextlib.closing(History(tmp_path)))
            history.write(Changes(gone=("x",)))
            files = sorted(tmp_path.glob("history.db*"))
            assert [file.name for file in files] == ["history.db", "history.db-shm", "history.db-wal"]
            assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
            for file in files:
                file.chmod(0o644)
