"""The daemon as a service: signals, and notifications to the service manager."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from xueliang_monitor.daemon import Monitor
from xueliang_monitor.fleet.snapshot import Snapshot
from xueliang_monitor.model import State
from xueliang_monitor.net.notify import ServiceManager

log = logging.getLogger(__name__)

ACCEPT_SECONDS = 60.0
"""How often a failure to accept connections is logged."""

SWITCH_SECONDS = 0.001

NEW_OBJECTS = 20_000
"""After how many new objects garbage is looked for: more than the visits under way have. By default 700, which took a
tenth of the loop's time with 1,500 cameras."""

STATUS_SECONDS = 10.0
"""How often the status is sent to the service manager, unless its watchdog needs shorter intervals."""


@contextlib.contextmanager
def until_signalled(*numbers: signal.Signals) -> Iterator[asyncio.Event]:
    """Yield an event that the signals set."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in numbers:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _reload_when_signalled(monitor: Monitor, manager: ServiceManager) -> None:
    with until_signalled(signal.SIGHUP) as asked:

        async def reload() -> None:
            while True:
                await asked.wait()
                asked.clear()
                log.info("reloading on SIGHUP")
                manager.reloading()
                try:
                    await monitor.reload()
                except Exception:
                    asked.set()  # retry the reload
                    raise
                finally:
                    manager.notify("READY=1")

        # Supervised within the handler's context: without a handler, the signal would end the daemon.
        await monitor.supervise("reload", reload)


class _LoopErrors:
    """Logs errors of the event loop, but failures to accept connections at most once in `ACCEPT_SECONDS`.

    Without a free descriptor, asyncio reports every waiting connection, a hundred times a second.
    """

    def __init__(self) -> None:
        self._logged_at = -ACCEPT_SECONDS

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not str(context.get("message")).startswith("socket.accept() out of system resource"):
            loop.default_exception_handler(context)
        elif loop.time() - self._logged_at >= ACCEPT_SECONDS:
            self._logged_at = loop.time()
            log.error("connections to the page cannot be accepted: %s", context.get("exception"))


def status_line(snapshot: Snapshot) -> str:
    """Return the status of the fleet in one line, for `systemctl status`."""
    counts = Counter(status.state for _, status in snapshot.counted)
    states = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
    return f"{len(snapshot.counted)} cameras{': ' if states else ''}{states}"


async def _keep_notifying(monitor: Monitor, manager: ServiceManager) -> None:
    """Feed the watchdog from the event loop, so that a stalled loop does not feed it."""
    while True:
        manager.notify("WATCHDOG=1", f"STATUS={status_line(monitor.fleet.snapshot())}")
        await asyncio.sleep(min(STATUS_SECONDS, manager.feed_seconds or STATUS_SECONDS))


def spare_the_collector() -> None:
    """Exclude all objects built at start-up, mainly modules, from later garbage collections, and collect less often.

    A full collection stops the event loop: 65 ms while 5,000 cameras are scraped, 29 ms without these objects. Nearly
    all objects of a visit are freed without a collection once it is over, so that looking at them before is waste.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


def favour_the_loop() -> None:
    """Let the event loop run soon while threads compute metrics, pages or reports.

    Each system call of the loop gives such a thread the interpreter's lock, and it keeps it for the switch interval, by
    default 5 ms. A visit makes dozens of calls.
    """
    sys.setswitchinterval(SWITCH_SECONDS)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the daemon's event loop: uvloop's if it is installed, else None for that of asyncio."""
    try:
        import uvloop
    except ImportError:
        return None
    return cast("Callable[[], asyncio.AbstractEventLoop]", uvloop.new_event_loop)


async def serve(file: Path) -> None:
    """Run the daemon until SIGTERM or SIGINT; SIGHUP reloads.

    Raises:
        DocumentError: the settings cannot be used.
        StateHeldError: another daemon uses the state folder.
        OSError: the listen address cannot be used.

    """
    faulthandler.enable()  # on the watchdog's SIGABRT the log then shows where the loop was stalled
    asyncio.get_running_loop().set_exception_handler(_LoopErrors())
    manager = ServiceManager.of(os.environ)
    monitor = Monitor(file)
    spare_the_collector()
    favour_the_loop()
    with until_signalled(signal.SIGTERM, signal.SIGINT) as stopped:
        async with monitor.running() as address, asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_reload_when_signalled(monitor, manager)),
                group.create_task(monitor.supervise("service_manager", lambda: _keep_notifying(monitor, manager))),
            ]
            log.info("watching %d cameras; page at %s/", len(monitor.fleet.snapshot().entries), address)
            manager.notify("READY=1")
            await stopped.wait()
            manager.notify("STOPPING=1", "STATUS=ending visits and sessions")
            for task in tasks:
                task.cancel()
