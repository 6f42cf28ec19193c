"""The history recognises logins and reveals nothing about them."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulated_time import START, camera, visited
from tests.storage.earlier_history import without_logins
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import Credentials, OnvifTarget, Rung, Target
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.login_marks import LoginMarks
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage import login_key
from xueliang_monitor.storage.history import History

LOGIN, OTHER = Credentials("viewer", "secret"), Credentials("viewer", "new")
TARGET = Target("cam-0", "127.0.0.1", credentials=LOGIN, onvif=OnvifTarget(credentials=OTHER))
CHANGED = replace(TARGET, credentials=replace(LOGIN, password="changed"))


def digests(login: Credentials) -> set[str]:
    """Return what anybody can compute of a login, shortened to 16 bits or not."""
    texts = [f"{login.username}{gap}{login.password}".encode() for gap in ("\0", ":", "")] + [login.password.encode()]
    return {
        hashlib.new(name, text, usedforsecurity=False).hexdigest()
        for name in ("md5", "sha1", "sha256", "blake2b")
        for text in texts
    } | {hashlib.blake2b(text, digest_size=size).hexdigest() for text in texts for size in (2, 8, 16, 32)}


def stored(folder: Path, login: Login) -> History:
    """Store what is remembered of the logins of one camera."""
    fleet = Fleet(ManualClock(START), Policy(), (camera("cam-0"),))
    fleet.apply(visited("cam-0", START, None, Rung.RTSP), Memory(login=login), 0.0)
    history = History(folder)
    history.write(fleet.collect(every=True))
    return history


def held_back(marks: LoginMarks) -> Login:
    login = Login().for_target(TARGET, marks)
    return replace(login, rtsp=login.rtsp.refused(START).refused(START), refusals=(START, START))


def read_back(history: History) -> Login:
    login = history.load().cameras["cam-0"].memory.login
    history.close()
    return login


def test_a_held_back_login_stays_held_back_over_a_restart_and_a_changed_one_does_not(tmp_path: Path) -> None:
    login = held_back(login_key.marks_in(tmp_path))
    history = stored(tmp_path, login)
    history.close()
    again = login_key.marks_in(tmp_path)  # as the next process reads it
    known = read_back(History(tmp_path))
    assert known.for_target(TARGET, again) == login
    assert known.for_target(CHANGED, again).rtsp.may_try(START)
    assert (tmp_path / login_key.FILE).stat().st_mode & 0o777 == 0o600


def test_the_mark_of_a_login_depends_on_the_key_alone(tmp_path: Path) -> None:
    first, second = login_key.marks_in(tmp_path / "a"), login_key.marks_in(tmp_path / "b")
    assert first.of(LOGIN) != second.of(LOGIN)
    assert first.of(LOGIN) == login_key.marks_in(tmp_path / "a").of(LOGIN)
    assert first.of(None) is None
    assert first.key.hex() not in repr(first)


def test_no_file_of_the_history_holds_a_digest_of_a_login(tmp_path: Path) -> None:
    stored(tmp_path, held_back(login_key.marks_in(tmp_path))).close()
    with sqlite3.connect(tmp_path / "history.db") as database:
        (memory,) = database.execute("SELECT memory FROM cameras").fetchone()
    marks = {json.loads(memory)[name]["credentials"] for name in ("login", "device_login")}
    assert len(marks) == 2
    assert not marks & (digests(LOGIN) | digests(OTHER))


@pytest.mark.parametrize("target", [TARGET, CHANGED], ids=["same", "changed meanwhile"])
def test_an_upgrade_forgets_the_digest_and_keeps_the_back_off(tmp_path: Path, target: Target) -> None:
    """As version 0.3.0 stored it. Whether the login was changed meanwhile cannot be told any more."""
    login = held_back(LoginMarks())
    old = "5e7d"
    of_old = replace(login, rtsp=replace(login.rtsp, credentials=old), onvif=replace(login.onvif, credentials=old))
    stored(tmp_path, of_old).close()
    with sqlite3.connect(tmp_path / "history.db") as database:
        database.execute("INSERT INTO cameras VALUES ('odd', '{}', 'not JSON', NULL, NULL)")
        database.execute("DROP TABLE root_days")
        database.execute("DROP TABLE acknowledgements")
        for table in ("told", "outbox", "silences"):
            database.execute(f"DROP TABLE {table}")
        database.execute("DROP INDEX events_of_camera")
        without_logins(database)
        database.execute("PRAGMA user_version=5")
    database.close()
    assert f'"{old}"'.encode() in (tmp_path / "history.db").read_bytes()
    history = History(tmp_path)
    history.close()
    for file in tmp_path.glob("history.db*"):
        assert f'"{old}"'.encode() not in file.read_bytes(), file
    with sqlite3.connect(tmp_path / "history.db") as database:
        database.execute("DELETE FROM cameras WHERE camera = 'odd'")
    known = read_back(History(tmp_path)).for_target(target, LoginMarks())
    assert (known.rtsp.failures, known.rtsp.held_until) == (login.rtsp.failures, login.rtsp.held_until)
    assert known.refusals == (START, START)
    assert known.rtsp.credentials != known.onvif.credentials


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / login_key.FILE).write_bytes(content)
    assert login_key.marks_in(tmp_path).key == (tmp_path / login_key.FILE).read_bytes()
    assert (tmp_path / login_key.FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    marks = login_key.marks_in(tmp_path)
    (tmp_path / login_key.FILE).chmod(0o644)
    assert login_key.marks_in(tmp_path) == marks
    assert (tmp_path / login_key.FILE).stat().st_mode & 0o777 == 0o600


def test_what_is_no_file_stops_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / login_key.FILE)
    assert login_key.marks_in(tmp_path).of(LOGIN)
    (tmp_path / "file").touch()
    assert login_key.marks_in(tmp_path / "file").of(LOGIN)
