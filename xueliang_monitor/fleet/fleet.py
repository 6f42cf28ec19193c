"""The state of all cameras: the one mutable long-lived object. Visits update it; metrics and page read snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial

from xueliang_monitor.clock import STEP_SECONDS, Clock, ClockReading
from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.configuration.inventory import Camera, Inventory
from xueliang_monitor.configuration.strict_yaml import Problem
from xueliang_monitor.fleet.acceptance import accepted
from xueliang_monitor.fleet.attribution import withdrawal
from xueliang_monitor.fleet.changes import CameraRecord, Changes, StoredState
from xueliang_monitor.fleet.clock_faults import cameras_with_a_clock, without_drift_faults
from xueliang_monitor.fleet.differences import difference, memory_still_valid, place_of, with_digest_offered
from xueliang_monitor.fleet.fleet_credentials import FleetCredentials
from xueliang_monitor.fleet.monitor_status import MonitorFault, MonitorStatus, ReloadStatus
from xueliang_monitor.fleet.ongoing import attributed_transitions, closing_transitions, open_transitions
from xueliang_monitor.fleet.pending import PendingChanges
from xueliang_monitor.fleet.restoring import clock_step, merged_late, newest, restore, restored_entry
from xueliang_monitor.fleet.root_causes import NOTHING, Observation, RootCauses, Uplink
from xueliang_monitor.fleet.snapshot import Entry, Snapshot
from xueliang_monitor.fleet.time_spent import TimeSpent
from xueliang_monitor.fleet.watchers import RungFollower, TransitionWatcher, Watchers
from xueliang_monitor.judgement.availability import AvailabilitySeconds
from xueliang_monitor.judgement.debounce import advance
from xueliang_monitor.judgement.health import Health, Outage, Policy
from xueliang_monitor.judgement.maintenance import Window, covering
from xueliang_monitor.judgement.own_clock import CLOCK_WRONG, LARGE_STEP_SECONDS, LONG_AWAY_SECONDS, OwnClock
from xueliang_monitor.judgement.status import CameraStatus, Hidden, status
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Rung, RungResult, VisitResult
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.topology import Node, Topology

TURNS_MISSED = 3
"""A camera that waits for its turn at its host is stale after so many waits more, as after so many missed visits."""


class Fleet:
    """All cameras under watch, what they hang on, and what changed since the history was last written.

    Attributes:
        policy: how visit results are judged; may be replaced.
        monitor: the monitor's own condition.
        windows: the known maintenance windows.
        availability: availability ratios by camera and window; written by the history's upkeep.
        today: availability of the whole fleet today; written by the history's upkeep.
        turn_wait: how many seconds a camera waits for its turn at its host; set by the daemon.
        credentials: the named logins; the gate of visits that log in.

    """

    def __init__(
        self,
        clock: Clock,
        policy: Policy,
        cameras: tuple[Camera, ...],
        problems: tuple[Problem, ...] = (),
        *,
        nodes: tuple[Node, ...] = (),
    ) -> None:
        self._clock = clock
        self.policy = policy
        self._entries = {camera.id: Entry(camera) for camera in cameras}
        self._nodes = nodes
        self._root_causes = RootCauses()
        self._topology_outdated = True
        self._changing = False
        self.credentials = FleetCredentials(clock.now, self._take_credentials)
        for camera in cameras:
            self.credentials.join(camera)
        self._own_clock = OwnClock(policy.clock_drift, clock.now())
        self._pending = PendingChanges()
        self._spent = TimeSpent(self._pending)
        self._unwatched: dict[str, CameraRecord] = {}
        self._offered_digest: set[tuple[str, int]] = set()
        self._watchers = Watchers()
        self.monitor = MonitorStatus(reload=ReloadStatus(succeeded_at=clock.now(), problems=problems))
        self.windows: tuple[Window, ...] = ()
        self.availability: Mapping[str, Mapping[str, float]] = {}
        self.today = AvailabilitySeconds()
        self.turn_wait: Callable[[Camera], float] = lambda _camera: 0.0

    def entry(self, camera: str) -> Entry:
        """Return the entry of a camera.

        Raises:
            KeyError: no camera has that id.

        """
        return self._entries[camera]

    def camera(self, name: str) -> Camera | None:
        """Return a camera by its id; None if no camera has that id."""
        entry = self._entries.get(name)
        return entry.camera if entry is not None else None

    def reconcile(self, inventory: Inventory) -> None:
        """Replace the cameras by those of an inventory, at a reload or after the state was restored at the start.

        Knowledge of a camera is kept unless its file names another device or another view. It is also kept while the
        file is invalid and no valid version is known.
        """
        found = difference((entry.camera for entry in self._entries.values()), inventory.cameras)
        with self.changing():
            for camera in found.gone:
                self.drop(camera)
            self.take(found.changed)
        for name in self._unwatched.keys() - inventory.invalid:
            self._end(name, self._unwatched.pop(name).health)

    def take_nodes(self, nodes: tuple[Node, ...]) -> None:
        """Replace the declared nodes of the topology."""
        if nodes != self._nodes:
            self._nodes, self._topology_outdated = nodes, True
            self._follow_topology()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Put off following the topology while many cameras change."""
        outer, self._changing = self._changing, True
        try:
            yield
        finally:
            self._changing = outer
            self._follow_topology()

    def _follow_topology(self) -> None:
        """Make the topology anew after cameras or nodes changed."""
        if not self._topology_outdated or self._changing:
            return
        self._topology_outdated = False
        self._tell(self._root_causes.take_topology(self._topology(), self._clock.now()))

    def _topology(self) -> Topology:
        return Topology.of(self._nodes, (entry.camera for entry in self._entries.values()))

    def _tell(self, seen: Observation) -> None:
        if transitions := self._follow(seen):
            self._notify(transitions)

    def take_own_network(self, problem: str | None, *, nameless: bool = False) -> None:
        """Take what is known to be wrong with the monitor's own network, None if nothing is.

        `nameless` says that only names cannot be looked up. Cameras known by address are then judged as ever.
        """
        self._follow_topology()
        self._tell(self._root_causes.take_problem(problem, self._clock.now(), nameless=nameless))

    def take(self, cameras: tuple[Camera, ...]) -> None:
        """Add new cameras and replace changed ones; `memory_still_valid` says what stays known of a changed one."""
        for camera in cameras:
            known = self._entries.get(camera.id)
            self._pending.change((camera.id,))
            self.credentials.join(camera)
            if known is None:
                self._entries[camera.id] = self._fresh(camera)
                continue
            self._entries[camera.id] = replace(known, camera=camera, memory=memory_still_valid(known, camera))
        self._topology_outdated = True
        self._follow_topology()

    def _fresh(self, camera: Camera) -> Entry:
        """Return the entry of a camera that is watched from now on, restored if only its file was unusable before."""
        known = self._unwatched.pop(camera.id, None)
        entry = Entry(camera) if known is None else restored_entry(Entry(camera), known, self._clock.now())[0]
        return with_digest_offered(entry) if place_of(camera) in self._offered_digest else entry

    def accept_change(self, camera: str, shown: str) -> bool:
        """Accept what a camera became; return False if it is not as `shown`. No visit of it may be under way."""
        found = accepted(self._entries[camera], shown, self._clock.now())
        if found is None:
            return False
        self._entries[camera], transitions = found
        self._pending.change((camera,))
        self._notify(transitions)
        return True

    def drop(self, camera: str) -> None:
        """Remove a camera and end its faults and its outage."""
        entry = self._entries.pop(camera, None)
        if entry is not None:
            self._own_clock.forget(camera)
            self._spent.forget(camera)
            self.credentials.leave(camera)
            if entry.memory.login.offered_digest:
                # The same device may come back under another id: what it offered still guards the password.
                self._offered_digest.add(place_of(entry.camera))
            self._end(camera, entry.health)
            self._topology_outdated = True
            self._follow_topology()

    def _end(self, camera: str, health: Health) -> None:
        now = self._clock.now()
        self._pending.gone((camera,))
        self._pending.outage(camera, health.outage, None, now)
        self._notify(closing_transitions(camera, health, now))

    def take_windows(self, windows: tuple[Window, ...]) -> None:
        """Replace the maintenance windows, and notify the watchers if they changed."""
        if windows != self.windows:
            self.windows = windows
            self._notify(())

    def reloaded(self, *, ok: bool, problems: tuple[Problem, ...]) -> None:
        """Record the result of a reload of settings and cameras, and notify the watchers."""
        self.monitor.reload.record(self._clock.now(), ok=ok, problems=problems)
        self._notify(())

    def resume(self, stored: StoredState, before: Iterable[Camera], inventory: Inventory) -> None:
        """Restore the state from the history for the cameras of `before`, then switch to today's inventory."""
        self._entries = {camera.id: Entry(camera) for camera in before}
        self._root_causes = RootCauses()
        for entry in self._entries.values():
            self.credentials.join(entry.camera)
        self.restore(stored)
        self.reconcile(inventory)

    def restore(self, stored: StoredState) -> None:
        """Restore the state of the current cameras from the history; call `reconcile` with today's inventory next."""
        now = self._clock.now()
        if not -LARGE_STEP_SECONDS < now - newest(stored, now) < LONG_AWAY_SECONDS:
            self._own_clock.doubt(now)
        step = clock_step(stored, self._clock)
        if abs(step) > STEP_SECONDS:
            stored = stored.moved(lambda moment: moment + step)
            self._pending.shift(step)
            self._pending.change(self._entries)  # the stored clock changes, so every camera must be written with it
        self._topology_outdated = False
        topology = self._topology()
        self._root_causes.take_topology(topology, now)
        found = restore(stored, self._entries, topology, now)
        self._entries = dict(found.entries)
        self._unwatched = {name: stored.cameras[name] for name in found.unwatched}
        self._root_causes.restore(found.members, found.downs, now)
        self._own_clock.restore(found.clock_wrong_since)
        self._pending.change(found.changed)
        self._pending.outages(found.outages)
        self.credentials.book.restore(stored.logins, now)
        transitions = (*found.transitions, *self.credentials.restore(found.credentials_refused))
        if transitions:
            self._notify(transitions)

    def take_late(self, stored: StoredState) -> None:
        """Merge stored state that became readable only after the first visits; see `merged_late`."""
        now, lasting = self._clock.now(), dict(stored.open_outages)
        self.credentials.book.restore(stored.logins, now)
        for name, known in stored.cameras.items():
            entry = self._entries.get(name)
            if entry is not None:
                self._entries[name] = merged_late(entry, known, lasting.get(name), now)

    def follow_clock(self, step: float, *, impossible: bool, guessed: bool = False) -> None:
        """Shift every time by `step` seconds, as the wall clock was set, and judge whether the clock is wrong.

        Durations stay as they are. Offsets that cameras reported earlier are used at once. `impossible` says that the
        clock shows a time before this program existed, `guessed` that it never showed a later one.
        """
        if step:
            self._entries = {name: entry.shifted(step) for name, entry in self._entries.items()}
            self._unwatched = {name: known.moved(lambda at: at + step) for name, known in self._unwatched.items()}
            self._root_causes.move(lambda moment: moment + step)
            self.credentials.shift(step)
            self._own_clock.shift(step)
            if abs(step) >= LARGE_STEP_SECONDS:
                self._own_clock.doubt(self._clock.now())
            self._pending.change(self._entries)
            self._pending.shift(step)
            self.monitor.reload.succeeded_at += step
        self._own_clock.impossible, self._own_clock.guessed = impossible, guessed
        transitions = self._judge_own_clock()
        if transitions:
            self._notify(transitions)

    def _judge_own_clock(self) -> tuple[Transition, ...]:
        """Judge the monitor's clock. If it is found wrong, withdraw the clock faults that it caused."""
        now = self._clock.now()
        transitions = self._own_clock.judge(now)
        if not any(item.kind is TransitionKind.RAISED for item in transitions):
            return transitions
        withdrawn, cleared = without_drift_faults(self._entries, self._own_clock, now)
        self._entries |= withdrawn
        self._pending.change(withdrawn)
        return (*transitions, *cleared)

    def _take_clock_offset(self, entry: Entry, visited: VisitResult) -> tuple[VisitResult, tuple[Transition, ...]]:
        """Use a camera's clock to judge the monitor's; return the result without a drift that the monitor caused."""
        offset = visited.readings.clock_offset_seconds
        if offset is None:
            return visited, ()
        self._own_clock.heard(entry.camera.id, offset, visited.at)
        transitions = self._judge_own_clock()
        return self._own_clock.spared(visited, partial(cameras_with_a_clock, self._entries)), transitions

    def open_transitions(self) -> tuple[Transition, ...]:
        """Return the transition that raised each fault, each outage of a node and each refused login still open."""
        opened = open_transitions(self._entries, self._root_causes, self.monitor_faults)
        return (*opened, *self.credentials.open_transitions())

    def _take_credentials(self, transitions: tuple[Transition, ...]) -> None:
        """Notify the watchers of a login that many refuse, or accept again; withdraw what it caused lately."""
        now = self._clock.now()
        for item in transitions:
            if item.kind is TransitionKind.RAISED:
                withdrawn = self.credentials.withdrawn(item.login, self._entries, now)
                transitions += attributed_transitions(self._entries, withdrawn, item.login, now)
                for name, entry in withdrawn.items():
                    if (outage := self._entries[name].health.outage) is not None and entry.health.outage is None:
                        self._pending.withdraw(name, outage)
                self._entries |= withdrawn
                self._pending.change(withdrawn)
        self._notify(transitions)

    def begin_credentials(self) -> None:
        """Begin the trial of each login that is not known to be accepted, before the first visits."""
        self.credentials.begin(self._entries)

    def logins_due(self) -> frozenset[str]:
        """Return the cameras to visit up to RTSP now, as it is their turn in the trial of a login."""
        return self.credentials.due(self._entries)

    def open_outages(self) -> Mapping[str, Outage]:
        """Return the open outages by camera."""
        return {name: entry.health.outage for name, entry in self._entries.items() if entry.health.outage is not None}

    def mark_all_changed(self) -> None:
        """Include every camera in the next `collect`, even without a change since the last one."""
        self._pending.change(self._entries)
        self.credentials.book.changed_all()

    def collect(self, *, every: bool = False) -> Changes:
        """Return the changes since the last call.

        With `every`, cameras that were only visited are included; their state changes slowly and is large.
        """
        self._pending.uplinks(self._root_causes.take_changed())
        self._pending.logins(self.credentials.book.take_changed(self._clock.now()))
        changes = self._pending.take(self._entries, every=every)
        if changes.shifted:
            changes = replace(changes, cameras=(*changes.cameras, *self._unwatched.values()))
        return changes if changes == Changes() else replace(changes, clock=ClockReading.of(self._clock))

    def _count_time(self, entry: Entry, until: float) -> None:
        """Add the time between a camera's last visit and this one to its availability."""
        if entry.counted_until is None or entry.camera.status is not Lifecycle.ACTIVE:
            return
        if self._own_clock.guessed and self._own_clock.common is None:
            return  # the day is unknown
        stopped = self.monitor.pauses.stopped_within(until - entry.counted_until)
        off = self._own_clock.correction
        since = entry.counted_until + stopped + off
        self._spent.count(entry.camera.id, self._status(entry, until), since, until + off)

    def _notify(self, transitions: tuple[Transition, ...]) -> None:
        self._pending.happened(item for item in transitions if item.kind is not TransitionKind.STATE)
        self._watchers.notify(transitions)

    def watch(self, watcher: TransitionWatcher) -> None:
        """Call `watcher` with every transition from now on."""
        self._watchers.watch(watcher)

    def following(self, camera: str, follower: RungFollower) -> AbstractContextManager[None]:
        """Call `follower` with the progress of a camera's visits while the returned context lasts."""
        return self._watchers.following(camera, follower)

    def tell_rung(self, camera: str, rung: Rung | None, result: RungResult | None) -> None:
        """Notify the followers of a camera of the progress of its visit."""
        self._watchers.notify_rung(camera, rung, result)

    def apply(self, visited: VisitResult, memory: Memory, lateness: float) -> tuple[Health, frozenset[str]]:
        """Apply a visit result; return the camera's new health, and the neighbours to visit at once.

        Neighbours are returned if the camera seems lost and they may be lost with it. Their visits decide whether the
        uplink is down, in which case no camera is blamed.
        """
        entry = self._entries[visited.camera]
        self._count_time(entry, visited.at)
        self._entries[visited.camera] = replace(entry, counted_until=visited.at)
        self._pending.touch(visited.camera)
        visited, clock_transitions = self._take_clock_offset(entry, visited)
        visited = self.credentials.judged(visited)
        entry = self._entries[visited.camera]
        health, transitions, wanted = self._judge(entry, visited)
        transitions = (*clock_transitions, *transitions)
        self._pending.outage(visited.camera, entry.health.outage, health.outage, visited.at)
        episodes = dict(entry.episodes)
        for transition in transitions:
            if transition.kind is TransitionKind.RAISED and transition.camera:
                episodes[transition.code] = episodes.get(transition.code, 0) + 1
        self._entries[visited.camera] = replace(
            entry,
            health=health,
            memory=memory,
            readings=entry.readings.updated(visited.readings),
            labels=entry.labels.after(visited.readings, visited.at),
            rungs={**entry.rungs, **{each.rung: replace(each, at=visited.at) for each in visited.rungs}},
            episodes=episodes,
            counted_until=visited.at,
            restored_at=None,
            scores=visited.scores or entry.scores,
            look_kept_at=self._pending.sample(visited, kept_at=entry.look_kept_at),
        )
        self.monitor.visits.add(visited, lateness)
        relabelled = self._entries[visited.camera].labels.values != entry.labels.values
        if transitions or relabelled or memory.login != entry.memory.login:
            self._pending.change((visited.camera,))
        if transitions:
            self._notify(transitions)
        self.tell_rung(visited.camera, None, None)
        return health, wanted & self._entries.keys()

    def _judge(self, entry: Entry, visited: VisitResult) -> tuple[Health, tuple[Transition, ...], frozenset[str]]:
        """Judge a visit: what its camera hangs on first, then the camera; return also the neighbours to visit."""
        self._follow_topology()
        in_maintenance = self._maintenance(entry, visited.at) is not None
        seen = NOTHING if in_maintenance else self._root_causes.observe(visited.camera, visited)
        turned = self._follow(seen)
        entry = self._entries[visited.camera]
        suspended = in_maintenance or self._root_causes.hides(visited.camera) is not None
        health, transitions = advance(entry.health, visited, self.policy, hold=seen.hold, suspended=suspended)
        return health, (*turned, *transitions), seen.wanted

    def _follow(self, seen: Observation) -> tuple[Transition, ...]:
        """Withdraw the alarms of cameras whose node turned out dead; return these and the nodes' own transitions."""
        if not seen.attributed:
            return seen.transitions
        found = withdrawal(self._entries, seen, self._clock.now())
        self._entries |= found.entries
        self._pending.change(found.entries)
        causes = {name: self._root_causes.cause(down) for name, down in seen.attributed.items()}
        wrong = {item.uplink for item in seen.transitions if item.kind is TransitionKind.ATTRIBUTED}
        for camera, cause in causes.items() if wrong else ():
            self._spent.blame_instead(camera, cause, wrong)
        for camera, outage in found.outages:
            self._pending.withdraw(camera, outage)
            self._blame(self._entries[camera], outage, causes[camera])
        return (*seen.transitions, *found.transitions)

    def _blame(self, entry: Entry, outage: Outage, cause: Hidden) -> None:
        """Move the time of an outage that was counted as the camera's own to the node that caused it."""
        until = entry.counted_until
        if until is None or entry.camera.status is not Lifecycle.ACTIVE or self._maintenance(entry, until):
            return
        if self._own_clock.guessed and self._own_clock.common is None:
            return  # nothing was counted
        stopped = self.monitor.pauses.stopped_within(until - outage.confirmed_at)
        off = self._own_clock.correction
        self._spent.blame(entry.camera.id, cause, outage.confirmed_at + stopped + off, until + off)

    def _status(self, entry: Entry, now: float) -> CameraStatus:
        health = entry.health
        if entry.restored_at is not None and health.visited_at is not None:
            health = replace(health, visited_at=max(health.visited_at, entry.restored_at))
        if health.visited_at is not None and (stopped := self.monitor.pauses.stopped_within(now - health.visited_at)):
            health = replace(health, visited_at=health.visited_at + stopped)
        window = self._maintenance(entry, now)
        return status(
            health,
            now,
            self._policy_for(entry.camera, health, now),
            hidden=self._root_causes.hidden(entry.camera.id),
            maintenance=window.began if window else None,
            credentials_refused=self.credentials.affects(entry.camera.id),
        )

    def _policy_for(self, camera: Camera, health: Health, now: float) -> Policy:
        """Return the policy with more time until a camera is stale, if it waits for its turn at a slow host."""
        if health.visited_at is None or now - health.visited_at <= self.policy.stale_after:
            return self.policy
        return replace(self.policy, stale_after=self.policy.stale_after + TURNS_MISSED * self.turn_wait(camera))

    def _maintenance(self, entry: Entry, now: float) -> Window | None:
        if not self.windows:
            return None
        camera = entry.camera
        return covering(self.windows, now, camera=camera.id, site=camera.site, path=self.path_of(camera))

    def path_of(self, camera: Camera) -> tuple[str, ...]:
        """Return the nodes that a camera hangs on, from its own up to the last one before the monitor."""
        topology = self.topology
        return topology.path(topology.leaf(camera.id))

    def status_of(self, camera: str) -> CameraStatus:
        """Return a camera's status now."""
        return self._status(self._entries[camera], self._clock.now())

    @property
    def now(self) -> float:
        """The current time in seconds since the epoch."""
        return self._clock.now()

    @property
    def topology(self) -> Topology:
        """What each camera hangs on."""
        self._follow_topology()
        return self._root_causes.topology

    @property
    def uplinks(self) -> tuple[Uplink, ...]:
        """All nodes of the topology with at least one visited camera."""
        self._follow_topology()
        return self._root_causes.all

    @property
    def isolated(self) -> bool:
        """Whether the monitor itself is cut off, so that nothing is known of its cameras."""
        return bool(self._root_causes.isolated)

    @property
    def monitor_faults(self) -> tuple[MonitorFault, ...]:
        """The confirmed faults of the monitor itself."""
        since = self._own_clock.wrong_since
        wrong = () if since is None else (MonitorFault(CLOCK_WRONG.code, since, self._own_clock.detail),)
        return (*wrong, *self._root_causes.isolated)

    @property
    def dated_now(self) -> float:
        """The current time, corrected by the cameras' clocks if the monitor's clock shows another day."""
        return self._clock.now() + self._own_clock.correction

    @property
    def clock_in_doubt(self) -> bool:
        """Whether the monitor's clock may be wrong, so that nothing may be deleted because of its age."""
        return self._own_clock.in_doubt(self._clock.now())

    @property
    def clock_impossible(self) -> bool:
        """Whether the monitor's clock shows a time before this program existed."""
        return self._own_clock.impossible

    def pairs(self) -> Iterator[tuple[Entry, CameraStatus]]:
        """Yield every camera with its status; cameras added or removed meanwhile may be missed."""
        for name in list(self._entries):
            entry = self._entries.get(name)
            if entry is not None:
                yield entry, self._status(entry, self._clock.now())

    def snapshot(self, entries: tuple[tuple[Entry, CameraStatus], ...] | None = None) -> Snapshot:
        """Return the state now as a value; `entries` are the cameras with their status, if they are already known."""
        now = self._clock.now()
        return Snapshot(
            now=now,
            entries=entries or tuple((entry, self._status(entry, now)) for entry in self._entries.values()),
            monitor=self.monitor.copy(),
            uplinks=self.uplinks,
            topology=self.topology,
            credentials=self.credentials.troubles,
            windows=tuple(item for item in self.windows if item.active(now)),
            availability=self.availability,
            today=self.today,
            monitor_faults=self.monitor_faults,
        )
