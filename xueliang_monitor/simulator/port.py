"""One TCP port of a simulated device. The cameras behind it are told apart by the path of the request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass

from xueliang_monitor.simulator.camera_state import CameraState
from xueliang_monitor.simulator.session import ClientSession, SessionLimit


@dataclass(frozen=True, slots=True)
class _Condition:
    """What a port does. It refuses, ignores or forgoes TLS only if all its channels do."""

    listening: bool
    accepting: bool
    tls: bool


class SimulatedPort:
    """Serves RTSP on one address and port for one camera, or for all channels of a recorder.

    A fault of the connection that not every channel has concerns the requests for that channel only: they are not
    answered, or the connection is closed.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, limit: SessionLimit) -> None:
        self.host = host
        self.port = port
        self.limit = limit
        self.channels: list[CameraState] = []
        self.connections = self.most_connections = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._black_hole: list[socket.socket] = []
        self._clients: dict[asyncio.Task[None], ClientSession] = {}
        self._condition: _Condition | None = None
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Listen, unless it does already.

        Raises:
            OSError: the address or the port is not available.

        """
        await self._change(running=True)

    async def stop(self) -> None:
        """Stop listening and disconnect every client."""
        await self._change(running=False)

    async def refresh(self, channel: CameraState) -> None:
        """Apply a change of a channel's behaviour. Its clients are disconnected if it is not to be reached now."""
        if self._condition is None:  # not started
            return
        await self._change(running=True)
        if not (channel.behaviour.listening and channel.behaviour.accepting):
            await self._disconnect([task for task, client in self._clients.items() if client.camera is channel])

    def channel_of(self, url: str) -> CameraState:
        """Return the channel that a URL names; the first one if there is none."""
        if len(self.channels) == 1:
            return self.channels[0]
        meant = [channel for channel in self.channels if channel.is_meant(url)]
        return max(meant, key=lambda channel: len(channel.path), default=self.channels[0])

    async def _change(self, *, running: bool) -> None:
        async with self._changing:
            condition = _condition(self.channels) if running else None
            if condition == self._condition:
                return
            await self._close()
            if condition is not None and not condition.accepting:
                await self._open_black_hole()
            elif condition is not None and condition.listening:
                self._server = await asyncio.start_server(
                    self._accept,
                    self.host,
                    self.port,
                    backlog=128 if len(self.channels) > 1 else 16,
                    reuse_address=True,
                    ssl=self._tls if condition.tls else None,
                )
            self._condition = condition

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if any(channel.behaviour.resetting for channel in self.channels):
            _reset(writer)
            return
        task = asyncio.current_task()
        client = ClientSession(self, reader, writer)
        if task is not None:
            self._clients[task] = client
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            await client.run()
        except asyncio.CancelledError:
            pass  # `stop` was called; asyncio's server would log the cancellation as an error
        finally:
            self.connections -= 1
            if task is not None:
                self._clients.pop(task, None)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _disconnect(self, clients: list[asyncio.Task[None]]) -> None:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _close(self) -> None:
        for each in self._black_hole:
            each.close()
        self._black_hole = []
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._disconnect(list(self._clients))

    async def _open_black_hole(self) -> None:
        """Listen with a full accept queue: the kernel drops further SYNs, as a dead switch would."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(0)
        self._black_hole = [listener]
        loop = asyncio.get_running_loop()
        for _ in range(3):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            self._black_hole.append(filler)
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(0.05):
                    await loop.sock_connect(filler, (self.host, self.port))


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection so that the kernel resets it: unsent data is dropped (SO_LINGER of 0 s)."""
    accepted: socket.socket = writer.get_extra_info("socket")
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _condition(channels: list[CameraState]) -> _Condition:
    behaviours = [channel.behaviour for channel in channels]
    return _Condition(
        listening=any(each.listening for each in behaviours),
        accepting=any(each.accepting for each in behaviours),
        tls=any(each.tls for each in behaviours),
    )
