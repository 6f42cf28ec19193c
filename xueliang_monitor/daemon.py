"""Composition root: builds the parts of the daemon, starts, reloads and stops them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from xueliang_monitor import event_log
from xueliang_monitor.clock import Clock, SteadyClock, SystemClock
from xueliang_monitor.configuration import file_watcher, installation, inventory, topology_files
from xueliang_monitor.configuration import settings as config
from xueliang_monitor.configuration.installation import Installation, load
from xueliang_monitor.configuration.strict_yaml import DocumentError, Problem, listed
from xueliang_monitor.fleet.changes import StoredState
from xueliang_monitor.fleet.differences import difference
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.hosts import Hosts
from xueliang_monitor.fleet.picture_load import PictureLoad
from xueliang_monitor.fleet.planning import Due, Intervals
from xueliang_monitor.fleet.scheduler import Scheduler
from xueliang_monitor.fleet.shortage_log import ShortageLog
from xueliang_monitor.fleet.visiting import Visiting
from xueliang_monitor.judgement.catalogue import at_first_sight
from xueliang_monitor.judgement.health import Health, Policy
from xueliang_monitor.model import Rung, VisitResult
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.net.own_network import OwnNetwork
from xueliang_monitor.notification.notifier import Notifier
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.host_queue import Turn, Urgency
from xueliang_monitor.probing.rungs import OFFLINE_RUNGS, PROBES
from xueliang_monitor.process import limits
from xueliang_monitor.process.collector import free_one_by_one, no_full_collection, spare_known_objects
from xueliang_monitor.process.pauses import STOPPED_SECONDS
from xueliang_monitor.process.shortage import Resource
from xueliang_monitor.process.supervision import supervised
from xueliang_monitor.storage import login_key
from xueliang_monitor.storage.evidence_keeper import EvidenceKeeper
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.recorder import Recorder
from xueliang_monitor.storage.state_lock import StateLock
from xueliang_monitor.web.server import Server

log = logging.getLogger(__name__)

CLOCK_SECONDS = 1.0
"""How often the wall clock is compared with the steady clock."""

LOGINS_SECONDS = 0.5
"""How often the trials of logins are looked at."""

MANY_CAMERAS = 500
"""From so many changed cameras on, a reload leaves more objects than the garbage collector should look at."""


POOLS = 2
"""Visits up to RTSP, and those that fetch streams and pictures, have slots of their own."""


def policy_of(settings: config.Settings) -> Policy:
    """Return the policy by which visit results are judged."""
    times: dict[str, int] = {probe.rung: settings.confirm.of(probe.rung) for probe in PROBES}
    times[Rung.MONITOR] = settings.confirm.of(Rung.PICTURE)
    longest = max(settings.intervals.of(rung) for rung in OFFLINE_RUNGS)
    slack = sum(settings.timeouts.of(probe.rung) for probe in PROBES)
    return Policy(
        times, at_first_sight(), settings.clear, stale_after=3 * longest + slack, clock_drift=settings.clock_drift
    )


def intervals_of(settings: config.Settings) -> Intervals:
    """Return the intervals at which cameras are visited."""
    return Intervals(
        {probe.rung: settings.intervals.of(probe.rung) for probe in PROBES},
        {probe.rung: settings.rechecks.of(probe.recheck.key) for probe in PROBES},
    )


class Monitor:
    """One daemon, running the installation whose settings file is `file`."""

    def __init__(self, file: Path, clock: Clock | None = None) -> None:
        """Read the installation.

        Raises:
            DocumentError: the settings cannot be used.

        """
        self._file = file
        # Taken before the files are read, so that a change before the watcher starts is noticed.
        self._seen = file_watcher.fingerprint(config.load(file)[0].inventory)
        self._seen_uplinks = topology_files.fingerprint(file.parent)
        self._installation = loaded = load(file)
        self._clock = SteadyClock(clock or SystemClock())
        self._newest = loaded.settings
        self._workers = Workers(loaded.settings.workers)
        self._names = NameResolver(loaded.settings.name_servers)
        self._shortages = ShortageLog(self._clock)
        visits, connections = self._at_once(loaded)
        self._scheduler = Scheduler(
            self._clock,
            intervals_of(loaded.settings),
            self._visit,
            at_once=visits,
            turns=self._turn,
            workers=self._workers.count,
        )
        self._turns = Hosts(loaded.settings.state, self._scheduler.hurry)
        self._take_hosts()
        problems = loaded.every_problem
        self.fleet = Fleet(
            self._clock,
            policy_of(loaded.settings),
            loaded.inventory.cameras,
            problems,
            nodes=loaded.topology_nodes,
        )
        self.fleet.turn_wait = lambda camera: self._turns.wait_seconds(camera.target)
        self._journal = event_log.Journal(loaded.settings.log, self.fleet.camera)
        self.fleet.watch(self._journal.write)
        self._lock = StateLock(loaded.settings.state, self._clock.now())
        self._recorder = Recorder(
            lambda: History(loaded.settings.state),
            self.fleet,
            self._clock,
            resume=self._resume,
            keep=loaded.settings.keep,
        )
        self._server = Server(
            self.fleet,
            loaded.settings,
            file.parent,
            check_now=self._check_now,
            accept_change=self.accept_change,
            latest_settings=lambda: self._newest,
            most_connections=connections,
        )
        self._own_network = OwnNetwork(
            self._hosts, self._names, self.fleet.take_own_network, clock=self._clock.monotonic
        )
        self._evidence = EvidenceKeeper(lambda: self._installation, self.fleet, self._clock)
        self._visiting = Visiting(
            fleet=self.fleet,
            clock=self._clock,
            turns=self._turns,
            workers=self._workers,
            names=self._names,
            shortages=self._shortages,
            settings=lambda: self._installation.settings,
            keep_evidence=self._evidence.keep,
            reached=self._own_network.reached,
            hurry=self._scheduler.hurry,
            look_later=self._scheduler.look_later,
        )
        self._load = PictureLoad(
            self.fleet, self._scheduler.pictures, self._clock, lambda: self._scheduler.intervals.of(Rung.PICTURE)
        )
        self._notifier = Notifier(self.fleet, self._clock, lambda: self._installation)
        self._reloading = asyncio.Lock()
        for line in listed(problems):
            log.error("%s", line)

    def _at_once(self, loaded: Installation) -> tuple[int, int]:
        """Raise the limits of this process as far as allowed.

        Return how many simultaneous visits of each kind they permit, and how many connections to the page beside those.
        """
        wanted, workers = POOLS * loaded.settings.visits_at_once, self._workers.count
        beside = limits.MOST_FOR_PAGES - limits.DESCRIPTORS_FOR_PAGES
        allowed = limits.raised(limits.needed_descriptors(wanted, workers) + beside)
        for warning in allowed.warnings(wanted, workers, len(loaded.inventory.cameras)):
            log.warning("%s", warning)
        visits = allowed.visits(wanted, workers)
        return max(1, visits // POOLS), allowed.connections(visits, workers)

    def _resume(self, stored: StoredState) -> None:
        """Restore the state from the history, then switch to today's cameras as a reload does."""
        before = installation.stored_inventory(stored.files, self._installation)
        loaded = self._installation
        kept = inventory.keep_last_good(before, loaded.inventory)
        self._installation = loaded.with_inventory(kept)
        self._take_hosts()
        self.fleet.resume(stored, before.cameras, kept)
        if kept.problems != loaded.inventory.problems:
            for line in listed(kept.problems[len(loaded.inventory.problems) :]):
                log.error("%s", line)
            self.fleet.reloaded(ok=True, problems=self._installation.every_problem)

    def _hosts(self) -> tuple[str, ...]:
        """Return the addresses and names of the cameras under watch, each once."""
        return tuple(dict.fromkeys(camera.target.host for camera in self._installation.inventory.cameras))

    def _take_hosts(self) -> None:
        """Give each host of the cameras in force its number of sessions."""
        self._turns.take(self._installation.inventory.cameras, installation.sessions_at_hosts(self._installation))

    def _turn(self, camera: str, urgency: Urgency) -> AbstractAsyncContextManager[Turn]:
        return self._turns.turn(self.fleet.entry(camera).camera.target, urgency)

    def _check_now(self, camera: str) -> None:
        """Visit a camera at once, before all others of its host."""
        self._scheduler.ask(camera)
        self._turns.hasten(self.fleet.entry(camera).camera.target)

    async def _visit(self, camera: str, due: Due, lateness: float, turn: Turn) -> tuple[VisitResult, Health]:
        return await self._visiting.visit(camera, due, lateness, turn)

    async def reload(self) -> None:
        """Reload settings, passwords and cameras. Invalid files leave their last valid version in force."""
        async with self._reloading:
            before = self._installation
            with no_full_collection():
                changed = await self._reload(before)
                if changed >= MANY_CAMERAS:
                    spare_known_objects()
                    old = before.inventory.objects()
                    del before
                    await asyncio.to_thread(free_one_by_one, old)
            try:
                await self._evidence.forget()
            except (OSError, RuntimeError) as error:  # no thread can be started, or the folder cannot be read
                log.error("expired evidence pictures cannot be deleted: %s", error)  # noqa: TRY400

    async def _reload(self, before: Installation) -> int:
        """Read everything again and apply it; return how many cameras are new, changed or gone."""
        wrong: tuple[Problem, ...] = ()
        try:
            fresh = await asyncio.to_thread(load, self._file, before=before)
            self._note_newest(fresh.settings)
            fresh = await asyncio.to_thread(fresh.in_force, before.settings)
        except DocumentError as error:
            wrong = error.problems
            try:
                fresh = await asyncio.to_thread(before.read_files_again)
            except DocumentError as folder:
                fresh, wrong = before, (*wrong, *folder.problems)
        kept = inventory.keep_last_good(before.inventory, fresh.inventory)
        after = fresh.with_inventory(kept)
        problems = (*wrong, *after.every_problem)
        known = frozenset(self.fleet.monitor.reload.problems)
        for line in listed([problem for problem in problems if problem not in known]):
            log.error("%s", line)
        changed = await self._apply(before, after)
        self.fleet.reloaded(ok=not wrong, problems=problems)
        return changed

    async def accept_change(self, camera: str, shown: str) -> bool:
        """Accept that a camera is now as `shown`, and visit it at once; return False if it is another way by now."""
        async with self._reloading:
            if self.fleet.camera(camera) is None:
                return False
            await self._scheduler.remove(camera)
            try:
                done = self.fleet.accept_change(camera, shown)
                if done:
                    log.info("camera %s: a change was accepted on the page; expected is now: %s", camera, shown)
            finally:
                await self._scheduler.add((camera,))
        return done

    def _note_newest(self, newest: config.Settings) -> None:
        for name in config.AT_START:
            if getattr(newest, name) not in (getattr(self._newest, name), getattr(self._installation.settings, name)):
                log.warning("the new value of %s takes effect after a restart", name)
        self._newest = newest

    async def _apply(self, before: Installation, after: Installation) -> int:
        self._installation = after
        if after.settings != before.settings:
            self.fleet.policy = policy_of(after.settings)
            self._scheduler.intervals = intervals_of(after.settings)
            self._journal.form = after.settings.log
            self._recorder.keep(after.settings.keep)
        known = {camera.id for camera in before.inventory.cameras}
        self._take_hosts()
        found = await asyncio.to_thread(difference, before.inventory.cameras, after.inventory.cameras)
        for name in sorted(known & {*found.gone, *found.fresh}):
            await self._scheduler.remove(name)
        with self.fleet.changing():
            self.fleet.take_nodes(after.topology_nodes)
            for name in found.gone:
                self.fleet.drop(name)
                log.info("camera %s: no longer watched", name)
                await asyncio.sleep(0)  # a whole fleet may change at once; visits and requests go on meanwhile
            for camera in found.changed:
                self.fleet.take((camera,))
                if camera.outdated:
                    log.warning("camera %s: the last valid version of its file stays in force", camera.id)
                else:
                    log.info("camera %s: %s", camera.id, "its file changed" if camera.id in known else "now watched")
                await asyncio.sleep(0)
            self.fleet.reconcile(after.inventory)
        await self._scheduler.add(found.fresh)
        return len(found.gone) + len(found.changed)

    async def _follow_uplinks(self) -> None:
        """Reload after every change of a file of the topology, until cancelled."""
        folder = self._file.parent
        await file_watcher.follow_by_polling(
            lambda: topology_files.fingerprint(folder), self._seen_uplinks, self.reload
        )

    async def _follow_clock(self) -> None:
        """Shift all times whenever the wall clock is set, so that durations stay correct."""
        while True:
            step, impossible = self._clock.step(), self._clock.impossible
            if step:
                sense = "forward" if step > 0 else "back"
                log.warning(
                    "the wall clock was set %s by %.0f s; open faults and outages are shifted accordingly",
                    sense,
                    abs(step),
                )
            if step or impossible is not self.fleet.clock_impossible:
                self.fleet.follow_clock(step, impossible=impossible, guessed=self._clock.guessed)
            await asyncio.sleep(CLOCK_SECONDS)

    async def _prove_logins(self) -> None:
        """Visit the cameras whose turn it is in the trial of a login."""
        while True:
            self._scheduler.log_in(self.fleet.logins_due())
            await asyncio.sleep(LOGINS_SECONDS)

    async def _warm_workers(self) -> None:
        try:
            await self._workers.warm()
        except Exception as error:  # noqa: BLE001 - each look starts its own worker then, and tells why it cannot
            log.warning("no picture worker could be started in advance: %s", type(error).__name__)

    async def supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a background task, and restart it after each failure; failures are counted by task."""
        await supervised(
            name, work, clock=self._clock, failed=lambda task: self.fleet.monitor.task_restarts.update([task])
        )

    def _record_lag(self, late: float) -> None:
        self.fleet.monitor.loop_lag_seconds = late
        if late >= STOPPED_SECONDS:
            self._shortages.logged(Resource.PROCESSOR)  # the log line below covers it
            log.warning(
                "the monitor did not run for %.1f s: its process was stopped or its machine suspended; interrupted "
                "requests are repeated",
                late,
            )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Watch cameras and serve the page while the context lasts; yield the page's address.

        Raises:
            StateHeldError: another daemon uses the state folder; nothing in it was changed.
            OSError: the listen address cannot be used.

        """
        with self._lock.held():
            self._visiting.marks = self.fleet.credentials.marks = login_key.marks_in(self._installation.settings.state)
            with self._recorder.open():
                self.fleet.begin_credentials()
                async with self._watching() as address:
                    yield address

    @contextlib.asynccontextmanager
    async def _watching(self) -> AsyncIterator[str]:
        settings = self._installation.settings
        async with self._server.serving(*settings.listen_address) as address, self._names:
            self._lock.tell(address)
            cameras = tuple(camera.id for camera in self._installation.inventory.cameras)
            async with asyncio.TaskGroup() as group:
                background = {
                    "lag": lambda: self.fleet.monitor.pauses.watch(self._record_lag),
                    "clock": self._follow_clock,
                    "logins": self._prove_logins,
                    "inventory": lambda: file_watcher.follow(settings.inventory, self._seen, self.reload),
                    "uplinks": self._follow_uplinks,
                    "web_config": self._server.follow_files,
                    "own_network": self._own_network.watch,
                    "evidence": self._evidence.run,
                    "history": self._recorder.run,
                    "state_lock": self._lock.keep,
                    "picture_load": self._load.run,
                    **self._notifier.tasks,
                }
                tasks = [
                    group.create_task(self._warm_workers()),
                    group.create_task(self._scheduler.run(cameras)),
                    *(group.create_task(self.supervise(name, work)) for name, work in background.items()),
                ]
                try:
                    yield address
                finally:
                    for task in tasks:
                        task.cancel()
