"""The queue for the sessions of one host: who connects next, and who shares what another channel found."""

from __future__ import annotations

import asyncio
import bisect
import enum
import itertools
import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from types import TracebackType

from xueliang_monitor.model import Rung, RungResult, VisitResult
from xueliang_monitor.probing.host_state import Capacity, Channel, HostTroubles, SharedResult
from xueliang_monitor.probing.lock_files import LockFile, LockFiles
from xueliang_monitor.probing.rungs import OFFLINE_RUNGS
from xueliang_monitor.probing.rungs.rtsp import AUTH_FAILED, SESSION_LIMIT

POLL_SECONDS = 0.05
"""How often the locks of other processes are looked at."""

YIELD_SECONDS = 3 * POLL_SECONDS
"""How long a session that was given back is left to another process that waits for one."""

WAIT_SECONDS = 60.0
"""Longer than any visit takes. A longer wait for another process means that it is stuck."""

SLOW_DECAY = 0.98
"""By how much the longest wait of the past counts less with each turn."""

OTHERS = "the monitor or another command"

WAITED_AGAIN = "another session of the monitor was open; the camera is visited again after it"


class CameraBusyError(Exception):
    """Other processes have been using all sessions of the host for too long."""


class Urgency(enum.IntEnum):
    """In which order the channels of one host get their turns; equal ones in the order in which they came."""

    ASKED = 0
    RECHECK = 1
    ROUTINE = 2


@dataclass(slots=True, eq=False)
class Turn:
    """A turn at a host.

    Attributes:
        channel: whose turn it is; None for a command, which shares nothing.
        began: when it was given, in monotonic seconds.
        waited_seconds: how long it was waited for.
        shared: the result of another channel, which holds for this one. Nothing is connected to in such a turn.
        why_not: why there is no turn; empty if there is one.
        many: whether the host has several channels.
        most_open: the largest number of this process's turns at the host that were open during this one, itself too.
        again: whether the visit says nothing about the camera and must be made again.
        lock: what keeps other processes from this session.
        limit_seconds: how long an RTSP answer is waited for at most, whatever the settings allow.
        connecting: whether it is not known yet that the host answers.
        rungs: what the visit has climbed so far, up to RTSP.

    """

    channel: Channel | None = None
    began: float = 0.0
    waited_seconds: float = 0.0
    shared: SharedResult | None = None
    many: bool = False
    most_open: int = 1
    again: bool = False
    why_not: str = ""
    lock: LockFile = field(default_factory=LockFile)
    limit_seconds: float = math.inf
    connecting: bool = True
    rungs: tuple[RungResult, ...] = ()

    @property
    def without_connection(self) -> bool:
        """Whether nothing is connected to in this turn."""
        return self.shared is not None or bool(self.why_not)


@dataclass(slots=True, order=True)
class _Waiter:
    urgency: Urgency
    number: int
    channel: Channel | None = field(compare=False)
    asked_at: float = field(compare=False)
    turn: asyncio.Future[Turn] = field(compare=False)


class HostQueue:
    """Hands out the turns at one host.

    `turned` is called with a channel when a trouble that others share began or ended with its visit. `others` names the
    other processes that may have a turn.
    """

    def __init__(
        self,
        host: str,
        files: LockFiles,
        clock: Callable[[], float],
        turned: Callable[[Channel], None],
        *,
        others: str = OTHERS,
    ) -> None:
        self.host = host
        self._others = others
        self.channels = 1
        self.capacity = Capacity()
        self.troubles = HostTroubles()
        self._files = files
        self._clock = clock
        self._turned = turned
        self._waiting: list[_Waiter] = []
        self._open: list[Turn] = []
        self._numbers = itertools.count()
        self._given_back_at = 0.0
        self._longest_wait = 0.0
        self._poll: asyncio.TimerHandle | None = None
        self._wish: LockFile | None = None
        self._reserved: list[LockFile] = []
        self._refused_beside: dict[str, int] = {}

    @property
    def idle(self) -> bool:
        """Whether nobody has a turn or waits for one."""
        return not self._open and not self._waiting

    @property
    def sessions(self) -> int:
        """How many sessions may be open now."""
        return self.capacity.at(self._clock())

    @property
    def wait_seconds(self) -> float:
        """How long channels have to wait for their turns at present."""
        asked = min((waiter.asked_at for waiter in self._waiting), default=None)
        return max(self._longest_wait, 0.0 if asked is None else self._clock() - asked)

    def allow(self, sessions: int, channels: int) -> None:
        """Take the number of channels, and of sessions that the settings allow."""
        self.capacity.allowed, self.channels = sessions, channels
        self._deal()

    def hasten(self, camera: str) -> None:
        """Let a channel that waits go before all that nobody asked for."""
        for waiter in self._waiting:
            if waiter.channel is not None and waiter.channel.camera == camera:
                waiter.urgency = Urgency.ASKED
        self._waiting.sort()
        self._deal()

    def turn(
        self, channel: Channel | None, urgency: Urgency, waiting: Callable[[], None] = lambda: None
    ) -> AbstractAsyncContextManager[Turn]:
        """Wait for a turn, and have it for as long as the context lasts; `waiting` is called if it is not free at once.

        Raises:
            CameraBusyError: other processes used all sessions for a minute.

        """
        return _TurnInContext(self, channel, urgency, waiting)

    def used(self, verb: str) -> str:
        """Return what other processes do while they have all turns; `verb` is `is` or `has been`."""
        if self.sessions == 1:
            return f"{self._others} {verb} connected to {self.host}"
        return f"{self._others} {verb} using all {self.sessions} sessions at {self.host}"

    async def wait(self, channel: Channel | None, urgency: Urgency, waiting: Callable[[], None]) -> Turn:
        """Wait for a turn, which must be given back."""
        future: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(urgency, next(self._numbers), channel, self._clock(), future)
        bisect.insort(self._waiting, waiter)
        self._deal()
        if not future.done():
            waiting()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.give_back(future.result())
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                self._deal()

    def give_back(self, turn: Turn) -> None:
        """End a turn."""
        if turn in self._open:
            self._open.remove(turn)
            turn.lock.give_back()
            self._given_back_at = self._clock()
        self._deal()

    def climbed(self, turn: Turn, result: RungResult) -> None:
        """Take the result of a rung in the moment it is known, for the channels that wait."""
        if turn.channel is None or turn.shared is not None or not turn.connecting:
            return
        turn.rungs = (*turn.rungs, result)
        turn.connecting = result.rung in OFFLINE_RUNGS and result.rung != Rung.RTSP and result.ok
        if self.troubles.saw(turn.channel, turn.rungs, began=turn.began, now=self._clock()):
            self._turned(turn.channel)
        if self._waiting:
            self._deal()

    def judged(self, turn: Turn, visited: VisitResult) -> VisitResult:
        """Return a visit's result without a session limit that other sessions of this process caused.

        The host is given fewer sessions from then on. A visit that was refused a session is to be made again. A session
        limit that was answered as a refused login is found at the next login: then the sessions of that time count.
        """
        limited = [rung for rung in visited.rungs if rung.fault == SESSION_LIMIT.code]
        if any(rung.fault == AUTH_FAILED.code for rung in visited.rungs):
            self._refused_beside[visited.camera] = turn.most_open
        found = any(finding.code == SESSION_LIMIT.code for finding in visited.seen)
        open_sessions = turn.most_open if limited else self._refused_beside.pop(visited.camera, 1) if found else 1
        if open_sessions < 2:
            return visited
        self.capacity.refuse(open_sessions, self._clock())
        turn.again = bool(limited)
        return replace(
            visited,
            seen=tuple(finding for finding in visited.seen if finding.code != SESSION_LIMIT.code),
            rungs=tuple(
                replace(rung, detail=f"{rung.detail} ({WAITED_AGAIN})") if rung in limited else rung
                for rung in visited.rungs
            ),
        )

    def _deal(self) -> None:
        """Give out what can be given out: shared results to those for whom they hold, then free sessions in order."""
        now = self._clock()
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None
        if not self._waiting and self._wish is None and self.capacity.at(now) == self.capacity.allowed:
            self._reserve(now)
            return  # by far the most frequent case: nobody else wants anything of this host
        self._waiting = [waiter for waiter in self._waiting if not waiter.turn.done()]  # some may be cancelled
        self._share(now)
        self._reserve(now)
        while len(self._open) < self.capacity.at(now):
            waiter = self._next()
            lock = None if waiter is None or self._yields(waiter, now) else self._files.take(self.capacity.allowed)
            if waiter is None or lock is None:
                break
            limit = math.inf if waiter.channel is None else self.troubles.limit_seconds(waiter.channel)
            self._open.append(self._given(waiter, Turn(lock=lock, limit_seconds=limit), now))
            for turn in self._open:
                turn.most_open = max(turn.most_open, len(self._open))
            if waiter.channel is not None:
                self.troubles.tried(waiter.channel, now)
        else:
            waiter = None
        self._look_again(now, blocked=waiter is not None)

    def _reserve(self, now: float) -> None:
        """Keep the files of those sessions that the host refused, so that no other process uses them."""
        wanted = self.capacity.allowed - self.capacity.at(now)
        while len(self._reserved) > wanted:
            self._reserved.pop().give_back()
        while len(self._reserved) < wanted:
            lock = self._files.take(self.capacity.allowed)
            if lock is None:
                break
            self._reserved.append(lock)

    def _yields(self, waiter: _Waiter, now: float) -> bool:
        """Return whether a waiter lets another process go first, which looks for a free session now and then."""
        if waiter.urgency is Urgency.ASKED or self._wish is not None or now - self._given_back_at >= YIELD_SECONDS:
            return False
        return self._files.wished()

    def _share(self, now: float) -> None:
        for waiter in tuple(self._waiting):
            if waiter.channel is None or waiter.urgency is Urgency.ASKED:
                continue
            shared = self.troubles.result_for(waiter.channel, now)
            if shared is not None:
                self.troubles.told(waiter.channel, now)
                self._given(waiter, Turn(shared=shared), now)

    def _given(self, waiter: _Waiter, turn: Turn, now: float) -> Turn:
        self._waiting.remove(waiter)
        turn.channel, turn.began, turn.many = waiter.channel, now, self.channels > 1
        turn.waited_seconds = now - waiter.asked_at
        self._longest_wait = max(turn.waited_seconds, SLOW_DECAY * self._longest_wait)
        waiter.turn.set_result(turn)
        return turn

    def _next(self) -> _Waiter | None:
        """Return who connects next.

        Of channels that the network does not reach, only one at a time does. While some get no RTSP answer,
        the order is by rank, so that those that hang delay the others least.
        """
        first = sorted(self._waiting, key=self._scouts_first) if self.troubles.silent else self._waiting
        for waiter in first:
            channel = waiter.channel
            if channel is None or not self.troubles.unreached(channel):
                return waiter
            if any(turn.connecting and self._together(channel, turn.channel) for turn in self._open):
                continue
            alike = [other for other in self._waiting if self._together(channel, other.channel)]
            return min(alike, key=self._scouts_first)
        return None

    def _together(self, one: Channel, other: Channel | None) -> bool:
        return other is not None and self.troubles.share_one(one, other)

    def _scouts_first(self, waiter: _Waiter) -> tuple[bool, float, int]:
        tried_at = 0.0 if waiter.channel is None else self.troubles.rank(waiter.channel)
        return waiter.urgency is not Urgency.ASKED, tried_at, waiter.number

    def _look_again(self, now: float, *, blocked: bool) -> None:
        """If other processes have the sessions, look again soon; give up on a process that is stuck."""
        if blocked and not self._open:
            for waiter in tuple(self._waiting):
                if now - max(waiter.asked_at, self._given_back_at) >= WAIT_SECONDS:
                    self._waiting.remove(waiter)
                    waiter.turn.set_exception(CameraBusyError(f"{self.used('has been')} for {WAIT_SECONDS:.0f} s"))
        if blocked and self._waiting:
            if self._wish is None and self._waiting[0].urgency is Urgency.ASKED:
                self._wish = self._files.wish()
            self._poll = asyncio.get_running_loop().call_later(POLL_SECONDS, self._deal)
        elif self._wish is not None:
            self._wish.give_back()
            self._wish = None


class _TurnInContext(AbstractAsyncContextManager[Turn]):
    """Waits for a turn at a host, and has it for as long as the context lasts."""

    def __init__(
        self, queue: HostQueue, channel: Channel | None, urgency: Urgency, waiting: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._asked = channel, urgency, waiting
        self._turn: Turn | None = None

    async def __aenter__(self) -> Turn:
        self._turn = await self._queue.wait(*self._asked)
        return self._turn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turn is not None:
            self._queue.give_back(self._turn)
