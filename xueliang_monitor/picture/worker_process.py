"""One picture worker as the daemon sees it: a process that makes one call at a time, and can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from xueliang_monitor.picture.worker_child import COUNT, SIZE

_CHILD = str(Path(__file__).with_name("worker_child.py"))

RUNNABLE = "R"
"""The state of a process that runs, or waits for a processor."""

_TICKS = os.sysconf("SC_CLK_TCK")


class WorkerDiedError(Exception):
    """The process ended during a call."""


def _end(process: subprocess.Popen[bytes], connection: socket.socket) -> None:
    """Kill the process and wait for it, when the worker is dropped or the program ends."""
    connection.close()
    process.kill()
    process.wait()


class WorkerProcess:
    """A process that makes the calls it is sent.

    A call is a function of a module and its arguments. Buffers (`pickle.PickleBuffer`) among them are handed to the
    kernel as they are, and arrive as bytes.
    """

    def __init__(self) -> None:
        """Start the process.

        Raises:
            OSError: no process or socket is to be had.

        """
        ours, theirs = socket.socketpair()
        try:
            command = [sys.executable, "-I", "-S", _CHILD, str(theirs.fileno())]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),))  # noqa: S603 - our own
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        self._connection = ours
        self._finalizer = weakref.finalize(self, _end, self._process, ours)

    async def prepare(self, load: Callable[[], None]) -> None:
        """Give the process the module path, and let it import with `load` what its calls need; wait until it has.

        Raises:
            WorkerDiedError: the process ended.

        """
        await self._send([pickle.dumps(sys.path)])
        await self.call(load, ())

    async def call(self, function: Callable[..., object], arguments: Sequence[object]) -> object:
        """Return what a call returns in the process, or raise what it raises there.

        Raises:
            WorkerDiedError: the process ended.

        """
        buffers: list[pickle.PickleBuffer] = []
        data = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append)
        await self._send([data, *(buffer.raw() for buffer in buffers)])
        answer = await self._receive(SIZE.unpack(await self._receive(SIZE.size))[0])
        failed, result = pickle.loads(answer)  # noqa: S301 - from our own process  # nosec B301
        if failed:
            raise result
        return cast("object", result)

    async def _send(self, parts: Sequence[bytes | memoryview]) -> None:
        loop = asyncio.get_running_loop()
        head = COUNT.pack(len(parts)) + b"".join(SIZE.pack(len(part)) for part in parts)
        try:
            for part in (head, *parts):
                await loop.sock_sendall(self._connection, part)
        except ConnectionError as error:
            raise WorkerDiedError from error

    async def _receive(self, size: int) -> bytearray:
        data = bytearray(size)
        view, loop = memoryview(data), asyncio.get_running_loop()
        while view:
            try:
                count = await loop.sock_recv_into(self._connection, view)
            except ConnectionError as error:
                raise WorkerDiedError from error
            if not count:
                raise WorkerDiedError
            view = view[count:]
        return data

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def processor_seconds(self) -> float:
        """The processor time that the process has used."""
        return sum(int(part) for part in self._stat()[11:13]) / _TICKS

    @property
    def runnable(self) -> bool:
        """Whether the process runs or waits for a processor only. One that hangs does neither."""
        return self._stat()[:1] == [RUNNABLE]

    def _stat(self) -> list[str]:
        """Return what the kernel tells of the process, from its state on (proc(5))."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return ["X", *["0"] * 20]

    def kill(self) -> None:
        """Kill the process."""
        self._finalizer()
