"""The history: state that survives restarts, in a SQLite database with one writer."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from xueliang_monitor.clock import ClockReading
from xueliang_monitor.fleet.changes import Changes
from xueliang_monitor.judgement.maintenance import WindowKind
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.storage import database_file
from xueliang_monitor.storage.history_error import HistoryError, PassingError, UnwritableError
from xueliang_monitor.storage.history_queries import HistoryQueries
from xueliang_monitor.storage.picture_samples import pack
from xueliang_monitor.storage.rows import camera_row, login_row, outage_row, text_of_lost_cameras
from xueliang_monitor.storage.schema import PUT_OUTAGE, migrate

log = logging.getLogger(__name__)

FILE = "history.db"


class History(HistoryQueries):
    """The database of one installation; not to be used from two threads at the same time."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open or create the database. A damaged one is put aside and a new one created, unless `read_only`.

        Raises:
            HistoryError: the folder cannot be used, or there is no database to read.

        """
        self.path = folder / FILE
        self.put_aside: Path | None = None
        self.fresh = False
        self._files: dict[str, database_file.Identity] = {}
        try:
            if read_only:
                self._database = self._open_to_read()
                return
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database = self._open_or_put_aside()
            self._files = database_file.identities(self.path)
        except (OSError, sqlite3.Error) as error:
            raise HistoryError(f"{self.path}: cannot be used: {error}") from error

    def _open_to_read(self) -> sqlite3.Connection:
        database = database_file.connect_read_only(self.path)
        try:
            database.execute("SELECT 1 FROM events LIMIT 1")
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _open_or_put_aside(self) -> sqlite3.Connection:
        try:
            return database_file.connect(self.path, self._migrate)
        except sqlite3.DatabaseError as error:
            if not database_file.is_damage(error):
                raise
            self.put_aside = database_file.put_aside(self.path)
            log.error(  # noqa: TRY400 - the cause stands in the line
                "%s is damaged (%s); put aside as %s, started a new history", self.path, error, self.put_aside.name
            )
            return database_file.connect(self.path, self._migrate)

    def _migrate(self, database: sqlite3.Connection) -> None:
        self.fresh = migrate(database)

    def lost_files(self) -> str:
        """Return in words which files were removed or replaced since they were opened; empty if none was.

        Raises:
            HistoryError: the files cannot be examined.

        """
        try:
            now = database_file.identities(self.path)
        except OSError as error:
            raise PassingError(f"{self.path}: cannot be examined: {error.strerror}") from error
        gone = [
            f"{FILE}{suffix} was {'replaced' if suffix in now else 'removed'}"
            for suffix, identity in self._files.items()
            if now.get(suffix) != identity
        ]
        return " and ".join(gone)

    def bring_back(self) -> None:
        """Restore removed files from the open connection, and close it; the history must be reopened.

        Raises:
            PassingError: this is not possible now and can be tried again.
            HistoryError: the content of the connection is damaged, too.

        """
        try:
            database_file.bring_back(self._database, self.path, self._files)
        except (OSError, sqlite3.Error) as error:
            kind = HistoryError if database_file.is_damage(error) else PassingError
            raise kind(f"{self.path}: its content cannot be restored: {error}") from error

    def check(self) -> None:
        """Read the whole file and look for damage.

        Raises:
            HistoryError: the file is damaged or cannot be read.

        """
        try:
            database_file.check(self.path)
        except sqlite3.Error as error:
            raise self._error("read", error) from error

    def close(self) -> None:
        """Close the database."""
        if self._files:
            database_file.close(self._database, self.path, self._files)
        else:
            self._database.close()

    def write(self, changes: Changes) -> None:
        """Write a batch of changes durably in one transaction.

        Raises:
            UnwritableError: a value in it cannot be stored.
            HistoryError: the database cannot be written; the batch can be written again.

        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._write_all(changes)
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk ends the transaction by itself
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._error("written", error) from error
        except (ValueError, TypeError, OverflowError) as error:  # for example text that is not valid Unicode
            raise UnwritableError(f"{self.path}: a value cannot be written: {error}") from error

    def _write_all(self, changes: Changes) -> None:
        self._shift(changes.shifted)
        self._write_clock(changes.clock)
        self._write_transitions(changes.transitions)
        self._write_outages(changes)
        self._database.executemany("DELETE FROM cameras WHERE camera = ?", ((name,) for name in changes.gone))
        self._database.executemany(
            "INSERT OR REPLACE INTO cameras (camera, health, memory, file, episodes) VALUES (?, ?, ?, ?, ?)",
            map(camera_row, changes.cameras),
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
            ((each.camera, each.at, *pack(each)) for each in changes.samples),
        )
        self._database.executemany(
            "INSERT OR REPLACE INTO logins (address, mark, record, used) VALUES (?, ?, ?, ?)",
            map(login_row, changes.logins),
        )
        self._database.executemany(
            "INSERT INTO root_days (camera, root, kind, day, seconds) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET seconds = seconds + excluded.seconds",
            ((each.camera, each.root, each.kind.value, each.day, seconds) for each, seconds in changes.root_seconds),
        )

    def _shift(self, seconds: float) -> None:
        """Shift the times of open episodes and outages by as much as the clock was set."""
        if not seconds:
            return
        for table in ("episodes", "outages"):
            self._database.execute(
                f"UPDATE {table} SET began = began + ?, confirmed = confirmed + ? WHERE ended IS NULL",  # noqa: S608  # nosec B608
                (seconds, seconds),
            )
        self._database.execute(
            "UPDATE acknowledgements SET at = at + ?, until = until + ? WHERE ended IS NULL", (seconds, seconds)
        )

    def _write_clock(self, read: ClockReading | None) -> None:
        if read is not None:
            self._database.execute("DELETE FROM clock")
            self._database.execute("INSERT INTO clock VALUES (?, ?, ?)", (read.boot, read.monotonic, read.wall))

    def _write_outages(self, changes: Changes) -> None:
        self._database.executemany(
            PUT_OUTAGE,
            map(outage_row, changes.outages),
        )
        self._database.executemany("DELETE FROM outages WHERE camera = ? AND key = ?", changes.withdrawn)
        for uplink, lost in changes.uplinks:
            self._database.execute("DELETE FROM uplinks WHERE uplink = ?", (uplink,))
            if lost:
                self._database.execute(
                    "INSERT INTO uplinks (uplink, lost) VALUES (?, ?)", (uplink, text_of_lost_cameras(lost))
                )

    def _write_transitions(self, transitions: Iterable[Transition]) -> None:
        for item in transitions:
            self._database.execute(
                "INSERT INTO events (at, camera, uplink, kind, fault, since, detail, login)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (item.at, item.camera, item.uplink, item.kind.value, item.code, item.since, item.detail, item.login),
            )
            if item.kind is TransitionKind.RAISED:
                self._database.execute(
                    "INSERT INTO episodes (camera, uplink, login, fault, began, confirmed, detail)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*item.subject, item.code, item.since or item.at, item.at, item.detail),
                )
            elif item.kind is TransitionKind.CLEARED:
                self._database.execute(
                    "UPDATE episodes SET ended = max(?, began) WHERE camera = ? AND uplink = ? AND login = ?"
                    " AND fault = ? AND ended IS NULL",
                    (item.at, *item.subject, item.code),
                )
            elif item.kind is TransitionKind.ATTRIBUTED:
                self._database.execute(
                    "DELETE FROM episodes WHERE camera = ? AND uplink = ? AND login = ? AND fault = ?"
                    " AND ended IS NULL",
                    (*item.subject, item.code),
                )

    def start_maintenance(self, kind: WindowKind, name: str, *, began: float, ends: float, reason: str) -> int:
        """Start a maintenance window; return its number.

        Raises:
            HistoryError: the database cannot be written.

        """
        try:
            cursor = self._database.execute(
                "INSERT INTO maintenance (kind, name, began, ends, reason) VALUES (?, ?, ?, ?, ?)",
                (kind.value, name, began, ends, reason),
            )
        except sqlite3.Error as error:
            raise self._error("written", error) from error
        return int(cursor.lastrowid or 0)

    def stop_maintenance(self, number: int, at: float) -> bool:
        """End a window early; return whether it was in force or still to come.

        Raises:
            HistoryError: the database cannot be written.

        """
        try:
            cursor = self._database.execute(
                "UPDATE maintenance SET stopped = ? WHERE id = ? AND stopped IS NULL AND ends > ?", (at, number, at)
            )
        except sqlite3.Error as error:
            raise self._error("written", error) from error
        return cursor.rowcount > 0

    def acknowledge(self, problem: str, *, by: str, at: float, until: float, note: str) -> int:
        """Store that a user knows of a problem, given by its key, instead of what was acknowledged before.

        Raises:
            HistoryError: the database cannot be written.

        """
        try:
            cursor = self._database.execute(
                "INSERT INTO acknowledgements (problem, who, at, until, note) VALUES (?, ?, ?, ?, ?)",
                (problem, by, at, until, note),
            )
            number = int(cursor.lastrowid or 0)
            self._release(problem, at, before=number)
        except sqlite3.Error as error:
            raise self._error("written", error) from error
        return number

    def release(self, problem: str, at: float) -> bool:
        """Take back the acknowledgement of a problem; return whether there was one.

        Raises:
            HistoryError: the database cannot be written.

        """
        try:
            return self._release(problem, at)
        except sqlite3.Error as error:
            raise self._error("written", error) from error

    def _release(self, problem: str, at: float, before: int = 2**62) -> bool:
        cursor = self._database.execute(
            "UPDATE acknowledgements SET ended = ? WHERE problem = ? AND ended IS NULL AND until > ? AND id < ?",
            (at, problem, at, before),
        )
        return cursor.rowcount > 0

    def forget(
        self, days_before: str, episodes_before: float, looks_before: float = 0.0, logins_before: float = 0.0
    ) -> None:
        """Delete days, episodes, picture samples and unused logins that are older than the given day and times.

        Raises:
            HistoryError: the database cannot be written.

        """
        try:
            self._database.execute("DELETE FROM days WHERE day < ?", (days_before,))
            self._database.execute("DELETE FROM root_days WHERE day < ?", (days_before,))
            self._database.execute("DELETE FROM episodes WHERE ended < ?", (episodes_before,))
            self._database.execute("DELETE FROM events WHERE at < ?", (episodes_before,))
            self._database.execute("DELETE FROM outages WHERE ended < ?", (episodes_before,))
            self._database.execute("DELETE FROM acknowledgements WHERE until < ?", (episodes_before,))
            self._database.execute("DELETE FROM looks WHERE at < ?", (looks_before,))
            self._database.execute("DELETE FROM logins WHERE used < ?", (logins_before,))
        except sqlite3.Error as error:
            raise self._error("written", error) from error
