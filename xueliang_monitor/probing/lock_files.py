"""The lock files of one host, by which processes that share a state folder keep to its number of sessions."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

FOLDER = "turns"


@dataclass(frozen=True, slots=True)
class LockFile:
    """A lock that is held; `handle` is None if locks hold within this process only."""

    handle: int | None = None

    def give_back(self) -> None:
        """Release the lock."""
        if self.handle is not None:
            os.close(self.handle)


@dataclass(frozen=True, slots=True)
class LockFiles:
    """One file for each session of a host: `turns/HOST`, `turns/HOST.1` and so on; `turns/HOST~waiting` for wishes.

    A file is never removed, as others may wait for it. Without a folder, or if it cannot be used, locks hold within
    this process only.
    """

    state: Path | None
    name: str

    def take(self, sessions: int) -> LockFile | None:
        """Lock one of the first `sessions` files; return None if other processes hold all of them.

        The last file comes first: a process that does not know how many sessions there are takes only the first.
        """
        for number in reversed(range(sessions)):
            try:
                handle = self._open(self.name if number == 0 else f"{self.name}.{number}")
            except OSError:
                return LockFile()
            if handle is None or _locked(handle):
                return LockFile(handle)
            os.close(handle)
        return None

    def wish(self) -> LockFile | None:
        """Tell the other processes that this one waits, until the lock is given back; None if it must be tried again.

        Another process that looks for wishes at this moment stands in the way.
        """
        return self._wish(fcntl.LOCK_SH)

    def wished(self) -> bool:
        """Return whether another process waits for a session."""
        free = self._wish(fcntl.LOCK_EX)
        if free is not None:
            free.give_back()
        return free is None

    def _wish(self, kind: int) -> LockFile | None:
        try:
            handle = self._open(f"{self.name}~waiting")
        except OSError:
            return LockFile()
        if handle is None or _locked(handle, kind):
            return LockFile(handle)
        os.close(handle)
        return None

    def _open(self, name: str) -> int | None:
        if self.state is None:
            return None
        try:  # a plain path: this is done twice in each visit
            return os.open(f"{self.state}/{FOLDER}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return self._create(self.state / FOLDER, name)

    def _create(self, folder: Path, name: str) -> int:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            if os.geteuid() == 0:  # a command run by root must not lock the daemon out
                owner = folder.parent.stat()
                os.chown(folder, owner.st_uid, owner.st_gid)
        handle = os.open(folder / name, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        os.fchmod(handle, 0o644)
        return handle


def _locked(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks; the lock then holds within this process only
        return True
    return True
