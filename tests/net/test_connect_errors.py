"""Who is to blame for an error of a connection: one row for each that the manual pages name."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import time

import pytest

from tests.waiting import PATIENT
from xueliang_monitor.model import Rung, Target
from xueliang_monitor.net.connect_errors import CAUSES, Cause, cause_of, connect_error, read_error
from xueliang_monitor.net.errors import ClosedError, ConnectRefusedError, HostUnreachableError
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.process.shortage import Resource, ShortageError

NAMED = frozenset(
    {"ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ENOTCONN", "ESHUTDOWN", "EHOSTUNREACH", "ENETUNREACH"}
    | {"EHOSTDOWN", "ENETDOWN", "ENETRESET", "ENONET", "EPROTO", "ENOPROTOOPT", "EOPNOTSUPP", "EMSGSIZE", "ETIMEDOUT"}
    | {"EMFILE", "ENFILE", "EADDRNOTAVAIL", "EADDRINUSE", "EAGAIN", "ENOBUFS", "ENOMEM", "EPERM", "EACCES"}
)
"""Of connect(2), accept(2), read(2), write(2), ip(7), tcp(7) and icmp_err_convert, what an open socket may return."""

OWN_MISTAKES = (
    *("EAFNOSUPPORT", "EINVAL", "EBADF", "EFAULT", "ENOTSOCK", "EPROTOTYPE", "EISCONN", "EALREADY", "EIO"),
    *("EDESTADDRREQ", "ENOSPC"),
)
"""Of the same pages, what says nothing of a camera and of no known shortage."""

EXPECTED = {
    Cause.REFUSED: (ConnectRefusedError, ClosedError),
    Cause.CLOSED: (ClosedError, ClosedError),
    Cause.UNREACHABLE: (HostUnreachableError, ClosedError),
    Cause.SILENT: (HostUnreachableError, ClosedError),
    Cause.OURS: (ShortageError, ShortageError),
    Cause.UNKNOWN: (ShortageError, ShortageError),
}


def error_of(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_the_table_holds_what_the_manual_pages_name() -> None:
    assert set(CAUSES) == {getattr(errno, name) for name in NAMED}


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_each_error_has_its_cause(number: int) -> None:
    error = error_of(number)
    connecting, reading = connect_error(error, "h:554"), read_error(error)
    assert (type(connecting), type(reading)) == EXPECTED[cause_of(error)]
    if cause_of(error) is Cause.UNKNOWN:
        assert errno.errorcode[number] in str(connecting)
        assert isinstance(connecting, ShortageError)
        assert connecting.resource is Resource.OTHER


@pytest.mark.parametrize("name", OWN_MISTAKES)
def test_our_own_mistakes_are_blamed_on_nobody(name: str) -> None:
    assert cause_of(error_of(getattr(errno, name))) is Cause.UNKNOWN


def test_errors_without_a_number_are_known_by_their_kind() -> None:
    assert cause_of(TimeoutError()) is Cause.SILENT
    assert cause_of(ConnectionResetError("Connection lost")) is Cause.CLOSED


def _listening(*, resets: bool) -> tuple[socket.socket, int]:
    server = socket.create_server(("127.0.0.1", 0))
    if resets:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return server, server.getsockname()[1]


@pytest.mark.parametrize("resets", [True, False])
async def test_a_camera_that_ends_a_connection_as_it_accepts_it_is_reached_and_closes_it(resets: bool) -> None:
    server, port = _listening(resets=resets)
    server.setblocking(False)

    async def accept() -> None:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(server)
            if resets:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    accepting = asyncio.create_task(accept())
    try:
        target = Target("cam", "127.0.0.1", port, "/live")
        visited, _ = await visit(target, Rung.RTSP, Memory(), timeouts=PATIENT, workers=Workers(1), now=time.time())
    finally:
        accepting.cancel()
        server.close()
    assert [(finding.code, finding.rung) for finding in visited.seen] == [("connection_closed", Rung.RTSP)]


async def test_a_reset_during_the_connect_is_told_by_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async def reset(*_args: object, **_more: object) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", reset)
    async with await RtspConnection.open("h", 554, ("127.0.0.1", "127.0.0.2")) as connection:
        for step in (connection.describe("rtsp://h/", None), connection.secure("insecure")):
            with pytest.raises(ClosedError, match="as soon as it had accepted it") as raised:
                await step
            assert raised.value.reason == "reset_on_accept"
