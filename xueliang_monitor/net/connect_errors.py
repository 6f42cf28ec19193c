"""Translates the system's errors of a connection: who is to blame, by a table of all that its calls may return.

The table holds what connect(2), accept(2), read(2), write(2), ip(7) and tcp(7) name, and what Linux makes of ICMP
messages (RFC 792; icmp_err_convert in net/ipv4/icmp.c). What it does not hold is named and blamed on nobody.
"""

from __future__ import annotations

import enum
import errno
import os
import ssl
from collections.abc import Mapping
from types import MappingProxyType

from xueliang_monitor.net.errors import ClosedError, ConnectRefusedError, HostUnreachableError, NetError
from xueliang_monitor.process.shortage import ShortageError, shortage_of, unknown_error


class Cause(enum.Enum):
    """What an error of a connection says."""

    REFUSED = "the port is closed"
    CLOSED = "the peer ended the connection, also in the moment in which it accepted it"
    UNREACHABLE = "the network does not reach the host"
    SILENT = "the host does not answer"
    OURS = "this machine lacks something"
    UNKNOWN = "nobody can be blamed"


CAUSES: Mapping[int, Cause] = MappingProxyType(
    {
        errno.ECONNREFUSED: Cause.REFUSED,
        errno.ECONNRESET: Cause.CLOSED,
        errno.ECONNABORTED: Cause.CLOSED,
        errno.EPIPE: Cause.CLOSED,
        errno.ENOTCONN: Cause.CLOSED,
        errno.ESHUTDOWN: Cause.CLOSED,
        errno.EHOSTUNREACH: Cause.UNREACHABLE,
        errno.ENETUNREACH: Cause.UNREACHABLE,
        errno.EHOSTDOWN: Cause.UNREACHABLE,
        errno.ENETDOWN: Cause.UNREACHABLE,
        errno.ENETRESET: Cause.UNREACHABLE,
        errno.ENONET: Cause.UNREACHABLE,
        errno.EPROTO: Cause.UNREACHABLE,
        errno.ENOPROTOOPT: Cause.UNREACHABLE,
        errno.EOPNOTSUPP: Cause.UNREACHABLE,
        errno.EMSGSIZE: Cause.UNREACHABLE,
        errno.ETIMEDOUT: Cause.SILENT,
        errno.EMFILE: Cause.OURS,
        errno.ENFILE: Cause.OURS,
        errno.EADDRNOTAVAIL: Cause.OURS,
        errno.EADDRINUSE: Cause.OURS,
        errno.EAGAIN: Cause.OURS,
        errno.ENOBUFS: Cause.OURS,
        errno.ENOMEM: Cause.OURS,
        errno.EPERM: Cause.OURS,
        errno.EACCES: Cause.OURS,
    }
)


def cause_of(error: OSError) -> Cause:
    """Return what an error says. Python names some without a number."""
    if error.errno is not None and error.errno in CAUSES:
        return CAUSES[error.errno]
    if isinstance(error, TimeoutError):
        return Cause.SILENT
    closed = isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError)
    return Cause.CLOSED if closed else Cause.UNKNOWN


def _name(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__


def connect_error(error: OSError, where: str) -> NetError | ShortageError:
    """Return the error to raise for a failed connection to `where`, a host and port."""
    match cause_of(error):
        case Cause.REFUSED:
            return ConnectRefusedError(f"{where} refused the connection")
        case Cause.CLOSED:
            detail = f"{where} ended the connection as soon as it had accepted it ({_name(error)})"
            return ClosedError(detail, reason="reset_on_accept")
        case Cause.UNREACHABLE | Cause.SILENT:
            return HostUnreachableError(f"{where} cannot be reached: {_name(error)}")
        case _:
            short = shortage_of(error) or unknown_error(error)
            return ShortageError(short.resource, f"{where} was not contacted: {short}")


def read_error(error: OSError) -> NetError | ShortageError:
    """Return the error to raise where an open connection failed as it was read or written."""
    if isinstance(error, ssl.SSLError):
        return ClosedError(
            f"the TLS connection failed ({error.reason or type(error).__name__})", reason="connection_lost"
        )
    match cause_of(error):
        case Cause.CLOSED | Cause.REFUSED:
            return ClosedError(f"the camera reset the connection ({_name(error)})")
        case Cause.UNREACHABLE | Cause.SILENT:
            return ClosedError(f"the connection to the camera broke ({_name(error)})", reason="connection_lost")
        case _:
            return shortage_of(error) or unknown_error(error)
