"""The daemon in a separate process on a failing machine: it logs the failures and recovers by itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.real.gstreamer import free_port
from tests.recording import locked, mounted, overwrite

XUELIANG = (sys.executable, "-m", "xueliang_monitor")
SECONDS = 60.0


class Place:
    """An installation whose cameras all refuse connections, so that each soon has an event."""

    def __init__(self, folder: Path, name: str = "xueliang.yaml", state: str = "state") -> None:
        self.port = free_port()
        self.folder, self.state, self.settings = folder, folder / state, folder / name
        (folder / "cameras.d").mkdir(exist_ok=True)
        self.settings.write_text(
            f"listen: 127.0.0.1:{self.port}\nstate: {state}\nintervals: {{reach: 200ms, rtsp: 200ms}}\n"
            "rechecks: {reach: 100ms}\n"
        )
        self.log = folder / f"{name}.log"
        self.cameras = 0

    def add(self, name: str) -> None:
        """Add a camera on its own site."""
        self.cameras += 1
        new = self.folder / "cameras.d" / ".new"
        new.write_text(f"site: {name}\naddress: 127.0.77.{self.cameras}\nrtsp_port: 1\n")
        new.rename(self.folder / "cameras.d" / f"{name}.yaml")

    def get(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
                return str(response.read().decode())
        except (urllib.error.URLError, OSError):
            return ""

    def metric(self, name: str) -> float | None:
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics"), re.MULTILINE)
        return float(found[1]) if found else None

    def events(self) -> list[str]:
        """Return the cameras with raised faults, as another process reads them."""
        with contextlib.suppress(sqlite3.Error), contextlib.closing(self.database()) as database:
            return sorted(row[0] for row in database.execute("SELECT camera FROM events WHERE kind = 'raised'"))
        return []

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.state / 'history.db'}?mode=ro", uri=True)


@contextlib.contextmanager
def running(place: Place, before: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            [*before, *XUELIANG, "run", "-c", str(place.settings)], stderr=log, stdout=log, cwd=ROOT
        )
    try:
        until(lambda: place.metric("xueliang_history_up") is not None or process.poll() is not None)
        yield process
        assert process.poll() is None, place.log.read_text()
        process.terminate()
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def until(wanted: Callable[[], object]) -> None:
    started = time.monotonic()
    while not wanted():
        assert time.monotonic() - started < SECONDS, "not in time"
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["history.db-wal", "history.db-shm", "history.db"])
def test_events_after_a_file_was_removed_are_in_the_history(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path)
    place.add("a")
    with running(place):
        until(lambda: place.events() == ["a"])
        (place.state / name).unlink()
        place.add("b")
        until(lambda: place.events() == ["a", "b"])
        assert place.metric("xueliang_history_up") == 1
    assert place.events() == ["a", "b"]
    # A reader of the history may recreate the log.
    assert re.search(rf"{name} was (removed|replaced) .*while it was in use", place.log.read_text())


def test_a_history_that_is_overwritten_is_put_aside_without_a_restart(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.add("a")
    with running(place):
        until(lambda: place.events() == ["a"])
        with contextlib.closing(sqlite3.connect(place.state / "history.db")) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        overwrite(place.state / "history.db", 4096, os.urandom(32768))
        place.add("b")
        until(lambda: place.metric("xueliang_histories_damaged_total") == 1)
        until(lambda: place.events() == ["a", "b"])  # both have faults now
        until(lambda: place.metric("xueliang_history_up") == 1)
    assert list(place.state.glob("history.db.damaged-*"))


def test_a_disk_that_is_read_only_at_the_start_is_used_once_it_is_not(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "8m") as disk:
        place = Place(tmp_path, state="disk/state")
        place.add("a")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with running(place):
            until(
                lambda: place.metric(
                    'xueliang_camera_fault{camera="a",fault="connection_refused",programme="",site="a"}'
                )
            )
            assert place.metric("xueliang_history_up") == 0
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            until(lambda: place.metric("xueliang_history_up") == 1)
            assert place.events() == ["a"]
            until((place.state / "daemon.lock").exists)
        log = place.log.read_text()
        assert log.count("monitoring continues, and writing is tried again") == 1
        assert "lost meanwhile: nothing" in log


def test_a_full_disk_costs_no_event(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "1m") as disk:
        place = Place(tmp_path, state="disk/state")
        place.add("a")
        with running(place):
            until(lambda: place.events() == ["a"])
            with contextlib.suppress(OSError), (disk / "filling").open("wb", buffering=0) as stream:
                while True:
                    stream.write(bytes(4096))
            names = ["a"]
            for number in range(100):
                names.append(f"b{number:02}")
                place.add(names[-1])
                if place.metric("xueliang_history_up") == 0:
                    break
                time.sleep(0.2)
            until(lambda: place.metric("xueliang_history_up") == 0)
            (disk / "filling").unlink()
            until(lambda: place.metric("xueliang_history_up") == 1)
            until(lambda: place.events() == names)


def test_a_database_that_is_locked_for_long_costs_no_event(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.add("a")
    with running(place):
        until(lambda: place.events() == ["a"])
        with locked(place.state):
            place.add("b")
            until(lambda: place.metric("xueliang_history_up") == 0)
        until(lambda: place.metric("xueliang_history_up") == 1)
        assert place.events() == ["a", "b"]


@pytest.mark.parametrize("limit", ["max_inotify_instances", "max_inotify_watches"])
def test_without_inotify_the_daemon_still_notices_new_cameras(tmp_path: Path, limit: str) -> None:
    own = ["unshare", "--user", "--map-root-user", "--"]
    if subprocess.run([*own, "test", "-w", f"/proc/sys/user/{limit}"], capture_output=True).returncode:
        pytest.skip("a user namespace of one's own is not allowed here")
    place = Place(tmp_path)
    with running(place, [*own, "sh", "-c", f'echo 0 > /proc/sys/user/{limit} && exec "$@"', "sh"]):
        place.add("a")
        until(lambda: place.events() == ["a"])
    assert place.log.read_text().count("the system does not report changes") == 1
    assert "Traceback" not in place.log.read_text()


def test_a_second_daemon_on_one_state_folder_refuses_and_names_the_first(tmp_path: Path) -> None:
    first = Place(tmp_path)
    first.add("a")
    with running(first) as process:
        until(lambda: first.events() == ["a"])
        socket = (first.state / "control.sock").stat().st_ino
        second = Place(tmp_path, "second.yaml")
        done = subprocess.run(
            [*XUELIANG, "run", "-c", str(second.settings)], capture_output=True, text=True, timeout=SECONDS
        )
        assert done.returncode == 2  # systemd does not restart the service after this exit code
        assert str(first.state) in done.stderr
        assert re.search(rf"\(pid {process.pid}, since \S+, page http://127.0.0.1:{first.port}/\)", done.stderr)
        assert "Traceback" not in done.stderr
        assert (first.state / "control.sock").stat().st_ino == socket
        told = subprocess.run([*XUELIANG, "events", "-c", str(second.settings)], capture_output=True, text=True)
        assert (told.returncode, "connection_refused" in told.stdout) == (0, True)
        begun = [*XUELIANG, "maintenance", "start", "--camera", "a", "-c", str(second.settings)]
        assert subprocess.run(begun, capture_output=True).returncode == 0
    assert first.events() == ["a"]


def test_the_lock_of_a_killed_daemon_is_free(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with running(place) as process:
        pass
    for _ in range(2):
        with contextlib.suppress(AssertionError), running(place) as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert process.returncode == -signal.SIGKILL
    with running(place):
        pass


def test_a_lock_file_that_is_removed_is_made_and_held_again(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with running(place):
        (place.state / "daemon.lock").unlink()
        until(lambda: (place.state / "daemon.lock").exists())
        second = Place(tmp_path, "second.yaml")
        done = subprocess.run([*XUELIANG, "run", "-c", str(second.settings)], capture_output=True, timeout=SECONDS)
        assert done.returncode == 2


def test_events_are_followed_across_removed_files_and_a_new_history(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for name in ("a", "b", "c"):
        place.add(name)
    with running(place):
        until(lambda: place.events() == ["a", "b", "c"])
        follow = [*XUELIANG, "events", "--follow", "--json", "-c", str(place.settings)]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout is not None
            seen = [json.loads(following.stdout.readline())["camera"] for _ in range(3)]
            assert sorted(seen) == ["a", "b", "c"]
            (place.state / "history.db").unlink()
            place.add("d")
            assert json.loads(following.stdout.readline())["camera"] == "d"
            (place.folder / "cameras.d" / "c.yaml").unlink()
            assert json.loads(following.stdout.readline())["kind"] == "cleared"
            for file in place.state.glob("history.db*"):
                overwrite(file, 0, b"no database" * 10_000)
            again = [json.loads(following.stdout.readline()) for _ in range(3)]
            assert sorted(item["camera"] for item in again) == ["a", "b", "d"]
            following.send_signal(signal.SIGINT)
            assert following.wait(SECONDS) == 0
