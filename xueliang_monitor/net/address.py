"""From a camera's host to an address, and from the system's errors of connecting to ours."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket

import anyio.to_process

from xueliang_monitor.net.errors import ConnectError, HostUnreachableError, NameUnresolvedError, RefusedError

_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL})


async def resolve(host: str) -> str:
    """Return an address of `host`; a name is looked up in a process that can be killed, as lookups may hang.

    Raises:
        NameUnresolvedError: it has none.

    """
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    try:
        found = await anyio.to_process.run_sync(socket.getaddrinfo, host, None, 0, socket.SOCK_STREAM, cancellable=True)
    except (OSError, UnicodeError) as error:
        raise NameUnresolvedError(f"the name {host} has no address") from error
    return str(found[0][4][0])


def connect_error(error: OSError, where: str) -> ConnectError:
    """Return what an error of connecting to `where` means."""
    if isinstance(error, ConnectionRefusedError):
        return RefusedError(f"{where} refused the connection")
    if error.errno in _UNREACHABLE:
        return HostUnreachableError(f"{where} cannot be reached: no route to it")
    return HostUnreachableError(f"{where} cannot be reached: {error.strerror or type(error).__name__}")
