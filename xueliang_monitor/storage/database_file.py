"""The files of a history's database: opened and checked, put aside where damaged, brought back where removed."""

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
"""SQLite's files beside each other: the database, its write-ahead log, the index of that (sqlite.org/wal.html)."""

MAX_ASIDE = 5
"""Damaged databases kept; of more the smallest go, so that a bad disk is not filled by them."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM)
Identity = tuple[int, int]


class MalformedError(sqlite3.DatabaseError):
    """A check found the database damaged."""


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_damage(error: Exception) -> bool:
    """Say whether an error means that the file itself is damaged."""
    return isinstance(error, MalformedError) or _code(error) in _DAMAGED


def is_passing(error: Exception) -> bool:
    """Say whether the same connection can be used once the cause is gone: it is locked, or the disk is full."""
    return _code(error) in _PASSING


def connect(path: Path, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """Open a database for writing, check it, and `prepare` it.

    Raises:
        sqlite3.Error: it cannot be used; `is_damage` tells why.

    """
    _leave_to_the_daemon(path)
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
    """Read the whole database by a connection of its own, as what the writing one holds in memory may be better.

    Raises:
        sqlite3.Error: it cannot be read, or is damaged.

    """
    with contextlib.closing(connect_read_only(path)) as database:
        _check(database)


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a database that there is, to be read.

    Raises:
        sqlite3.Error: it cannot be used.

    """
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    database.execute("PRAGMA busy_timeout=5000")
    return database


def _leave_to_the_daemon(path: Path) -> None:
    """Give a file that root makes to the folder's owner, so that the daemon, who runs as that, can write it."""
    owner = path.parent.stat()
    if os.geteuid() == 0 and owner.st_uid:
        path.touch(mode=0o600)
        os.chown(path, owner.st_uid, owner.st_gid)


def put_aside(path: Path) -> Path:
    """Give a damaged database another name, with its write-ahead log; return that.

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
        log.warning("%s: deleted, as more damaged histories were put aside than are kept", old)
        for suffix in SUFFIXES:
            old.with_name(old.name + suffix).unlink(missing_ok=True)
    return aside


def identities(path: Path) -> dict[str, Identity]:
    """Return which files there are now, by suffix.

    Raises:
        OSError: that cannot be looked at.

    """
    found = {}
    for suffix in SUFFIXES:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            about = path.with_name(path.name + suffix).stat()
            found[suffix] = (about.st_dev, about.st_ino)
    return found


@contextlib.contextmanager
def _hidden(path: Path, ours: dict[str, Identity]) -> Iterator[None]:
    """Hide files of the same names that are not ours, as SQLite deletes by name what it closes."""
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
    """Close a database whose files may meanwhile be others of the same names."""
    with contextlib.suppress(sqlite3.Error):
        try:
            with _hidden(path, ours):
                database.close()
        except OSError:
            database.close()


def bring_back(database: sqlite3.Connection, path: Path, ours: dict[str, Identity]) -> None:
    """Write all that a database holds to files of the right names, where such were removed, and close it.

    Where the log alone is gone, it is written to the database through the connection that still has it; else all goes
    into a new file. A database that was replaced by another is only closed: the other one counts.

    Raises:
        sqlite3.Error: it cannot be read, or not be written there; it stays open.
        OSError: it cannot be written there; it stays open.

    """
    now = identities(path)
    copy = None
    if "" not in now or (now[""] == ours.get("") and not _is_whole_without_its_log(database, path, now, ours)):
        copy = _copy(database, path)
    close(database, path, ours)
    mine = identities(path)
    for suffix in SUFFIXES[1:]:
        # A log of the one before would be taken for that of the other one.
        if copy is not None or (suffix in ours and mine.get(suffix) == ours[suffix]):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    if copy is not None:
        copy.replace(path)
        atomic_write.sync_folder(path.parent)


def _is_whole_without_its_log(
    database: sqlite3.Connection, path: Path, now: dict[str, Identity], ours: dict[str, Identity]
) -> bool:
    """Write the log to the database; return whether that was all there is to do."""
    if now.get("-wal") != ours.get("-wal") and _size(path.with_name(f"{path.name}-wal")):
        return False  # another process began one
    busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _copy(database: sqlite3.Connection, path: Path) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = path.with_name(f"{path.name}.copy")
    copy.unlink(missing_ok=True)
    try:
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
