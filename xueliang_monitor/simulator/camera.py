"""One simulated camera: its state, the port on which it serves RTSP, and its ONVIF server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.camera_state import CameraState
from xueliang_monitor.simulator.faults import SimulatedFault
from xueliang_monitor.simulator.onvif import OnvifService
from xueliang_monitor.simulator.port import SimulatedPort
from xueliang_monitor.simulator.session import SessionLimit


class SimulatedCamera(CameraState):
    """Serves RTSP over TLS if a context is given, and ONVIF if a port is given.

    A channel of a recorder is given the `port` that it shares with the other channels, and the first channel with the
    same ONVIF service as `recorder`.
    """

    def __init__(
        self,
        target: Target,
        number: int,
        credentials: Credentials,
        *,
        onvif_port: int | None = None,
        tls: ssl.SSLContext | None = None,
        port: SimulatedPort | None = None,
        recorder: SimulatedCamera | None = None,
    ) -> None:
        super().__init__(target, number, credentials)
        self.port = port or SimulatedPort(target.host, target.port, tls, SessionLimit())
        self.port.channels.append(self)
        self.onvif = OnvifService(self, onvif_port, number) if onvif_port and recorder is None else None
        self._recorder = recorder or self
        self._onvif_changing = asyncio.Lock()
        self._onvif_running = False
        self._of_nodes: dict[tuple[str, str], SimulatedFault] = {}

    @property
    def connections(self) -> int:
        """The number of open connections to its port."""
        return self.port.connections

    @property
    def most_connections(self) -> int:
        """The largest number of connections to its port that were open at once."""
        return self.port.most_connections

    @property
    def faults_of_nodes(self) -> Mapping[tuple[str, str], SimulatedFault]:
        """The faults of what the camera hangs on, by the name of the node and that of the fault."""
        return self._of_nodes

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address or the port is not available.

        """
        await self.port.start()
        await self._refresh_onvif()

    async def stop(self) -> None:
        """Stop listening and disconnect every client, also those of other channels at the same port."""
        await self.port.stop()
        if self.onvif is not None:
            await self.onvif.stop()
            self._onvif_running = False

    def check(self, fault: SimulatedFault) -> None:
        """Check that the camera can have a fault.

        Raises:
            FileNotFoundError: the simulator has no clip of this camera with the fault.

        """
        after = fault.apply(self.behaviour)
        clips.load(self.scene, self.codec, after.variant, after.weather or self.light())

    async def set_fault(self, fault: SimulatedFault, node: str = "") -> None:
        """Add a fault, or replace the one with the same name; `node` names what the camera hangs on if that has it.

        Raises:
            FileNotFoundError: the simulator has no clip of this camera with the fault; nothing was changed.

        """
        self.check(fault)
        if node:
            self._of_nodes[node, fault.name] = fault
        else:
            self.faults[fault.name] = fault
        await self._apply_faults()
        if self.onvif is not None and self.behaviour.restarted:
            self.onvif.restart()

    async def clear_fault(self, name: str | None = None, node: str = "") -> None:
        """Remove the fault of that name, or all faults: the camera's own, or those of a node."""
        if node:
            for key in [key for key in self._of_nodes if key[0] == node and name in (None, key[1])]:
                del self._of_nodes[key]
        elif name is None:
            self.faults.clear()
        else:
            self.faults.pop(name, None)
        await self._apply_faults()

    async def _apply_faults(self) -> None:
        after = Behaviour()
        for fault in (*self.faults.values(), *self._of_nodes.values()):
            after = fault.apply(after)
        self.behaviour = after
        await self._recorder._refresh_onvif()
        await self.port.refresh(self)

    async def _refresh_onvif(self) -> None:
        """Start or stop the ONVIF service. That of a recorder goes on while one of its channels is reached."""
        async with self._onvif_changing:
            wanted = self.behaviour.onvif_listening and any(each.behaviour.accepting for each in self.port.channels)
            if self.onvif is not None and wanted != self._onvif_running:
                await (self.onvif.start() if wanted else self.onvif.stop())
                self._onvif_running = wanted
