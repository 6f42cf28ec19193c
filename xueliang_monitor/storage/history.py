"""What is remembered over restarts, in SQLite: states, fault episodes, availability by day. One writer."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xueliang_monitor.clock import ClockReading
from xueliang_monitor.fleet.changes import CameraRecord, Changes, PictureSample, Stored
from xueliang_monitor.judgement.availability import Seconds
from xueliang_monitor.judgement.episodes import Episode, outages_of
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.judgement.maintenance import Window
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.storage import database_file
from xueliang_monitor.storage.picture_samples import pack, unpack
from xueliang_monitor.storage.rows import known_of, lost_of, lost_text, outage_of, row_of, row_of_outage
from xueliang_monitor.storage.schema import EPISODES, OUTAGES_SINCE, PUT_OUTAGE, migrate

log = logging.getLogger(__name__)

FILE = "history.db"
_EVENTS = (
    "SELECT id, at, camera, uplink, kind, fault, since, detail FROM events"
    " WHERE id > ? AND id < ? AND (? = '' OR camera = ?) ORDER BY id "
)
_OUTAGES = "SELECT camera, key, began, confirmed, ended, codes FROM outages"
_EARLIER, _LATER = f"{_EVENTS} DESC LIMIT ?", f"{_EVENTS} ASC LIMIT ?"


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
    """The history cannot be written or read; the text says why.

    `passing` says that the same connection can be used once the cause is gone, as where another process locks it or
    the disk is full; else it is to be opened anew.
    """

    passing = False


class PassingError(HistoryError):
    """It cannot be used now."""

    passing = True


class UnwritableError(HistoryError):
    """Some value cannot be written at all; what else there is can be."""

    passing = True


class History:
    """The database of one installation; to be used from one thread at a time."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open it, or put a damaged one aside and begin anew; `read_only` looks at what there is.

        Raises:
            HistoryError: the folder cannot be used, or there is nothing to read.

        """
        self.path = folder / FILE
        self.put_aside: Path | None = None
        self.fresh = False
        self._files: dict[str, database_file.Identity] = {}
        try:
            if read_only:
                self._database = database_file.connect_read_only(self.path)
                self._database.execute("SELECT 1 FROM events LIMIT 1")
                return
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database = self._open_or_put_aside()
            self._files = database_file.identities(self.path)
        except (OSError, sqlite3.Error) as error:
            raise HistoryError(f"{self.path}: cannot be used: {error}") from error

    def _open_or_put_aside(self) -> sqlite3.Connection:
        try:
            return database_file.connect(self.path, self._migrate)
        except sqlite3.DatabaseError as error:
            if not database_file.is_damage(error):
                raise
            self.put_aside = database_file.put_aside(self.path)
            log.error(  # noqa: TRY400 - the cause stands in the line
                "%s is damaged (%s): put aside as %s, begun anew", self.path, error, self.put_aside.name
            )
            return database_file.connect(self.path, self._migrate)

    def _migrate(self, database: sqlite3.Connection) -> None:
        self.fresh = migrate(database)

    def lost_files(self) -> str:
        """Return which files were removed or replaced since they were opened, in words; nothing where all are there.

        Raises:
            HistoryError: that cannot be looked at.

        """
        try:
            now = database_file.identities(self.path)
        except OSError as error:
            raise PassingError(f"{self.path}: cannot be looked at: {error.strerror}") from error
        gone = [
            f"{FILE}{suffix} was {'replaced' if suffix in now else 'removed'}"
            for suffix, identity in self._files.items()
            if now.get(suffix) != identity
        ]
        return " and ".join(gone)

    def bring_back(self) -> None:
        """Make its files anew of what is still held, after they were removed, and close it; open it again then.

        Raises:
            PassingError: that is not possible now, and can be tried again.
            HistoryError: what it held is damaged, too.

        """
        try:
            database_file.bring_back(self._database, self.path, self._files)
        except (OSError, sqlite3.Error) as error:
            kind = HistoryError if database_file.is_damage(error) else PassingError
            raise kind(f"{self.path}: what it held cannot be brought back: {error}") from error

    def check(self) -> None:
        """Read the whole file, for damage that nothing came across yet.

        Raises:
            HistoryError: it is damaged or cannot be read.

        """
        try:
            database_file.check(self.path)
        except sqlite3.Error as error:
            raise self._error("read", error) from error

    def _error(self, done: str, error: Exception) -> HistoryError:
        kind = PassingError if database_file.is_passing(error) else HistoryError
        return kind(f"{self.path}: cannot be {done}: {error}")

    def close(self) -> None:
        """Close the database."""
        if self._files:
            database_file.close(self._database, self.path, self._files)
        else:
            self._database.close()

    def write(self, changes: Changes) -> None:
        """Write what belongs together, all or nothing, durably.

        Raises:
            UnwritableError: something in it is no value that can be stored.
            HistoryError: it cannot be written; it may be tried again.

        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._shift(changes.shifted)
                self._write_clock(changes.clock)
                self._write_transitions(changes.transitions)
                self._write_outages(changes)
                self._database.executemany("DELETE FROM cameras WHERE camera = ?", ((name,) for name in changes.gone))
                self._database.executemany(
                    "INSERT OR REPLACE INTO cameras (camera, health, memory, file, episodes) VALUES (?, ?, ?, ?, ?)",
                    map(row_of, changes.known),
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
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk ends it
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._error("written", error) from error
        except (ValueError, TypeError, OverflowError) as error:  # such as text that is no Unicode
            raise UnwritableError(f"{self.path}: something cannot be written: {error}") from error

    def _shift(self, seconds: float) -> None:
        """Move what lasts by as much as the clock was set."""
        if not seconds:
            return
        for table in ("episodes", "outages"):
            self._database.execute(
                f"UPDATE {table} SET began = began + ?, confirmed = confirmed + ? WHERE ended IS NULL",  # noqa: S608
                (seconds, seconds),
            )

    def _write_clock(self, read: ClockReading | None) -> None:
        if read is not None:
            self._database.execute("DELETE FROM clock")
            self._database.execute("INSERT INTO clock VALUES (?, ?, ?)", (read.boot, read.monotonic, read.wall))

    def _write_outages(self, changes: Changes) -> None:
        self._database.executemany(
            PUT_OUTAGE,
            map(row_of_outage, changes.outages),
        )
        for uplink, lost in changes.uplinks:
            self._database.execute("DELETE FROM uplinks WHERE uplink = ?", (uplink,))
            if lost:
                self._database.execute("INSERT INTO uplinks (uplink, lost) VALUES (?, ?)", (uplink, lost_text(lost)))

    def _write_transitions(self, transitions: Iterable[Transition]) -> None:
        for item in transitions:
            self._database.execute(
                "INSERT INTO events (at, camera, uplink, kind, fault, since, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (item.at, item.camera, item.uplink, item.kind.value, item.code, item.since, item.detail),
            )
            if item.kind is TransitionKind.RAISED:
                self._database.execute(
                    "INSERT INTO episodes (camera, uplink, fault, began, confirmed, detail) VALUES (?, ?, ?, ?, ?, ?)",
                    (item.camera, item.uplink, item.code, item.since or item.at, item.at, item.detail),
                )
            elif item.kind is TransitionKind.CLEARED:
                self._database.execute(
                    "UPDATE episodes SET ended = max(?, began) WHERE camera = ? AND uplink = ? AND fault = ?"
                    " AND ended IS NULL",
                    (item.at, item.camera, item.uplink, item.code),
                )

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._error("read", error) from error

    def load(self) -> Stored:
        """Return what a start goes on from; a camera that cannot be read is left out, and said in the log."""
        found: dict[str, CameraRecord] = {}
        counted = self._episode_counts()
        for camera, *columns in self._rows("SELECT camera, health, memory, file, episodes FROM cameras"):
            try:
                found[camera] = known_of(camera, counted.get(camera, {}), *columns)
            except ValidationError:
                log.warning("camera %s: what was known of it cannot be read, and is learned anew", camera)
        return replace(self.lasting(), cameras=found)

    def lasting(self) -> Stored:
        """Return what it holds without an end, and nothing of what is known of cameras."""
        lost = self._rows("SELECT uplink, lost FROM uplinks")
        episodes = self._rows(f"{EPISODES} WHERE ended IS NULL ORDER BY began, id")
        outages = self._rows(f"{_OUTAGES} WHERE ended IS NULL ORDER BY began, camera")
        clock = self._rows("SELECT boot, monotonic, wall FROM clock")
        return Stored(
            clock=ClockReading(*clock[0]) if clock else None,
            uplinks={name: lost_of(cameras) for name, cameras in lost},
            open_episodes=tuple(Episode(*row) for row in episodes),
            open_outages=tuple(map(outage_of, outages)),
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
        if self._rows("PRAGMA user_version")[0][0] < OUTAGES_SINCE:  # read while an older daemon writes it
            return [item for item in outages_of(self.episodes(since, until)) if camera in ("", item[0])]
        rows = self._rows(
            f"{_OUTAGES} WHERE began < ? AND (ended IS NULL OR ended > ?) AND (? = '' OR camera = ?)"
            " ORDER BY began, camera",
            (until, since, camera, camera),
        )
        return [outage_of(row) for row in rows]

    def episodes(self, since: float, until: float, camera: str = "", uplink: str = "") -> list[Episode]:
        """Return the episodes that touch a stretch of time, the first first: all, or a camera's and its uplink's."""
        rows = self._rows(
            f"{EPISODES} WHERE began < ? AND (ended IS NULL OR ended > ?)"
            " AND (? = '' OR camera = ? OR (camera = '' AND uplink = ?)) ORDER BY began, id",
            (until, since, camera, camera, uplink),
        )
        return [Episode(*row) for row in rows]

    def events(
        self, *, after: int | None = None, before: int | None = None, camera: str = "", limit: int = 100
    ) -> list[Event]:
        """Return events with numbers between two others: the last `limit` ones, or after a number the first ones.

        After a number that none has yet, all count: it is of a history before this one.
        """
        if after and self._rows("SELECT COALESCE(MAX(id), 0) FROM events")[0][0] < after:
            after = 0
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

    def looks(self, camera: str, since: float) -> list[PictureSample]:
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
            raise self._error("written", error) from error
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
            raise self._error("written", error) from error
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
            raise self._error("written", error) from error
