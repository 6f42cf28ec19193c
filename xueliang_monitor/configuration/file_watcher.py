"""Watches the camera files and those of the topology: reports when one is added, changed or removed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import watchfiles

from xueliang_monitor.configuration.camera_folder import TooManyFilesError, camera_files, is_camera_file
from xueliang_monitor.configuration.regular_file import FileIdentity

log = logging.getLogger(__name__)
logging.getLogger("watchfiles").setLevel(logging.WARNING)

GATHER_MS = 300
"""How long changes are gathered, so that an import of a whole fleet is reported once."""

LOOK_MS = 1000
"""How often the folder is polled in addition: not every file system reports changes, and none reports earlier ones."""

LOOK_PAUSES = 100
"""The pause after a poll, as a multiple of its duration, so that polling a large fleet costs no more."""

LOOK_SECONDS = LOOK_MS / 1000
GONE_SECONDS = 2.0
"""How soon watching a missing folder is tried again."""

REFUSED_SECONDS = 60.0
"""How long the folder is only polled if the system cannot report changes (no inotify instance left)."""


class _NotReportedError(Exception):
    """The system does not report changes; the text says why. `pause` is the time in seconds before the next attempt."""

    def __init__(self, text: str, pause: float) -> None:
        super().__init__(text)
        self.pause = pause


def _is_camera(_change: watchfiles.Change, path: str) -> bool:
    return is_camera_file(path.rpartition("/")[2])  # called for each of thousands of changes, on the event loop


Fingerprint = frozenset[tuple[str, FileIdentity | None]]


def fingerprint(folder: Path) -> Fingerprint:
    """Return name and identity of every camera file; empty if the folder cannot be read or has too many files."""
    try:
        return frozenset(camera_files(folder).items())
    except (OSError, TooManyFilesError):
        return frozenset()


class _Poll:
    """Polls files for changes; spends only a small share of the time."""

    def __init__(self, look: Callable[[], Fingerprint], seen: Fingerprint) -> None:
        self._look = look
        self._seen = seen
        self._next = 0.0

    async def changed(self, *, reported: bool) -> bool:
        """Return whether something changed since the last poll; with `reported`, poll at once and return True."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        if started < self._next and not reported:
            return False
        now = await asyncio.to_thread(self._look)
        self._next = loop.time() + LOOK_PAUSES * (loop.time() - started)
        before, self._seen = self._seen, now
        return reported or now != before


async def _reports(folder: Path) -> AsyncIterator[bool]:
    """Yield at least every second whether the system reported a change.

    Raises:
        _NotReportedError: the system does not report changes, or no longer.

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
    except BaseException as error:  # a panic of watchfiles is not an Exception
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise _NotReportedError(
            str(error) or type(error).__name__, GONE_SECONDS if gone else REFUSED_SECONDS
        ) from error
    raise _NotReportedError("the watcher ended", GONE_SECONDS)


async def _poll_for(seconds: float, poll: _Poll, changed: Callable[[], Awaitable[None]]) -> None:
    """Poll once a second for a number of seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        await asyncio.sleep(LOOK_SECONDS)
        if await poll.changed(reported=False):
            await changed()


async def follow(folder: Path, seen: Fingerprint, changed: Callable[[], Awaitable[None]]) -> None:
    """Await `changed` after every change of a camera file since `seen`, until cancelled.

    If the system does not report changes, because no inotify instance is left or the folder is missing, the folder is
    polled every second. This is logged once, and watching is tried again.
    """
    poll, logged = _Poll(lambda: fingerprint(folder), seen), False
    while True:
        try:
            async with contextlib.aclosing(_reports(folder)) as reports:  # type: ignore[type-var] # as above
                async for reported in reports:
                    if logged:
                        log.info("%s: the system reports changes again", folder)
                        logged = False
                    if await poll.changed(reported=reported):
                        await changed()
        except _NotReportedError as error:
            if not logged:
                log.warning(
                    "%s: the system does not report changes (%s); the folder is polled every second", folder, error
                )
            logged = True
            await _poll_for(error.pause, poll, changed)


async def follow_by_polling(
    look: Callable[[], Fingerprint], seen: Fingerprint, changed: Callable[[], Awaitable[None]]
) -> None:
    """Await `changed` after every change of what `look` returns since `seen`, until cancelled.

    This is for a few files that change rarely and lie in folders with many others.
    """
    poll = _Poll(look, seen)
    while True:
        await _poll_for(REFUSED_SECONDS, poll, changed)
