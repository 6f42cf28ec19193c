"""The picture of a visit that is over, to be looked at when a worker of the monitor is free.

The look needs nothing of the camera. It has neither its session nor its turn, so other visits of the camera go on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xueliang_monitor.model import VisitResult
from xueliang_monitor.probing.climb import climb_one
from xueliang_monitor.probing.climbed import Climbed, Examined, Played
from xueliang_monitor.probing.conclusion import conclude_look, memory_after_look
from xueliang_monitor.probing.findings import Findings
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rung import Probe, VisitContext
from xueliang_monitor.process.ranked_turns import Rank


@dataclass(frozen=True, slots=True)
class Looked:
    """What a later look found: its result, and what the camera's memory becomes by it."""

    result: VisitResult
    context: VisitContext
    climbed: Climbed

    def learned(self, memory: Memory) -> Memory:
        """Return what is remembered now, with what the look taught."""
        examined = self.climbed.find(Examined)
        if examined is None:
            return memory
        return memory_after_look(memory, self.context, self.climbed, examined.look)


@dataclass(frozen=True, slots=True)
class LaterLook:
    """A keyframe, what came with it, and all that its look needs. It is dropped with the look."""

    probe: Probe
    context: VisitContext
    climbed: Climbed

    @property
    def size_bytes(self) -> int:
        """The bytes of the pictures that wait."""
        played = self.climbed.need(Played)
        return len(played.keyframe.data) + sum(len(data) for data in played.following)

    async def look(self, rank: Rank) -> Looked:
        """Wait for a worker by rank, look at the picture, and return what was found. Its time is when it ended."""
        context = replace(self.context, rank=rank)
        found = Findings.after(self.climbed, context.gate)
        await climb_one(found, replace(self.probe, prepare=None), context)
        return Looked(conclude_look(context, found), context, found.climbed)
