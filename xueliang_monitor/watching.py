"""Follows the camera files: tells when one comes, changes or goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import watchfiles

log = logging.getLogger(__name__)
logging.getLogger("watchfiles").setLevel(logging.WARNING)

GATHER_MS = 300
"""How long changes are gathered, so that an import of a whole fleet is one."""

LOOK_MS = 1000
"""How often the folder is looked at all the same: not every file system tells, and none what came before."""

LOOK_PAUSES = 100
"""How much longer than a look takes is waited before the next, so that large fleets cost no more."""

RETRY_SECONDS = 2.0


def _is_camera(_change: watchfiles.Change, path: str) -> bool:
    name = Path(path).name
    return name.endswith(".yaml") and not name.startswith(".")


Fingerprint = frozenset[tuple[str, int, int, int]]


def fingerprint(folder: Path) -> Fingerprint:
    """Return name, inode, size and time of every camera file; empty where the folder cannot be read."""
    found = set()
    try:
        for path in folder.iterdir():
            if _is_camera(watchfiles.Change.modified, path.name):
                about = path.stat()
                found.add((path.name, about.st_ino, about.st_size, about.st_mtime_ns))
    except OSError:
        return frozenset(found)
    return frozenset(found)


class _Looks:
    """Looks at a folder, and tells whether it changed; not more often than a small share of the time allows."""

    def __init__(self, folder: Path, seen: Fingerprint) -> None:
        self._folder = folder
        self._seen = seen
        self._next = 0.0

    async def changed(self, *, told: bool) -> bool:
        """Say whether something changed since the last look; `told` looks at once."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        if started < self._next and not told:
            return False
        now = await asyncio.to_thread(fingerprint, self._folder)
        self._next = loop.time() + LOOK_PAUSES * (loop.time() - started)
        before, self._seen = self._seen, now
        return told or now != before


async def follow(folder: Path, seen: Fingerprint, changed: Callable[[], Awaitable[None]]) -> None:
    """Await `changed` after every change of a camera file since it was `seen`, until cancelled."""
    looks = _Looks(folder, seen)
    while True:
        try:
            async for changes in watchfiles.awatch(
                folder,
                watch_filter=_is_camera,
                debounce=GATHER_MS,
                recursive=False,
                rust_timeout=LOOK_MS,
                yield_on_timeout=True,
            ):
                if await looks.changed(told=bool(changes)):
                    await changed()
        except OSError as error:
            log.warning("%s cannot be followed (%s); it is tried again", folder, error.strerror or error)
        await asyncio.sleep(RETRY_SECONDS)
        if await looks.changed(told=False):
            await changed()
