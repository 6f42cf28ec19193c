"""Reads small files that people write. FIFOs, devices and endless files are refused before they are opened or read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class UnsuitableFileError(Exception):
    """A file of another kind, or one that is too large. The text continues a sentence that begins with its name."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """The identity of one version of a file. Times are in nanoseconds since the epoch, as the file system keeps them.

    A change within the file system's own resolution, which keeps the size, is not visible in it.
    """

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, about: os.stat_result) -> FileIdentity:
        """Return the identity of a file that was examined."""
        return cls(about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def check_kind(about: os.stat_result) -> None:
    """Check that a file is a regular one.

    Raises:
        UnsuitableFileError: it is not.

    """
    if not stat.S_ISREG(about.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(about.st_mode)), "something else")
        raise UnsuitableFileError(f"is {kind}, not a regular file")


def read_bytes(file: Path, most_bytes: int, *, follow: bool = True) -> bytes:
    """Return the content of a regular file of at most `most_bytes`; without `follow`, a symbolic link is an error.

    Raises:
        UnsuitableFileError: it is of another kind, or too large.
        OSError: it cannot be read.

    """
    check_kind(file.stat())  # opening a device can change its state
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    with os.fdopen(os.open(file, flags), "rb") as stream:
        check_kind(os.fstat(stream.fileno()))  # it may have been replaced meanwhile
        content: bytes | None = stream.read(most_bytes + 1)
    if content is None:  # reading would wait, as of the kernel's log
        raise UnsuitableFileError("is no ordinary file: it cannot be read without waiting")
    if len(content) > most_bytes:
        raise UnsuitableFileError(f"is larger than {most_bytes} bytes")
    return content
