"""Changes of the fleet that the history does not hold yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from xueliang_monitor.fleet.changes import CameraRecord, Changes, PictureSample
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.availability import AvailabilitySeconds, RootDay
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.model import VisitResult
from xueliang_monitor.picture.measures import MEASURES
from xueliang_monitor.probing.login_record import LoginKey, LoginRecord

SAMPLE_SPACING_SECONDS = 900.0
"""The usual time between two stored picture samples of one camera."""

NEAR_SCORE = 0.4
"""A picture sample with a score this high is always stored; limits are tuned by such samples."""


class PendingChanges:
    """Collects changes until `take` returns them as one batch."""

    def __init__(self) -> None:
        self._happened: list[Transition] = []
        self._samples: list[PictureSample] = []
        self._outages: list[tuple[str, Outage]] = []
        self._withdrawn: list[tuple[str, int]] = []
        self._seconds: dict[tuple[str, str], AvailabilitySeconds] = {}
        self._counted: dict[str, AvailabilitySeconds] = {}
        self._taken: dict[str, AvailabilitySeconds] = {}
        self._root_seconds: dict[RootDay, float] = {}
        self._uplinks: dict[str, frozenset[str]] = {}
        self._logins: tuple[tuple[LoginKey, LoginRecord], ...] = ()
        self._changed: set[str] = set()
        self._touched: set[str] = set()
        self._gone: set[str] = set()
        self._shifted = 0.0

    def happened(self, transitions: Iterable[Transition]) -> None:
        """Add transitions."""
        self._happened += transitions

    def sample(self, visited: VisitResult, *, kept_at: float) -> float:
        """Add a picture sample if one is due; `kept_at` is when the last one was kept. Return when that is now."""
        near = max(visited.scores.values(), default=0.0) >= NEAR_SCORE
        if not visited.scores or (visited.at - kept_at < SAMPLE_SPACING_SECONDS and not near):
            return kept_at
        measures = {name: value for name, value in visited.readings.measures.items() if name in MEASURES}
        self._samples.append(PictureSample(visited.camera, visited.at, measures, visited.scores))
        return visited.at

    def seconds(self, camera: str, day: str, spent: AvailabilitySeconds) -> None:
        """Add seconds to a camera's day."""
        self._seconds[camera, day] = self._seconds.get((camera, day), AvailabilitySeconds()) + spent

        self._counted[day] = self.counted(day) + spent

    def counted(self, day: str) -> AvailabilitySeconds:
        """Return the seconds of all cameras that were added to a day since the start."""
        return self._counted.get(day, AvailabilitySeconds())

    def taken(self, day: str) -> AvailabilitySeconds:
        """Return the part of `counted` that batches took so far."""
        return self._taken.get(day, AvailabilitySeconds())

    def root_seconds(self, day: RootDay, seconds: float) -> None:
        """Add seconds of a camera's day behind a dead node; negative ones take time back."""
        self._root_seconds[day] = self._root_seconds.get(day, 0.0) + seconds

    def outage(self, camera: str, before: Outage | None, after: Outage | None, now: float) -> None:
        """Add the change of a camera's outage; `before` ends `now` if `after` is another outage or None."""
        if before is not None and (after is None or after.key != before.key):
            self._outages.append((camera, replace(before, ended=max(now, before.began))))
        if after is not None and after != before:
            self._outages.append((camera, after))

    def withdraw(self, camera: str, outage: Outage) -> None:
        """Take an outage of a camera back, as it turned out to be part of a node's."""
        self._outages = [each for each in self._outages if (each[0], each[1].key) != (camera, outage.key)]
        self._withdrawn.append((camera, outage.key))

    def outages(self, known: Iterable[tuple[str, Outage]]) -> None:
        """Add outages as they are now, each with its camera."""
        self._outages += known

    def uplinks(self, lost: Mapping[str, frozenset[str]]) -> None:
        """Add the lost cameras of uplinks; an uplink that is up again has none."""
        self._uplinks.update(lost)

    def logins(self, changed: tuple[tuple[LoginKey, LoginRecord], ...]) -> None:
        """Take what changed of logins for the next batch."""
        self._logins = changed

    def touch(self, camera: str) -> None:
        """Note that a camera was visited without a change; it is included in every complete batch."""
        self._touched.add(camera)

    def change(self, cameras: Iterable[str]) -> None:
        """Note that the state of cameras changed; they are included in the next batch."""
        self._changed.update(cameras)

    def gone(self, cameras: Iterable[str]) -> None:
        """Note that cameras are no longer watched."""
        self._gone.update(cameras)

    def shift(self, seconds: float) -> None:
        """Shift every time by as much as the clock was set, here and later in the history."""
        self._happened = [item.moved(lambda moment: moment + seconds) for item in self._happened]
        self._outages = [(name, outage.moved(lambda moment: moment + seconds)) for name, outage in self._outages]
        self._shifted += seconds

    def take(self, entries: Mapping[str, Entry], *, every: bool) -> Changes:
        """Return the changes since the last call; with `every`, cameras that were only visited are included."""
        wanted: Collection[str] = self._changed | self._touched if every else self._changed
        changes = Changes(
            transitions=tuple(self._happened),
            cameras=tuple(
                CameraRecord(
                    name,
                    entry.health,
                    entry.memory,
                    data=entry.camera.data,
                    episodes=entry.episodes,
                    labels=entry.labels,
                    rungs=tuple(entry.rungs.values()),
                )
                for name in sorted(wanted)
                if (entry := entries.get(name)) is not None
            ),
            seconds=tuple((camera, day, seconds) for (camera, day), seconds in self._seconds.items()),
            root_seconds=tuple(self._root_seconds.items()),
            samples=tuple(self._samples),
            outages=tuple(self._outages),
            withdrawn=tuple(self._withdrawn),
            uplinks=tuple(self._uplinks.items()),
            logins=self._logins,
            gone=tuple(sorted(self._gone)),
            shifted=self._shifted,
        )
        self._happened, self._samples, self._outages, self._shifted = [], [], [], 0.0
        self._taken = dict(self._counted)
        self._seconds, self._uplinks, self._changed, self._gone = {}, {}, set(), set()
        self._withdrawn, self._logins, self._root_seconds = [], (), {}
        self._touched.difference_update(wanted)
        return changes
