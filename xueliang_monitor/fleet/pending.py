"""What the fleet learned and the history does not hold yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from xueliang_monitor.fleet.changes import CameraRecord, Changes, PictureSample
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.availability import Seconds
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.judgement.transition import Transition


class Pending:
    """Gathers changes until `take` hands them over as one batch."""

    def __init__(self) -> None:
        self._happened: list[Transition] = []
        self._looks: list[PictureSample] = []
        self._outages: list[tuple[str, Outage]] = []
        self._seconds: dict[tuple[str, str], Seconds] = {}
        self._uplinks: dict[str, frozenset[str]] = {}
        self._changed: set[str] = set()
        self._touched: set[str] = set()
        self._gone: set[str] = set()
        self._shifted = 0.0

    def happened(self, transitions: Iterable[Transition]) -> None:
        """Take what happened."""
        self._happened += transitions

    def look(self, taken: PictureSample) -> None:
        """Take a look at a picture."""
        self._looks.append(taken)

    def seconds(self, camera: str, day: str, spent: Seconds) -> None:
        """Add to what is added up of a camera's day."""
        self._seconds[camera, day] = self._seconds.get((camera, day), Seconds()) + spent

    def outage(self, camera: str, before: Outage | None, after: Outage | None, now: float) -> None:
        """Take how a camera's outage went on; it has ended at `now` where another one or none is there after it."""
        if before is not None and (after is None or after.key != before.key):
            self._outages.append((camera, replace(before, ended=max(now, before.began))))
        if after is not None and after != before:
            self._outages.append((camera, after))

    def outages(self, known: Iterable[tuple[str, Outage]]) -> None:
        """Take outages as they are now, each with its camera."""
        self._outages += known

    def uplinks(self, lost: Mapping[str, frozenset[str]]) -> None:
        """Take which cameras are lost with which uplink, none where it is back."""
        self._uplinks.update(lost)

    def touch(self, camera: str) -> None:
        """Note that a camera was visited: what is known of it is written now and then."""
        self._touched.add(camera)

    def change(self, cameras: Iterable[str]) -> None:
        """Note that what is known of cameras is to be written with the next batch."""
        self._changed.update(cameras)

    def gone(self, cameras: Iterable[str]) -> None:
        """Note that cameras are no longer watched."""
        self._gone.update(cameras)

    def shift(self, seconds: float) -> None:
        """Move every moment by as much as the clock was set, here and then in the history."""
        self._happened = [item.moved(lambda moment: moment + seconds) for item in self._happened]
        self._outages = [(name, outage.moved(lambda moment: moment + seconds)) for name, outage in self._outages]
        self._shifted += seconds

    def take(self, entries: Mapping[str, Entry], *, every: bool) -> Changes:
        """Return what came together since the last call; `every` also has the cameras that were only visited."""
        wanted: Collection[str] = self._changed | self._touched if every else self._changed
        changes = Changes(
            tuple(self._happened),
            tuple(
                CameraRecord(name, entry.health, entry.memory, entry.camera.data, entry.episodes)
                for name in sorted(wanted)
                if (entry := entries.get(name)) is not None
            ),
            tuple((camera, day, seconds) for (camera, day), seconds in self._seconds.items()),
            tuple(self._looks),
            tuple(self._outages),
            tuple(self._uplinks.items()),
            tuple(sorted(self._gone)),
            self._shifted,
        )
        self._happened, self._looks, self._outages, self._shifted = [], [], [], 0.0
        self._seconds, self._uplinks, self._changed, self._gone = {}, {}, set(), set()
        self._touched.difference_update(wanted)
        return changes
