"""One daemon per state folder: a lock (flock(2)) in a file that names its holder."""

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
CHECK_SECONDS = 5.0
"""How often the lock file is compared with the locked one."""

_MAX_BYTES = 1024


class StateHeldError(Exception):
    """Another daemon uses the state folder; the text names it."""


class StateLock:
    """The lock on one state folder.

    If the folder cannot be written, the daemon logs a warning, continues without a lock, and tries again.
    """

    def __init__(self, folder: Path, now: float) -> None:
        """Prepare the lock of a folder; `now` is the start of the daemon in seconds since the epoch."""
        self._file = folder / FILE
        self._text = f"pid {os.getpid()}, since {iso_local(now)}"
        self._descriptor: int | None = None
        self._warned = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock while the context lasts.

        Raises:
            StateHeldError: another daemon holds the lock.

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
                f"{self._file.parent}: another xueliang daemon uses this state folder"
                f" ({holder or 'unknown process'}); set `state` to a separate folder for each daemon"
            ) from error
        except OSError as error:
            self._warn(error)
        self._release()
        self._descriptor = descriptor
        self._write()

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            log.warning("%s: cannot be locked (%s); make sure that only one daemon runs", self._file, error.strerror)
        self._warned = True

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self) -> None:
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):  # on a full disk the file names no holder, but the lock still works
            owner = self._file.parent.stat()
            if os.geteuid() == 0 and owner.st_uid:
                os.fchown(self._descriptor, owner.st_uid, owner.st_gid)  # the daemon's user must be able to open it
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{self._text}\n".encode(), 0)

    def tell(self, address: str) -> None:
        """Write the address of the holder's page to the file."""
        self._text = f"{self._text.partition(', page')[0]}, page {address}/"
        self._write()

    async def keep(self) -> None:
        """Retry a failed lock, and lock again whenever the file was removed, until cancelled."""
        logged = ""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if self._is_ours():
                continue
            try:
                self._take()
            except StateHeldError as error:
                if str(error) != logged:
                    log.error("%s; the lock file was removed while this daemon ran; stop one of the two daemons", error)  # noqa: TRY400
                    logged = str(error)

    def _is_ours(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(self._file.stat(), os.fstat(self._descriptor))
        except OSError:
            return False
