"""The simulated fleet: its cameras, the ports and recorders that they share, and what they hang on."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.day import Light, SimulatedDay
from xueliang_monitor.simulator.faults import FAULTS, SimulatedFault
from xueliang_monitor.simulator.manners import MANNERS
from xueliang_monitor.simulator.nodes import SimulatedNodes
from xueliang_monitor.simulator.onvif import join_group
from xueliang_monitor.simulator.port import SimulatedPort
from xueliang_monitor.simulator.session import SessionLimit
from xueliang_monitor.topology import Node, Topology


class SimulatedFleet:
    """Every camera of a spreadsheet on its own loopback address, or on the one of its recorder.

    `faults` are the faults and manners that can be set. `declared` are the nodes that cameras hang on; a recorder
    among them serves no more sessions than it declares. In a `day` the light of the scenes follows its hours.
    """

    def __init__(
        self,
        rows: tuple[Row, ...],
        credentials: Credentials,
        tls: ssl.SSLContext | None = None,
        *,
        faults: Sequence[type[SimulatedFault]] = (*FAULTS, *MANNERS),
        declared: Iterable[Node] = (),
        day: SimulatedDay | None = None,
    ) -> None:
        self.faults = faults
        nodes = tuple(declared)
        limits = {canonical_host(node.address): SessionLimit(node.sessions) for node in nodes if node.address}
        ports: dict[tuple[str, int], SimulatedPort] = {}
        recorders: dict[tuple[str, int], SimulatedCamera] = {}
        cameras: dict[str, SimulatedCamera] = {}
        for number, row in enumerate(rows):
            target = Target(row.id, row.data.address, row.data.rtsp_port, row.data.rtsp_path)
            address = canonical_host(target.host)
            limit = limits.setdefault(address, SessionLimit())
            port = ports.setdefault((address, target.port), SimulatedPort(target.host, target.port, tls, limit))
            onvif = row.data.onvif_port
            # A recorder has one ONVIF service, which is that of its first channel.
            first = recorders.get((address, onvif)) if onvif else None
            camera = SimulatedCamera(target, number, credentials, onvif_port=onvif, port=port, recorder=first)
            camera.day = day
            if onvif:
                recorders.setdefault((address, onvif), camera)
            cameras[row.id] = camera
        self.cameras: Mapping[str, SimulatedCamera] = cameras
        known = (Camera(row.id, cameras[row.id].target, row.data) for row in rows)
        self.nodes = SimulatedNodes(Topology.of(nodes, known), self.cameras)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve every camera within the context.

        Raises:
            OSError: an address is not available.

        """
        group: asyncio.DatagramTransport | None = None
        # Beside the event loop: a clip that is made while cameras are served would make their answers late.
        await asyncio.to_thread(self._make_clips)
        try:
            for camera in self.cameras.values():
                await camera.start()
            group = await join_group(tuple(camera.onvif for camera in self.cameras.values() if camera.onvif))
            yield
        finally:
            if group is not None:
                group.close()
            await self.nodes.stop()
            await asyncio.gather(*(camera.stop() for camera in self.cameras.values()))

    def _make_clips(self) -> None:
        days = any(camera.day is not None for camera in self.cameras.values())
        for scene, codec in sorted({(camera.scene, camera.codec) for camera in self.cameras.values()}):
            for light in (set(Light) - {Light.FOG}) if days else {Light.DAY}:
                clips.load(scene, codec, light=light)

    def describe(self) -> list[dict[str, Any]]:
        """Return a JSON object for each camera: its stream, its faults and its counters."""
        return [
            {
                "camera": camera.target.id,
                "url": camera.target.url,
                "scene": camera.scene,
                "codec": camera.codec.value,
                "light": camera.light().value,
                "faults": sorted(camera.faults),
                "faults_of_nodes": sorted(f"{fault} ({node})" for node, fault in camera.faults_of_nodes),
                "open_sessions": camera.open_sessions,
                "refused_logins": camera.refused_logins + (camera.onvif.refused_logins if camera.onvif else 0),
                "onvif_port": camera.onvif.port if camera.onvif else None,
                "onvif_calls": camera.onvif.calls if camera.onvif else {},
                "keyframe_requests": camera.keyframe_requests,
            }
            for camera in self.cameras.values()
        ]
