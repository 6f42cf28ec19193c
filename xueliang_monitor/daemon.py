"""Composition root: builds the parts, starts them, stops them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from xueliang_monitor import config, inventory
from xueliang_monitor.check import visit
from xueliang_monitor.clock import Clock, SystemClock
from xueliang_monitor.documents import Problem
from xueliang_monitor.fleet import Fleet
from xueliang_monitor.health import Health, Policy, Transition
from xueliang_monitor.model import Report, Rung, Timeouts
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.scheduler import Intervals, Scheduler
from xueliang_monitor.web.application import application

log = logging.getLogger(__name__)

LAG_SECONDS = 0.5
_LEVELS = {"raised": logging.WARNING, "cleared": logging.INFO, "state": logging.INFO}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and cameras, and everything that is wrong with either."""

    settings: config.Settings
    inventory: inventory.Inventory
    problems: tuple[Problem, ...]


def load(file: Path) -> Loaded:
    """Read settings, passwords and cameras.

    Raises:
        DocumentError: the settings cannot be used at all.

    """
    settings, document = config.load(file)
    credentials, problems = config.load_credentials(settings, document)
    cameras = inventory.load(settings.inventory, credentials, frozenset(settings.credentials))
    return Loaded(settings, cameras, problems)


def policy_of(settings: config.Settings) -> Policy:
    """Return how reports are judged."""
    confirm = settings.confirm
    times = {
        Rung.REACH: confirm.reach,
        Rung.RTSP: confirm.rtsp,
        Rung.STREAM: confirm.stream,
        Rung.PICTURE: confirm.picture,
        Rung.MONITOR: confirm.picture,
    }
    longest = max(settings.intervals.reach, settings.intervals.rtsp)
    slack = settings.timeouts.stream + settings.timeouts.picture + settings.timeouts.rtsp + settings.timeouts.reach
    return Policy(times, settings.clear, stale_after=3 * longest + slack)


def intervals_of(settings: config.Settings) -> Intervals:
    """Return when cameras are visited."""
    intervals, rechecks = settings.intervals, settings.rechecks
    return Intervals(
        intervals.reach, intervals.rtsp, intervals.stream, intervals.picture, rechecks.reach, rechecks.picture
    )


def timeouts_of(settings: config.Settings) -> Timeouts:
    """Return how long visits may take."""
    limits = settings.timeouts
    return Timeouts(limits.reach, limits.rtsp, limits.stream, limits.picture)


def _log_transitions(transitions: tuple[Transition, ...]) -> None:
    for item in transitions:
        log.log(_LEVELS[item.kind], "camera %s: %s %s %s", item.camera, item.kind, item.code, item.detail)


class Monitor:
    """One running daemon."""

    def __init__(self, loaded: Loaded, clock: Clock | None = None) -> None:
        self._settings = loaded.settings
        self._clock = clock or SystemClock()
        self._workers = Workers(loaded.settings.workers)
        self._timeouts = timeouts_of(loaded.settings)
        invalid = loaded.inventory.invalid_files
        self.fleet = Fleet(self._clock, policy_of(loaded.settings), loaded.inventory.cameras, invalid)
        self.fleet.watch(_log_transitions)
        for problem in (*loaded.problems, *loaded.inventory.problems):
            log.error("%s", problem)

    async def _visit(self, camera: str, top: Rung, lateness: float) -> tuple[Report, Health]:
        entry = self.fleet.entry(camera)
        report, memory = await visit(
            entry.camera.target,
            top,
            entry.memory,
            timeouts=self._timeouts,
            workers=self._workers,
            now=self._clock.now(),
        )
        health = self.fleet.apply(report, memory, lateness)
        self.fleet.decoder_restarts = self._workers.restarts
        return report, health

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            self.fleet.loop_lag = max(0.0, loop.time() - due)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Watch and serve for as long as the context lasts; yield the page's address.

        Raises:
            OSError: the address to listen on is not to be had.

        """
        runner = web.AppRunner(application(self.fleet), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            host, port = self._settings.listen_address
            await web.TCPSite(runner, host, port).start()
            bound = runner.addresses[0]
            shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
            scheduler = Scheduler(
                self._clock, intervals_of(self._settings), self._visit, at_once=self._settings.visits_at_once
            )
            cameras = tuple(entry.camera.id for entry, _ in self.fleet.snapshot().entries)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(scheduler.run(cameras)), group.create_task(self._measure_lag())]
                try:
                    yield f"http://{shown}:{bound[1]}"
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            await runner.cleanup()


@contextlib.contextmanager
def until_signalled(*numbers: signal.Signals) -> Iterator[asyncio.Event]:
    """Give an event that the signals set."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in numbers:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def serve(file: Path) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    Raises:
        DocumentError: the settings cannot be used.
        OSError: the address to listen on is not to be had.

    """
    loaded = load(file)
    monitor = Monitor(loaded)
    with until_signalled(signal.SIGTERM, signal.SIGINT) as stopped:
        async with monitor.running() as address:
            log.info("watching %d cameras; page at %s/", len(loaded.inventory.cameras), address)
            await stopped.wait()
    log.info("stopped")
