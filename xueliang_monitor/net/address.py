"""From the system's errors of connecting to ours: what is wrong with the camera, and what with ourselves."""

from __future__ import annotations

import errno

from xueliang_monitor.net.errors import ConnectError, ConnectRefusedError, HostUnreachableError
from xueliang_monitor.process.shortage import ShortageError, shortage_of, unknown_error

_NO_ROUTE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ENONET})
_BY_PEER = frozenset(
    {errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.EPROTO, errno.ENOPROTOOPT}
)
"""What the network or the other side may cause; an error that is in neither set is our own system's."""


def connect_error(error: OSError, where: str) -> ConnectError | ShortageError:
    """Return what an error of connecting to `where` means."""
    if isinstance(error, ConnectionRefusedError):
        return ConnectRefusedError(f"{where} refused the connection")
    if error.errno in _NO_ROUTE:
        return HostUnreachableError(f"{where} cannot be reached: no route to it")
    if error.errno in _BY_PEER or isinstance(error, TimeoutError):
        return HostUnreachableError(f"{where} cannot be reached: {error.strerror or type(error).__name__}")
    short = shortage_of(error) or unknown_error(error)
    return ShortageError(short.resource, f"{where} was not asked: {short}")
