"""A recorder: one address with many channels, which can hang, be dead, or take only so many sessions."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.simulator.camera_state import CameraState
from xueliang_monitor.simulator.session import ClientSession
from xueliang_monitor.wire.messages import Request


class Condition(enum.StrEnum):
    """How the recorder answers. HUNG accepts connections and stays silent; DEAD drops packets."""

    HEALTHY = "healthy"
    HUNG = "hung"
    DEAD = "dead"
    CLOSED = "closed"


class _Session(ClientSession):
    """A connection to a recorder: the path of the first request with one decides which channel it is."""

    def __init__(self, recorder: Recorder, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(next(iter(recorder.states.values())), reader, writer)
        self._recorder = recorder

    async def _serve(self, request: Request) -> bool:
        recorder = self._recorder
        if recorder.condition is Condition.HUNG:
            return True
        state = recorder.states.get("/" + urlsplit(request.url).path.strip("/").split("/")[0])
        if state is not None:
            self._camera = state
        if self._camera.target.id in recorder.hung_channels:
            return True
        if request.method == "SETUP" and not self._session and recorder.open_sessions >= recorder.most_sessions:
            recorder.refused_sessions += 1
            self._reply(request, 453)
            return True
        if recorder.answer_delay_seconds:
            await asyncio.sleep(recorder.answer_delay_seconds)
        return await super()._serve(request)


class Recorder:
    """Serves channels `/ch01` and so on at one address.

    `most_sessions` are open at once at most; further ones get 453. `hung_channels` are ids of channels that are silent
    alone. The counters are for tests.
    """

    def __init__(self, address: str, port: int, channels: int, credentials: Credentials) -> None:
        self.address, self.port = address, port
        targets = [
            Target(f"{address}-{number:02d}", address, port, f"/ch{number:02d}", credentials, listen_seconds=0.5)
            for number in range(1, channels + 1)
        ]
        self.states = {
            target.path: CameraState(target, 3 * number, credentials) for number, target in enumerate(targets)
        }
        self.condition = Condition.HEALTHY
        self.most_sessions = 1000
        self.hung_channels: set[str] = set()
        self.answer_delay_seconds = 0.0
        self.refused_sessions = self.connections = self.most_connections = self.accepted = 0
        self._server: asyncio.Server | None = None
        self._black_hole: list[socket.socket] = []
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def targets(self) -> tuple[Target, ...]:
        """The channels."""
        return tuple(state.target for state in self.states.values())

    @property
    def open_sessions(self) -> int:
        """How many sessions are open at all channels."""
        return sum(state.open_sessions for state in self.states.values())

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Recorder]:
        """Serve within the context."""
        await self._listen()
        try:
            yield self
        finally:
            await self._close()

    async def become(self, condition: Condition) -> None:
        """Change how the recorder answers. A recorder that hangs keeps its connections."""
        self.condition = condition
        if condition is Condition.HUNG and self._server is not None:
            return
        await self._close()
        if condition is Condition.DEAD:
            await self._drop_packets()
        elif condition is not Condition.CLOSED:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, self.address, self.port, backlog=128, reuse_address=True
        )

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        self.accepted += 1
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            await _Session(self, reader, writer).run()
        except asyncio.CancelledError:
            pass  # asyncio's server would log it as an error
        finally:
            self.connections -= 1
            self._clients.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _close(self) -> None:
        for each in self._black_hole:
            each.close()
        self._black_hole = []
        if self._server is not None:
            self._server.close()
            self._server = None
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _drop_packets(self) -> None:
        """Listen with a full accept queue: the kernel drops further SYNs."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.port))
        listener.listen(0)
        self._black_hole = [listener]
        loop = asyncio.get_running_loop()
        for _ in range(3):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            self._black_hole.append(filler)
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(0.05):
                    await loop.sock_connect(filler, (self.address, self.port))
