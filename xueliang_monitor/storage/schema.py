"""The history's tables, version by version."""

from __future__ import annotations

import contextlib
import sqlite3

from xueliang_monitor.judgement.episodes import Episode, outages_of
from xueliang_monitor.storage.rows import outage_row

MIGRATIONS = (
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
    CREATE TABLE clock (boot TEXT NOT NULL, monotonic REAL NOT NULL, wall REAL NOT NULL);
    """,
    """
    UPDATE cameras SET memory = json_set(memory, '$.login.credentials', '')
        WHERE json_valid(memory) AND json_type(memory, '$.login.credentials') = 'text';
    UPDATE cameras SET memory = json_set(memory, '$.device_login.credentials', '')
        WHERE json_valid(memory) AND json_type(memory, '$.device_login.credentials') = 'text';
    """,
    """
    ALTER TABLE episodes ADD COLUMN login TEXT NOT NULL DEFAULT '';
    ALTER TABLE events ADD COLUMN login TEXT NOT NULL DEFAULT '';
    CREATE TABLE logins (
        address TEXT NOT NULL, mark TEXT NOT NULL, record TEXT NOT NULL, used REAL NOT NULL, PRIMARY KEY (address, mark)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE root_days (
        camera TEXT NOT NULL, root TEXT NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL, seconds REAL NOT NULL,
        PRIMARY KEY (day, root, kind, camera)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE acknowledgements (
        id INTEGER PRIMARY KEY, problem TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL, until REAL NOT NULL,
        note TEXT NOT NULL, ended REAL
    );
    CREATE INDEX acknowledgements_by_end ON acknowledgements (until);
    CREATE TABLE told (
        webhook TEXT NOT NULL, problem TEXT NOT NULL, episode TEXT NOT NULL, acknowledgement INTEGER NOT NULL,
        data TEXT NOT NULL, PRIMARY KEY (webhook, problem)
    ) WITHOUT ROWID;
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL, problem TEXT NOT NULL, event TEXT NOT NULL,
        made REAL NOT NULL, body TEXT NOT NULL
    );
    CREATE TABLE silences (acknowledgement INTEGER PRIMARY KEY, mark TEXT NOT NULL, silence TEXT NOT NULL);
    """,
    """
    CREATE INDEX events_of_camera ON events (camera, id);
    """,
)
"""One step per version, forward only. `PRAGMA user_version` is the number of steps taken."""

KEYED_MARKS_SINCE = 6
"""The first version that stores keyed marks of logins. Earlier ones stored a digest of the login."""

OUTAGES_SINCE = 5
"""The first version that stores outages. Earlier versions derive them from episodes."""

LOGINS_SINCE = 7
"""The first version that stores logins by address, and the login of an event."""

EPISODES_BEFORE_LOGINS = "SELECT camera, uplink, fault, began, confirmed, ended, detail FROM episodes"
EPISODES = "SELECT camera, uplink, fault, began, confirmed, ended, detail, login FROM episodes"
PUT_OUTAGE = "INSERT OR REPLACE INTO outages (camera, key, began, confirmed, ended, codes) VALUES (?, ?, ?, ?, ?, ?)"


def migrate(database: sqlite3.Connection) -> bool:
    """Migrate a database to the newest version, step by step; return whether it was empty.

    Raises:
        sqlite3.Error: the migration failed, or a newer program wrote the database.

    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise sqlite3.OperationalError(f"its schema version {version} is newer than this program")
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        database.executescript(f"BEGIN; {step} PRAGMA user_version={number};")
        if number == OUTAGES_SINCE:
            _derive_outages(database)
        database.execute("COMMIT")
    if 0 < version < KEYED_MARKS_SINCE:
        _overwrite_free_pages(database)
    return bool(version == 0)


def _overwrite_free_pages(database: sqlite3.Connection) -> None:
    """Write the file anew, so that no digest of a login stays in pages that are free or in the write-ahead log."""
    with contextlib.suppress(sqlite3.Error):  # a full disk: free pages are overwritten in time
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _derive_outages(database: sqlite3.Connection) -> None:
    """Derive the outages of the time before they were stored from the episodes."""
    episodes = (Episode(*row) for row in database.execute(EPISODES_BEFORE_LOGINS))
    database.executemany(
        PUT_OUTAGE,
        map(outage_row, outages_of(episodes)),
    )
