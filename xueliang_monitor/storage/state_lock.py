"""One daemon a state folder: a lock (flock(2)) held for life, in a file that names who holds it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from xueliang_monitor.time_format import iso_local

log = logging.getLogger(__name__)

FILE = "daemon.lock"
LOOK_SECONDS = 5.0
"""How often it is looked whether the file is still the one that is locked."""

_MAX_BYTES = 1024


class StateHeldError(Exception):
    """Another daemon has the state folder; the text names it."""


class StateLock:
    """The lock on one state folder.

    Where the folder cannot be written there is none to be had: that is said in the log, the daemon goes on, and it is
    tried again.
    """

    def __init__(self, folder: Path, now: float) -> None:
        """Prepare to lock a folder; `now` is when the daemon started, in seconds since the epoch."""
        self._file = folder / FILE
        self._text = f"pid {os.getpid()}, since {iso_local(now)}"
        self._descriptor: int | None = None
        self._warned = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for as long as the context lasts.

        Raises:
            StateHeldError: another daemon holds it.

        """
        self._take()
        try:
            yield
        finally:
            self._release()

    def _take(self) -> None:
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._warn(error)
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, _MAX_BYTES, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise StateHeldError(
                f"{self._file.parent}: another xueliang runs on this state folder"
                f" ({holder or 'it does not say which'}); give each daemon a folder of its own (state:)"
            ) from error
        except OSError as error:
            self._warn(error)
        self._release()
        self._descriptor = descriptor
        self._write()

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            log.warning("%s: no lock can be had (%s): see that only one daemon runs", self._file, error.strerror)
        self._warned = True

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self) -> None:
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):  # on a full disk it does not name its holder, and holds all the same
            owner = self._file.parent.stat()
            if os.geteuid() == 0 and owner.st_uid:
                os.fchown(self._descriptor, owner.st_uid, owner.st_gid)  # a daemon that is not root is to open it too
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{self._text}\n".encode(), 0)

    def tell(self, address: str) -> None:
        """Write down where the holder's page is."""
        self._text = f"{self._text.partition(', page')[0]}, page {address}/"
        self._write()

    async def keep(self) -> None:
        """Take the lock where there was none to be had, and again whenever its file is gone, until cancelled."""
        said = ""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._is_ours():
                continue
            try:
                self._take()
            except StateHeldError as error:
                if str(error) != said:
                    log.error("%s; its lock file was removed while this one ran: end one of the two", error)  # noqa: TRY400
                    said = str(error)

    def _is_ours(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(self._file.stat(), os.fstat(self._descriptor))
        except OSError:
            return False
