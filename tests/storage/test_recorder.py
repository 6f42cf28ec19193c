"""The history's files are removed, replaced or damaged while the daemon runs: it continues, logs it, and recovers."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.picture import made
from tests.recording import CAMERAS, FAULT, Rig, hurry, locked, messages, mounted, overwrite, recording, remove, until
from xueliang_monitor.fleet.changes import CameraRecord, Changes, StoredState
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import State
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage import backlog, recorder
from xueliang_monitor.storage.history import History

DONE = [("cam-0", "raised"), ("cam-1", "raised"), ("cam-0", "cleared"), ("cam-2", "raised")]


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    hurry(monkeypatch)
    caplog.set_level(logging.INFO)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def begin(rig: Rig) -> None:
    """Write two faults: one is cleared later, one stays."""
    for each in CAMERAS:
        rig.mend(each.id)
    rig.fail("cam-0")
    rig.fail("cam-1")
    await rig.until_written()
    assert rig.events() == DONE[:2]


async def go_on(rig: Rig) -> None:
    rig.mend("cam-0")
    rig.fail("cam-2")
    await rig.until_written()


REMOVED: dict[str, tuple[str, ...]] = {
    "log": ("history.db-wal",),
    "index": ("history.db-shm",),
    "log and index": ("history.db-wal", "history.db-shm"),
    "database": ("history.db",),
    "all": ("history.db", "history.db-wal", "history.db-shm"),
    "folder": ("",),
}


@pytest.mark.parametrize("names", REMOVED.values(), ids=REMOVED.keys())
async def test_removed_files_are_restored_and_nothing_is_lost(
    state: Path, caplog: pytest.LogCaptureFixture, names: tuple[str, ...]
) -> None:
    async with recording(state) as rig:
        await begin(rig)
        remove(*(state / name for name in names))
        await go_on(rig)
        await until(lambda: any("works again" in text for _, text in messages(caplog)))
        assert rig.events() == DONE
        assert rig.episodes() == [("cam-0", True), ("cam-1", False), ("cam-2", False)]
    *losses, back = messages(caplog)
    assert {level for level, _ in losses} == {"ERROR"}
    assert "while it was in use" in losses[-1][1]
    assert back[0] == "INFO"
    assert back[1].endswith("lost meanwhile: nothing")
    again = Rig(state)
    with again.recorder.open():
        assert again.fleet.entry("cam-1").health.confirmed[0].code == FAULT
    assert [file.name for file in state.iterdir()] == ["history.db"]


async def test_removed_files_are_restored_once_the_disk_has_space(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mounted(tmp_path / "disk", "1m") as disk:
        async with recording(disk / "state") as rig:
            await begin(rig)
            with contextlib.suppress(OSError), (disk / "filling").open("wb", buffering=0) as stream:
                while True:
                    stream.write(bytes(4096))
            remove(disk / "state")
            await rig.until_up(False)
            before = rig.recorder._retry_at
            await until(lambda: rig.recorder._retry_at > before)
            assert not rig.up
            (disk / "filling").unlink()
            await go_on(rig)
            assert rig.events() == DONE
    assert messages(caplog)[-1][1].endswith("lost meanwhile: nothing")


async def test_restoring_removed_files_is_abandoned_after_many_attempts(
    state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("xueliang_monitor.storage.database_file.bring_back", broken)
    async with recording(state) as rig:
        await begin(rig)
        remove(state / "history.db")
        rig.mend("cam-0")
        await until(lambda: "content that is not in its files is lost" in caplog.text)
        await rig.until_written()
        assert ("cam-1", False) in rig.episodes()


async def test_a_log_that_another_process_began_in_the_place_of_the_removed_one_does_no_harm(state: Path) -> None:
    async with recording(state) as rig:
        await begin(rig)
        code = (
            "import sys, os, sqlite3; f = sys.argv[1]; os.unlink(f + '-wal'); os.unlink(f + '-shm');"
            "d = sqlite3.connect(f, isolation_level=None); d.execute('CREATE TABLE another (x)'); os._exit(0)"
        )
        subprocess.run([sys.executable, "-c", code, str(state / "history.db")], check=True)
        await go_on(rig)
        assert rig.events() == DONE
    History(state).close()
    assert not list(state.glob("*damaged*"))


async def test_a_replaced_database_is_used_and_receives_the_open_faults(
    state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup in which other cameras have faults is restored while the daemon runs."""
    backup = History(tmp_path / "backup")
    raised = [
        Transition(name, 1000.0, TransitionKind.RAISED, FAULT, "then", since=990.0) for name in ("cam-1", "cam-3")
    ]
    backup.write(Changes(tuple(raised)))
    backup.close()
    async with recording(state) as rig:
        await begin(rig)
        (tmp_path / "backup" / "history.db").rename(state / "history.db")
        rig.mend("cam-0")
        await rig.until_written()
        await until(lambda: any("works again" in text for _, text in messages(caplog)))
        # The fault of cam-1 is open in both: one episode. That of cam-3 ended; that of cam-0 began before and is open.
        assert sorted(rig.episodes()) == [("cam-0", True), ("cam-1", False), ("cam-3", True)]
    assert "history.db was replaced" in caplog.text


DAMAGE: dict[str, Callable[[Path], None]] = {
    "overwritten": lambda file: overwrite(file, 4096, b"\xa5" * (file.stat().st_size - 4096)),
    "one page": lambda file: overwrite(file, file.stat().st_size // 4096 // 2 * 4096, b"\x5a" * 4096),
    "header": lambda file: overwrite(file, 0, b"no database at all" * 6),
    "truncated": lambda file: _truncate(file, 4096),
    "emptied": lambda file: _truncate(file, 0),
}


def _truncate(file: Path, size: int) -> None:
    with file.open("r+b") as stream:
        stream.truncate(size)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
async def test_a_database_that_is_damaged_while_it_is_used_is_put_aside(
    state: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    async with recording(state) as rig:
        await begin(rig)
        with contextlib.closing(sqlite3.connect(state / "history.db")) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        damage(state / "history.db")
        emptied = not (state / "history.db").stat().st_size
        await until(lambda: "found empty" in caplog.text if emptied else bool(list(state.glob("*damaged*"))))
        await go_on(rig)
        assert rig.metric("xueliang_histories_damaged_total") == str(float(not emptied))
        # The new history holds the open faults with their own times; ended faults are in the old one.
        assert sorted(rig.episodes()) in (
            [("cam-0", True), ("cam-1", False), ("cam-2", False)],
            [("cam-1", False), ("cam-2", False)],
        )
    assert ("found empty; its content is lost" if emptied else "put aside as history.db.damaged-") in caplog.text
    again = Rig(state)
    with again.recorder.open():
        known = {name: again.fleet.entry(name).health.confirmed for name in ("cam-0", "cam-1", "cam-2")}
    assert {name for name, faults in known.items() if faults} == {"cam-1", "cam-2"}


async def test_a_database_that_another_locks_for_long_loses_nothing(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with recording(state) as rig:
        await begin(rig)
        rig.recorder._in_use._database.execute("PRAGMA busy_timeout=50")
        with locked(state):
            rig.mend("cam-0")
            await rig.until_up(False)
            rig.fail("cam-2")
            before = rig.recorder._retry_at
            await until(lambda: rig.recorder._retry_at > before)
            assert not rig.up
        await rig.until_written()
        assert rig.events() == DONE
    assert [level for level, _ in messages(caplog)] == ["ERROR", "INFO"]
    assert "database is locked" in caplog.text


async def test_nothing_is_well_again_before_something_was_written(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history can be read while another process locks the database."""
    async with recording(state) as rig:
        await begin(rig)
        monkeypatch.setattr(recorder, "FLUSH_SECONDS", 0.6)
        rig.recorder._in_use._database.execute("PRAGMA busy_timeout=10")
        with locked(state):
            rig.mend("cam-0")
            await rig.until_up(False)
            tries = 0
            while tries < 8:
                before = rig.recorder._retry_at
                await until(lambda before=before: rig.up or rig.recorder._retry_at > before)  # type: ignore[misc]
                assert not rig.up
                tries += 1
        await rig.until_up()


async def test_a_full_disk_loses_nothing_and_is_used_once_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mounted(tmp_path / "disk", "1m") as disk:
        async with recording(disk / "state") as rig:
            await begin(rig)
            with contextlib.suppress(OSError), (disk / "filling").open("wb", buffering=0) as stream:
                while True:
                    stream.write(bytes(4096))
            for _ in range(200):  # the log still has free space in its file
                rig.fail("cam-0")
                rig.mend("cam-0")
                if not rig.up:
                    break
                await until(lambda: not rig.up or not len(rig.recorder._backlog))
            rig.fail("cam-2")
            await rig.until_up(False)
            (disk / "filling").unlink()
            await rig.until_written()
            events = rig.events()
            assert events[:2] == DONE[:2]
            assert events[-1] == DONE[-1]
            told = [kind for name, kind in events if name == "cam-0"]
            assert told == ["raised", "cleared"] * (len(told) // 2)  # no event is missing or duplicate
            assert rig.fleet.entry("cam-0").episodes == {FAULT: len(told) // 2}
    assert [level for level, _ in messages(caplog)] == ["ERROR", "INFO"]
    assert "full" in caplog.text


def _remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
async def test_a_disk_that_is_read_only_at_the_start_is_used_once_it_is_not(tmp_path: Path, known: bool) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        state = disk / "state"
        if known:
            async with recording(state) as rig:
                await begin(rig)
        _remount(disk, "ro")
        async with recording(state) as rig:
            assert not rig.up
            for each in CAMERAS[:3]:
                rig.mend(each.id)  # cam-1 recovered meanwhile; cam-3 is not known yet
            rig.fail("cam-2")
            before = rig.recorder._retry_at
            await until(lambda: rig.recorder._retry_at > before)
            assert not rig.up
            _remount(disk, "rw")
            await rig.until_written()
            if known:
                assert sorted(rig.episodes()) == [("cam-0", True), ("cam-1", True), ("cam-2", False)]
                assert rig.fleet.entry("cam-1").episodes == {FAULT: 1}
            else:
                assert rig.events() == [("cam-2", "raised")]


async def test_a_fault_that_lasts_over_a_start_without_history_is_one_episode(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with recording(state) as rig:
        await begin(rig)
    hidden = state.rename(tmp_path / "elsewhere")
    state.write_text("in the way")
    async with recording(state) as rig:
        rig.mend("cam-0")
        rig.fail("cam-1")
        assert not rig.up
        state.unlink()
        hidden.rename(state)
        await rig.until_written()
        assert sorted(rig.episodes()) == [("cam-0", True), ("cam-1", False)]
        rig.mend("cam-1")
        await rig.until_written()
        assert sorted(rig.episodes()) == [("cam-0", True), ("cam-1", True)]
        assert len(rig.events()) == 4


def _script_of_another_user(folder: Path) -> str:
    return f"""
import asyncio, os, sys
from pathlib import Path
import pytest
from tests.recording import hurry, recording

async def main():
    await asyncio.to_thread(lambda: None)  # imports modules that this user may not read
    os.setgid(65534); os.setuid(65534)
    async with recording(Path({str(folder)!r})) as rig:
        def say(): print(int(rig.up), rig.fleet.now, flush=True)
        for line in iter(lambda: None, 1):
            say()
            await asyncio.sleep(0.02)
            text = Path({str(folder.parent / "told")!r}).read_text()
            if text == "fail" and not rig.fleet.entry("cam-0").health.confirmed: rig.fail("cam-0")
            if text == "end": break

hurry(pytest.MonkeyPatch())
asyncio.run(main())
"""


@pytest.fixture
def anyones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("another user's process takes root")
    folder = Path(tempfile.mkdtemp(prefix="xueliang-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_folder_without_permission_is_logged_and_used_again_later(anyones: Path) -> None:
    state = anyones / "state"
    state.mkdir()
    os.chown(state, 65534, 65534)
    told = anyones / "told"
    told.write_text("")
    process = subprocess.Popen(
        [sys.executable, "-c", _script_of_another_user(state)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")

    def wait_for(up: str) -> None:
        assert any(line.startswith(up) for line in lines)

    try:
        wait_for("1")
        state.chmod(0)
        wait_for("0")
        told.write_text("fail")
        for _ in range(20):
            assert next(lines).startswith("0")
        state.chmod(0o700)
        wait_for("1")
        told.write_text("end")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with contextlib.closing(History(state)) as history:
        assert [(item.camera, item.kind) for item in history.events()] == [("cam-0", "raised")]


async def test_without_a_history_memory_is_bounded_and_losses_are_logged_exactly(
    state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backlog, "MAX_TRANSITIONS", 40)
    state.write_text("in the way")
    async with recording(state) as rig:
        for each in CAMERAS:
            rig.mend(each.id)
        rig.fail("cam-1")  # and stays failed
        for _ in range(200):
            rig.fail("cam-0")
            rig.mend("cam-0")
        await until(lambda: len(rig.recorder._backlog._transitions) > 0)
        held = len(rig.recorder._backlog._transitions)
        assert held <= 40
        assert rig.metric('xueliang_history_lost_changes_total{kind="events"}') == f"{401 - held:.1f}"
        assert len(messages(caplog)) == 1
        state.unlink()
        await rig.until_written()
        events = rig.events()
        assert len(events) == held
        assert ("cam-1", "raised") in events
        assert sorted(set(rig.episodes())) == [("cam-0", True), ("cam-1", False)]
    back = messages(caplog)[1]
    assert back[0] == "WARNING"
    assert f"lost meanwhile: {401 - held} events from " in back[1]


async def test_losses_at_shutdown_are_logged(state: Path, caplog: pytest.LogCaptureFixture) -> None:
    state.write_text("in the way")
    async with recording(state) as rig:
        rig.fail("cam-0")
    assert "lost at shutdown: 1 event from " in messages(caplog)[-1][1]


async def test_a_value_that_cannot_be_stored_drops_only_its_change(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with recording(state) as rig:
        for each in CAMERAS:
            rig.mend(each.id)
        rig.fleet._notify((Transition("cam-3", rig.fleet.now, TransitionKind.RAISED, "no_media", "\ud800 is no text"),))
        rig.fail("cam-0")
        await rig.until_written()
        assert rig.events() == [("cam-0", "raised")]
        assert rig.up
    assert rig.metric('xueliang_history_lost_changes_total{kind="events"}') == "1.0"
    assert "cannot be written" in messages(caplog)[0][1]


async def test_a_disk_that_does_not_answer_holds_nothing_else_up(
    state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answering = threading.Event()
    write = History.write

    def slow(history: History, changes: Changes) -> None:
        answering.wait(60)
        write(history, changes)

    async with recording(state) as rig:
        await begin(rig)
        monkeypatch.setattr(recorder, "STUCK_SECONDS", 0.05)
        monkeypatch.setattr(History, "write", slow)
        rig.mend("cam-0")
        await rig.until_up(False)
        rig.fail("cam-2")
        await until(lambda: not rig.fleet._pending._happened)  # changes were collected, so memory is bounded
        assert not rig.up
        monkeypatch.setattr(recorder, "STUCK_SECONDS", 30.0)
        answering.set()
        await rig.until_written()
        assert rig.events() == DONE
    assert "the history has not answered" in caplog.text
    assert messages(caplog)[-1][1].endswith("lost meanwhile: nothing")


async def test_a_damaged_history_is_put_aside_a_few_times_only(state: Path) -> None:
    for number in range(8):
        history = History(state)
        history.write(
            Changes(tuple(Transition("a", 1.0, TransitionKind.RAISED, "x") for _ in range(100 * (number + 1))))
        )
        history.close()
        (state / "history.db").write_bytes(b"no database" * 1000 * (number + 1))
    History(state).close()
    assert len(list(state.glob("*damaged-*"))) == 5


async def test_a_daemon_without_cameras_knows_that_its_history_cannot_be_written(state: Path) -> None:
    async with recording(state) as rig:
        rig.fleet._entries.clear()
        await rig.until_up()
        rig.recorder._in_use._database.execute("PRAGMA busy_timeout=50")
        with locked(state):
            await rig.until_up(False)
        await rig.until_up()


async def test_a_history_that_can_be_read_only_later_doubles_no_outage(state: Path) -> None:
    async with recording(state) as rig:
        rig.visit("cam-0", None)
        rig.fail("cam-0")
        rig.fail("cam-1")
        await rig.until_written()
    away = state.with_name("away")
    state.rename(away)
    state.write_text("no folder")
    async with recording(state) as rig:
        rig.fail("cam-0")  # still
        rig.mend("cam-1")  # recovered meanwhile
        rig.fail("cam-2")  # since
        await rig.until_up(False)
        state.unlink()
        away.rename(state)
        await rig.until_written()
        rig.mend("cam-0")
        rig.mend("cam-2")
        await rig.until_written()
        with contextlib.closing(History(state, read_only=True)) as history:
            outages = history.outages(0, rig.fleet.now + 1)
        assert sorted((name, item.ended is not None) for name, item in outages) == [
            ("cam-0", True),
            ("cam-1", True),
            ("cam-2", True),
        ]
        assert rig.fleet.entry("cam-0").episodes == {"rtsp_timeout": 2}


def test_a_history_read_late_restores_memory_and_keeps_current_states(state: Path) -> None:
    rig = Rig(state)
    rig.fail("cam-0")
    learned = made.reference(60)
    then = replace(rig.fleet.entry("cam-0").health, state=State.UP, faults={}, outage=None, told_online=True)
    counts = {"cam-0": {FAULT: 2}, "cam-1": {}}
    stored = StoredState(
        {name: CameraRecord(name, then, Memory(learned), episodes=count) for name, count in counts.items()}
    )
    rig.fleet.take_late(stored)
    assert rig.fleet.status_of("cam-0").state is State.DOWN  # as observed since the start
    assert rig.fleet.status_of("cam-1").state is State.UP  # not visited yet
    assert [rig.fleet.entry(name).memory.reference for name in ("cam-0", "cam-1")] == [learned, learned]
    assert rig.fleet.entry("cam-0").episodes == {FAULT: 3}
