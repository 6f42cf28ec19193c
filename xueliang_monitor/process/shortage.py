"""Shortages of the monitor's own machine, distinguished from faults of a camera."""

from __future__ import annotations

import enum
import errno
import os
import ssl


class Resource(enum.StrEnum):
    """A resource of the monitor's machine that can run short; the values are metric labels."""

    DESCRIPTORS = "descriptors"
    PORTS = "ports"
    BUFFERS = "buffers"
    MEMORY = "memory"
    PROCESSES = "processes"
    PERMISSION = "permission"
    NAME_SERVER = "name_server"
    PROCESSOR = "processor"
    FILE = "file"
    OTHER = "other"


class ShortageError(Exception):
    """The monitor lacks a resource, so the camera cannot be judged; the text says what to do."""

    def __init__(self, resource: Resource, detail: str) -> None:
        super().__init__(detail)
        self.resource = resource


_DESCRIPTORS = "the monitor has too many open files; raise LimitNOFILE= of its service, or lower visits_at_once"
_PROCESSES = "the monitor cannot start a process or thread; raise TasksMax= and LimitNPROC= of its service"
_MEMORY = "the monitor's machine is out of memory"
_PORTS = "the monitor's machine has no free local port or address; lower visits_at_once"
_PERMISSION = "the monitor's own machine does not permit it; check its firewall, routes and service sandbox"

_BY_NUMBER: dict[int, tuple[Resource, str]] = {
    errno.EMFILE: (Resource.DESCRIPTORS, _DESCRIPTORS),
    errno.ENFILE: (Resource.DESCRIPTORS, "the monitor's machine has too many open files; raise fs.file-max"),
    errno.EADDRNOTAVAIL: (Resource.PORTS, _PORTS),
    errno.EADDRINUSE: (Resource.PORTS, _PORTS),
    errno.EAGAIN: (Resource.PORTS, _PORTS),
    errno.ENOBUFS: (Resource.BUFFERS, "the monitor's machine has no network buffers left; raise net.core limits"),
    errno.ENOMEM: (Resource.MEMORY, _MEMORY),
    errno.EPERM: (Resource.PERMISSION, _PERMISSION),
    errno.EACCES: (Resource.PERMISSION, _PERMISSION),
}


def shortage_of(error: BaseException, *, starting: bool = False) -> ShortageError | None:
    """Return the shortage that an operating system error means; None if it means no known shortage.

    With `starting`, the error occurred when a process or thread was started. EAGAIN then means that there are too many.
    """
    if isinstance(error, ShortageError):
        return error
    if isinstance(error, MemoryError):
        return ShortageError(Resource.MEMORY, _MEMORY)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return ShortageError(Resource.PROCESSES, _PROCESSES)
    if not isinstance(error, OSError) or isinstance(error, ssl.SSLError) or error.errno not in _BY_NUMBER:
        return None
    if starting and error.errno == errno.EAGAIN:
        return ShortageError(Resource.PROCESSES, _PROCESSES)
    return ShortageError(*_BY_NUMBER[error.errno])


def unknown_error(error: OSError) -> ShortageError:
    """Return the shortage for an operating system error that no camera is known to cause."""
    number = error.errno or 0
    name = f"{errno.errorcode[number]}, {os.strerror(number)}" if number in errno.errorcode else type(error).__name__
    return ShortageError(Resource.OTHER, f"unexpected error of the monitor's operating system ({name})")


def lacking_descriptors() -> ShortageError | None:
    """Return a shortage if no file can be opened now, for libraries that do not say why they failed."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return shortage_of(error)
    return None
