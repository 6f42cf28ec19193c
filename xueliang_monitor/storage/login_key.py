"""The key of the marks by which stored logins are recognised. It is not in the history, which reveals nothing then."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from pathlib import Path

from xueliang_monitor import atomic_write
from xueliang_monitor.probing.login_marks import KEY_BYTES, LoginMarks

log = logging.getLogger(__name__)

FILE = "login.key"


def marks_in(folder: Path) -> LoginMarks:
    """Return the marks under the key in a state folder; make a new key if there is none.

    A lost or damaged key costs one more attempt with each login that is held back. Without a folder that can be
    written, the marks last as long as the process.
    """
    file = folder / FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = _read(file)
        if key is not None:
            return LoginMarks(key)
        marks = LoginMarks()
        atomic_write.write(file, marks.key, mode=0o600)
        _give_to_folder_owner(file)
    except OSError as error:
        log.warning("%s: cannot be used: %s; held back logins are tried again after a restart", file, error.strerror)
        return LoginMarks()
    return marks


def _read(file: Path) -> bytes | None:
    """Return the key, None if there is none that can be used.

    Raises:
        OSError: the file cannot be read.

    """
    try:
        # A FIFO in its place must not stop the start.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        mode = os.fstat(descriptor).st_mode
        key = stream.read(KEY_BYTES + 1) if stat.S_ISREG(mode) else b""
    if len(key) != KEY_BYTES:
        log.warning("%s: is not a key; a new one is made", file)
        return None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        with contextlib.suppress(OSError):
            file.chmod(0o600)
    return key


def _give_to_folder_owner(file: Path) -> None:
    """Let the daemon's user read a key that root made."""
    owner = file.parent.stat()
    if os.geteuid() == 0 and owner.st_uid:
        os.chown(file, owner.st_uid, owner.st_gid)
