"""Fleets in simulated time: real planning and judgement, no network; a camera's true state is a function of time."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from xueliang_monitor.clock import ManualClock, SteadyClock
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.inventory import Camera, target_of
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.planning import Intervals, first_plan, next_plan
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.model import Finding, Rung, RungResult, Target, VisitResult
from xueliang_monitor.probing.device_changes import CLOCK_DRIFT, judge_clock
from xueliang_monitor.probing.rungs import LADDER
from xueliang_monitor.topology import Node

START = 1_790_000_000.0
DAY = 86_400.0
CONNECT_TIMEOUT_SECONDS = 2.0
Truth = Callable[[str, float], str | None]

_REACHED = tuple(RungResult(rung, True, 0.01) for rung in (Rung.REACH, Rung.RTSP))
_LOOKED = (*_REACHED, *(RungResult(rung, True, 0.1) for rung in (Rung.STREAM, Rung.PICTURE)))
_CLEAR = frozenset(code for probe in LADDER[:2] for code in probe.excludes)
_ALL_CLEAR = frozenset(fault.code for probe in LADDER for fault in probe.faults)
_RUNGS = {fault.code: probe for probe in LADDER for fault in probe.faults}


def camera(name: str, uplink: str = "", site: str = "S", *, onvif: bool = False, host: str = "") -> Camera:
    data = CameraFile(site=site, address=host or f"{name}.example", uplink=uplink, onvif="http" if onvif else None)
    return Camera(name, target_of(name, data, None, None), data)


def at_clock(made: VisitResult, offset: float, limit: float = 5.0) -> VisitResult:
    """Return a visit result with the camera's clock, which is `offset` seconds ahead of the monitor's."""
    found = judge_clock(offset, Target(made.camera, "", clock_drift_seconds=limit))
    readings = replace(made.readings, clock_offset_seconds=offset)
    if found is None:
        return replace(made, readings=readings, ruled_out=made.ruled_out | {CLOCK_DRIFT.code})
    return replace(made, readings=readings, seen=(*made.seen, replace(found, rung=Rung.ONVIF)))


def visited(name: str, at: float, code: str | None, top: Rung) -> VisitResult:
    if code is None:
        looked = top in (Rung.STREAM, Rung.PICTURE)
        return VisitResult(
            name, at, _LOOKED if looked else _REACHED, ruled_out=_ALL_CLEAR if looked else _CLEAR, online=True
        )
    probe = _RUNGS[code]
    failed = RungResult(probe.rung, False, 0.1, code, "why")
    passed = [lower for lower in LADDER if LADDER.index(lower) < LADDER.index(probe)]
    below = tuple(RungResult(lower.rung, True, 0.01) for lower in passed)
    excluded = (probe.excludes | frozenset().union(*(lower.excludes for lower in passed))) - {code}
    online = probe.rung not in (Rung.REACH, Rung.RTSP)
    return VisitResult(name, at, (*below, failed), (Finding(code, "why", probe.rung),), excluded, online=online)


class SimulatedDays:
    """Runs a fleet from `START`, and records every transition.

    `truth` is asked by monotonic time. Cameras with ONVIF have clocks that are right but for `drift` seconds.
    """

    def __init__(
        self,
        cameras: tuple[Camera, ...],
        truth: Truth,
        intervals: Intervals | None = None,
        *,
        drift: Mapping[str, float] | None = None,
        wall: float = 0.0,
        nodes: tuple[Node, ...] = (),
    ) -> None:
        self.clock = ManualClock(START, wall)
        self.steady = SteadyClock(self.clock)
        self.fleet = Fleet(self.steady, Policy(), cameras, nodes=nodes)
        self._drift = drift or {}
        self._started: dict[str, float] = {}
        self.transitions: list[Transition] = []
        self.fleet.watch(self.transitions.extend)
        self.visits = 0
        self._truth = truth
        self._intervals = intervals or Intervals()
        self._count = itertools.count()
        self._plans = {item.id: first_plan(n, len(cameras), START, self._intervals) for n, item in enumerate(cameras)}
        self._waiting: dict[str, int] = {}
        self._queue: list[tuple[float, int, str, VisitResult | None]] = []
        for name, plan in self._plans.items():
            self._wait(name, plan.at)

    def _wait(self, name: str, at: float) -> None:
        self._waiting[name] = number = next(self._count)
        heapq.heappush(self._queue, (at, number, name, None))

    def remove(self, name: str) -> None:
        """Remove a camera that is not being visited right now."""
        self.fleet.drop(name)
        del self._waiting[name]

    def run(self, seconds: float) -> None:
        """Continue for `seconds`."""
        end = self.clock.seconds + seconds
        while self._queue[0][0] <= end:
            now, number, name, done = heapq.heappop(self._queue)
            self.clock.seconds = now
            if done is not None:
                self._finish(name, now, done)
            elif self._waiting.get(name) == number:
                self._start(name, now)
        self.clock.seconds = end

    def _start(self, name: str, now: float) -> None:
        del self._waiting[name]
        code = self._truth(name, now)
        takes = CONNECT_TIMEOUT_SECONDS if code == "connect_timeout" else 0.05
        due = self._plans[name].what(now)
        made = visited(name, self.steady.now(), code, due.top)
        if code is None and Rung.ONVIF in due.beside and self.fleet.entry(name).camera.target.onvif is not None:
            made = at_clock(made, now + self._drift.get(name, 0.0) - self.steady.now())
            made = replace(made, rungs=(*made.rungs, RungResult(Rung.ONVIF, True, 0.1)))
        self._started[name] = self.steady.shifted
        heapq.heappush(self._queue, (now + takes, next(self._count), name, made))

    def _finish(self, name: str, now: float, done: VisitResult) -> None:
        self.visits += 1
        done = done.shifted(self.steady.shifted - self._started[name])
        began = now - (self.steady.now() - done.at)
        health, neighbours = self.fleet.apply(done, self.fleet.entry(name).memory, 0.0)
        plan = self._plans[name] = next_plan(self._plans[name], done, health, self._intervals, started=began, now=now)
        self._wait(name, plan.at)
        for other in neighbours & self._waiting.keys():
            self._wait(other, now)

    def set_clock(self, seconds: float) -> None:
        """Set the wall clock by `seconds`, and let the fleet follow it as the daemon does within a second."""
        self.clock.wall += seconds
        self.look_at_clock()

    def look_at_clock(self) -> None:
        """Let the fleet follow the wall clock."""
        steady = self.steady
        self.fleet.follow_clock(steady.step(), impossible=steady.impossible, guessed=steady.guessed)

    def said(self, kind: str, code: str | None = None) -> list[Transition]:
        """Return the transitions of a kind, of cameras and the monitor."""
        return [
            item for item in self.transitions if item.kind == kind and code in (None, item.code) and not item.uplink
        ]

    def uplink_changes(self) -> list[Transition]:
        """Return the transitions of uplinks."""
        return [item for item in self.transitions if item.uplink and not item.camera]


class Troubles:
    """The true state of a whole fleet: 2 % of visits are lost, never two in a row of one camera; two cameras flap.

    Every camera reboots for 20 s once a day; every fifth is lost once a day for 1 to 15 min, at `outages`.
    """

    def __init__(self, cameras: tuple[Camera, ...], days: int) -> None:
        chance = random.Random(7)
        self.outages = {
            item.id: [
                (start, start + chance.uniform(60, 900))
                for start in (START + day * DAY + chance.uniform(3600, 80_000) for day in range(days))
            ]
            for item in cameras[::5]
        }
        self.flapping = {cameras[3].id, cameras[88].id}
        self._reboots = {item.id: chance.uniform(0, DAY) for item in cameras}
        self._losing = random.Random(8)
        self._just_lost: set[str] = set()

    def since_reboot(self, name: str, at: float) -> float:
        """Return the seconds since the camera's last reboot began."""
        return (at - START + self._reboots[name]) % DAY

    def during_outage(self, name: str, at: float) -> bool:
        """Return whether the camera is lost at a time, the end included, as a late visit still sees it."""
        day = int((at - START) // DAY)
        return any(start <= at <= end for start, end in self.outages.get(name, ())[day : day + 1])

    def __call__(self, name: str, at: float) -> str | None:
        """Return the fault that a visit sees."""
        if self.during_outage(name, at):
            return "connect_timeout"
        if name in self.flapping and (at - START) % 400 < 60:
            return "rtsp_timeout"
        if self.since_reboot(name, at) < 20:
            return "connection_refused"
        if self._losing.random() >= 0.02 or name in self._just_lost:
            self._just_lost.discard(name)
            return None
        self._just_lost.add(name)
        return "connect_timeout"
