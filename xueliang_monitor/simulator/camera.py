"""One simulated camera: its state, its RTSP server and its ONVIF server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.camera_state import CameraState
from xueliang_monitor.simulator.faults import SimulatedFault
from xueliang_monitor.simulator.onvif import OnvifService
from xueliang_monitor.simulator.session import ClientSession


def _serves_onvif(behaviour: Behaviour) -> bool:
    return behaviour.accepting and behaviour.onvif_listening


class SimulatedCamera(CameraState):
    """Serves RTSP on its own address, over TLS if a context is given, and ONVIF if a port is given."""

    def __init__(
        self,
        target: Target,
        number: int,
        credentials: Credentials,
        *,
        onvif_port: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(target, number, credentials)
        self._tls = tls
        self.onvif = OnvifService(self, onvif_port, number) if onvif_port else None
        self._server: asyncio.Server | None = None
        self._black_hole: list[socket.socket] = []
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address or the port is not available.

        """
        await self._listen()
        if self.onvif is not None:
            await self.onvif.start()

    async def stop(self) -> None:
        """Stop listening and disconnect every client."""
        await self._close()
        if self.onvif is not None:
            await self.onvif.stop()

    async def set_fault(self, fault: SimulatedFault) -> None:
        """Add a fault, or replace the one with the same name.

        Raises:
            FileNotFoundError: the simulator has no clip of this camera with the fault; nothing was changed.

        """
        clips.load(self.scene, self.codec, fault.apply(self.behaviour).variant)
        self.faults[fault.name] = fault
        await self._apply_faults()
        if self.onvif is not None and self.behaviour.restarted:
            self.onvif.restart()

    async def clear_fault(self, name: str | None = None) -> None:
        """Remove the fault of that name, or all faults."""
        if name is None:
            self.faults.clear()
        else:
            self.faults.pop(name, None)
        await self._apply_faults()

    async def _apply_faults(self) -> None:
        before, after = self.behaviour, Behaviour()
        for fault in self.faults.values():
            after = fault.apply(after)
        self.behaviour = after
        if self.onvif is not None and _serves_onvif(before) != _serves_onvif(after):
            await (self.onvif.start() if _serves_onvif(after) else self.onvif.stop())
        if (before.listening, before.accepting, before.tls) != (after.listening, after.accepting, after.tls):
            await self._close()
            if not after.accepting:
                await self._open_black_hole()
            elif after.listening:
                await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accept,
            self.target.host,
            self.target.port,
            backlog=16,
            reuse_address=True,
            ssl=self._tls if self.behaviour.tls else None,
        )

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._clients.add(task)
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            await ClientSession(self, reader, writer).run()
        except asyncio.CancelledError:
            pass  # `stop` was called; asyncio's server would log the cancellation as an error
        finally:
            self.connections -= 1
            if task is not None:
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

    async def _open_black_hole(self) -> None:
        """Listen with a full accept queue: the kernel drops further SYNs, as a dead switch would."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.target.host, self.target.port))
        listener.listen(0)
        self._black_hole = [listener]
        loop = asyncio.get_running_loop()
        for _ in range(3):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            self._black_hole.append(filler)
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(0.05):
                    await loop.sock_connect(filler, (self.target.host, self.target.port))
