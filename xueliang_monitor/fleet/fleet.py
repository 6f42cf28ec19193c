"""The state of all cameras: the one mutable long-lived object. Visits update it; metrics and page read snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

from xueliang_monitor.clock import STEP_SECONDS, Clock, ClockReading
from xueliang_monitor.configuration.inventory import Camera, Inventory
from xueliang_monitor.configuration.strict_yaml import Problem
from xueliang_monitor.fleet.acceptance import accepted
from xueliang_monitor.fleet.acknowledged import Acknowledged
from xueliang_monitor.fleet.changes import Changes, StoredState
from xueliang_monitor.fleet.counted_time import CountedTime
from xueliang_monitor.fleet.differences import difference
from xueliang_monitor.fleet.fleet_clock import FleetClock
from xueliang_monitor.fleet.fleet_credentials import FleetCredentials
from xueliang_monitor.fleet.fleet_network import FleetNetwork
from xueliang_monitor.fleet.kept_results import KeptResults
from xueliang_monitor.fleet.monitor_status import MonitorFault, MonitorStatus, ReloadStatus, overloaded
from xueliang_monitor.fleet.ongoing import closing_transitions, open_transitions
from xueliang_monitor.fleet.pending import PendingChanges
from xueliang_monitor.fleet.restoring import restore
from xueliang_monitor.fleet.root_causes import Observation, Uplink
from xueliang_monitor.fleet.roster import Roster
from xueliang_monitor.fleet.snapshot import Entry, Snapshot
from xueliang_monitor.fleet.statuses import Statuses
from xueliang_monitor.fleet.time_spent import TimeSpent
from xueliang_monitor.fleet.today import Today
from xueliang_monitor.fleet.watchers import RungFollower, TransitionWatcher, Watchers
from xueliang_monitor.fleet.withdrawals import Withdrawals
from xueliang_monitor.judgement.debounce import advance
from xueliang_monitor.judgement.health import Health, Outage, Policy
from xueliang_monitor.judgement.maintenance import Window
from xueliang_monitor.judgement.overload import Overload, PictureDemand
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Rung, RungResult, VisitResult
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.topology import Node, Topology


class Fleet:
    """All cameras under watch, what they hang on, and what changed since the history was last written.

    Attributes:
        policy: how visit results are judged; may be replaced.
        monitor: the monitor's own condition.
        windows: the known maintenance windows.
        acknowledged: the problems that people know of.
        availability: ratios by camera and window; written by the history's upkeep.
        today: what is counted of all cameras today.
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
        self.windows: tuple[Window, ...] = ()
        self.turn_wait: Callable[[Camera], float] = lambda _camera: 0.0
        self._roster = Roster(cameras)
        self._entries = self._roster.entries
        self._pending = PendingChanges()
        self._watchers = Watchers()
        self.monitor = MonitorStatus(reload=ReloadStatus(succeeded_at=clock.now(), problems=problems))
        self._network = FleetNetwork(self._entries, nodes, now=clock.now, take=self._take_observation)
        self._own_clock = FleetClock(clock, self._entries, self._pending, policy.clock_drift)
        self.credentials = FleetCredentials(clock.now, self._take_credentials)
        self._statuses = Statuses(self, self._network, self.credentials, self.monitor)
        self._time = CountedTime(TimeSpent(self._pending), self._statuses, self._own_clock, self.monitor)
        self._results = KeptResults(self._entries, self._pending, self._time, self._notify)
        self._withdrawals = Withdrawals(self._entries, self._pending, self._time, self._network)
        self._overload = Overload()
        self.acknowledged = Acknowledged(self, self._notify)
        self.availability: Mapping[str, Mapping[str, float]] = {}
        self.today = Today(self._pending, self._time)
        for camera in cameras:
            self.credentials.join(camera)

    def entry(self, camera: str) -> Entry:
        """Return the entry of a camera.

        Raises:
            KeyError: no camera has that id.

        """
        return self._entries[camera]

    def camera(self, name: str) -> Camera | None:
        """Return a camera by its id; None if no camera has that id."""
        return entry.camera if (entry := self._entries.get(name)) is not None else None

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
        for name, health in self._roster.give_up(inventory.invalid):
            self._end(name, health)

    def take_nodes(self, nodes: tuple[Node, ...]) -> None:
        """Replace the declared nodes of the topology."""
        self._network.take_nodes(nodes)

    def changing(self) -> AbstractContextManager[None]:
        """Put off following the topology while many cameras change."""
        return self._network.changing()

    def _take_observation(self, seen: Observation) -> None:
        self._notify_if(self._withdrawals.by_nodes(seen, self._clock.now()))

    def take_own_network(self, problem: str | None, *, nameless: bool = False) -> None:
        """Take what is wrong with the monitor's own network, None if nothing; `nameless`: names cannot be looked up."""
        self._network.take_own_network(problem, nameless=nameless)

    def take(self, cameras: tuple[Camera, ...]) -> None:
        """Add new cameras and replace changed ones; `memory_still_valid` says what stays known of a changed one."""
        for camera in cameras:
            self._pending.change((camera.id,))
            self.credentials.join(camera)
            self._roster.take(camera, self._clock.now())
        self._network.cameras_changed()

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
        if (entry := self._roster.drop(camera)) is not None:
            self._own_clock.forget(camera)
            self._time.forget(camera)
            self.credentials.leave(camera)
            self._end(camera, entry.health)
            self._network.cameras_changed()

    def _end(self, camera: str, health: Health) -> None:
        now = self._clock.now()
        self._pending.gone((camera,))
        self._pending.outage(camera, health.outage, None, now)
        self._notify(closing_transitions(camera, health, now))

    def take_demand(self, demand: PictureDemand) -> None:
        """Judge the load of pictures, and notify the watchers if the monitor is overloaded, or no longer."""
        self._notify_if(self._overload.judge(demand, self._clock.now()))

    def take_windows(self, windows: tuple[Window, ...]) -> None:
        """Replace the maintenance windows, and notify the watchers if they changed."""
        if windows != self.windows:
            self.windows = windows
            self._network.causes.end_maintenance(every=True)
            self._notify(())

    def reloaded(self, *, ok: bool, problems: tuple[Problem, ...]) -> None:
        """Record the result of a reload of settings and cameras, and notify the watchers."""
        self.monitor.reload.record(self._clock.now(), ok=ok, problems=problems)
        self._notify(())

    def resume(self, stored: StoredState, before: Iterable[Camera], inventory: Inventory) -> None:
        """Restore the state from the history for the cameras of `before`, then switch to today's inventory."""
        self._roster.begin(before)
        self._network.forget()
        for entry in self._entries.values():
            self.credentials.join(entry.camera)
        self.restore(stored)
        self.reconcile(inventory)

    def restore(self, stored: StoredState) -> None:
        """Restore the state of the current cameras from the history; call `reconcile` with today's inventory next."""
        now = self._clock.now()
        step = self._own_clock.step_since(stored)
        if abs(step) > STEP_SECONDS:
            stored = stored.moved(lambda moment: moment + step)
            self._pending.shift(step)
            self._pending.change(self._entries)  # the stored clock changes, so every camera must be written with it
        found = restore(stored, self._entries, self._network.begin(), now)
        self._roster.restored(found, stored)
        self._network.causes.restore(found.members, found.downs, now, stored=stored.uplinks)
        self._own_clock.restore(found.clock_wrong_since)
        self._pending.change(found.changed)
        self._pending.outages(found.outages)
        self.credentials.book.restore(stored.logins, now)
        self._notify_if((*found.transitions, *self.credentials.restore(found.credentials_refused)))

    def take_late(self, stored: StoredState) -> None:
        """Merge stored state that became readable only after the first visits; see `merged_late`."""
        self.credentials.book.restore(stored.logins, self._clock.now())
        self._roster.take_late(stored, self._clock.now())

    def follow_clock(self, step: float, *, impossible: bool, guessed: bool = False) -> None:
        """Shift every time by `step` seconds, as the wall clock was set, and judge whether the clock is wrong.

        Durations stay as they are. Offsets that cameras reported earlier are used at once. `impossible` says that the
        clock shows a time before this program existed, `guessed` that it never showed a later one.
        """
        if step:
            self._roster.shift(step)
            self._network.causes.move(lambda moment: moment + step)
            self.credentials.shift(step)
            self._overload.shift(step)
            self._own_clock.shift(step)
            self._pending.change(self._entries)
            self._pending.shift(step)
            self.monitor.reload.succeeded_at += step
        self._own_clock.shown(impossible=impossible, guessed=guessed)
        self._notify_if(self._own_clock.judge())

    def open_transitions(self) -> tuple[Transition, ...]:
        """Return the transition that raised each fault, each outage of a node and each refused login still open."""
        known = self._entries, self._network.causes, self.monitor_faults
        return (*open_transitions(*known), *self.credentials.open_transitions())

    def _take_credentials(self, transitions: tuple[Transition, ...]) -> None:
        """Notify the watchers of a login that many refuse, or accept again; withdraw what it caused lately."""
        self._notify(self._withdrawals.by_logins(transitions, self.credentials, self._clock.now()))

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
        self._pending.uplinks(self._network.causes.take_changed())
        self._pending.logins(self.credentials.book.take_changed(self._clock.now()))
        changes = self._pending.take(self._entries, every=every)
        if changes.shifted:
            changes = replace(changes, cameras=(*changes.cameras, *self._roster.unwatched.values()))
        return changes if changes == Changes() else replace(changes, clock=ClockReading.of(self._clock))

    def _notify(self, transitions: tuple[Transition, ...]) -> None:
        self._pending.happened(item for item in transitions if item.kind is not TransitionKind.STATE)
        self._watchers.notify(transitions)

    def _notify_if(self, transitions: tuple[Transition, ...]) -> None:
        if transitions:
            self._notify(transitions)

    def watch(self, watcher: TransitionWatcher) -> None:
        """Call `watcher` with every transition from now on."""
        self._watchers.watch(watcher)

    def following(self, camera: str, follower: RungFollower) -> AbstractContextManager[None]:
        """Call `follower` with the progress of a camera's visits while the returned context lasts."""
        return self._watchers.following(camera, follower)

    def tell_rung(self, camera: str, rung: Rung | None, result: RungResult | None) -> None:
        """Notify the followers of a camera of the progress of its visit."""
        self._watchers.notify_rung(camera, rung, result)

    def apply(
        self, visited: VisitResult, memory: Memory, lateness: float, *, overdue: float | None = None, more: bool = False
    ) -> tuple[Health, frozenset[str]]:
        """Apply a visit result; return the camera's new health, and the neighbours to visit at once.

        Neighbours may be lost with the camera. Their visits decide whether the uplink is down, in which case no camera
        is blamed. With `more`, a look follows. `overdue` is how long a regular picture waited; None if it is none.
        """
        self._results.count_time(visited)
        visited, clock_transitions = self._own_clock.take_offset(visited)
        visited = self.credentials.judged(visited)
        entry = self._entries[visited.camera]
        health, transitions, wanted = self._judge(entry, visited)
        self._pending.outage(visited.camera, entry.health.outage, health.outage, visited.at)
        self._results.keep(visited, health, memory, (*clock_transitions, *transitions))
        self.monitor.visits.add(visited, lateness, overdue=overdue, more=more)
        if not more:
            self.tell_rung(visited.camera, None, None)
        return health, wanted & self._entries.keys()

    def apply_look(self, visited: VisitResult, learned: Callable[[Memory], Memory], *, seen: bool) -> Health:
        """Apply the look at the picture of a visit that was applied before; return the camera's new health.

        `learned` returns a memory with what the look taught. `seen` says whether the visit itself saw a fault.
        """
        maintained = self._statuses.maintenance(self._entries[visited.camera], visited.at)
        suspended = bool(maintained or self._network.causes.hides(visited.camera))
        health = self._results.take_look(visited, learned, self.policy, suspended=suspended)
        self.monitor.visits.add_look(visited, seen=seen)
        self.tell_rung(visited.camera, None, None)
        return health

    def _judge(self, entry: Entry, visited: VisitResult) -> tuple[Health, tuple[Transition, ...], frozenset[str]]:
        """Judge a visit: what its camera hangs on first, then the camera; return also the neighbours to visit."""
        window = self._statuses.maintenance(entry, visited.at)
        seen = self._network.observe(visited, maintained_until=None if window is None else window.ends)
        turned = self._withdrawals.by_nodes(seen, self._clock.now())
        entry = self._entries[visited.camera]
        suspended = window is not None or self._network.causes.hides(visited.camera) is not None
        health, transitions = advance(entry.health, visited, self.policy, hold=seen.hold, suspended=suspended)
        return health, (*turned, *transitions), seen.wanted

    def path_of(self, camera: Camera) -> tuple[str, ...]:
        """Return the nodes that a camera hangs on, from its own up to the last one before the monitor."""
        return self._network.path_of(camera)

    def status_of(self, camera: str) -> CameraStatus:
        """Return a camera's status now."""
        return self._statuses.of(self._entries[camera], self._clock.now())

    @property
    def now(self) -> float:
        """The current time in seconds since the epoch."""
        return self._clock.now()

    @property
    def topology(self) -> Topology:
        """What each camera hangs on."""
        return self._network.topology

    @property
    def uplinks(self) -> tuple[Uplink, ...]:
        """All nodes of the topology with at least one visited camera."""
        return self._network.uplinks

    @property
    def isolated(self) -> bool:
        """Whether the monitor itself is cut off, so that nothing is known of its cameras."""
        return bool(self._network.causes.isolated)

    @property
    def monitor_faults(self) -> tuple[MonitorFault, ...]:
        """The confirmed faults of the monitor itself."""
        return (*self._own_clock.faults, *self._network.causes.isolated, *overloaded(self._overload))

    @property
    def dated_now(self) -> float:
        """The current time, corrected by the cameras' clocks if the monitor's clock shows another day."""
        return self._clock.now() + self._own_clock.correction

    @property
    def clock_in_doubt(self) -> bool:
        """Whether the monitor's clock may be wrong, so that nothing may be deleted because of its age."""
        return self._own_clock.in_doubt

    @property
    def clock_impossible(self) -> bool:
        """Whether the monitor's clock shows a time before this program existed."""
        return self._own_clock.impossible

    def pairs(self) -> Iterator[tuple[Entry, CameraStatus]]:
        """Yield every camera with its status; cameras added or removed meanwhile may be missed."""
        for name in list(self._entries):
            entry = self._entries.get(name)
            if entry is not None:
                yield entry, self._statuses.of(entry, self._clock.now())

    def snapshot(self, entries: tuple[tuple[Entry, CameraStatus], ...] | None = None) -> Snapshot:
        """Return the state now as a value; `entries` are the cameras with their status, if they are already known."""
        now = self._clock.now()
        return Snapshot(
            now=now,
            entries=entries or tuple((entry, self._statuses.of(entry, now)) for entry in self._entries.values()),
            monitor=self.monitor.copy(),
            uplinks=self.uplinks,
            topology=self.topology,
            credentials=self.credentials.troubles,
            acknowledged=self.acknowledged.in_force(self._entries),
            windows=tuple(item for item in self.windows if item.active(now)),
            availability=self.availability,
            monitor_faults=self.monitor_faults,
        )
