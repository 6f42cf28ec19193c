"""Changes waiting to be written to the history: bounded, dropped by importance, losses counted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.clock import ClockReading
from xueliang_monitor.fleet.changes import CameraRecord, ChangeKind, Changes, PictureSample, StoredState
from xueliang_monitor.judgement.availability import AvailabilitySeconds, RootDay
from xueliang_monitor.judgement.episodes import Episode
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.probing.login_record import LoginKey, LoginRecord
from xueliang_monitor.time_format import iso_local

MAX_TRANSITIONS = 20_000
"""About 6 MB: a week with two transitions a minute."""

MAX_SAMPLES = 10_000
"""About 10 MB: 17 hours of 147 cameras. Picture samples only help to tune limits."""

MAX_DAYS = 50_000
"""Seconds by camera and day, about 12 MB: a year of 136 cameras."""

MAX_OUTAGES = 10_000
"""About 4 MB. Closed outages are dropped before open ones."""

ROOM = 0.1
"""The share of a bound that is dropped at once, so that not every further change drops something."""

_WORDS = {
    ChangeKind.EVENTS: ("event", "events"),
    ChangeKind.SAMPLES: ("picture sample", "picture samples"),
    ChangeKind.DAYS: ("camera's day", "cameras' days"),
    ChangeKind.ROOT_DAYS: ("camera's day behind a dead node", "cameras' days behind dead nodes"),
    ChangeKind.OUTAGES: ("outage", "outages"),
}
Key = tuple[str, str, str, str]
"""The camera, the uplink and the login of a fault, of which one is set, and its code."""


def _key(item: Transition) -> Key:
    return *item.subject, item.code


def _key_of_episode(item: Episode) -> Key:
    return *item.subject, item.fault


@dataclass(slots=True)
class Losses:
    """Changes that were never written: their number and first and last time by kind, and the watched seconds."""

    counts: dict[ChangeKind, int] = field(default_factory=dict)
    spans: dict[ChangeKind, tuple[str, str]] = field(default_factory=dict)
    watched: float = 0.0

    def add(self, kind: ChangeKind, moments: Iterable[str]) -> None:
        """Count lost changes of a kind; `moments` are their times or days, as text that sorts by time."""
        found = sorted(moments)
        if found:
            self.counts[kind] = self.counts.get(kind, 0) + len(found)
            first, last = self.spans.get(kind, (found[0], found[-1]))
            self.spans[kind] = min(first, found[0]), max(last, found[-1])

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        """Return all losses in words."""
        parts = []
        for kind, (one, many) in _WORDS.items():
            if count := self.counts.get(kind, 0):
                first, last = self.spans[kind]
                parts.append(f"{count} {one if count == 1 else many} from {first} to {last}")
        if self.watched >= 1:
            parts.append(f"{self.watched:.0f} s of watched time")
        return ", ".join(parts) or "nothing"


def one_by_one(changes: Changes) -> Iterator[Changes]:
    """Yield the changes of a batch one by one, to find the one that cannot be written."""
    if changes.shifted:
        yield Changes(shifted=changes.shifted, clock=changes.clock)
    for camera in changes.gone:
        yield Changes(gone=(camera,))
    for transition in changes.transitions:
        yield Changes(transitions=(transition,))
    for known in changes.cameras:
        yield Changes(cameras=(known,))
    for seconds in changes.seconds:
        yield Changes(seconds=(seconds,))
    for root_seconds in changes.root_seconds:
        yield Changes(root_seconds=(root_seconds,))
    for sample in changes.samples:
        yield Changes(samples=(sample,))
    for outage in changes.outages:
        yield Changes(outages=(outage,))
    for withdrawn in changes.withdrawn:
        yield Changes(withdrawn=(withdrawn,))
    for uplink in changes.uplinks:
        yield Changes(uplinks=(uplink,))
    for login in changes.logins:
        yield Changes(logins=(login,))


class Backlog:
    """Collected changes that are not written yet, merged into one batch.

    The last state of a camera replaces earlier ones. Seconds add up. Transitions are dropped as complete episodes,
    oldest first, so that no episode stays open because its end was dropped.
    """

    def __init__(self, lost: Callable[[ChangeKind, int], None] = lambda _kind, _count: None) -> None:
        """Create an empty backlog; `lost` is called with the kind and number of dropped changes."""
        self._transitions: list[Transition] = []
        self._cameras: dict[str, CameraRecord] = {}
        self._outages: dict[tuple[str, int], Outage] = {}
        self._withdrawn: dict[tuple[str, int], None] = {}
        self._uplinks: dict[str, frozenset[str]] = {}
        self._logins: dict[LoginKey, LoginRecord] = {}
        self._gone: dict[str, None] = {}
        self._shifted = 0.0
        self._clock: ClockReading | None = None
        self._seconds: dict[tuple[str, str], AvailabilitySeconds] = {}
        self._root_seconds: dict[RootDay, float] = {}
        self._samples: list[PictureSample] = []
        self._lost = lost
        self.losses = Losses()

    def __len__(self) -> int:
        cameras = len(self._cameras) + len(self._gone)
        held = (self._transitions, self._seconds, self._samples, self._outages, self._withdrawn, self._uplinks)
        held_too = len(self._logins) + len(self._root_seconds)
        return cameras + sum(map(len, held)) + held_too + bool(self._shifted)

    def add(self, changes: Changes) -> None:
        """Add later changes."""
        self._shift(changes.shifted)
        self._clock = changes.clock or self._clock
        self._transitions += changes.transitions
        self._samples += changes.samples
        for camera in changes.gone:
            self._gone[camera] = None
            self._cameras.pop(camera, None)
        self._cameras |= {known.camera: known for known in changes.cameras}
        self._outages |= {(camera, outage.key): outage for camera, outage in changes.outages}
        for key in changes.withdrawn:
            self._withdrawn[key] = None
            self._outages.pop(key, None)
        self._uplinks |= changes.uplinks
        self._logins |= changes.logins
        for camera, day, seconds in changes.seconds:
            self._seconds[camera, day] = self._seconds.get((camera, day), AvailabilitySeconds()) + seconds
        for root_day, behind in changes.root_seconds:
            self._root_seconds[root_day] = self._root_seconds.get(root_day, 0.0) + behind
        self._bound()

    def _shift(self, seconds: float) -> None:
        """Shift the times of waiting changes by as much as the clock was set."""
        if not seconds:
            return
        self._shifted += seconds
        self._transitions = [item.moved(lambda moment: moment + seconds) for item in self._transitions]
        self._outages = {key: outage.moved(lambda moment: moment + seconds) for key, outage in self._outages.items()}
        self._logins = {key: record.moved(lambda moment: moment + seconds) for key, record in self._logins.items()}

    def take(self) -> Changes:
        """Remove and return all changes as one batch."""
        whole = Changes(
            transitions=tuple(self._transitions),
            cameras=tuple(self._cameras.values()),
            seconds=tuple((camera, day, seconds) for (camera, day), seconds in self._seconds.items()),
            root_seconds=tuple(self._root_seconds.items()),
            samples=tuple(self._samples),
            outages=tuple((camera, outage) for (camera, _), outage in self._outages.items()),
            withdrawn=tuple(self._withdrawn),
            uplinks=tuple(self._uplinks.items()),
            logins=tuple(self._logins.items()),
            gone=tuple(self._gone),
            shifted=self._shifted,
            clock=self._clock,
        )
        self._transitions, self._cameras, self._seconds, self._samples = [], {}, {}, []
        self._outages, self._withdrawn, self._uplinks, self._logins, self._gone = {}, {}, {}, {}, {}
        self._root_seconds, self._shifted, self._clock = {}, 0.0, None
        return whole

    def put_back(self, changes: Changes) -> None:
        """Put back a batch that could not be written; it is older than everything added since."""
        later = self.take()
        self.add(changes)
        self.add(later)

    def drop(self, changes: Changes) -> None:
        """Count the changes of a batch as lost."""
        self._count(ChangeKind.EVENTS, [iso_local(item.at) for item in changes.transitions])
        self._count(ChangeKind.OUTAGES, [iso_local(outage.began) for _, outage in changes.outages])
        self._count(ChangeKind.SAMPLES, [iso_local(item.at) for item in changes.samples])
        self._count(ChangeKind.DAYS, [day for _, day, _ in changes.seconds])
        self._count(ChangeKind.ROOT_DAYS, [each.day for each, _ in changes.root_seconds])
        self.losses.watched += sum(seconds.observed for _, _, seconds in changes.seconds)

    def _count(self, kind: ChangeKind, moments: list[str]) -> None:
        self.losses.add(kind, moments)
        if moments:
            self._lost(kind, len(moments))

    def _bound(self) -> None:
        if len(self._samples) > MAX_SAMPLES:
            count = len(self._samples) - int(MAX_SAMPLES * (1 - ROOM))
            self.drop(Changes(samples=tuple(self._samples[:count])))
            del self._samples[:count]
        if len(self._seconds) > MAX_DAYS:
            oldest = sorted(self._seconds, key=lambda each: each[1])[: len(self._seconds) - int(MAX_DAYS * (1 - ROOM))]
            gone = tuple((camera, day, self._seconds.pop((camera, day))) for camera, day in oldest)
            self.drop(Changes(seconds=gone))
        if len(self._root_seconds) > MAX_DAYS:
            count = len(self._root_seconds) - int(MAX_DAYS * (1 - ROOM))
            old = sorted(self._root_seconds, key=lambda each: each.day)[:count]
            self.drop(Changes(root_seconds=tuple((each, self._root_seconds.pop(each)) for each in old)))
        if len(self._outages) > MAX_OUTAGES:
            oldest_outages = sorted(self._outages, key=lambda each: (self._outages[each].ended is None, each[1]))
            keys = oldest_outages[: len(self._outages) - int(MAX_OUTAGES * (1 - ROOM))]
            self.drop(Changes(outages=tuple((camera, self._outages.pop((camera, key))) for camera, key in keys)))
        while len(self._withdrawn) > MAX_OUTAGES:
            del self._withdrawn[next(iter(self._withdrawn))]
        if len(self._transitions) > MAX_TRANSITIONS:
            kept, gone_too = _without_oldest(self._transitions, int(MAX_TRANSITIONS * (1 - ROOM)))
            self.drop(Changes(transitions=tuple(gone_too)))
            self._transitions = kept

    def reconcile(
        self, stored: StoredState, raised_now: Iterable[Transition], outages: Mapping[str, Outage], now: float
    ) -> None:
        """Adapt the backlog to a history that may not be the one last written to.

        `stored` is what that history holds as open. `raised_now` are the transitions that raised the faults open now,
        and `outages` the outages open now, by camera. An open episode of the history continues if its fault was raised
        again, and ends `now` if its fault is not open any more. A fault that the history does not hold is raised with
        its own times.
        """
        self._reconcile_outages(stored, outages, now)
        stored_keys = {_key_of_episode(item) for item in stored.open_episodes}
        raised_by_key = {_key(item): item for item in raised_now}
        first: dict[Key, Transition] = {}
        for item in self._transitions:
            first.setdefault(_key(item), item)
        before: list[Transition] = []
        again: set[int] = set()
        for key in stored_keys:
            if key in first:
                if first[key].kind is TransitionKind.RAISED:
                    again.add(id(first[key]))
            elif key not in raised_by_key:
                before.append(_cleared_at(key, now))
        for key, item in raised_by_key.items():
            if key not in stored_keys and key not in first:
                before.append(item)
        for key, item in first.items():
            if key not in stored_keys and item.ends and item.since is not None:
                before.append(_raised_at(item, item.since))
        self._transitions = [
            *sorted(before, key=lambda item: item.at),
            *(item for item in self._transitions if id(item) not in again),
        ]

    def _reconcile_outages(self, stored: StoredState, outages: Mapping[str, Outage], now: float) -> None:
        """End outages that are open only in the history, and write those that are open now."""
        self._outages = {
            (camera, key): outage
            for (camera, key), outage in self._outages.items()
            if outage.ended is not None or (camera in outages and outages[camera].key == key)
        }
        for camera, outage in stored.open_outages:
            self._outages.setdefault((camera, outage.key), replace(outage, ended=max(now, outage.began)))
        self._outages |= {(camera, outage.key): outage for camera, outage in outages.items()}


def _cleared_at(key: Key, at: float) -> Transition:
    camera, uplink, login, fault = key
    return Transition(camera, at, TransitionKind.CLEARED, fault, uplink=uplink, login=login)


def _raised_at(item: Transition, since: float) -> Transition:
    return replace(item, at=since, kind=TransitionKind.RAISED)


def _without_oldest(items: list[Transition], limit: int) -> tuple[list[Transition], list[Transition]]:
    """Return at most `limit` transitions, and the dropped ones: complete episodes first, then the oldest."""
    begun: dict[Key, int] = {}
    gone: set[int] = set()
    for number, item in enumerate(items):
        if len(items) - len(gone) <= limit:
            break
        if item.kind is TransitionKind.RAISED:
            begun[_key(item)] = number
        elif (start := begun.pop(_key(item), None)) is not None:
            gone |= {start, number}
    rest = [number for number in range(len(items)) if number not in gone]
    gone.update(rest[: max(0, len(rest) - limit)])
    kept = [item for number, item in enumerate(items) if number not in gone]
    return kept, [items[number] for number in sorted(gone)]
