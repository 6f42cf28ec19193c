"""What is remembered over restarts, in SQLite: states, fault episodes, availability by day. One writer."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from xueliang_monitor.availability import Seconds
from xueliang_monitor.check import Memory
from xueliang_monitor.health import Health, Transition
from xueliang_monitor.login import Login
from xueliang_monitor.model import Identity
from xueliang_monitor.net.acquaintance import Acquaintance, LoginKind
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.probes.device import DeviceMemory

log = logging.getLogger(__name__)

FILE = "history.db"
_MIGRATIONS = (
    """
    CREATE TABLE cameras (camera TEXT PRIMARY KEY, health TEXT NOT NULL, memory TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE episodes (
        id INTEGER PRIMARY KEY, camera TEXT NOT NULL, uplink TEXT NOT NULL, fault TEXT NOT NULL,
        began REAL NOT NULL, confirmed REAL NOT NULL, ended REAL, detail TEXT NOT NULL
    );
    CREATE INDEX episodes_of_camera ON episodes (camera, uplink, fault, ended);
    CREATE INDEX episodes_by_end ON episodes (ended);
    CREATE TABLE days (
        camera TEXT NOT NULL, day TEXT NOT NULL, observed REAL NOT NULL, online REAL NOT NULL, healthy REAL NOT NULL,
        uplink REAL NOT NULL, PRIMARY KEY (camera, day)
    ) WITHOUT ROWID;
    """,
)
"""One step a version, forward only; `PRAGMA user_version` counts those taken."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What of a camera's memory survives a restart; profiles and services of its device are asked anew."""

    reference: Reference | None
    login: Login
    device_login: Login
    identity: Identity | None
    last_start: tuple[float, float] | None
    restart_noticed_at: float | None
    login_kind: LoginKind

    @classmethod
    def of(cls, memory: Memory) -> Remembered:
        """Return what is kept of a memory."""
        device = memory.device
        return cls(
            memory.reference,
            memory.login,
            memory.device_login,
            device.identity,
            device.last_start,
            device.restart_noticed_at,
            device.acquaintance.login,
        )

    def memory(self) -> Memory:
        """Return a memory that begins with this."""
        device = DeviceMemory(
            Acquaintance(self.login_kind),
            self.identity,
            last_start=self.last_start,
            restart_noticed_at=self.restart_noticed_at,
        )
        return Memory(self.reference, self.login, device=device, device_login=self.device_login)


_HEALTH = TypeAdapter(Health)
_MEMORY = TypeAdapter(Remembered)


def _dump_health(health: Health) -> str:
    return _HEALTH.dump_json(replace(health, faults=dict(health.faults))).decode()


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that a fault counted, of a camera or an uplink; `ended` is None while it lasts."""

    camera: str
    uplink: str
    fault: str
    began: float
    confirmed: float
    ended: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written together: what happened, what is known since, seconds to be added by camera and day."""

    transitions: tuple[Transition, ...] = ()
    known: tuple[tuple[str, Health, Memory], ...] = ()
    seconds: tuple[tuple[str, str, Seconds], ...] = ()


class HistoryError(Exception):
    """The history cannot be written or read; the text says why."""


class History:
    """The database of one installation; to be used from one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Open it, or put a damaged one aside and begin anew.

        Raises:
            HistoryError: the folder cannot be used.

        """
        self.path = folder / FILE
        self.put_aside: Path | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database = self._open_or_put_aside()
        except (OSError, sqlite3.Error) as error:
            raise HistoryError(f"{self.path}: cannot be used: {error}") from error

    def _open_or_put_aside(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                raise
            self.put_aside = self.path.with_name(f"{FILE}.damaged-{time.time_ns()}")
            log.error(  # noqa: TRY400 - the cause stands in the line
                "%s is damaged (%s): put aside as %s, begun anew", self.path, error, self.put_aside.name
            )
            self.path.rename(self.put_aside)
            for suffix in ("-wal", "-shm"):
                self.path.with_name(FILE + suffix).unlink(missing_ok=True)
            return self._open()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            (checked,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if checked != "ok":
                raise sqlite3.DatabaseError(f"database disk image is malformed: {checked}")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > len(_MIGRATIONS):
                raise sqlite3.OperationalError(f"it is of version {version}, newer than this program")
            for number, step in enumerate(_MIGRATIONS[version:], start=version + 1):
                database.executescript(f"BEGIN; {step} PRAGMA user_version={number}; COMMIT;")
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def write(self, changes: Changes) -> None:
        """Write what belongs together, all or nothing, durably.

        Raises:
            HistoryError: it cannot be written; it may be tried again.

        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._write_transitions(changes.transitions)
                self._database.executemany(
                    "INSERT OR REPLACE INTO cameras VALUES (?, ?, ?)",
                    (
                        (camera, _dump_health(health), _MEMORY.dump_json(Remembered.of(memory)).decode())
                        for camera, health, memory in changes.known
                    ),
                )
                self._database.executemany(
                    "INSERT INTO days VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " observed = observed + excluded.observed, online = online + excluded.online,"
                    " healthy = healthy + excluded.healthy, uplink = uplink + excluded.uplink",
                    (
                        (camera, day, each.observed, each.online, each.healthy, each.uplink)
                        for camera, day, each in changes.seconds
                    ),
                )
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path}: cannot be written: {error}") from error

    def _write_transitions(self, transitions: Iterable[Transition]) -> None:
        for item in transitions:
            fault = "uplink_down" if item.uplink else item.code
            if item.kind == "raised" or (item.kind == "uplink" and item.code == "down"):
                self._database.execute(
                    "INSERT INTO episodes (camera, uplink, fault, began, confirmed, detail) VALUES (?, ?, ?, ?, ?, ?)",
                    (item.camera, item.uplink, fault, item.since or item.at, item.at, item.detail),
                )
            elif item.kind == "cleared" or item.kind == "uplink":
                self._database.execute(
                    "UPDATE episodes SET ended = ? WHERE camera = ? AND uplink = ? AND fault = ? AND ended IS NULL",
                    (item.at, item.camera, item.uplink, fault),
                )

    def load(self) -> Mapping[str, tuple[Health, Memory]]:
        """Return what was known of each camera; one that cannot be read is left out, and said in the log."""
        found: dict[str, tuple[Health, Memory]] = {}
        for camera, health, memory in self._database.execute("SELECT camera, health, memory FROM cameras"):
            try:
                found[camera] = _HEALTH.validate_json(health), _MEMORY.validate_json(memory).memory()
            except ValidationError:
                log.warning("camera %s: what was known of it cannot be read, and is learned anew", camera)
        return found

    def episode_counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return how often each fault counted, by camera and fault."""
        counts: dict[str, dict[str, int]] = {}
        rows = self._database.execute("SELECT camera, fault, COUNT(*) FROM episodes WHERE camera != '' GROUP BY 1, 2")
        for camera, fault, count in rows:
            counts.setdefault(camera, {})[fault] = count
        return counts

    def uplinks_down(self) -> Mapping[str, float]:
        """Return the uplinks that are down, and since when."""
        rows = self._database.execute("SELECT uplink, began FROM episodes WHERE uplink != '' AND ended IS NULL")
        return dict(rows.fetchall())

    def episodes(self, since: float, until: float) -> list[Episode]:
        """Return the episodes that touch a stretch of time, the first first."""
        rows = self._database.execute(
            "SELECT camera, uplink, fault, began, confirmed, ended, detail FROM episodes"
            " WHERE began < ? AND (ended IS NULL OR ended > ?) ORDER BY began, id",
            (until, since),
        )
        return [Episode(*row) for row in rows]

    def seconds(self, first: str, last: str) -> Mapping[str, Mapping[str, Seconds]]:
        """Return the seconds by camera and day, from the first day to the last, both included."""
        found: dict[str, dict[str, Seconds]] = {}
        rows = self._database.execute(
            "SELECT camera, day, observed, online, healthy, uplink FROM days WHERE day BETWEEN ? AND ?", (first, last)
        )
        for camera, day, *numbers in rows:
            found.setdefault(camera, {})[day] = Seconds(*numbers)
        return found

    def forget(self, days_before: str, episodes_before: float) -> None:
        """Delete what is older than it is to be kept.

        Raises:
            HistoryError: it cannot be written.

        """
        try:
            self._database.execute("DELETE FROM days WHERE day < ?", (days_before,))
            self._database.execute("DELETE FROM episodes WHERE ended < ?", (episodes_before,))
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path}: cannot be written: {error}") from error
