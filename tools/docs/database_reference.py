"""The reference of the history database, read from its migrations."""

from __future__ import annotations

import re
import sqlite3

from tools.docs.markdown import page, table
from xueliang_monitor.storage.schema import MIGRATIONS, migrate

_TABLES = {
    "cameras": "One row for each camera: its judged health, the memory of the visits, its last valid file.",
    "episodes": "One row for each time that a fault was confirmed, until it cleared.",
    "days": "Seconds for each camera and local day: watched, online, healthy, behind a dead uplink, in maintenance.",
    "root_days": "Seconds for each camera and local day behind a dead node of the topology, by the node.",
    "maintenance": "Maintenance windows of cameras, sites and uplinks.",
    "events": "What changed: faults raised, cleared and withdrawn, of cameras, uplinks and logins.",
    "looks": "Measures and scores of pictures: one look every 15 minutes, and each look close to a fault.",
    "uplinks": "Uplinks that are down, and the cameras that were lost with them.",
    "logins": "Refused and accepted logins by address and by a mark of the login under a random key.",
    "outages": "One row for each time that a camera was offline, with the fault codes seen during it.",
    "acknowledgements": "Who knows of a problem, until when, with a note.",
    "told": "Open problems that each webhook knows of, as it was told last.",
    "outbox": "Events that webhooks have not accepted yet.",
    "silences": "The silences at Alertmanager, by the acknowledgement that they stand for.",
    "clock": "The last pair of boot id, monotonic time and wall time, to detect a clock that was set.",
}
_COLUMNS = {
    "began": "start",
    "confirmed": "time of confirmation",
    "ended": "end; NULL while it lasts",
    "ends": "planned end",
    "stopped": "early end; NULL if none",
    "day": "local date, ISO 8601",
    "root": "name of the node that was down",
    "health": "JSON",
    "memory": "JSON: picture reference, login back-off, device",
    "file": "JSON: the last valid camera file",
    "measures": "JSON",
    "scores": "JSON: score by fault code",
    "codes": "JSON: list of fault codes",
    "lost": "JSON: list of camera ids",
    "at": "time",
    "until": "planned end",
    "problem": "kind, subject and fault code, joined by colons",
    "episode": "id that the problem keeps until it ends",
    "acknowledgement": "number of the acknowledgement; 0 if none",
    "data": "JSON: the problem as it was told last",
    "event": "id of the event, sent as `webhook-id`",
    "made": "time of the event",
    "body": "JSON: the event",
    "mark": "stands in the comment of the silence",
    "silence": "id at Alertmanager; empty while unknown",
    "since": "time at which the fault was first seen",
}


def _version_of(name: str) -> int:
    for number, step in enumerate(MIGRATIONS, start=1):
        if re.search(rf"CREATE TABLE {name}\b", step):
            return number
    raise KeyError(name)


def _added_columns(name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, step in enumerate(MIGRATIONS, start=1):
        for column in re.findall(rf"ALTER TABLE {name} ADD COLUMN (\w+)", step):
            found[column] = number
    return found


def _section(database: sqlite3.Connection, name: str) -> str:
    since, added = _version_of(name), _added_columns(name)
    rows = [
        (
            f"`{column}`",
            kind,
            "yes" if key else "",
            str(added.get(column, since)),
            _COLUMNS.get(column, ""),
        )
        for _, column, kind, _, _, key in database.execute(f"PRAGMA table_info({name})")
    ]
    header = ("column", "type", "primary key", "since version", "content")
    return "\n\n".join((f"## {name}", _TABLES.get(name, ""), table(header, rows)))


def database() -> str:
    """Return the page of the database."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    migrate(memory)
    names = [
        name
        for (name,) in memory.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
        if not name.startswith("sqlite_")
    ]
    sections = [_section(memory, name) for name in names]
    memory.close()
    return page(
        "Database schema",
        f"The history is one SQLite database in WAL mode: `history.db` in the state folder. Its schema version is"
        f" {len(MIGRATIONS)} (`PRAGMA user_version`). The daemon upgrades an older database when it starts. It does not"
        " open a database of a newer version.",
        "Moments are REAL seconds since 1970-01-01 UTC. Durations are seconds. While the daemon runs, read the database"
        " through `xueliang events`, `xueliang report` or the [HTTP API](http-api.md). Never write to it.",
        *sections,
    )
