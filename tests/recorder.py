"""A simulated recorder: one address with many channels, which can hang, be dead, or take only so many sessions."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass

from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.camera_state import CameraState
from xueliang_monitor.simulator.port import SimulatedPort
from xueliang_monitor.simulator.session import SessionLimit


class Condition(enum.StrEnum):
    """How the recorder answers. HUNG accepts connections and stays silent; DEAD drops packets."""

    HEALTHY = "healthy"
    HUNG = "hung"
    DEAD = "dead"


_BEHAVIOURS = {
    Condition.HEALTHY: Behaviour(),
    Condition.HUNG: Behaviour(answering=False, media=False),
    Condition.DEAD: Behaviour(accepting=False),
}


@dataclass(slots=True)
class _Limit(SessionLimit):
    """A limit that counts how often it was reached."""

    refused: int = 0

    @property
    def reached(self) -> bool:
        found = self.most is not None and self.open >= self.most
        self.refused += found
        return found


class Recorder(SimulatedPort):
    """Serves channels `/ch01` and so on at one address. `accepted` counts its connections."""

    def __init__(self, address: str, port: int, channels: int, credentials: Credentials) -> None:
        self.sessions = _Limit()
        super().__init__(address, port, None, self.sessions)
        self.targets = tuple(
            Target(f"{address}-{number:02d}", address, port, f"/ch{number:02d}", credentials)
            for number in range(1, channels + 1)
        )
        self.channels += [CameraState(target, 3 * number, credentials) for number, target in enumerate(self.targets)]
        self.accepted = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Recorder]:
        """Serve within the context."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def become(self, condition: Condition) -> None:
        """Change how the recorder answers. A recorder that hangs keeps its connections."""
        for channel in self.channels:
            channel.behaviour = _BEHAVIOURS[condition]
        for channel in self.channels:
            await self.refresh(channel)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        await super()._accept(reader, writer)
