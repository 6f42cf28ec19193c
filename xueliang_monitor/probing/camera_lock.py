"""Serialises access to each camera, within this process and with other commands through the state folder."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from xueliang_monitor.net.host_validation import canonical_host

FOLDER = "turns"
POLL_SECONDS = 0.05
WAIT_SECONDS = 60.0
"""Longer than any visit takes. A longer wait means that another process is stuck."""


class CameraBusyError(Exception):
    """Another process has been connected to the camera for too long."""


class CameraLocks:
    """Locks, one for each camera's host.

    `state` is the folder that the daemon and its commands share. Without it, or if it cannot be used, the locks hold
    within this process only.
    """

    def __init__(self, state: Path | None = None) -> None:
        self._folder = None if state is None else state / FOLDER
        self._locks: dict[str, asyncio.Lock] = {}

    @contextlib.asynccontextmanager
    async def hold(self, host: str) -> AsyncIterator[None]:
        """Wait for the camera's lock, and hold it for as long as the context lasts.

        Raises:
            CameraBusyError: the lock was not free within a minute.

        """
        name = re.sub(r"[^a-z0-9.-]", "_", canonical_host(host))
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
            raise CameraBusyError(f"another command has been connected to {host} for {WAIT_SECONDS:.0f} s") from error

    @contextlib.contextmanager
    def _file(self, name: str) -> Iterator[int | None]:
        """Yield an open lock file, None if it cannot be opened. It is never removed: others may wait on it."""
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
            if os.geteuid() == 0:  # a command run by root must not lock the daemon out
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
    except OSError:  # some network file systems have no locks; the lock then holds within this process only
        return True
    return True
