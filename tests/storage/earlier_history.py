"""Turns a history into one of an earlier version."""

from __future__ import annotations

import sqlite3


def without_logins(database: sqlite3.Connection) -> None:
    """Remove what version 7 of the schema added."""
    database.execute("DROP TABLE logins")
    database.execute("ALTER TABLE events DROP COLUMN login")
    database.execute("ALTER TABLE episodes DROP COLUMN login")
