"""What a person accepted of a camera on its page, instead of what its file expects. Pure.

The daemon cannot write camera files: its unit makes /etc read-only, and files that people edit stay theirs. So an
acceptance on the page is kept in the camera's memory, survives restarts with it, and holds until the file itself names
another device or stream (`fleet.differences.memory_still_valid`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from xueliang_monitor.model import Identity, StreamParameters, Target


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is expected of a camera instead of its file's `identity` and `stream`; None leaves the file's in force.

    `at` is when a person accepted it last, in seconds since the epoch.
    """

    identity: Identity | None = None
    stream: StreamParameters | None = None
    at: float | None = None

    def over(self, target: Target) -> Target:
        """Return a target that expects what was accepted."""
        if self.identity is None and self.stream is None:
            return target
        return replace(target, identity=self.identity or target.identity, expected=self.stream or target.expected)

    def moved(self, change: Callable[[float], float]) -> Accepted:
        """Return the same with its moment changed."""
        return self if self.at is None else replace(self, at=change(self.at))


NOTHING_ACCEPTED = Accepted()


@dataclass(frozen=True, slots=True)
class Observed:
    """What the last visits found a camera to be: its identity, and its stream's size in pixels; None if unknown."""

    identity: Identity | None = None
    size: tuple[int, int] | None = None

    @classmethod
    def of(cls, known: Accepted) -> Observed:
        """Return what was accepted in the form in which it is shown."""
        stream = known.stream
        return cls(known.identity, (stream.width, stream.height) if stream is not None and stream.width else None)

    def __str__(self) -> str:
        who, parts = self.identity, []
        if who is not None:
            parts.append(f"{who.manufacturer} {who.model}".strip())
            parts += [
                f"{name} {value}" for name, value in (("serial", who.serial), ("firmware", who.firmware)) if value
            ]
        if self.size is not None:
            parts.append(f"{self.size[0]}x{self.size[1]}")
        return ", ".join(filter(None, parts))

    def accepted(self, target: Target, before: Accepted, at: float) -> Accepted:
        """Return the acceptance of this: what is unknown of it stays expected as it was."""
        stream = before.stream
        if self.size is not None:
            known = before.stream or target.expected or StreamParameters()
            stream = replace(known, width=self.size[0], height=self.size[1])
        return Accepted(self.identity or before.identity, stream, at)
