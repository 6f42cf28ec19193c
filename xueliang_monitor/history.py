"""What is remembered over restarts, in SQLite: states, fault episodes, availability by day. One writer."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from xueliang_monitor.availability import Seconds
from xueliang_monitor.camera_file import CameraFile
from xueliang_monitor.health import Health, Outage, Transition
from xueliang_monitor.looks import LookTaken, pack, unpack
from xueliang_monitor.maintenance import Window
from xueliang_monitor.remembered import Remembered
from xueliang_monitor.stored import Changes, Episode, Known, Stored, outages_of

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
    """
    ALTER TABLE days ADD COLUMN maintenance REAL NOT NULL DEFAULT 0;
    CREATE TABLE maintenance (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, began REAL NOT NULL, ends REAL NOT NULL,
        reason TEXT NOT NULL, stopped REAL
    );
    """,
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, camera TEXT NOT NULL, uplink TEXT NOT NULL,
        kind TEXT NOT NULL, fault TEXT NOT NULL, since REAL, detail TEXT NOT NULL
    );
    CREATE INDEX events_by_time ON events (at);
    """,
    """
    CREATE TABLE looks (
        camera TEXT NOT NULL, at REAL NOT NULL, measures TEXT NOT NULL, scores TEXT NOT NULL, PRIMARY KEY (camera, at)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE cameras ADD COLUMN file TEXT;
    ALTER TABLE cameras ADD COLUMN episodes TEXT;
    CREATE TABLE uplinks (uplink TEXT PRIMARY KEY, lost TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE outages (
        camera TEXT NOT NULL, key INTEGER NOT NULL, began REAL NOT NULL, confirmed REAL NOT NULL, ended REAL,
        codes TEXT NOT NULL, PRIMARY KEY (camera, key)
    ) WITHOUT ROWID;
    CREATE INDEX outages_by_end ON outages (ended);
    """,
)
_OUTAGES_SINCE = 5
"""The version that knows outages; those before it are told from the episodes."""

"""One step a version, forward only; `PRAGMA user_version` counts those taken."""


_EVENTS = (
    "SELECT id, at, camera, uplink, kind, fault, since, detail FROM events"
    " WHERE id > ? AND id < ? AND (? = '' OR camera = ?) ORDER BY id "
)
_EPISODES = "SELECT camera, uplink, fault, began, confirmed, ended, detail FROM episodes"
_OUTAGES = "SELECT camera, key, began, confirmed, ended, codes FROM outages"
_EARLIER, _LATER = f"{_EVENTS} DESC LIMIT ?", f"{_EVENTS} ASC LIMIT ?"


_HEALTH = TypeAdapter(Health)
_MEMORY = TypeAdapter(Remembered)
_COUNTS = TypeAdapter(dict[str, int])
_CODES = TypeAdapter(tuple[str, ...])


def _dump_health(health: Health) -> str:
    return _HEALTH.dump_json(replace(health, faults=dict(health.faults))).decode()


def _row(known: Known) -> tuple[str, str, str, str | None, str]:
    memory = _MEMORY.dump_json(Remembered.of(known.memory)).decode()
    file = known.data.model_dump_json(exclude_defaults=True) if known.data is not None else None
    counts = _COUNTS.dump_json(dict(known.episodes)).decode()
    return known.camera, _dump_health(known.health), memory, file, counts


def _known(
    camera: str, counted: Mapping[str, int], health: str, memory: str, file: str | None, episodes: str | None
) -> Known:
    """Read a camera's row; a version before wrote no file and no counts, so that episodes are `counted`."""
    data = None
    if file is not None:
        with contextlib.suppress(ValidationError):  # of a version that knew other keys
            data = CameraFile.model_validate_json(file)
    counts = counted if episodes is None else _COUNTS.validate_json(episodes)
    return Known(camera, _HEALTH.validate_json(health), _MEMORY.validate_json(memory).memory(), data, counts)


def _outage_row(known: tuple[str, Outage]) -> tuple[str, int, float, float, float | None, str]:
    camera, outage = known
    codes = _CODES.dump_json(outage.codes).decode()
    return camera, outage.key, outage.began, outage.confirmed_at, outage.ended, codes


def _outage(row: tuple[str, int, float, float, float | None, str]) -> tuple[str, Outage]:
    camera, key, began, confirmed, ended, codes = row
    return camera, Outage(key, began, confirmed, _CODES.validate_json(codes), ended)


def _lost(cameras: str) -> frozenset[str] | None:
    try:
        return frozenset(_CODES.validate_json(cameras))
    except ValidationError:
        return None


def _tell_outages(database: sqlite3.Connection) -> None:
    """Tell the outages of the time before they were kept from the episodes."""
    episodes = (Episode(*row) for row in database.execute(_EPISODES))
    database.executemany(
        "INSERT OR REPLACE INTO outages (camera, key, began, confirmed, ended, codes) VALUES (?, ?, ?, ?, ?, ?)",
        map(_outage_row, outages_of(episodes)),
    )


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: a fault of a camera or an uplink, raised or cleared, and since when it was seen."""

    id: int
    at: float
    camera: str
    uplink: str
    kind: str
    fault: str
    since: float | None
    detail: str


class HistoryError(Exception):
    """The history cannot be written or read; the text says why."""


class History:
    """The database of one installation; to be used from one thread at a time."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open it, or put a damaged one aside and begin anew; `read_only` looks at what there is.

        Raises:
            HistoryError: the folder cannot be used, or there is nothing to read.

        """
        self.path = folder / FILE
        self.put_aside: Path | None = None
        try:
            if read_only:
                self._database = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
                self._database.execute("PRAGMA busy_timeout=5000")
                self._database.execute("SELECT 1 FROM events LIMIT 1")
                return
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

    def _leave_to_the_daemon(self) -> None:
        """Give a file that root makes to the folder's owner, so that the daemon, who runs as that, can write it."""
        owner = self.path.parent.stat()
        if os.geteuid() == 0 and owner.st_uid:
            self.path.touch(mode=0o600)
            os.chown(self.path, owner.st_uid, owner.st_gid)

    def _open(self) -> sqlite3.Connection:
        self._leave_to_the_daemon()
        database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("PRAGMA busy_timeout=5000")
            (checked,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if checked != "ok":
                raise sqlite3.DatabaseError(f"database disk image is malformed: {checked}")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > len(_MIGRATIONS):
                raise sqlite3.OperationalError(f"it is of version {version}, newer than this program")
            for number, step in enumerate(_MIGRATIONS[version:], start=version + 1):
                database.executescript(f"BEGIN; {step} PRAGMA user_version={number};")
                if number == _OUTAGES_SINCE:
                    _tell_outages(database)
                database.execute("COMMIT")
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
                self._shift(changes.shifted)
                self._write_transitions(changes.transitions)
                self._write_outages(changes)
                self._database.executemany("DELETE FROM cameras WHERE camera = ?", ((name,) for name in changes.gone))
                self._database.executemany(
                    "INSERT OR REPLACE INTO cameras (camera, health, memory, file, episodes) VALUES (?, ?, ?, ?, ?)",
                    map(_row, changes.known),
                )
                self._database.executemany(
                    "INSERT INTO days VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " observed = observed + excluded.observed, online = online + excluded.online,"
                    " healthy = healthy + excluded.healthy, uplink = uplink + excluded.uplink,"
                    " maintenance = maintenance + excluded.maintenance",
                    (
                        (camera, day, each.observed, each.online, each.healthy, each.uplink, each.maintenance)
                        for camera, day, each in changes.seconds
                    ),
                )
                self._database.executemany(
                    "INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?)",
                    ((each.camera, each.at, *pack(each)) for each in changes.looks),
                )
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path}: cannot be written: {error}") from error

    def _shift(self, seconds: float) -> None:
        """Move what lasts by as much as the clock was set."""
        if not seconds:
            return
        for table in ("episodes", "outages"):
            self._database.execute(
                f"UPDATE {table} SET began = began + ?, confirmed = confirmed + ? WHERE ended IS NULL",  # noqa: S608
                (seconds, seconds),
            )

    def _write_outages(self, changes: Changes) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO outages (camera, key, began, confirmed, ended, codes) VALUES (?, ?, ?, ?, ?, ?)",
            map(_outage_row, changes.outages),
        )
        for uplink, lost in changes.uplinks:
            self._database.execute("DELETE FROM uplinks WHERE uplink = ?", (uplink,))
            if lost:
                codes = _CODES.dump_json(tuple(sorted(lost))).decode()
                self._database.execute("INSERT INTO uplinks (uplink, lost) VALUES (?, ?)", (uplink, codes))

    def _write_transitions(self, transitions: Iterable[Transition]) -> None:
        for item in transitions:
            self._database.execute(
                "INSERT INTO events (at, camera, uplink, kind, fault, since, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (item.at, item.camera, item.uplink, item.change, item.fault, item.since, item.detail),
            )
            if item.change == "raised":
                self._database.execute(
                    "INSERT INTO episodes (camera, uplink, fault, began, confirmed, detail) VALUES (?, ?, ?, ?, ?, ?)",
                    (item.camera, item.uplink, item.fault, item.since or item.at, item.at, item.detail),
                )
            elif item.change == "cleared":
                self._database.execute(
                    "UPDATE episodes SET ended = max(?, began) WHERE camera = ? AND uplink = ? AND fault = ?"
                    " AND ended IS NULL",
                    (item.at, item.camera, item.uplink, item.fault),
                )

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path}: cannot be read: {error}") from error

    def load(self) -> Stored:
        """Return what a start goes on from; a camera that cannot be read is left out, and said in the log."""
        found: dict[str, Known] = {}
        counted = self._episode_counts()
        for camera, *columns in self._rows("SELECT camera, health, memory, file, episodes FROM cameras"):
            try:
                found[camera] = _known(camera, counted.get(camera, {}), *columns)
            except ValidationError:
                log.warning("camera %s: what was known of it cannot be read, and is learned anew", camera)
        lost = dict(self._rows("SELECT uplink, lost FROM uplinks"))
        lasting = self._rows(f"{_EPISODES} WHERE ended IS NULL ORDER BY began, id")
        open_outages = self._rows(f"{_OUTAGES} WHERE ended IS NULL ORDER BY began, camera")
        return Stored(
            found,
            {name: _lost(cameras) for name, cameras in lost.items()},
            tuple(Episode(*row) for row in lasting),
            tuple(map(_outage, open_outages)),
        )

    def _episode_counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return how often each fault counted, by camera and fault, as far back as episodes are kept."""
        counts: dict[str, dict[str, int]] = {}
        rows = self._rows("SELECT camera, fault, COUNT(*) FROM episodes WHERE camera != '' GROUP BY 1, 2")
        for camera, fault, count in rows:
            counts.setdefault(camera, {})[fault] = count
        return counts

    def outages(self, since: float, until: float, camera: str = "") -> list[tuple[str, Outage]]:
        """Return the outages that touch a stretch of time, each with its camera, the first first; of all, or of one."""
        if self._rows("PRAGMA user_version")[0][0] < _OUTAGES_SINCE:  # read while an older daemon writes it
            return [item for item in outages_of(self.episodes(since, until)) if camera in ("", item[0])]
        rows = self._rows(
            f"{_OUTAGES} WHERE began < ? AND (ended IS NULL OR ended > ?) AND (? = '' OR camera = ?)"
            " ORDER BY began, camera",
            (until, since, camera, camera),
        )
        return [_outage(row) for row in rows]

    def episodes(self, since: float, until: float, camera: str = "", uplink: str = "") -> list[Episode]:
        """Return the episodes that touch a stretch of time, the first first: all, or a camera's and its uplink's."""
        rows = self._rows(
            f"{_EPISODES} WHERE began < ? AND (ended IS NULL OR ended > ?)"
            " AND (? = '' OR camera = ? OR (camera = '' AND uplink = ?)) ORDER BY began, id",
            (until, since, camera, camera, uplink),
        )
        return [Episode(*row) for row in rows]

    def events(
        self, *, after: int | None = None, before: int | None = None, camera: str = "", limit: int = 100
    ) -> list[Event]:
        """Return events with numbers between two others: the last `limit` ones, or after a number the first ones."""
        rows = self._rows(
            _EARLIER if after is None else _LATER,
            (after or 0, before if before is not None else 2**62, camera, camera, limit),
        )
        return [Event(*row) for row in (reversed(rows) if after is None else rows)]

    def seconds(self, first: str, last: str, camera: str = "") -> Mapping[str, Mapping[str, Seconds]]:
        """Return the seconds by camera and day, from the first day to the last, both included; of all, or of one."""
        found: dict[str, dict[str, Seconds]] = {}
        rows = self._rows(
            "SELECT camera, day, observed, online, healthy, uplink, maintenance FROM days"
            " WHERE day BETWEEN ? AND ? AND (? = '' OR camera = ?)",
            (first, last, camera, camera),
        )
        for camera, day, *numbers in rows:
            found.setdefault(camera, {})[day] = Seconds(*numbers)
        return found

    def looks(self, camera: str, since: float) -> list[LookTaken]:
        """Return what was measured of a camera's picture since a moment, the first first."""
        rows = self._rows(
            "SELECT at, measures, scores FROM looks WHERE camera = ? AND at >= ? ORDER BY at", (camera, since)
        )
        return [unpack(camera, *row) for row in rows]

    def version(self) -> int:
        """Return a number that changes when another process wrote something."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def windows(self, since: float) -> list[Window]:
        """Return the maintenance windows that end after a moment, the first first."""
        rows = self._rows(
            "SELECT id, kind, name, began, ends, reason, stopped FROM maintenance WHERE ends > ? ORDER BY began, id",
            (since,),
        )
        return [Window(*row) for row in rows]

    def start_maintenance(self, kind: str, name: str, began: float, ends: float, reason: str) -> int:
        """Begin a maintenance window; return its number.

        Raises:
            HistoryError: it cannot be written.

        """
        try:
            cursor = self._database.execute(
                "INSERT INTO maintenance (kind, name, began, ends, reason) VALUES (?, ?, ?, ?, ?)",
                (kind, name, began, ends, reason),
            )
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path}: cannot be written: {error}") from error
        return int(cursor.lastrowid or 0)

    def stop_maintenance(self, number: int, at: float) -> bool:
        """End a window before its time; return whether there was one in force.

        Raises:
            HistoryError: it cannot be written.

        """
        try:
            cursor = self._database.execute(
                "UPDATE maintenance SET stopped = ? WHERE id = ? AND stopped IS NULL AND ends > ?", (at, number, at)
            )
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path}: cannot be written: {error}") from error
        return cursor.rowcount > 0

    def forget(self, days_before: str, episodes_before: float, looks_before: float = 0.0) -> None:
        """Delete what is older than it is to be kept.

        Raises:
            HistoryError: it cannot be written.

        """
        try:
            self._database.execute("DELETE FROM days WHERE day < ?", (days_before,))
            self._database.execute("DELETE FROM episodes WHERE ended < ?", (episodes_before,))
            self._database.execute("DELETE FROM events WHERE at < ?", (episodes_before,))
            self._database.execute("DELETE FROM outages WHERE ended < ?", (episodes_before,))
            self._database.execute("DELETE FROM looks WHERE at < ?", (looks_before,))
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path}: cannot be written: {error}") from error
