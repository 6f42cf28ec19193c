"""Visits one camera when the scheduler says so, and gives the result to the fleet."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from xueliang_monitor.clock import SteadyClock
from xueliang_monitor.configuration.installation import timeouts_of
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.hosts import Hosts
from xueliang_monitor.fleet.planning import Due
from xueliang_monitor.fleet.scheduler import Look
from xueliang_monitor.fleet.shortage_log import ShortageLog
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.judgement.reachability import Answer, answer_of
from xueliang_monitor.model import Rung, RungResult, Timeouts, VisitResult
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.conclusion import untold
from xueliang_monitor.probing.host_queue import WAIT_SECONDS, Turn
from xueliang_monitor.probing.later_look import LaterLook
from xueliang_monitor.probing.login_marks import LoginMarks
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rungs.rtsp import RTSP
from xueliang_monitor.probing.shared_result import share
from xueliang_monitor.probing.visit import KeepPicture, visit
from xueliang_monitor.process.ranked_turns import Rank


@dataclass(slots=True, kw_only=True)
class Visiting:
    """Visits the cameras of a fleet.

    Attributes:
        fleet: takes the results.
        clock: the monitor's clock; it may be set during a visit.
        turns: the turns at the hosts of the cameras.
        workers: judge the pictures.
        names: looks up the names of hosts.
        shortages: takes what visits lacked.
        settings: returns the settings in force.
        keep_evidence: called with a result with a picture, and the health of the camera before and after it.
        reached: called with the steady time at which a visit began, if its camera was reached.
        hurry: called with the cameras to visit at once.
        look_later: called with a camera whose visit has fetched a picture, its size in bytes, and what looks at it.
        marks: recognise the logins of this installation; may be replaced.

    """

    fleet: Fleet
    clock: SteadyClock
    turns: Hosts
    workers: Workers
    names: NameResolver
    shortages: ShortageLog
    settings: Callable[[], Settings]
    keep_evidence: Callable[[VisitResult, Health, Health], Awaitable[None]]
    reached: Callable[[float], None]
    hurry: Callable[[Iterable[str]], None]
    look_later: Callable[[str, int, Look], None]
    marks: LoginMarks = field(default_factory=LoginMarks)
    _allowed: tuple[Settings, Timeouts] | None = None

    async def visit(self, camera: str, due: Due, lateness: float, turn: Turn) -> tuple[VisitResult, Health]:
        """Visit a camera in its turn; return the result, and the camera's health after it."""
        try:
            return await self._visit_once(camera, due, lateness, turn)
        except Exception:
            self.fleet.monitor.visits.add_error()
            raise

    async def _visit_once(self, camera: str, due: Due, lateness: float, turn: Turn) -> tuple[VisitResult, Health]:
        shifted, began = self.clock.shifted, self.clock.monotonic()
        kept: list[LaterLook] = []
        visited, memory = await self._visit_in_turn(camera, due, turn, kept.append)
        if moved := self.clock.shifted - shifted:  # the clock was set during the visit
            visited, memory = visited.shifted(moved), memory.shifted(moved)
        if answer_of(visited) not in (None, Answer.LOST):
            self.reached(began)
        health, neighbours = self.fleet.apply(visited, memory, lateness, overdue=due.overdue_seconds, more=bool(kept))
        self.shortages.take(visited)
        self.hurry(neighbours)
        for later in kept:
            seen = bool(visited.seen)
            self.look_later(camera, later.size_bytes, partial(self._look, later, seen=seen))
        return visited, health

    def _timeouts(self, settings: Settings, turn: Turn) -> Timeouts:
        """Return what the settings allow each rung, with the turn's own limit for an RTSP answer."""
        if self._allowed is None or self._allowed[0] is not settings:
            self._allowed = settings, timeouts_of(settings)
        timeouts = self._allowed[1]
        if math.isinf(turn.limit_seconds):
            return timeouts
        return timeouts.but(rtsp=min(turn.limit_seconds, timeouts.of(Rung.RTSP, RTSP.timeout_seconds)))

    async def _look(self, later: LaterLook, rank: Rank, *, seen: bool) -> tuple[VisitResult, Health]:
        """Look at the picture of a visit, which saw a fault if `seen`. The result is of now, as visits went on."""
        looked = await later.look(rank)
        visited = replace(looked.result, at=self.clock.now())
        before = self.fleet.entry(visited.camera).health
        health = self.fleet.apply_look(visited, looked.learned, seen=seen)
        if visited.evidence:
            await self.keep_evidence(visited, before, health)
        self.shortages.take(visited)
        self.fleet.monitor.decoder_restarts = self.workers.restarts
        return visited, health

    async def _visit_in_turn(self, camera: str, due: Due, turn: Turn, keep: KeepPicture) -> tuple[VisitResult, Memory]:
        """Return the result of a visit: that of another channel of the host, if the turn has one."""
        entry = self.fleet.entry(camera)
        target, settings = entry.camera.target, self.settings()
        self.fleet.monitor.visits.waits.observe(turn.waited_seconds)
        self.turns.note_speed(target, settings.intervals.of(Rung.REACH))
        if turn.shared is not None:
            return share(turn.shared, target, self.clock.now()), entry.memory
        if turn.why_not:
            return untold(target, self.clock.now(), turn.why_not, WAIT_SECONDS), entry.memory
        queue = self.turns.queue(target)

        def progress(rung: Rung, result: RungResult | None) -> None:
            self.fleet.tell_rung(camera, rung, result)
            if result is not None:
                queue.climbed(turn, result)

        visited, memory = await visit(
            target,
            due.top,
            entry.memory,
            timeouts=self._timeouts(settings, turn),
            workers=self.workers,
            now=self.clock.now(),
            beside=due.beside,
            names=self.names,
            pauses=self.fleet.monitor.pauses,
            progress=progress,
            marks=self.marks,
            logins=self.fleet.credentials.book,
            keep_picture=keep,
        )
        return queue.judged(turn, visited), memory
