"""The web application of a fleet, served on a real socket."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.web.test_access import settings_of
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.web.access import Access
from xueliang_monitor.web.application import application
from xueliang_monitor.web.web_config import Protection


@contextlib.asynccontextmanager
async def served(
    folder: Path, protection: Protection | None = None, *, fleet: Fleet | None = None, **options: Any
) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve a fleet with the options of `application`; yield a session with its address as base.

    Without `fleet` it has no cameras.
    """
    settings = settings_of(folder, None)
    settings.state.mkdir(exist_ok=True)
    fleet = fleet or Fleet(SystemClock(), Policy({}, frozenset()), ())
    runner = web.AppRunner(
        application(fleet, settings, Access(protection or Protection(), frozenset()), **options),
        shutdown_timeout=1,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
            yield session
    finally:
        await runner.cleanup()
