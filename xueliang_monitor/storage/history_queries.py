"""Queries of the history: the stored state, episodes, outages, events, availability, picture samples, maintenance."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xueliang_monitor.clock import ClockReading
from xueliang_monitor.fleet.changes import CameraRecord, PictureSample, StoredState
from xueliang_monitor.judgement.availability import AvailabilitySeconds, RootDay
from xueliang_monitor.judgement.episodes import Episode, outages_of
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.judgement.problems import Acknowledgement
from xueliang_monitor.judgement.transition import TransitionKind
from xueliang_monitor.probing.login_record import LoginKey, LoginRecord
from xueliang_monitor.storage import database_file
from xueliang_monitor.storage.event_filter import EVERY_EVENT, EventFilter
from xueliang_monitor.storage.history_error import HistoryError, PassingError
from xueliang_monitor.storage.picture_samples import unpack
from xueliang_monitor.storage.rows import camera_of_row, login_of_row, lost_cameras_of_text, outage_of_row
from xueliang_monitor.storage.schema import EPISODES, EPISODES_BEFORE_LOGINS, LOGINS_SINCE, OUTAGES_SINCE
from xueliang_monitor.topology import NodeKind

log = logging.getLogger(__name__)

_EVENTS = (
    "SELECT id, at, camera, uplink, kind, fault, since, detail, {login} FROM events"
    " WHERE id > ? AND id < ?{wanted} ORDER BY id "
)
_OUTAGES = "SELECT camera, key, began, confirmed, ended, codes FROM outages"
_EARLIER, _LATER = f"{_EVENTS} DESC LIMIT ?", f"{_EVENTS} ASC LIMIT ?"


@dataclass(frozen=True, slots=True)
class Event:
    """One stored transition: a fault of a camera, an uplink, a login or the monitor, raised, cleared or attributed.

    `since` is when the fault was first seen, and `login` the name of credentials. The alarm of a camera is attributed
    to the node `uplink`, to `login`, or to the monitor itself.
    """

    id: int
    at: float
    camera: str
    uplink: str
    kind: str
    fault: str
    since: float | None
    detail: str
    login: str = ""


class HistoryQueries:
    """The reading half of a history; all methods raise `HistoryError` if the database cannot be read."""

    path: Path
    _database: sqlite3.Connection

    def _error(self, done: str, error: Exception) -> HistoryError:
        kind = PassingError if database_file.is_passing(error) else HistoryError
        return kind(f"{self.path}: cannot be {done}: {error}")

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._error("read", error) from error

    def offered_digest(self, camera: str) -> bool:
        """Return whether a camera offered Digest over RTSP before."""
        query = "SELECT json_extract(memory, '$.offered_digest') FROM cameras WHERE camera = ? AND json_valid(memory)"
        return any(offered for (offered,) in self._rows(query, (camera,)))

    def load(self) -> StoredState:
        """Return the state to continue from at a start. A camera whose row cannot be read is left out and logged."""
        found: dict[str, CameraRecord] = {}
        counted = self._episode_counts()
        for camera, health, memory, file, episodes in self._rows(
            "SELECT camera, health, memory, file, episodes FROM cameras"
        ):
            try:
                found[camera] = camera_of_row(camera, counted.get(camera, {}), (health, memory, file, episodes))
            except ValidationError:
                log.warning("camera %s: its stored state cannot be read; it is learned again", camera)
        return replace(self.lasting(), cameras=found)

    def lasting(self) -> StoredState:
        """Return the stored state without cameras: what is open, and the clock."""
        lost = self._rows("SELECT uplink, lost FROM uplinks")
        episodes = self._rows(f"{self._episodes_query} WHERE ended IS NULL ORDER BY began, id")
        outages = self._rows(f"{_OUTAGES} WHERE ended IS NULL ORDER BY began, camera")
        clock = self._rows("SELECT boot, monotonic, wall FROM clock")
        return StoredState(
            clock=ClockReading(*clock[0]) if clock else None,
            uplinks={name: lost_cameras_of_text(cameras) for name, cameras in lost},
            open_episodes=tuple(Episode(*row) for row in episodes),
            open_outages=tuple(map(outage_of_row, outages)),
            logins=self.logins(),
        )

    @property
    def _knows_logins(self) -> bool:
        """Whether the database has the columns of logins; an older daemon may still write it."""
        return bool(self._rows("PRAGMA user_version")[0][0] >= LOGINS_SINCE)

    @property
    def _episodes_query(self) -> str:
        return EPISODES if self._knows_logins else EPISODES_BEFORE_LOGINS

    def logins(self) -> tuple[tuple[LoginKey, LoginRecord], ...]:
        """Return what is stored of logins, by address and login. A record that cannot be read is left out."""
        rows = self._rows("SELECT address, mark, record FROM logins") if self._knows_logins else []
        return tuple(found for row in rows if (found := login_of_row(row)) is not None)

    def _episode_counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return the number of stored episodes by camera and fault."""
        counts: dict[str, dict[str, int]] = {}
        rows = self._rows("SELECT camera, fault, COUNT(*) FROM episodes WHERE camera != '' GROUP BY 1, 2")
        for camera, fault, count in rows:
            counts.setdefault(camera, {})[fault] = count
        return counts

    def outages(self, since: float, until: float, camera: str = "") -> list[tuple[str, Outage]]:
        """Return the outages that overlap a period, each with its camera, oldest first; of all cameras or of one."""
        if self._rows("PRAGMA user_version")[0][0] < OUTAGES_SINCE:  # an older daemon still writes this database
            return [item for item in outages_of(self.episodes(since, until)) if camera in ("", item[0])]
        rows = self._rows(
            f"{_OUTAGES} WHERE began < ? AND (ended IS NULL OR ended > ?) AND (? = '' OR camera = ?)"
            " ORDER BY began, camera",
            (until, since, camera, camera),
        )
        return [outage_of_row(row) for row in rows]

    def episodes(self, since: float, until: float, camera: str = "", path: Sequence[str] = ()) -> list[Episode]:
        """Return the episodes that overlap a period, oldest first: all, or those of a camera and of its path."""
        marks = ", ".join("?" * len(path))
        rows = self._rows(
            f"{self._episodes_query} WHERE began < ? AND (ended IS NULL OR ended > ?)"
            f" AND (? = '' OR camera = ? OR (camera = '' AND uplink IN ({marks}))) ORDER BY began, id",
            (until, since, camera, camera, *path),
        )
        return [Episode(*row) for row in rows]

    def uplink_episodes(self, uplink: str, most: int) -> list[Episode]:
        """Return up to `most` episodes of an uplink, newest first."""
        query = f"{self._episodes_query} WHERE camera = '' AND uplink = ? ORDER BY began DESC, id DESC LIMIT ?"
        return [Episode(*row) for row in self._rows(query, (uplink, most))]

    def events(
        self,
        wanted: EventFilter = EVERY_EVENT,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Event]:
        """Return up to `limit` events, oldest first: the newest before a number, or the first ones after a number.

        A number `after` that is larger than every stored one belongs to an earlier history and counts as 0.
        """
        if after and self._rows("SELECT COALESCE(MAX(id), 0) FROM events")[0][0] < after:
            after = 0
        condition, values = wanted.condition()
        rows = self._rows(
            (_EARLIER if after is None else _LATER).format(
                login="login" if self._knows_logins else "''", wanted=condition
            ),
            (after or 0, before if before is not None else 2**62, *values, limit),
        )
        return [Event(*row) for row in (reversed(rows) if after is None else rows)]

    def seconds(self, first: str, last: str, camera: str = "") -> Mapping[str, Mapping[str, AvailabilitySeconds]]:
        """Return the seconds by camera and day, from `first` to `last` inclusive; of all cameras or of one."""
        found: dict[str, dict[str, AvailabilitySeconds]] = {}
        rows = self._rows(
            "SELECT camera, day, observed, online, healthy, uplink, maintenance FROM days"
            " WHERE day BETWEEN ? AND ? AND (? = '' OR camera = ?)",
            (first, last, camera, camera),
        )
        for camera, day, *numbers in rows:
            found.setdefault(camera, {})[day] = AvailabilitySeconds(*numbers)
        return found

    def root_seconds(self, first: str, last: str) -> Mapping[RootDay, float]:
        """Return the seconds of cameras behind dead nodes by day, from `first` to `last` inclusive."""
        if not self._rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'root_days'"):
            return {}  # an older daemon still writes this database
        rows = self._rows(
            "SELECT camera, root, kind, day, seconds FROM root_days WHERE day BETWEEN ? AND ?", (first, last)
        )
        return {RootDay(camera, root, NodeKind(kind), day): seconds for camera, root, kind, day, seconds in rows}

    def attributed(self, camera: str, since: float, most: int) -> list[Event]:
        """Return up to `most` alarms of a camera since a time that turned out to be a node's, newest first."""
        login = "login" if self._knows_logins else "''"
        rows = self._rows(
            f"SELECT id, at, camera, uplink, kind, fault, since, detail, {login} FROM events"  # noqa: S608  # nosec B608
            " WHERE at >= ? AND camera = ? AND kind = ? ORDER BY id DESC LIMIT ?",
            (since, camera, TransitionKind.ATTRIBUTED.value, most),
        )
        return [Event(*row) for row in rows]

    def looks(self, camera: str, since: float) -> list[PictureSample]:
        """Return the picture samples of a camera since a time, oldest first."""
        rows = self._rows(
            "SELECT at, measures, scores FROM looks WHERE camera = ? AND at >= ? ORDER BY at", (camera, since)
        )
        return [unpack(camera, *row) for row in rows]

    def version(self) -> int:
        """Return a number that changes whenever another process writes to the database."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def windows(self, since: float) -> list[Window]:
        """Return the maintenance windows that end after a time, oldest first."""
        rows = self._rows(
            "SELECT id, kind, name, began, ends, reason, stopped FROM maintenance WHERE ends > ? ORDER BY began, id",
            (since,),
        )
        return [Window(number, WindowKind(kind), *rest) for number, kind, *rest in rows]

    def acknowledgements(self, since: float) -> list[Acknowledgement]:
        """Return the acknowledgements that expire after a time, oldest first, with those that were taken back."""
        if not self._rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'acknowledgements'"):
            return []  # an older daemon still writes this database
        rows = self._rows(
            "SELECT id, problem, who, at, until, note, ended FROM acknowledgements WHERE until > ? ORDER BY id",
            (since,),
        )
        return [Acknowledgement(*row) for row in rows]
