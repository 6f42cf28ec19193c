"""One camera watched as by the daemon from the keyframe on, in simulated time; lower rungs are replaced.

Visits, worker processes, plans, the fleet's state and the history are the daemon's own.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.simulated_time import camera
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.planning import Intervals, first_plan, next_plan
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.model import Rung, State, Timeouts, VisitResult
from xueliang_monitor.picture.reference import SETTLED_LOOKS, Reference
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.climbed import Played
from xueliang_monitor.probing.rung import Probe, RungOutcome, VisitContext
from xueliang_monitor.probing.rungs import PICTURE, PROBES, REACH, RTSP, STREAM
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.storage.history import FILE, History
from xueliang_monitor.wire.media import AccessUnit, Codec

NAME = "gate"
EVERY_SECONDS = 300.0
FOLLOWING = 2
Shot = Callable[[float], Any]
"""The picture that the camera shows at a time."""


def as_stored_before(reference: Reference) -> Mapping[str, object]:
    """Return a reference as earlier versions stored it: without light conditions of few pictures."""

    def text(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode()

    lights = [
        {
            "thumb": text(light.thumb),
            "structure": text(light.structure),
            "fine": text(light.fine),
            "looks": light.looks,
            "number": light.number,
        }
        for light in reference.lights
        if light.looks >= SETTLED_LOOKS
    ]
    return {
        "lights": lights,
        "usual": {name: list(values) for name, values in reference.usual.items()},
        "looks": reference.looks,
        "previous": "",
        "least": text(reference.least),
    }


class Watched:
    """A camera and the parts of the daemon that watch it; every visit result, transition and state is recorded."""

    def __init__(
        self, folder: Path, shot: Shot, began: float, patch: pytest.MonkeyPatch, interval: float = 900.0
    ) -> None:
        self._folder, self._shot, self._workers = folder, shot, Workers(1)
        self.clock = ManualClock(began)
        self._intervals = Intervals({probe.rung: interval for probe in PROBES})
        self._policy = Policy(stale_after=10 * interval)
        self.reports: list[VisitResult] = []
        self.states: list[State] = []
        self.transitions: list[Transition] = []
        patch.setattr("xueliang_monitor.probing.visit.LADDER", self._ladder())
        self._begin()

    def _ladder(self) -> tuple[Probe, ...]:
        async def passed(*_: object) -> RungOutcome:
            return RungOutcome()

        async def stream(context: VisitContext, *_: object) -> RungOutcome:
            shown = [self._shot(self.clock.now()) for _ in range(1 + FOLLOWING * context.memory.bursts.due)]
            keyframe, *following = [cv2.imencode(".jpg", each)[1].tobytes() for each in shown]
            unit = AccessUnit(Codec.MJPEG, True, True, 0, size=len(keyframe), data=keyframe)
            return RungOutcome(value=Played(unit, tuple(following), None, None, normal=context.memory.normal))

        stands_in = ((REACH, passed), (RTSP, passed), (STREAM, stream))
        below = (replace(probe, climb=run, prepare=None, timeout_seconds=60.0) for probe, run in stands_in)
        return (*below, PICTURE)

    def _begin(self) -> None:
        self._history = History(self._folder)
        self.fleet = Fleet(self.clock, self._policy, (camera(NAME),))
        self.fleet.restore(self._history.load())
        self.fleet.watch(self.transitions.extend)
        self._plan = first_plan(0, 1, self.clock.now(), self._intervals)
        self._all_at = self.clock.now()

    async def look(self) -> VisitResult:
        """Make the next visit, and write what the recorder would write; return its result."""
        now = self.clock.seconds = max(self.clock.now(), self._plan.at)
        entry = self.fleet.entry(NAME)
        visited, memory = await visit(
            entry.camera.target,
            Rung.PICTURE,
            entry.memory,
            timeouts=Timeouts(picture=60.0),
            workers=self._workers,
            now=now,
        )
        health, _ = self.fleet.apply(visited, memory, 0.0)
        self._plan = next_plan(self._plan, visited, health, self._intervals, started=now, now=now)
        every = now - self._all_at >= EVERY_SECONDS
        self._all_at = now if every else self._all_at
        self._history.write(self.fleet.collect(every=every))
        self.reports.append(visited)
        self.states.append(self.fleet.status_of(NAME).state)
        return visited

    async def run(self, until: float) -> None:
        """Make all visits that are due until a time."""
        while self._plan.at <= until:
            await self.look()
        self.clock.seconds = until

    @property
    def reference(self) -> Reference | None:
        """The camera's picture reference."""
        return self.fleet.entry(NAME).memory.reference

    def restart(self, how: str) -> None:
        """Restart from the disk: `stopped`, `killed`, or `upgraded` from an earlier version."""
        known = self.reference
        if how != "killed":
            self._history.write(self.fleet.collect(every=True))
        self._history.close()
        if how == "upgraded" and known is not None:
            with sqlite3.connect(self._folder / FILE) as database:
                (stored,) = database.execute("SELECT memory FROM cameras WHERE camera = ?", (NAME,)).fetchone()
                memory = {**json.loads(stored), "reference": as_stored_before(known)}
                database.execute("UPDATE cameras SET memory = ? WHERE camera = ?", (json.dumps(memory), NAME))
            database.close()
        self._begin()

    def close(self) -> None:
        """Close the history."""
        self._history.close()
