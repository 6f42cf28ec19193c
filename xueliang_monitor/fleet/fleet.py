"""The fleet's state: the one mutable long-lived object. Visits write it, metrics and page read snapshots of it."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from xueliang_monitor.clock import STEP_SECONDS, Clock, ClockReading
from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.configuration.inventory import Camera, Inventory
from xueliang_monitor.configuration.strict_yaml import Problem
from xueliang_monitor.fleet.changes import CameraRecord, Changes, PictureSample, Stored
from xueliang_monitor.fleet.differences import better_learned, difference, kept_of
from xueliang_monitor.fleet.fleet_uplinks import Uplinks, group_of
from xueliang_monitor.fleet.monitor_status import MonitorFault, MonitorStatus, ReloadStatus
from xueliang_monitor.fleet.pending import Pending
from xueliang_monitor.fleet.restoring import newest, restore, restored_entry
from xueliang_monitor.fleet.snapshot import Entry, Snapshot
from xueliang_monitor.judgement.availability import Seconds, spent, split_by_day
from xueliang_monitor.judgement.debounce import advance, withdrawn
from xueliang_monitor.judgement.health import Health, Outage, Policy
from xueliang_monitor.judgement.maintenance import Window, covering
from xueliang_monitor.judgement.own_clock import CLOCK_WRONG, LARGE_STEP_SECONDS, LONG_AWAY_SECONDS, OwnClock
from xueliang_monitor.judgement.status import CameraStatus, status
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.judgement.uplinks import UNREACHABLE, UPLINK_DOWN, Uplink, unreachable
from xueliang_monitor.model import Rung, RungResult, VisitResult
from xueliang_monitor.picture.measures import MEASURES
from xueliang_monitor.probing.device_changes import CLOCK_DRIFT
from xueliang_monitor.probing.memory import Memory

log = logging.getLogger(__name__)

Told = Callable[[Rung | None, RungResult | None], None]
LOOK_SPACING_SECONDS = 900.0
NEAR_SCORE = 0.4
"""A look with such a score is always kept: those are what limits are set by."""


class Fleet:
    """All cameras and what was counted of their visits."""

    def __init__(
        self, clock: Clock, policy: Policy, cameras: tuple[Camera, ...], problems: tuple[Problem, ...] = ()
    ) -> None:
        self._clock = clock
        self.policy = policy
        self._entries = {camera.id: Entry(camera) for camera in cameras}
        self._uplinks = Uplinks()
        for camera in cameras:
            self._uplinks.join(camera)
        self._own_clock = OwnClock(policy.clock_drift, clock.now())
        self._pending = Pending()
        self._unwatched: dict[str, CameraRecord] = {}
        self._followers: dict[str, list[Told]] = {}
        self._watchers: list[Callable[[tuple[Transition, ...]], None]] = []
        self.monitor = MonitorStatus(reload=ReloadStatus(succeeded_at=clock.now(), problems=problems))
        self.windows: tuple[Window, ...] = ()
        self.availability: Mapping[str, Mapping[str, float]] = {}
        self.today = Seconds()

    def entry(self, camera: str) -> Entry:
        """Return what is known of a camera.

        Raises:
            KeyError: there is none of that id.

        """
        return self._entries[camera]

    def camera(self, name: str) -> Camera | None:
        """Return a camera by its id; None where there is none."""
        entry = self._entries.get(name)
        return entry.camera if entry is not None else None

    def reconcile(self, inventory: Inventory) -> None:
        """Take the cameras that there are now: at a reload, and at a start over those that there were before it.

        What is known of a camera stays, as far as its file does not say that it is another one or shows another view;
        also while its file is invalid and no good version is known.
        """
        found = difference((entry.camera for entry in self._entries.values()), inventory.cameras)
        for camera in found.gone:
            self.drop(camera)
        self.take(found.changed)
        for name in self._unwatched.keys() - inventory.invalid:
            self._end(name, self._unwatched.pop(name).health)

    def take(self, cameras: tuple[Camera, ...]) -> None:
        """Take new cameras and new versions of known ones.

        What was learned of its picture and device goes where it has another address, port or path, what is known of its
        logins where it has another host, and what was learned of its picture where its view was changed on purpose.
        """
        for camera in cameras:
            known = self._entries.get(camera.id)
            self._pending.change((camera.id,))
            if known is None:
                self._entries[camera.id] = self._fresh(camera)
                continue
            self._entries[camera.id] = replace(known, camera=camera, memory=kept_of(known, camera))
            if group_of(known.camera) != group_of(camera):
                self._uplinks.join(camera)
                self._leave(known.camera)

    def _fresh(self, camera: Camera) -> Entry:
        """Return the entry of a camera that is watched from now on: with what is known where only its file was bad."""
        self._uplinks.join(camera)
        known = self._unwatched.pop(camera.id, None)
        return Entry(camera) if known is None else restored_entry(Entry(camera), known, self._clock.now())[0]

    def drop(self, camera: str) -> None:
        """Forget a camera, and end what lasts of it."""
        entry = self._entries.pop(camera, None)
        if entry is not None:
            self._own_clock.forget(camera)
            self._leave(entry.camera)
            self._end(camera, entry.health)

    def _end(self, camera: str, health: Health) -> None:
        now = self._clock.now()
        self._pending.gone((camera,))
        self._pending.outage(camera, health.outage, None, now)
        self._tell(
            tuple(
                Transition(camera, now, TransitionKind.CLEARED, fault.code, since=fault.since)
                for fault in health.confirmed
            )
        )

    def _leave(self, camera: Camera) -> None:
        said = self._uplinks.leave(camera, self._clock.now())
        if said:
            self._tell(said)

    def take_windows(self, windows: tuple[Window, ...]) -> None:
        """Take the maintenance windows that are known, and tell who watches where they are others."""
        if windows != self.windows:
            self.windows = windows
            self._tell(())

    def reloaded(self, *, ok: bool, problems: tuple[Problem, ...]) -> None:
        """Note how reading settings and cameras anew went."""
        reload = self.monitor.reload
        reload.succeeded, reload.problems = ok, problems
        reload.succeeded_at = self._clock.now() if ok else reload.succeeded_at
        self._tell(())

    def resume(self, stored: Stored, before: Iterable[Camera], inventory: Inventory) -> None:
        """Go on from what the history knows: be the fleet that it was, then take the cameras that there are now."""
        self._entries = {camera.id: Entry(camera) for camera in before}
        self._uplinks = Uplinks()
        for entry in self._entries.values():
            self._uplinks.join(entry.camera)
        self.restore(stored)
        self.reconcile(inventory)

    def restore(self, stored: Stored) -> None:
        """Take what the history knows of the cameras that there were; `reconcile` is to follow with those of now."""
        now = self._clock.now()
        away = now - newest(stored, now)
        if not -LARGE_STEP_SECONDS < away < LONG_AWAY_SECONDS:
            self._own_clock.doubt(now)
        step = stored.clock.step_until(self._clock) if stored.clock is not None else None
        if step is None:
            step = min(0.0, away)  # it was set back meanwhile: by so much at least
        if abs(step) > STEP_SECONDS:
            stored = stored.moved(lambda moment: moment + step)
            self._pending.shift(step)
            self._pending.change(self._entries)  # with the clock that is written, all of them are to be
        found = restore(stored, self._entries, now)
        self._entries = dict(found.entries)
        self._unwatched = {name: stored.cameras[name] for name in found.unwatched}
        self._uplinks.restore(found.uplinks)
        self._own_clock.restore(found.clock_wrong_since)
        self._pending.change(found.changed)
        self._pending.outages(found.outages)
        if found.transitions:
            self._tell(found.transitions)

    def follow_clock(self, step: float, *, impossible: bool, guessed: bool = False) -> None:
        """Move every moment by as much as the wall clock was set, and judge whether it is wrong.

        Nothing gets longer or shorter by that. What cameras told of their clocks before says at once whether ours is
        wrong since; `impossible` says that it shows a time that cannot be, `guessed` that it never showed another.
        """
        if step:
            self._entries = {name: entry.shifted(step) for name, entry in self._entries.items()}
            self._unwatched = {name: known.moved(lambda at: at + step) for name, known in self._unwatched.items()}
            self._uplinks.move(lambda moment: moment + step)
            self._own_clock.shift(step)
            if abs(step) >= LARGE_STEP_SECONDS:
                self._own_clock.doubt(self._clock.now())
            self._pending.change(self._entries)
            self._pending.shift(step)
            self.monitor.reload.succeeded_at += step
        self._own_clock.impossible, self._own_clock.guessed = impossible, guessed
        turned = self._judge_own_clock()
        if turned:
            self._tell(turned)

    def _judge_own_clock(self) -> tuple[Transition, ...]:
        """Judge the monitor's own clock; return what changed, with the faults that it made of cameras withdrawn."""
        now = self._clock.now()
        turned = self._own_clock.judge(now)
        if not any(item.kind is TransitionKind.RAISED for item in turned):
            return turned
        cleared = []
        for name, entry in self._entries.items():
            fault = entry.health.faults.get(CLOCK_DRIFT.code)
            if fault is None or not self._own_clock.agrees(name):
                continue
            self._entries[name] = replace(entry, health=withdrawn(entry.health, fault.code, now))
            self._pending.change((name,))
            if fault.confirmed_at is not None:
                cleared.append(Transition(name, now, TransitionKind.CLEARED, fault.code, since=fault.since))
        return (*turned, *cleared)

    def standing(self) -> tuple[Transition, ...]:
        """Return, as it was told, the raising of every fault and uplink outage that lasts."""
        faults = (
            Transition(name, fault.confirmed_at, TransitionKind.RAISED, fault.code, fault.detail, since=fault.since)
            for name, entry in self._entries.items()
            for fault in entry.health.confirmed
            if fault.confirmed_at is not None
        )
        uplinks = (
            Transition(
                "", each.down_since, TransitionKind.RAISED, UPLINK_DOWN.code, uplink=each.name, since=each.down_since
            )
            for each in self._uplinks.all
            if each.down_since is not None
        )
        own = (
            Transition("", each.since, TransitionKind.RAISED, each.code, each.detail, since=each.since)
            for each in self.monitor_faults
        )
        return (*faults, *uplinks, *own)

    def outages(self) -> Mapping[str, Outage]:
        """Return the outages that last, by camera."""
        return {name: entry.health.outage for name, entry in self._entries.items() if entry.health.outage is not None}

    def take_late(self, stored: Stored) -> None:
        """Take what the history knows where it could be read only after the first visits.

        States are what was seen since. Counts of episodes add up, of a picture's references the one counts that has
        seen more, and an outage that lasts is the one that the history holds.
        """
        lasting = dict(stored.open_outages)
        for name, known in stored.cameras.items():
            entry = self._entries.get(name)
            if entry is None:
                continue
            if entry.health.visited_at is None:
                self._entries[name] = restored_entry(entry, known, self._clock.now())[0]
                continue
            health, outage = entry.health, entry.health.outage
            if outage is not None and name in lasting:
                health = replace(health, outage=lasting[name].joined(outage))
            counts = Counter(entry.episodes) + Counter(known.episodes)
            memory = better_learned(entry.memory, known.memory)
            self._entries[name] = replace(entry, health=health, memory=memory, episodes=dict(counts))

    def remember_all(self) -> None:
        """Have what is known of every camera collected the next time, also where nothing happened since the last."""
        self._pending.change(self._entries)

    def collect(self, *, every: bool = False) -> Changes:
        """Return what is to be remembered since the last call.

        Of cameras that were only visited, what is known goes in with `every`: it changes slowly, and is much.
        """
        self._pending.uplinks(self._uplinks.take_changed())
        changes = self._pending.take(self._entries, every=every)
        if changes.shifted:
            changes = replace(changes, known=(*changes.known, *self._unwatched.values()))
        return changes if changes == Changes() else replace(changes, clock=ClockReading.of(self._clock))

    def _count_time(self, entry: Entry, until: float) -> None:
        """Add up how the camera was from the last visit to this one."""
        if entry.counted_until is None or entry.camera.status is not Lifecycle.ACTIVE:
            return
        if self._own_clock.guessed and self._own_clock.common is None:
            return  # on which day it is nobody knows
        status_then = self._status(entry, until)
        stopped = self.monitor.pauses.stopped_within(until - entry.counted_until)
        off = self._own_clock.correction
        for day, seconds in split_by_day(entry.counted_until + stopped + off, until + off):
            self._pending.seconds(entry.camera.id, day, spent(status_then, seconds))

    def _tell(self, transitions: tuple[Transition, ...]) -> None:
        self._pending.happened(item for item in transitions if item.kind is not TransitionKind.STATE)
        for watcher in self._watchers:
            watcher(transitions)

    def watch(self, watcher: Callable[[tuple[Transition, ...]], None]) -> None:
        """Call `watcher` with every change of health, and with none after a reload."""
        self._watchers.append(watcher)

    @contextlib.contextmanager
    def following(self, camera: str, told: Told) -> Iterator[None]:
        """Call `told` with each rung of a camera that is begun or over, and with none when a visit is."""
        self._followers.setdefault(camera, []).append(told)
        try:
            yield
        finally:
            self._followers[camera].remove(told)
            if not self._followers[camera]:
                del self._followers[camera]

    def tell_rung(self, camera: str, rung: Rung | None, result: RungResult | None) -> None:
        """Tell who follows a camera how its visit goes on."""
        for told in tuple(self._followers.get(camera, ())):
            told(rung, result)

    def apply(self, visited: VisitResult, memory: Memory, lateness: float) -> tuple[Health, frozenset[str]]:
        """Take a visit's report; return the camera's health after it, and the neighbours to be visited at once.

        Neighbours are wanted where the camera seems lost and they may be lost with it: then one uplink is down, and
        no camera is blamed.
        """
        entry = self._entries[visited.camera]
        self._count_time(entry, visited.at)
        self._pending.touch(visited.camera)
        visited, said = self._hear_clock(entry, visited)
        entry = self._entries[visited.camera]
        resting = self._maintenance(entry, visited.at) is not None
        uplink, turned = (Uplink(""), ()) if resting else self._uplinks.observe(entry.camera, visited)
        faults = entry.health.faults
        first = min((faults[code].since for code in UNREACHABLE & faults.keys()), default=visited.at)
        wanted: frozenset[str] = frozenset()
        if unreachable(visited) and entry.health.offline_streak >= 1:
            wanted = self._uplinks.undecided(uplink, visited.camera, first, visited.at)
        suspended = uplink.hides(visited.camera) or resting
        health, transitions = advance(entry.health, visited, self.policy, hold=bool(wanted), suspended=suspended)
        self._pending.outage(visited.camera, entry.health.outage, health.outage, visited.at)
        transitions = (*said, *turned, *transitions)
        episodes = dict(entry.episodes)
        for transition in transitions:
            if transition.kind is TransitionKind.RAISED and transition.camera:
                episodes[transition.code] = episodes.get(transition.code, 0) + 1
        readings = {**entry.readings, **visited.readings}
        rungs = {**entry.rungs, **{result.rung: result for result in visited.rungs}}
        kept_at = self._keep_look(entry, visited)
        self._entries[visited.camera] = Entry(
            entry.camera,
            health,
            memory,
            readings,
            rungs,
            episodes,
            visited.at,
            scores=visited.scores or entry.scores,
            look_kept_at=kept_at,
        )
        self.monitor.visits.add(visited, lateness)
        if transitions or memory.login != entry.memory.login:
            self._pending.change((visited.camera,))
        if transitions:
            self._tell(transitions)
        self.tell_rung(visited.camera, None, None)
        return health, wanted & self._entries.keys()

    def _keep_look(self, entry: Entry, visited: VisitResult) -> float:
        """Put a look aside for the history where it is time; return when one was kept last."""
        near = max(visited.scores.values(), default=0.0) >= NEAR_SCORE
        if not visited.scores or (visited.at - entry.look_kept_at < LOOK_SPACING_SECONDS and not near):
            return entry.look_kept_at
        measures = {name: value for name in MEASURES if isinstance(value := visited.readings.get(name), float)}
        self._pending.look(PictureSample(visited.camera, visited.at, measures, visited.scores))
        return visited.at

    def _hear_clock(self, entry: Entry, visited: VisitResult) -> tuple[VisitResult, tuple[Transition, ...]]:
        """Take what a camera told of its clock, and judge ours; return the report without what ours is to blame for."""
        offset = visited.readings.get("clock_offset_seconds")
        if not isinstance(offset, float):
            return visited, ()
        self._own_clock.heard(entry.camera.id, offset, visited.at)
        said = self._judge_own_clock()
        return self._own_clock.spared(visited, self._speaking), said

    def _speaking(self) -> int:
        """Count the cameras that can tell the time."""
        return sum(entry.camera.target.onvif is not None for entry in self._entries.values())

    def _status(self, entry: Entry, now: float) -> CameraStatus:
        uplink = self._uplinks.of(entry.camera)
        health = entry.health
        if entry.restored_at is not None and health.visited_at is not None:
            health = replace(health, visited_at=max(health.visited_at, entry.restored_at))
        if health.visited_at is not None and (stopped := self.monitor.pauses.stopped_within(now - health.visited_at)):
            health = replace(health, visited_at=health.visited_at + stopped)
        window = self._maintenance(entry, now)
        return status(
            health,
            now,
            self.policy,
            uplink_down=uplink.down_since if uplink and uplink.hides(entry.camera.id) else None,
            maintenance=window.began if window else None,
        )

    def _maintenance(self, entry: Entry, now: float) -> Window | None:
        if not self.windows:
            return None
        camera = entry.camera
        return covering(self.windows, camera.id, camera.site, camera.uplink, now)

    def status_of(self, camera: str) -> CameraStatus:
        """Derive a camera's status at this moment."""
        return self._status(self._entries[camera], self._clock.now())

    @property
    def now(self) -> float:
        """The moment, in seconds since the epoch."""
        return self._clock.now()

    @property
    def uplinks(self) -> tuple[Uplink, ...]:
        """What is known of each uplink."""
        return self._uplinks.all

    @property
    def monitor_faults(self) -> tuple[MonitorFault, ...]:
        """The faults of the monitor itself that count now."""
        since = self._own_clock.wrong_since
        return () if since is None else (MonitorFault(CLOCK_WRONG.code, since, self._own_clock.detail),)

    @property
    def dated_now(self) -> float:
        """The moment as the cameras tell it where the monitor's own clock is known to be on another day."""
        return self._clock.now() + self._own_clock.correction

    @property
    def clock_in_doubt(self) -> bool:
        """Whether the monitor's clock may be so wrong that nothing is to be deleted for its age."""
        return self._own_clock.in_doubt(self._clock.now())

    @property
    def clock_impossible(self) -> bool:
        """Whether the monitor's clock shows a time that cannot be."""
        return self._own_clock.impossible

    def pairs(self) -> Iterator[tuple[Entry, CameraStatus]]:
        """Yield every camera with its status; what comes or goes meanwhile may be missed."""
        for name in list(self._entries):
            entry = self._entries.get(name)
            if entry is not None:
                yield entry, self._status(entry, self._clock.now())

    def snapshot(self) -> Snapshot:
        """Return the fleet at this moment."""
        now = self._clock.now()
        return Snapshot(
            now=now,
            entries=tuple((entry, self._status(entry, now)) for entry in self._entries.values()),
            monitor=self.monitor.copy(),
            uplinks=self._uplinks.all,
            windows=tuple(item for item in self.windows if item.active(now)),
            availability=self.availability,
            today=self.today,
            monitor_faults=self.monitor_faults,
        )
