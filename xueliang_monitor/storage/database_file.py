"""The files of the history's database: open, check, put aside if damaged, restore if removed."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from xueliang_monitor import atomic_write

log = logging.getLogger(__name__)

SUFFIXES = ("", "-wal", "-shm")
"""The files of a SQLite database: itself, its write-ahead log, and the index of that log (sqlite.org/wal.html)."""

FILE_MODE = 0o600
"""Only the daemon's user reads the history: it tells which cameras are blind, and when."""

MAX_ASIDE = 5
"""How many damaged databases are kept. The smallest are deleted, so that a bad disk does not fill up."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM)
Identity = tuple[int, int]


class MalformedError(sqlite3.DatabaseError):
    """An integrity check found damage in the database."""


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_damage(error: Exception) -> bool:
    """Return whether an error means that the file is damaged."""
    return isinstance(error, MalformedError) or _code(error) in _DAMAGED


def is_passing(error: Exception) -> bool:
    """Return whether the connection can be used again once the cause is gone: a lock, or a full disk."""
    return _code(error) in _PASSING


def connect(path: Path, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """Open a database for writing, check it, and call `prepare` with it.

    Raises:
        sqlite3.Error: it cannot be used; `is_damage` tells whether it is damaged.

    """
    _create_for_folder_owner(path)
    _keep_private(path)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA busy_timeout=5000")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        _check(database)
        prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection) -> None:
    (checked,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if checked != "ok":
        raise MalformedError(f"database disk image is malformed: {checked}")


def check(path: Path) -> None:
    """Read the whole database over a separate connection, because the writer's cache may hide damage on disk.

    Raises:
        sqlite3.Error: it cannot be read or is damaged.

    """
    with contextlib.closing(connect_read_only(path)) as database:
        _check(database)


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open an existing database for reading.

    Raises:
        sqlite3.Error: it cannot be used.

    """
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    database.execute("PRAGMA busy_timeout=5000")
    return database


def _create_for_folder_owner(path: Path) -> None:
    """Create the file for the folder's owner if run by root, so that the daemon's user can write it."""
    owner = path.parent.stat()
    if os.geteuid() == 0 and owner.st_uid:
        path.touch(mode=FILE_MODE)
        os.chown(path, owner.st_uid, owner.st_gid)


def _keep_private(path: Path) -> None:
    """Let only the owner read the files, whatever the umask. SQLite gives its other files the mode of the database."""
    with contextlib.suppress(OSError):  # there already, or a read-only file system, which SQLite reports
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    for suffix in SUFFIXES:
        file = path.with_name(path.name + suffix)
        with contextlib.suppress(OSError):  # another user's
            if file.is_file():
                file.chmod(FILE_MODE)


def put_aside(path: Path) -> Path:
    """Rename a damaged database and its write-ahead log; return the new path.

    Raises:
        OSError: it cannot be renamed.

    """
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    path.rename(aside)
    with contextlib.suppress(FileNotFoundError):
        path.with_name(f"{path.name}-wal").rename(aside.with_name(f"{aside.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    kept = [file for file in path.parent.glob(f"{path.name}.damaged-*") if file.name[-1].isdecimal()]
    for old in sorted(kept, key=lambda file: file.stat().st_size, reverse=True)[MAX_ASIDE:]:
        log.warning("%s: deleted; only the largest damaged histories are kept", old)
        for suffix in SUFFIXES:
            old.with_name(old.name + suffix).unlink(missing_ok=True)
    return aside


def identities(path: Path) -> dict[str, Identity]:
    """Return the device and inode of each existing file, by suffix.

    Raises:
        OSError: a file cannot be examined.

    """
    found = {}
    for suffix in SUFFIXES:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            about = path.with_name(path.name + suffix).stat()
            found[suffix] = (about.st_dev, about.st_ino)
    return found


@contextlib.contextmanager
def _hidden(path: Path, ours: dict[str, Identity]) -> Iterator[None]:
    """Rename foreign files of the same names for a while, because SQLite deletes files by name when it closes."""
    hidden = []
    for suffix, identity in identities(path).items():
        if suffix and ours.get(suffix) != identity:
            file = path.with_name(path.name + suffix)
            hidden.append((file.rename(file.with_name(f"{file.name}.hidden")), file))
    try:
        yield
    finally:
        for file, back in hidden:
            file.rename(back)


def close(database: sqlite3.Connection, path: Path, ours: dict[str, Identity]) -> None:
    """Close a database, even if other files have taken its names."""
    with contextlib.suppress(sqlite3.Error):
        try:
            with _hidden(path, ours):
                database.close()
        except OSError:
            database.close()


def bring_back(database: sqlite3.Connection, path: Path, ours: dict[str, Identity]) -> None:
    """Restore removed files of an open database, and close it.

    If only the log was removed, the open connection writes the log's content to the database. Otherwise the content
    goes into a new file. A database that was replaced by another one is only closed; the other one is used.

    Raises:
        sqlite3.Error: the content cannot be read or written; the database stays open.
        OSError: the files cannot be written; the database stays open.

    """
    now = identities(path)
    copy = None
    if "" not in now or (now[""] == ours.get("") and not _is_whole_without_its_log(database, path, now, ours)):
        copy = _copy(database, path)
    close(database, path, ours)
    mine = identities(path)
    for suffix in SUFFIXES[1:]:
        # SQLite would apply the log of the previous database to the new one.
        if copy is not None or (suffix in ours and mine.get(suffix) == ours[suffix]):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    if copy is not None:
        copy.replace(path)
        atomic_write.sync_folder(path.parent)


def _is_whole_without_its_log(
    database: sqlite3.Connection, path: Path, now: dict[str, Identity], ours: dict[str, Identity]
) -> bool:
    """Write the log to the database; return whether the database is complete then."""
    if now.get("-wal") != ours.get("-wal") and _size(path.with_name(f"{path.name}-wal")):
        return False  # another process has started a log
    busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _copy(database: sqlite3.Connection, path: Path) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = path.with_name(f"{path.name}.copy")
    copy.unlink(missing_ok=True)
    try:
        copy.touch(mode=FILE_MODE)  # VACUUM INTO takes an empty file
        database.execute("VACUUM INTO ?", (str(copy),))
        with copy.open("rb") as stream:
            os.fsync(stream.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            copy.unlink(missing_ok=True)
        raise
    return copy


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
