"""What the monitor itself runs short of, told apart from what is wrong with a camera."""

from __future__ import annotations

import enum
import errno
import os
import ssl


class Resource(enum.StrEnum):
    """What can run short on the monitor's own machine."""

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
    """The monitor lacks something of its own, so that nothing can be told of the camera; the text says what to do."""

    def __init__(self, resource: Resource, detail: str) -> None:
        super().__init__(detail)
        self.resource = resource


_DESCRIPTORS = "the monitor has too many open files; raise LimitNOFILE= of its service, or lower visits_at_once"
_PROCESSES = "the monitor can start no process or thread; raise TasksMax= and LimitNPROC= of its service"
_MEMORY = "the monitor's machine is out of memory"
_PORTS = "no local port or address is free on the monitor's machine; lower visits_at_once"
_PERMISSION = "the monitor's own machine does not permit it; look at its firewall, routes and service sandbox"

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
    """Return the shortage that an error of the system stands for; None where it is none that is known.

    `starting` says that a process or thread was to be started, where EAGAIN means that there are too many.
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
    """Return what to say of an error of the system that no camera is known to cause."""
    return ShortageError(Resource.OTHER, f"the monitor's own system said: {error.strerror or type(error).__name__}")


def lacking_descriptors() -> ShortageError | None:
    """Say whether no file can be opened now, for libraries that do not tell why they failed."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return shortage_of(error)
    return None
