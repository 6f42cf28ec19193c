"""Who may read a camera file: its owner and the group that the daemon belongs to, nobody else."""

from __future__ import annotations

import grp
import os
import stat
from dataclasses import dataclass
from pathlib import Path

SERVICE_GROUP = "xueliang-monitor"
"""The group of the service's user, as deploy/systemd creates it."""

FILE_MODE = 0o640
FOLDER_MODE = 0o750
_GROUP_MAY_WRITE = 0o020
_ROOT = 0


@dataclass(frozen=True, slots=True)
class FileAccess:
    """Mode, owner and group of a file; an owner or group of -1 stays that of the process."""

    mode: int
    owner: int = -1
    group: int = -1

    def apply(self, handle: int) -> None:
        """Give an open file this access, as far as this user may.

        Raises:
            OSError: the mode cannot be set.

        """
        for owner, group in ((self.owner, -1), (-1, self.group)):
            if (owner, group) != (-1, -1):
                try:
                    os.fchown(handle, owner, group)
                except PermissionError:  # only root gives files away; others only to groups of their own
                    continue
        os.fchmod(handle, self.mode)


def access_of(file: Path) -> FileAccess:
    """Return the access that a camera file is to have: one that exists keeps its owner, and others cannot read it."""
    group = _group_of_readers(file.parent)
    try:
        known = file.stat()
    except OSError:
        return FileAccess(FILE_MODE, group=group)
    kept = known.st_gid if group == -1 else group
    return FileAccess(FILE_MODE | known.st_mode & _GROUP_MAY_WRITE, known.st_uid, kept)


def make_folder(folder: Path) -> None:
    """Make a folder for camera files, unless it exists, that the daemon may read whatever the umask is.

    Raises:
        OSError: it cannot be made.

    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        if folder.is_dir():
            return
        raise
    group = _group_of_readers(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        inherited = os.fstat(handle).st_mode & stat.S_ISGID
        FileAccess(FOLDER_MODE | inherited, group=group).apply(handle)
    finally:
        os.close(handle)


def _group_of_readers(folder: Path) -> int:
    """Return the group of the folder; if that is root's, the group of the service; -1 if there is no such group."""
    group = folder.stat().st_gid
    if group != _ROOT:
        return group
    try:
        return grp.getgrnam(SERVICE_GROUP).gr_gid
    except KeyError:
        return -1
