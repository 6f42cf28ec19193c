"""Follows the camera files: tells when one comes, changes or goes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
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

LOOK_SECONDS = LOOK_MS / 1000
GONE_SECONDS = 2.0
"""How soon a folder that is gone is followed again."""

REFUSED_SECONDS = 60.0
"""How long the folder is only looked at where the system has no means left to tell of changes (inotify)."""


class _NotToldError(Exception):
    """The system does not tell of changes; the text says why, `pause` after how many seconds that is tried again."""

    def __init__(self, text: str, pause: float) -> None:
        super().__init__(text)
        self.pause = pause


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


class _FolderPoll:
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


async def _told(folder: Path) -> AsyncIterator[bool]:
    """Yield, at least every second, whether the system told of a change.

    Raises:
        _NotToldError: it does not, or no longer.

    """
    watcher = watchfiles.awatch(
        folder,
        watch_filter=_is_camera,
        debounce=GATHER_MS,
        recursive=False,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
    )
    try:
        async with contextlib.aclosing(watcher):
            async for changes in watcher:
                yield bool(changes)
    except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # its panics are no Exception
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise _NotToldError(str(error) or type(error).__name__, GONE_SECONDS if gone else REFUSED_SECONDS) from error
    raise _NotToldError("it ended", GONE_SECONDS)


async def _look_for(seconds: float, poll: _FolderPoll, changed: Callable[[], Awaitable[None]]) -> None:
    """Look at the folder once a second."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        await asyncio.sleep(LOOK_SECONDS)
        if await poll.changed(told=False):
            await changed()


async def follow(folder: Path, seen: Fingerprint, changed: Callable[[], Awaitable[None]]) -> None:
    """Await `changed` after every change of a camera file since it was `seen`, until cancelled.

    Where the system does not tell of changes, as it has no inotify instance left or the folder is gone, the folder is
    looked at every second; that is said once, and tried again.
    """
    poll, said = _FolderPoll(folder, seen), False
    while True:
        try:
            async with contextlib.aclosing(_told(folder)) as tellings:  # type: ignore[type-var] # as above
                async for told in tellings:
                    if said:
                        log.info("%s: its changes are told by the system again", folder)
                        said = False
                    if await poll.changed(told=told):
                        await changed()
        except _NotToldError as error:
            if not said:
                log.warning(
                    "%s: its changes are not told by the system (%s); it is looked at every second", folder, error
                )
            said = True
            await _look_for(error.pause, poll, changed)
