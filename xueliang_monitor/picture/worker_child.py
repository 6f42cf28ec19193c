"""The process of a picture worker: reads calls from its socket, makes them one by one, and sends back the results.

It is run by its path and gets the module path of the daemon, so that it imports nothing before it is told to.
"""

from __future__ import annotations

import pickle
import signal
import socket
import struct
import sys

COUNT = struct.Struct("!I")
"""How many parts a message has: its pickle, and the buffers that are sent beside it without a copy."""

SIZE = struct.Struct("!Q")
"""The size in bytes of one part."""


def receive(connection: socket.socket, size: int) -> bytes:
    """Return exactly so many bytes; an empty result is the end."""
    data = connection.recv(size, socket.MSG_WAITALL)
    return data if len(data) == size else b""


def receive_message(connection: socket.socket) -> list[bytes] | None:
    """Return the parts of one message; None at the end."""
    head = receive(connection, COUNT.size)
    if not head:
        return None
    count = COUNT.unpack(head)[0]
    sizes = receive(connection, SIZE.size * count)
    return [receive(connection, size) if size else b"" for (size,) in SIZE.iter_unpack(sizes)]


def main() -> None:
    """Take the module path, and make calls until the daemon closes the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the daemon ends its workers itself
    connection = socket.socket(fileno=int(sys.argv[1]))
    first = receive_message(connection)
    sys.path[:] = pickle.loads(first[0]) if first else []  # noqa: S301 - from the daemon  # nosec B301
    while (parts := receive_message(connection)) is not None:
        try:
            call, arguments = pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301 - from the daemon  # nosec B301
            outcome: tuple[bool, object] = False, call(*arguments)
        except Exception as error:  # noqa: BLE001 - it is raised where the call came from
            outcome = True, error
        try:
            data = pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001 - an exception that cannot be sent is told by its name
            data = pickle.dumps((True, RuntimeError(type(error).__name__)), pickle.HIGHEST_PROTOCOL)
        connection.sendall(SIZE.pack(len(data)) + data)


if __name__ == "__main__":
    main()
