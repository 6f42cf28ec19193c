"""Atomic and durable writing of files."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write(
    path: Path,
    content: bytes,
    *,
    mode: int = 0o600,
    new: bool = False,
    access: Callable[[int], None] | None = None,
) -> None:
    """Write a file under a temporary name, and rename it once its content is on the disk.

    `access` sets the owner, group and mode of the open file, in place of `mode`.

    Raises:
        FileExistsError: the file exists, and `new` was requested.
        OSError: the file cannot be written.

    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            (access or (lambda opened: os.fchmod(opened, mode)))(stream.fileno())
            os.fsync(stream.fileno())
        if new:
            path.hardlink_to(temporary)
            Path(temporary).unlink()
        else:
            Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the renames in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
