"""Translates the system's connect errors: faults of the camera or the network, and shortages of the monitor."""

from __future__ import annotations

import errno

from xueliang_monitor.net.errors import ConnectError, ConnectRefusedError, HostUnreachableError
from xueliang_monitor.process.shortage import ShortageError, shortage_of, unknown_error

_NO_ROUTE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ENONET})
_BY_PEER = frozenset(
    {errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.EPROTO, errno.ENOPROTOOPT}
)
"""Errors that the network or the peer may cause. Any other error comes from this machine."""


def connect_error(error: OSError, where: str) -> ConnectError | ShortageError:
    """Return the error to raise for a failed connection to `where`, a host and port."""
    if isinstance(error, ConnectionRefusedError):
        return ConnectRefusedError(f"{where} refused the connection")
    if error.errno in _NO_ROUTE:
        return HostUnreachableError(f"{where} cannot be reached: no route to host")
    if error.errno in _BY_PEER or isinstance(error, TimeoutError):
        return HostUnreachableError(f"{where} cannot be reached: {error.strerror or type(error).__name__}")
    short = shortage_of(error) or unknown_error(error)
    return ShortageError(short.resource, f"{where} was not contacted: {short}")
