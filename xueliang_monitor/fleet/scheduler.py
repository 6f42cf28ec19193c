"""Decides when each camera is visited, and which rungs each visit climbs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from types import TracebackType

from xueliang_monitor.clock import Clock, machine_seconds
from xueliang_monitor.fleet.picture_queue import PictureQueue, Purpose, Wish
from xueliang_monitor.fleet.planning import (
    COSTLY,
    LADDER_ORDER,
    LOOKS,
    ORDER,
    TELLING,
    Due,
    Intervals,
    Plan,
    first_plan,
    next_plan,
    plan_after_look,
    put_off,
)
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.model import Rung, VisitResult
from xueliang_monitor.probing.host_queue import CameraBusyError, Turn, Urgency
from xueliang_monitor.probing.rungs import BESIDE_RUNGS
from xueliang_monitor.process.ranked_turns import Rank

log = logging.getLogger(__name__)

Visit = Callable[[str, Due, float, Turn], Awaitable[tuple[VisitResult, Health]]]
"""Makes a visit: the camera, what is due, by how many seconds it is late, and its turn at the host."""

Turns = Callable[[str, Urgency], AbstractAsyncContextManager[Turn]]
"""Waits for a camera's turn at its host."""


@contextlib.asynccontextmanager
async def _at_once(_camera: str, _urgency: Urgency) -> AsyncIterator[Turn]:
    yield Turn()


class _TurnOrReason:
    """Waits for a camera's turn; without one, because other processes have them all, the turn says why."""

    def __init__(self, turn: AbstractAsyncContextManager[Turn]) -> None:
        self._turn = turn
        self._has_turn = True

    async def __aenter__(self) -> Turn:
        try:
            return await self._turn.__aenter__()
        except CameraBusyError as error:
            self._has_turn = False
            return Turn(why_not=str(error))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._has_turn:
            await self._turn.__aexit__(kind, error, trace)


Look = Callable[[Rank], Awaitable[tuple[VisitResult, Health]]]
"""Looks at a picture when its turn has come, by rank; returns its result and the camera's health after it."""


@dataclass(slots=True)
class _Watched:
    """One camera: its plan, what was asked of it, and what its last visit told.

    `began` is when its last visit began. `look` is the task that looks at its picture, if one does.
    """

    plan: Plan
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    look: asyncio.Task[None] | None = None
    hurried: bool = False
    asked: bool = False
    logging_in: bool = False
    undecided: bool = False
    offline: bool = False
    purpose: Purpose = Purpose.ROUTINE
    began: float = 0.0

    def hurry(self) -> None:
        """Visit it at once."""
        self.hurried = True
        self.woken.set()

    def note(self, visited: VisitResult, health: Health) -> None:
        """Take note of what a visit or a look means for the next picture."""
        self.undecided = bool(health.pending)
        if visited.online is not None:
            self.offline = not visited.online
        if health.pending & COSTLY:
            self.purpose = Purpose.CONFIRM
        elif visited.look_again:
            self.purpose = Purpose.LEARN if visited.learning else Purpose.CONFIRM
        elif any(result.rung in COSTLY for result in visited.rungs):
            self.purpose = Purpose.ROUTINE


class Scheduler:
    """Runs one task for each camera: wait until it is due, visit, plan again.

    A camera is never visited twice at once. A visit waits for its turn at the camera's host first, and only then for
    one of the `at_once` slots, so that a slow host with many cameras takes few slots. As many visits fetch streams and
    pictures beside those, when `pictures` invites them. A picture is looked at after its visit. `intervals` may be
    replaced while the scheduler runs.
    """

    def __init__(
        self,
        clock: Clock,
        intervals: Intervals,
        visit: Visit,
        *,
        at_once: int,
        turns: Turns = _at_once,
        workers: int = 2,
    ) -> None:
        self._clock = clock
        self.intervals = intervals
        self.pictures = PictureQueue(workers=workers, fetches=at_once)
        self._visit = visit
        self._turns = turns
        self._slots = asyncio.Semaphore(at_once)
        self._group: asyncio.TaskGroup | None = None
        self._cameras: dict[str, _Watched] = {}

    async def run(self, cameras: tuple[str, ...]) -> None:
        """Visit `cameras`, and cameras added later, until cancelled."""
        now = self._clock.monotonic()
        order = list(cameras)
        random.Random(0).shuffle(order)  # spreads the cameras of one switch
        async with asyncio.TaskGroup() as group:
            self._group = group
            for index, camera in enumerate(order):
                self._start(group, camera, first_plan(index, len(order), now, self.intervals))
            await asyncio.get_running_loop().create_future()  # cameras may be added later

    def _start(self, group: asyncio.TaskGroup, camera: str, plan: Plan) -> None:
        each = self._cameras[camera] = _Watched(plan)
        each.task = group.create_task(self._watch(camera, each), name=camera)

    async def add(self, cameras: tuple[str, ...]) -> None:
        """Visit more cameras from now on. The first visit climbs all rungs; many cameras are spread over the interval.

        Raises:
            RuntimeError: the scheduler is not running.

        """
        if self._group is None:
            raise RuntimeError("the scheduler is not running")
        now = self._clock.monotonic()
        for index, camera in enumerate(cameras):
            self._start(self._group, camera, first_plan(index, len(cameras), now, self.intervals))
            await asyncio.sleep(0)  # a whole fleet may be added at once

    def hurry(self, cameras: Iterable[str]) -> None:
        """Visit cameras at once. Their next regular visits stay as planned."""
        for camera in cameras:
            if each := self._cameras.get(camera):
                each.hurry()

    def log_in(self, cameras: Iterable[str]) -> None:
        """Visit cameras at once, and climb at least to RTSP. Their next regular visits stay as planned."""
        for camera in cameras:
            if each := self._cameras.get(camera):
                each.logging_in = True
                each.hurry()

    def ask(self, camera: str) -> None:
        """Climb every rung of a camera at once. Its next regular visits stay as planned."""
        if each := self._cameras.get(camera):
            each.asked = True
            each.hurry()

    def look_later(self, camera: str, size_bytes: int, look: Look) -> None:
        """Look at the picture that the visit under way has fetched, beside the visits to come."""
        each = self._cameras.get(camera)
        if each is None or self._group is None:
            return  # it was removed meanwhile
        wish = self.pictures.fetched(camera, size_bytes, self._clock.monotonic())
        each.look = self._group.create_task(self._look(camera, each, look, wish.rank), name=f"look at {camera}")

    async def remove(self, camera: str) -> None:
        """Stop visiting a camera. A running visit is cancelled, and its session torn down."""
        each = self._cameras.pop(camera, None)
        self.pictures.drop(camera)
        tasks = [task for task in (each.task, each.look) if task is not None] if each is not None else []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _watch(self, camera: str, each: _Watched) -> None:
        while True:
            await self._until_due(camera, each)
            try:
                await self._take_turn(camera, each)
            except Exception:
                log.exception("camera %s: the visit failed with an error of the monitor; retrying", camera)
                each.plan = put_off(each.plan, self._clock.monotonic() + self.intervals.of(ORDER[0]))

    async def _until_due(self, camera: str, each: _Watched) -> None:
        """Wait until the camera is to be visited: it is due, was invited, or somebody wants it."""
        while True:
            now = self._clock.monotonic()
            self._wish(camera, each, now)
            at = each.plan.wakes_at(now)
            if each.hurried or self.pictures.is_invited(camera) or at <= now:
                return
            each.woken.clear()
            timer = asyncio.get_running_loop().call_later(machine_seconds(self._clock, at - now), each.woken.set)
            try:
                await each.woken.wait()
            finally:
                timer.cancel()

    def _wish(self, camera: str, each: _Watched, now: float) -> None:
        """Let a camera wait for an invitation if its stream or picture is due. One that is offline has neither.

        If the picture has waited for a whole interval of the stream, the stream goes first without it.
        """
        costly = each.plan.costly(now)
        if not costly or each.offline:
            return
        picture = not LOOKS.isdisjoint(costly)
        others = [rung for rung in costly if rung not in LOOKS]
        if picture and others:
            picture = all(now - costly[rung] <= self.intervals.of(rung) for rung in others)
        purpose, since = each.purpose, min(costly.values())
        if purpose is Purpose.LEARN and (regular := each.plan.regular(since, self.intervals)) <= now:
            purpose, since = Purpose.ROUTINE, regular  # an early look that waited until the regular one
        self.pictures.wish(camera, Wish(purpose, since, picture))
        self._invite()

    def _invite(self) -> None:
        for camera in self.pictures.invite(self._clock.monotonic()):
            if each := self._cameras.get(camera):
                each.woken.set()

    def _urgency(self, each: _Watched) -> Urgency:
        if each.asked:
            return Urgency.ASKED
        return Urgency.RECHECK if each.undecided or each.hurried else Urgency.ROUTINE

    async def _take_turn(self, camera: str, each: _Watched) -> None:
        """Visit a camera when its turn comes, and plan the next visit.

        What is due is decided when the visit starts. Waiting for the turn does not make the visit late.
        """
        asked_at = self._clock.monotonic()
        async with _TurnOrReason(self._turns(camera, self._urgency(each))) as turn:
            waited = self._clock.monotonic() - asked_at
            wish = await self._begin(camera, each, turn)
            try:
                async with contextlib.nullcontext() if wish or turn.without_connection else self._slots:
                    started = each.began = self._clock.monotonic()
                    without = COSTLY if wish is None else frozenset() if wish.picture else LOOKS
                    asked, offline = each.asked, each.offline
                    planned_at = each.plan.cheap_at
                    due = self._due(each, turn, started, without)
                    if wish is not None and wish.purpose is Purpose.ROUTINE:
                        due = replace(due, overdue_seconds=max(0.0, started - waited - wish.since))
                    visited, health = await self._visit(camera, due, max(0.0, started - waited - planned_at), turn)
            finally:
                if wish is not None:
                    self.pictures.ended(camera)
                    self._invite()
        if turn.again:
            each.asked = each.asked or asked
            each.hurry()
            return
        each.note(visited, health)
        each.plan = next_plan(
            each.plan,
            visited,
            health,
            self.intervals,
            started=started,
            now=self._clock.monotonic(),
            keep_rhythm=turn.many,
            waiting=() if offline else without,
            looking=self.pictures.is_held(camera),
        )

    async def _begin(self, camera: str, each: _Watched, turn: Turn) -> Wish | None:
        """Return for what the visit fetches a stream or picture; None if it is to fetch none."""
        if turn.without_connection:
            self.pictures.drop(camera)
            return None
        if each.asked and each.look is not None:
            await asyncio.wait([each.look])  # its result is used by the next one
        now = self._clock.monotonic()
        return self.pictures.begin(camera, now, asked=Wish(Purpose.CONFIRM, now) if each.asked else None)

    def _due(self, each: _Watched, turn: Turn, started: float, without: frozenset[Rung]) -> Due:
        """Return what a visit is to do, and take note that it is done."""
        early, asked, logging_in = each.hurried, each.asked, each.logging_in
        each.hurried = each.asked = each.logging_in = False
        due = each.plan.what(started if early else max(started, each.plan.at), without)
        if early and turn.many and due.top in TELLING:
            due = Due(TELLING[-1], due.beside)
        if logging_in and due.top == LADDER_ORDER[0]:
            due = Due(Rung.RTSP, due.beside)
        return Due(LADDER_ORDER[-1], BESIDE_RUNGS) if asked else due

    async def _look(self, camera: str, each: _Watched, look: Look, rank: Rank) -> None:
        """Look at a picture of a camera, and plan the next one."""
        began, seconds = each.began, None
        try:
            visited, health = await look(rank)
            seconds = sum(result.seconds for result in visited.rungs) / machine_seconds(self._clock, 1.0)
            each.note(visited, health)
            each.plan = plan_after_look(
                each.plan, visited, health, self.intervals, started=began, now=self._clock.monotonic()
            )
        except Exception:
            log.exception("camera %s: the look failed with an error of the monitor", camera)
        finally:
            self.pictures.done(camera, seconds)
            each.look = None
            each.woken.set()
            self._invite()
