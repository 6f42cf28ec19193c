"""A fleet with a history whose problems others are told of, and what tells them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from tests.notification.receiver import SECRET
from tests.web.test_problems import Served
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.configuration.installation import load
from xueliang_monitor.notification.alertmanager import Alertmanager
from xueliang_monitor.notification.webhooks import Webhooks
from xueliang_monitor.storage.history import History


class Site(Served):
    """A dead camera, one with a slight fault and one in order."""

    def __init__(self, folder: Path, settings: str) -> None:
        super().__init__(folder)
        (folder / "cameras.d").mkdir()
        (folder / "secret").write_text(SECRET)
        (folder / "secret").chmod(0o600)
        self.file = folder / "xueliang.yaml"
        self.set(settings)
        History(folder / "state").close()

    def set(self, settings: str) -> None:
        """Reload the settings."""
        self.file.write_text(settings)
        self.installation = load(self.file)

    def acknowledge(self, problem: str, *, note: str = "spare part ordered", seconds: float = 3600.0) -> int:
        """Acknowledge a problem as the page does; return the number of the acknowledgement."""
        with contextlib.closing(History(self.folder / "state")) as history:
            now = self.fleet.now
            number = history.acknowledge(problem, by="li", at=now, until=now + seconds, note=note)
            self.fleet.acknowledged.take(tuple(history.acknowledgements(now)))
        return number

    def release(self, problem: str) -> None:
        """Take an acknowledgement back as the page does."""
        with contextlib.closing(History(self.folder / "state")) as history:
            history.release(problem, self.fleet.now)
            self.fleet.acknowledged.take(tuple(history.acknowledgements(self.fleet.now)))

    @contextlib.asynccontextmanager
    async def webhooks(self) -> AsyncIterator[Webhooks]:
        """Tell webhooks while the context lasts, as one run of the daemon does."""
        made = Webhooks(self.fleet, SystemClock(), lambda: self.installation)
        async with _running(made.run):
            yield made

    @contextlib.asynccontextmanager
    async def alertmanager(self) -> AsyncIterator[Alertmanager]:
        """Keep the silences while the context lasts."""
        made = Alertmanager(self.fleet, SystemClock(), lambda: self.installation)
        async with _running(made.run):
            yield made


@contextlib.asynccontextmanager
async def _running(run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
