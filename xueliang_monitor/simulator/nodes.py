"""Faults of what simulated cameras hang on: a switch, a line or a recorder fails with all cameras below it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.faults import SimulatedFault
from xueliang_monitor.topology import Topology


class SimulatedNodes:
    """Sets faults on every camera below a node, and takes them back. A camera has those of all nodes on its path."""

    def __init__(self, topology: Topology, cameras: Mapping[str, SimulatedCamera]) -> None:
        self.topology = topology
        self._cameras = cameras
        self._faults: dict[str, dict[str, SimulatedFault]] = {}
        self._changes: dict[str, set[asyncio.Task[None]]] = {}
        self._random = random.Random()

    def faults(self, name: str) -> list[str]:
        """Return the names of the faults of a node."""
        return sorted(self._faults.get(name, ()))

    async def set_fault(self, name: str, fault: SimulatedFault, spread_seconds: float = 0.0) -> None:
        """Give every camera below a node a fault, at once or at random within a time.

        All channels of a recorder get it at the same time. What was still to happen at this node does not.

        Raises:
            FileNotFoundError: the simulator has no clip of a camera with the fault; nothing was changed.

        """
        for camera in self.topology.below(name):
            self._cameras[camera].check(fault)
        self._faults.setdefault(name, {})[fault.name] = fault
        await self._change(name, spread_seconds, lambda camera: camera.set_fault(fault, name))

    async def clear_fault(self, name: str, fault: str | None = None, spread_seconds: float = 0.0) -> None:
        """Take a fault of a node back from every camera below it, or all faults of the node."""
        known = self._faults.get(name, {})
        for each in list(known) if fault is None else [fault]:
            known.pop(each, None)
        await self._change(name, spread_seconds, lambda camera: camera.clear_fault(fault, name))

    async def _change(
        self, name: str, spread_seconds: float, change: Callable[[SimulatedCamera], Awaitable[None]]
    ) -> None:
        for task in self._changes.pop(name, set()):
            task.cancel()
        devices: dict[str, list[SimulatedCamera]] = {}
        for camera in self.topology.below(name):
            known = self._cameras[camera]
            devices.setdefault(known.target.host, []).append(known)
        if not spread_seconds:
            await asyncio.gather(*(change(camera) for device in devices.values() for camera in device))
            return

        async def later(device: list[SimulatedCamera]) -> None:
            await asyncio.sleep(self._random.uniform(0, spread_seconds))
            await asyncio.gather(*(change(camera) for camera in device))

        tasks = {asyncio.create_task(later(device)) for device in devices.values()}
        for task in tasks:
            task.add_done_callback(tasks.discard)
        self._changes[name] = tasks

    async def stop(self) -> None:
        """Let nothing more happen."""
        tasks = [task for tasks in self._changes.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def describe(self) -> list[dict[str, Any]]:
        """Return a JSON object for each node: what it hangs on, its cameras, its faults, and changes to come."""
        return [
            {
                "node": node.name,
                "name": node.title,
                "parent": node.parent,
                "kind": node.kind.value,
                "address": node.address,
                "cameras": list(self.topology.below(node.name)),
                "faults": self.faults(node.name),
                "changes_to_come": len(self._changes.get(node.name, ())),
            }
            for node in self.topology.nodes.values()
        ]
