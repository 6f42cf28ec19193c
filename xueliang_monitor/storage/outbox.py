"""The tables of what other systems are told: events that wait, what each webhook knows, silences at Alertmanager."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.storage import database_file
from xueliang_monitor.storage.history import FILE
from xueliang_monitor.storage.history_error import PassingError

BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ToldProblem:
    """An open problem that a webhook knows of.

    Attributes:
        problem: its key.
        episode: the id of this episode of it.
        acknowledgement: the number of the acknowledgement that the webhook knows of; 0 if none.
        data: the problem as JSON, as it was told last.

    """

    problem: str
    episode: str
    acknowledgement: int
    data: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be sent, and what the webhook knows with it; `told` is None once the problem is closed."""

    event: str
    problem: str
    made: float
    body: str
    told: ToldProblem | None


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An event that was not delivered yet: its number, the key of its problem, and when it was made."""

    number: int
    problem: str
    made: float


@dataclass(frozen=True, slots=True)
class PlacedSilence:
    """The silence of an acknowledgement; `silence` is empty while it is not known whether it was placed.

    `mark` stands in its comment, by which it is found again.
    """

    acknowledgement: int
    mark: str
    silence: str = ""


class Outbox:
    """The tables in the history of one installation. Each call uses a connection of its own, and blocks."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction, which is written when the context ends.

        Raises:
            PassingError: the history cannot be used now.

        """
        try:
            address = f"{self._path.absolute().as_uri()}?mode=rw"
            with contextlib.closing(
                sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
            ) as database:
                database.execute("PRAGMA synchronous=FULL")
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
        except sqlite3.Error as error:
            raise PassingError(f"{self._path}: what was told to others cannot be written: {error}") from error

    def _rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        try:
            with contextlib.closing(database_file.connect_read_only(self._path)) as database:
                return database.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise PassingError(f"{self._path}: what was told to others cannot be read: {error}") from error

    def told(self, webhook: str) -> dict[str, ToldProblem]:
        """Return the problems that a webhook knows of, by their keys.

        Raises:
            PassingError: the history cannot be used now. All other methods raise it, too.

        """
        rows = self._rows("SELECT problem, episode, acknowledgement, data FROM told WHERE webhook = ?", (webhook,))
        return {str(row[0]): ToldProblem(*row) for row in rows}  # type: ignore[arg-type]

    def waiting(self, webhook: str) -> list[WaitingEvent]:
        """Return the events that wait for a webhook, oldest first."""
        rows = self._rows("SELECT id, problem, made FROM outbox WHERE webhook = ? ORDER BY id", (webhook,))
        return [WaitingEvent(*row) for row in rows]  # type: ignore[arg-type]

    def message(self, number: int) -> tuple[str, str] | None:
        """Return the id and the body of an event; None if it is not there any more."""
        rows = self._rows("SELECT event, body FROM outbox WHERE id = ?", (number,))
        return (str(rows[0][0]), str(rows[0][1])) if rows else None

    def add(self, webhook: str, events: Iterable[NewEvent]) -> list[WaitingEvent]:
        """Write events for a webhook, and what it knows with them, all or none of them."""
        made = []
        with self._changing() as database:
            for each in events:
                cursor = database.execute(
                    "INSERT INTO outbox (webhook, problem, event, made, body) VALUES (?, ?, ?, ?, ?)",
                    (webhook, each.problem, each.event, each.made, each.body),
                )
                made.append(WaitingEvent(int(cursor.lastrowid or 0), each.problem, each.made))
                if each.told is None:
                    database.execute("DELETE FROM told WHERE webhook = ? AND problem = ?", (webhook, each.problem))
                else:
                    database.execute(
                        "INSERT OR REPLACE INTO told (webhook, problem, episode, acknowledgement, data)"
                        " VALUES (?, ?, ?, ?, ?)",
                        (webhook, each.problem, each.told.episode, each.told.acknowledgement, each.told.data),
                    )
        return made

    def remove(self, numbers: Iterable[int]) -> None:
        """Delete events that were delivered or given up."""
        with self._changing() as database:
            database.executemany("DELETE FROM outbox WHERE id = ?", ((number,) for number in numbers))

    def keep_only(self, webhooks: Iterable[str]) -> None:
        """Delete what belongs to webhooks that are not in the settings any more."""
        names = tuple(webhooks)
        known = self._rows("SELECT webhook FROM told UNION SELECT webhook FROM outbox")
        gone = [str(row[0]) for row in known if row[0] not in names]
        if gone:
            with self._changing() as database:
                for table in ("told", "outbox"):
                    database.executemany(f"DELETE FROM {table} WHERE webhook = ?", ((name,) for name in gone))  # noqa: S608  # nosec B608

    def silences(self) -> dict[int, PlacedSilence]:
        """Return the silences by the numbers of their acknowledgements."""
        rows = self._rows("SELECT acknowledgement, mark, silence FROM silences")
        return {each.acknowledgement: each for each in (PlacedSilence(*row) for row in rows)}  # type: ignore[arg-type]

    def put_silence(self, placed: PlacedSilence) -> None:
        """Write the silence of an acknowledgement."""
        with self._changing() as database:
            database.execute(
                "INSERT OR REPLACE INTO silences (acknowledgement, mark, silence) VALUES (?, ?, ?)",
                (placed.acknowledgement, placed.mark, placed.silence),
            )

    def drop_silence(self, acknowledgement: int) -> None:
        """Forget the silence of an acknowledgement."""
        with self._changing() as database:
            database.execute("DELETE FROM silences WHERE acknowledgement = ?", (acknowledgement,))
