"""One conversation with a camera at a time: within this process, and with other commands through the state folder."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

FOLDER = "turns"
POLL_SECONDS = 0.05
WAIT_SECONDS = 60.0
"""Longer than any visit takes: who waited so long waits for a command that hangs."""


class TurnError(Exception):
    """Somebody else is at the camera and does not end."""


class Turns:
    """Who may connect to which camera now; `state` is the folder that the daemon and its commands share, if any.

    Where that folder cannot be used, turns are kept within this process alone.
    """

    def __init__(self, state: Path | None = None) -> None:
        self._folder = None if state is None else state / FOLDER
        self._locks: dict[str, asyncio.Lock] = {}

    @contextlib.asynccontextmanager
    async def of(self, host: str) -> AsyncIterator[None]:
        """Wait for the turn at a camera, and have it for as long as the context lasts.

        Raises:
            TurnError: it did not come within a minute.

        """
        name = re.sub(r"[^a-z0-9.-]", "_", host.lower())
        try:
            async with asyncio.timeout(WAIT_SECONDS) as waiting:
                async with self._locks.setdefault(name, asyncio.Lock()):
                    with self._file(name) as handle:
                        while handle is not None and not _taken(handle):  # noqa: ASYNC110 - another process has it
                            await asyncio.sleep(POLL_SECONDS)
                        waiting.reschedule(None)
                        yield
        except TimeoutError as error:
            if not waiting.expired():
                raise
            raise TurnError(f"another command has been at {host} for {WAIT_SECONDS:.0f} s") from error

    @contextlib.contextmanager
    def _file(self, name: str) -> Iterator[int | None]:
        """Give an open file to lock, None where there can be none; it is never removed, as others may wait for it."""
        handle = None
        with contextlib.suppress(OSError):
            handle = self._open(name)
        try:
            yield handle
        finally:
            if handle is not None:
                os.close(handle)

    def _open(self, name: str) -> int | None:
        folder = self._folder
        if folder is None:
            return None
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            if os.geteuid() == 0:  # a command of the administrator's must not keep the daemon out
                owner = folder.parent.stat()
                os.chown(folder, owner.st_uid, owner.st_gid)
        file = folder / name
        try:
            return os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            handle = os.open(file, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            os.fchmod(handle, 0o644)
            return handle


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no lock is to be had here, as on some network file systems: the turn is kept in this process
        return True
    return True
