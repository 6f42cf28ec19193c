"""The fleet's state: the one mutable long-lived object. Visits write it, metrics and page read snapshots of it."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from xueliang_monitor.availability import Seconds, spent, split_by_day
from xueliang_monitor.camera_file import Status as FileStatus
from xueliang_monitor.check import Memory
from xueliang_monitor.clock import Clock
from xueliang_monitor.documents import Problem
from xueliang_monitor.health import Health, Policy, Status, Transition, advance, settled, status
from xueliang_monitor.history import Changes
from xueliang_monitor.inventory import Camera
from xueliang_monitor.looks import LookTaken
from xueliang_monitor.maintenance import Window, covering
from xueliang_monitor.model import Report, Rung, RungResult
from xueliang_monitor.network import Member, Uplink, UplinkPolicy, observe, undecided, unreachable
from xueliang_monitor.picture.failures import Failures
from xueliang_monitor.picture.measures import MEASURES
from xueliang_monitor.probes.device import DeviceMemory
from xueliang_monitor.snapshot import Entry, Histogram, Snapshot

log = logging.getLogger(__name__)

Told = Callable[[Rung | None, RungResult | None], None]
DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATENESS_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
LOOK_SPACING_SECONDS = 900.0
NEAR_SCORE = 0.4
"""A look with such a score is always kept: those are what limits are set by."""


def group_of(camera: Camera) -> str:
    """Return what the camera shares its fate with: its uplink, else its site."""
    return camera.uplink or camera.site


class Fleet:
    """All cameras and what was counted of their visits."""

    def __init__(
        self, clock: Clock, policy: Policy, cameras: tuple[Camera, ...], problems: tuple[Problem, ...] = ()
    ) -> None:
        self._clock = clock
        self.policy = policy
        self._entries = {camera.id: Entry(camera) for camera in cameras}
        self._uplinks: dict[str, Uplink] = {}
        self._happened: list[Transition] = []
        self._looks: list[LookTaken] = []
        self._touched: set[str] = set()
        self._changed: set[str] = set()
        self._seconds: dict[tuple[str, str], Seconds] = {}
        self._uplink_policy = UplinkPolicy()
        self._followers: dict[str, list[Told]] = {}
        self._watchers: list[Callable[[tuple[Transition, ...]], None]] = []
        self._rung_seconds: dict[Rung, Histogram] = {
            rung: Histogram(DURATION_BOUNDS) for rung in Rung if rung not in (Rung.MONITOR, Rung.FLEET)
        }
        self._lateness = Histogram(LATENESS_BOUNDS)
        self._visits: Counter[str] = Counter()
        self._failures = Failures()
        self.loop_lag = 0.0
        self.decoder_restarts = 0
        self.reloaded_at = clock.now()
        self.reload_ok = True
        self.history_ok = True
        self.histories_damaged = 0
        self.certificate_ends_at: float | None = None
        self.page_url = ""
        self.windows: tuple[Window, ...] = ()
        self.availability: Mapping[str, Mapping[str, float]] = {}
        self.today = Seconds()
        self.problems = problems

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

    def take(self, cameras: tuple[Camera, ...]) -> None:
        """Take new cameras and new versions of known ones; what is known of a camera stays.

        What was learned of its picture and device goes where it has another address, port or path, and that of its
        picture where its view was changed on purpose.
        """
        for camera in cameras:
            known = self._entries.get(camera.id)
            if known is None:
                self._entries[camera.id] = Entry(camera)
                continue
            if group_of(known.camera) != group_of(camera):
                self._leave(known.camera)
            same = known.camera.target.request_url == camera.target.request_url
            device = known.memory.device if same and known.camera.data.identity == camera.data.identity else None
            memory = known.memory if device is not None else replace(known.memory, device=DeviceMemory())
            if not same or known.camera.target.view_since != camera.target.view_since:
                memory = replace(memory, reference=None)
            self._entries[camera.id] = replace(known, camera=camera, memory=memory)

    def drop(self, camera: str) -> None:
        """Forget a camera."""
        entry = self._entries.pop(camera, None)
        if entry is not None:
            self._leave(entry.camera)
            now = self._clock.now()
            self._tell(
                tuple(
                    Transition(camera, now, "cleared", fault.code, since=fault.since)
                    for fault in entry.health.confirmed
                )
            )

    def _leave(self, camera: Camera) -> None:
        group = group_of(camera)
        if group in self._uplinks:
            self._uplinks[group] = self._uplinks[group].without(camera.id)

    def take_windows(self, windows: tuple[Window, ...]) -> None:
        """Take the maintenance windows that are known, and tell who watches where they are others."""
        if windows != self.windows:
            self.windows = windows
            self._tell(())

    def reloaded(self, *, ok: bool, problems: tuple[Problem, ...]) -> None:
        """Note how reading settings and cameras anew went."""
        self.reload_ok, self.problems = ok, problems
        self.reloaded_at = self._clock.now() if ok else self.reloaded_at
        self._tell(())

    def restore(
        self,
        known: Mapping[str, tuple[Health, Memory]],
        episodes: Mapping[str, Mapping[str, int]],
        uplinks: Mapping[str, float],
    ) -> None:
        """Take what the history knows: health and memory by camera, episode counts, uplinks that were down since when.

        States and since-when are those of before; the time in between counts as not watched.
        """
        now = self._clock.now()
        for name, entry in self._entries.items():
            if name in known:
                health, memory = known[name]
                entry = replace(entry, health=settled(health), memory=memory, restored_at=now)
            self._entries[name] = replace(entry, episodes=dict(episodes.get(name, {})))
        for group, since in uplinks.items():
            lost = frozenset(name for name, entry in self._entries.items() if group_of(entry.camera) == group)
            members = {name: Member(since, since) for name in lost}
            self._uplinks[group] = Uplink(group, members, since, lost)

    def collect(self, *, every: bool = False) -> Changes:
        """Return what is to be remembered since the last call.

        Of cameras that were only visited, what is known goes in with `every`: it changes slowly, and is much.
        """
        wanted = self._changed | self._touched if every else self._changed
        changes = Changes(
            tuple(self._happened),
            tuple(
                (name, entry.health, entry.memory)
                for name in sorted(wanted)
                if (entry := self._entries.get(name)) is not None
            ),
            tuple((camera, day, seconds) for (camera, day), seconds in self._seconds.items()),
            tuple(self._looks),
        )
        self._happened, self._changed, self._seconds, self._looks = [], set(), {}, []
        self._touched -= wanted
        return changes

    def _count_time(self, entry: Entry, until: float) -> None:
        """Add up how the camera was from the last visit to this one."""
        if entry.counted_until is None or entry.camera.status is not FileStatus.ACTIVE:
            return
        status_then = self._status(entry, until)
        for day, seconds in split_by_day(entry.counted_until, until):
            key = (entry.camera.id, day)
            self._seconds[key] = self._seconds.get(key, Seconds()) + spent(status_then, seconds)

    def _tell(self, transitions: tuple[Transition, ...]) -> None:
        self._happened += (item for item in transitions if item.kind != "state")
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

    def apply(self, report: Report, memory: Memory, lateness: float) -> tuple[Health, frozenset[str]]:
        """Take a visit's report; return the camera's health after it, and the neighbours to be visited at once.

        Neighbours are wanted where the camera seems lost and they may be lost with it: then one uplink is down, and
        no camera is blamed.
        """
        entry = self._entries[report.camera]
        self._count_time(entry, report.at)
        self._touched.add(report.camera)
        resting = self._maintenance(entry, report.at) is not None
        uplink, turned = (Uplink(""), ()) if resting else self._observe(entry.camera, report)
        first = next((fault.since for fault in entry.health.faults.values() if fault.offline), report.at)
        wanted: frozenset[str] = frozenset()
        if unreachable(report) and entry.health.offline_streak >= 1:
            wanted = undecided(uplink, report.camera, first, report.at, self._uplink_policy)
        suspended = uplink.down or resting
        health, transitions = advance(entry.health, report, self.policy, hold=bool(wanted), suspended=suspended)
        transitions = (*turned, *transitions)
        episodes = dict(entry.episodes)
        for transition in transitions:
            if transition.kind == "raised":
                episodes[transition.code] = episodes.get(transition.code, 0) + 1
        readings = {**entry.readings, **report.readings}
        rungs = {**entry.rungs, **{result.rung: result for result in report.rungs}}
        kept_at = self._keep_look(entry, report)
        self._entries[report.camera] = Entry(
            entry.camera,
            health,
            memory,
            readings,
            rungs,
            episodes,
            report.at,
            scores=report.scores or entry.scores,
            look_kept_at=kept_at,
        )
        self._count(report, lateness)
        if transitions or (memory.login, memory.device_login) != (entry.memory.login, entry.memory.device_login):
            self._changed.add(report.camera)
        if transitions:
            self._tell(transitions)
        self.tell_rung(report.camera, None, None)
        return health, wanted & self._entries.keys()

    def _keep_look(self, entry: Entry, report: Report) -> float:
        """Put a look aside for the history where it is time; return when one was kept last."""
        near = max(report.scores.values(), default=0.0) >= NEAR_SCORE
        if not report.scores or (report.at - entry.look_kept_at < LOOK_SPACING_SECONDS and not near):
            return entry.look_kept_at
        measures = {name: value for name in MEASURES if isinstance(value := report.readings.get(name), float)}
        self._looks.append(LookTaken(report.camera, report.at, measures, report.scores))
        return report.at

    def _observe(self, camera: Camera, report: Report) -> tuple[Uplink, tuple[Transition, ...]]:
        group = group_of(camera)
        known = self._uplinks.get(group) or Uplink(group)
        uplink, turned = observe(known, report, self._uplink_policy)
        self._uplinks[group] = uplink
        if turned is None:
            return uplink, ()
        since = uplink.down_since or known.down_since
        detail = f"{len(uplink.lost)} of {len(uplink.members)} cameras lost together" if uplink.down else ""
        return uplink, (Transition("", report.at, "uplink", turned, detail, group, since),)

    def _status(self, entry: Entry, now: float) -> Status:
        uplink = self._uplinks.get(group_of(entry.camera))
        health = entry.health
        if entry.restored_at is not None and health.visited_at is not None:
            health = replace(health, visited_at=max(health.visited_at, entry.restored_at))
        window = self._maintenance(entry, now)
        return status(
            health,
            now,
            self.policy,
            uplink_down=uplink.down_since if uplink else None,
            maintenance=window.began if window else None,
        )

    def _maintenance(self, entry: Entry, now: float) -> Window | None:
        if not self.windows:
            return None
        camera = entry.camera
        return covering(self.windows, camera.id, camera.site, camera.uplink, now)

    def _count(self, report: Report, lateness: float) -> None:
        for result in report.rungs:
            self._rung_seconds[result.rung].observe(result.seconds)
        self._lateness.observe(lateness)
        self._visits["fault" if report.seen else "ok"] += 1
        self._failures.take(report.camera, report.failures)

    def status_of(self, camera: str) -> Status:
        """Derive a camera's status at this moment."""
        return self._status(self._entries[camera], self._clock.now())

    @property
    def now(self) -> float:
        """The moment, in seconds since the epoch."""
        return self._clock.now()

    @property
    def uplinks(self) -> tuple[Uplink, ...]:
        """What is known of each uplink."""
        return tuple(self._uplinks.values())

    def pairs(self) -> Iterator[tuple[Entry, Status]]:
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
            problems=self.problems,
            rung_seconds={rung: histogram.copy() for rung, histogram in self._rung_seconds.items()},
            lateness=self._lateness.copy(),
            visits=dict(self._visits),
            loop_lag=self.loop_lag,
            decoder_restarts=self.decoder_restarts,
            reloaded_at=self.reloaded_at,
            reload_ok=self.reload_ok,
            history_ok=self.history_ok,
            histories_damaged=self.histories_damaged,
            uplinks=tuple(self._uplinks.values()),
            windows=tuple(item for item in self.windows if item.active(now)),
            availability=self.availability,
            certificate_ends_at=self.certificate_ends_at,
            page_url=self.page_url,
            today=self.today,
            check_failures=self._failures.counts,
        )
