"""Reads the history for pages and API, off the event loop."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xueliang_monitor.fleet.changes import PictureSample
from xueliang_monitor.judgement.availability import AvailabilitySeconds, day_of
from xueliang_monitor.judgement.episodes import Episode
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.judgement.maintenance import Window
from xueliang_monitor.storage.event_filter import EventFilter
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.storage.history_queries import Event
from xueliang_monitor.web.charts import DAY_SECONDS, DAYS
from xueliang_monitor.web.threads import in_thread

MAX_ATTRIBUTED = 40
"""Alarms of one camera that turned out to be a node's."""

FAR = 2.0**53
"""Later than any moment, so that records from a clock that ran ahead are included."""


@dataclass(frozen=True, slots=True)
class Past:
    """The last month of a camera. `readable` is False if there is no history."""

    days: Mapping[str, AvailabilitySeconds] = field(default_factory=dict)
    episodes: tuple[Episode, ...] = ()
    attributed: tuple[Event, ...] = ()
    outages: tuple[Outage, ...] = ()
    windows: tuple[Window, ...] = ()
    samples: tuple[PictureSample, ...] = ()
    readable: bool = False


def _read(state: Path, camera: str, site: str, path: tuple[str, ...]) -> Past:
    now = time.time()
    month = now - DAYS * DAY_SECONDS
    with contextlib.closing(History(state, read_only=True)) as history:
        windows = [item for item in history.windows(now - DAY_SECONDS) if item.covers(camera, site, path)]
        return Past(
            days=history.seconds(day_of(month), day_of(now), camera).get(camera, {}),
            episodes=tuple(history.episodes(month, now + 1, camera, path or (site,))),
            attributed=tuple(history.attributed(camera, month, MAX_ATTRIBUTED)),
            outages=tuple(outage for _, outage in history.outages(month, FAR, camera)),
            windows=tuple(windows),
            samples=tuple(history.looks(camera, now - 7 * DAY_SECONDS)),
            readable=True,
        )


async def of_camera(state: Path, camera: str, site: str, path: tuple[str, ...]) -> Past:
    """Return the last month of a camera and of the nodes on its path; an empty one if there is no history."""
    try:
        return await in_thread(_read, state, camera, site, path)
    except HistoryError:
        return Past()


async def outages(state: Path, seconds: float, camera: str = "") -> list[tuple[str, Outage]]:
    """Return the outages of the last `seconds` with their camera ids, of all cameras or of one.

    Raises:
        HistoryError: the history cannot be read.

    """

    def read() -> list[tuple[str, Outage]]:
        now = time.time()
        with contextlib.closing(History(state, read_only=True)) as history:
            return history.outages(now - seconds, FAR, camera)

    return await in_thread(read)


async def events(
    state: Path, wanted: EventFilter, *, after: int | None = None, before: int | None = None, limit: int
) -> list[Event]:
    """Return the last events that are wanted, or those before or after the event of a number.

    Raises:
        HistoryError: the history cannot be read.

    """

    def read() -> list[Event]:
        with contextlib.closing(History(state, read_only=True)) as history:
            return history.events(wanted, after=after, before=before, limit=limit)

    return await in_thread(read)
