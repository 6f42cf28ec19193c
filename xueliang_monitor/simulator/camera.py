"""One simulated camera: an address, a port, a clip, and what is wrong with it at the moment."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import ssl
from urllib.parse import urlsplit

from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.faults import Behaviour, SimulatedFault
from xueliang_monitor.simulator.onvif import OnvifService
from xueliang_monitor.simulator.session import ClientSession


def _speaks_onvif(behaviour: Behaviour) -> bool:
    return behaviour.accepting and behaviour.onvif != "off"


class SimulatedCamera:
    """Serves RTSP on its own address, over TLS with a context for it; what clients do is counted for tests.

    `login_kind` is one of `LOGIN_KINDS`; a nonce is good for `nonce_lives` requests, for ever with 0; `refuse_logins`
    is how many good logins are refused, as by a camera whose sessions are all in use.
    """

    def __init__(
        self,
        target: Target,
        number: int,
        credentials: Credentials,
        onvif_port: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.target = target
        self.credentials = credentials
        self.scene, self.codec = clips.PROFILES[number % len(clips.PROFILES)]
        self.login_kind = "sha-256" if number % 2 == 1 else "digest"
        self.nonce_lives = self.refuse_logins = 0
        self.session_seconds = 60
        self._tls = tls
        self.keyframe_at_play = number % 6 != 5
        self.ssrc = int.from_bytes(hashlib.blake2b(target.id.encode(), digest_size=4).digest(), "big")
        self.faults: dict[str, SimulatedFault] = {}
        self.behaviour = Behaviour()
        self.open_sessions = self.sessions_served = self.teardowns = self.refused_logins = 0
        self.keyframe_requests = self.kept_alive = self.connections = 0
        self.most_connections = 0
        self.onvif = OnvifService(self, onvif_port, number) if onvif_port else None
        self._server: asyncio.Server | None = None
        self._hole: list[socket.socket] = []
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def path(self) -> str:
        """Where the main stream stands now; the other profile's has `-sub` behind it."""
        return self.behaviour.path or self.target.path

    def serves(self, url: str) -> bool:
        """Say whether a stream stands at the URL's path."""
        return urlsplit(url).path.rstrip("/").removesuffix("-sub") == self.path.rstrip("/")

    def clip(self) -> clips.Clip:
        """Return what the camera shows now."""
        return clips.load(self.scene, self.codec, self.behaviour.variant)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address or port is not to be had.

        """
        await self._listen()
        if self.onvif is not None:
            await self.onvif.start()

    async def stop(self) -> None:
        """Stop listening and end every client."""
        await self._close()
        if self.onvif is not None:
            await self.onvif.stop()

    async def set_fault(self, fault: SimulatedFault) -> None:
        """Add a fault, or replace the one of its name."""
        self.faults[fault.name] = fault
        await self._behave()
        if self.onvif is not None and self.behaviour.restarted:
            self.onvif.restart()

    async def clear_fault(self, name: str | None = None) -> None:
        """Take a fault away, or all of them."""
        if name is None:
            self.faults.clear()
        else:
            self.faults.pop(name, None)
        await self._behave()

    async def _behave(self) -> None:
        before, after = self.behaviour, Behaviour()
        for fault in self.faults.values():
            after = fault.apply(after)
        self.behaviour = after
        if self.onvif is not None and _speaks_onvif(before) != _speaks_onvif(after):
            await (self.onvif.start() if _speaks_onvif(after) else self.onvif.stop())
        if (before.listening, before.accepting, before.tls) != (after.listening, after.accepting, after.tls):
            await self._close()
            if not after.accepting:
                await self._dig_hole()
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
            pass  # stopping: asyncio's server would log it as an error
        finally:
            self.connections -= 1
            if task is not None:
                self._clients.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _close(self) -> None:
        for hole in self._hole:
            hole.close()
        self._hole = []
        if self._server is not None:
            self._server.close()
            self._server = None
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _dig_hole(self) -> None:
        """Listen with a full queue, so that further connections get no answer, as behind a dead switch."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.target.host, self.target.port))
        listener.listen(0)
        self._hole = [listener]
        loop = asyncio.get_running_loop()
        for _ in range(3):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            self._hole.append(filler)
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(0.05):
                    await loop.sock_connect(filler, (self.target.host, self.target.port))
