"""Writes what the fleet learns to the history: what happened at once, the rest every few seconds, in a thread."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from xueliang_monitor.clock import Clock
from xueliang_monitor.configuration.settings import KeepSettings
from xueliang_monitor.fleet.changes import Changes, Stored
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.storage.backlog import Backlog, Losses, one_by_one
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_error import HistoryError, UnwritableError
from xueliang_monitor.storage.upkeep import Upkeep

log = logging.getLogger(__name__)
Result = TypeVar("Result")

FLUSH_SECONDS = 5.0
EVERY_SECONDS = 300.0
"""How often what is known of every camera is written, not only of those of which something happened."""

LOOK_SECONDS = 1.0
RETRY_SECONDS = 5.0
"""Pause before a history that failed is tried again; it doubles with each failure up to `LONGEST_RETRY_SECONDS`."""

LONGEST_RETRY_SECONDS = 60.0
STUCK_SECONDS = 30.0
"""After this long a disk counts as not answering; a locked database is waited for 5 s."""

MOST_RESCUES = 20
"""Tries to make removed files anew, within 17 min, before what they held is given up."""

MOST_SAID = 5
"""Different failures in a row of which each is said."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What a history holds as it is opened, and whether it was `begun_anew` in the place of a damaged one."""

    begun_anew: bool
    stored: Stored


@dataclass(frozen=True, slots=True)
class _Left:
    """What is still to be written, in order, and what was refused whatever was done."""

    waiting: collections.deque[Changes]
    refused: list[Changes] = field(default_factory=list)


class Recorder:
    """The one writer of a history: opens it, writes, and opens it again after whatever happened to its files.

    While there is none, what is to be written waits within the bounds of `Backlog`.
    """

    def __init__(
        self,
        opened: Callable[[], History],
        fleet: Fleet,
        resume: Callable[[Stored], None],
        clock: Clock,
        keep: KeepSettings,
    ) -> None:
        """Prepare to write to what `opened` returns, which is called again after each failure.

        `resume` is called with what the history knows where that can be read at the start.
        """
        self._opened = opened
        self._resume = resume
        self._history: History | None = None
        self._fleet = fleet
        self._clock = clock
        self._upkeep = Upkeep(fleet, clock, keep)
        self._wake = asyncio.Event()
        self._backlog = Backlog(lambda kind, count: fleet.monitor.history.lost.update({kind: count}))
        self._flushed_at = self._all_at = clock.monotonic()
        self._restored = False
        self._rescues = 0
        self._failing_since: float | None = None
        self._said: set[str] = set()
        self._pause = RETRY_SECONDS
        self._retry_at = 0.0
        fleet.watch(self._notice)

    def _notice(self, transitions: tuple[Transition, ...]) -> None:
        if transitions:
            self._wake.set()

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Give the fleet what the history knows, before the first visit, and write what is left as the context ends.

        Without a history monitoring goes on.
        """
        try:
            self._take(self._look_after(), at_start=True)
        except HistoryError as error:
            self._fail(error)
        try:
            yield
        finally:
            self._finish()
            self._close()

    def keep(self, keep: KeepSettings) -> None:
        """Take other times for which things are kept; what is too old by them goes soon."""
        self._upkeep.keep(keep)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            await self._turn()

    async def _turn(self) -> None:
        """Collect what is new and write it where it is time; look after the history's files and what it holds."""
        now = self._clock.monotonic()
        due = self._wake.is_set() or now - self._flushed_at >= FLUSH_SECONDS
        self._wake.clear()
        if due:
            self._flushed_at = now
            self._gather()
        if self._failing_since is not None and now < self._retry_at:
            return
        try:
            held = await self._in_a_thread(self._look_after)
            self._take(held)
            if due or held is not None or self._failing_since is not None:
                await self._write()
            await self._upkeep.turn(self._in_use, self._in_a_thread)
        except HistoryError as error:
            self._fail(error)
            if not error.passing:
                await self._in_a_thread(self._let_go)
        else:
            self._succeed()

    def _gather(self, *, every: bool = False) -> None:
        now = self._clock.monotonic()
        every = every or now - self._all_at >= EVERY_SECONDS
        if every:
            self._all_at = now
        self._backlog.add(self._fleet.collect(every=every))

    async def _in_a_thread(self, work: Callable[[], Result]) -> Result:
        """Do what uses the database; when cancelled, wait for it, as that is used from one thread at a time.

        A disk that does not answer holds up nothing else: that is said, and what is to be written is still collected.
        """
        working = asyncio.create_task(asyncio.to_thread(work))
        try:
            while not (await asyncio.wait([working], timeout=STUCK_SECONDS))[0]:
                self._say(f"the history has not answered for {STUCK_SECONDS:.0f} s; monitoring goes on")
                self._note_failure()
                self._gather()
            return working.result()
        except asyncio.CancelledError:
            await asyncio.gather(working, return_exceptions=True)
            raise

    @property
    def _in_use(self) -> History:
        if self._history is None:
            raise HistoryError("there is no history")
        return self._history

    def _look_after(self) -> _Held | None:
        """Open the history where there is none, and anew where its files were removed; return what it holds then."""
        if self._history is not None:
            lost = self._history.lost_files()
            if not lost:
                return None
            self._say(f"{self._history.path.parent}: {lost} while it was in use")
            self._note_failure()
            self._bring_back(self._history)
        history = self._opened()
        if history.fresh and not history.put_aside and self._restored:
            log.error("%s: was found empty: what it held is lost", history.path)
        try:
            stored = history.lasting() if self._restored else history.load()
            held = _Held(history.put_aside is not None, stored)
        except BaseException:
            history.close()
            raise
        self._history = history
        return held

    def _bring_back(self, history: History) -> None:
        self._rescues += 1
        try:
            history.bring_back()
        except HistoryError as error:
            if error.passing and self._rescues < MOST_RESCUES:
                raise
            log.error("%s; what is not in its files is lost", error)  # noqa: TRY400 - the cause stands in the line
            history.close()
        self._history, self._rescues = None, 0

    def _take(self, held: _Held | None, *, at_start: bool = False) -> None:
        """Bring the fleet and a history that was just opened together.

        The fleet is given what was known once, at the start or as soon as that can be read. Later on the fleet knows
        better: what it knows is written whole, and the history's open episodes are made to fit.
        """
        if held is None:
            return
        self._fleet.monitor.history.damaged += held.begun_anew
        if at_start:
            self._resume(held.stored)
        elif not self._restored:
            self._fleet.take_late(held.stored)
        self._restored = True
        self._upkeep.begin_anew()
        if not at_start:
            self._fleet.mark_all_changed()
            self._gather(every=True)
            self._backlog.reconcile(
                held.stored, self._fleet.open_transitions(), self._fleet.open_outages(), self._clock.now()
            )

    async def _write(self) -> None:
        with self._taken() as left:
            await self._in_a_thread(lambda: self._write_out(left))

    @contextlib.contextmanager
    def _taken(self) -> Iterator[_Left]:
        """Give what is to be written; what is still left in the end is taken back."""
        left = _Left(collections.deque([self._backlog.take()]))
        try:
            yield left
        finally:
            for changes in reversed(left.waiting):
                self._backlog.put_back(changes)
            for changes in left.refused:
                self._backlog.give_up(changes)

    def _write_out(self, left: _Left) -> None:
        """Write all together, or where something in it cannot be written whatever is done, one by one without that."""
        while left.waiting:
            changes = left.waiting[0]
            try:
                self._in_use.write(changes)
            except UnwritableError as error:
                parts = tuple(one_by_one(changes))
                if len(parts) > 1:
                    left.waiting.popleft()
                    left.waiting.extendleft(reversed(parts))
                    continue
                log.error("%s; it is left out", error)  # noqa: TRY400 - the cause stands in the line
                left.refused.append(changes)
            left.waiting.popleft()

    def _note_failure(self) -> None:
        if self._failing_since is None:
            self._failing_since = self._clock.monotonic()
        self._fleet.monitor.history.ok = False

    def _say(self, text: str) -> None:
        """Say what is wrong; of several failures in a row that are the same, the first."""
        if text not in self._said and len(self._said) < MOST_SAID:
            log.error("%s", text)
            self._said.add(text)

    def _fail(self, error: HistoryError) -> None:
        self._say(f"{error}; monitoring goes on, and it is tried again")
        self._note_failure()
        self._retry_at = self._clock.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_RETRY_SECONDS)

    def _succeed(self) -> None:
        losses, self._backlog.losses = self._backlog.losses, Losses()
        if self._failing_since is not None:
            log.log(
                logging.WARNING if losses else logging.INFO,
                "the history can be used again after %.0f s; lost meanwhile: %s",
                self._clock.monotonic() - self._failing_since,
                losses,
            )
        self._failing_since, self._said, self._pause = None, set(), RETRY_SECONDS
        self._fleet.monitor.history.ok = True

    def _finish(self) -> None:
        """Write what is left, or say what is lost with it."""
        self._gather(every=True)
        try:
            self._take(self._look_after())
            with self._taken() as left:
                self._write_out(left)
        except HistoryError as error:
            self._backlog.give_up(self._backlog.take())
            log.error("%s; lost at the end: %s", error, self._backlog.losses)  # noqa: TRY400
        else:
            self._succeed()

    def _let_go(self) -> None:
        """Close what failed, unless that is as its files are gone: then it may hold what is nowhere else."""
        with contextlib.suppress(HistoryError):
            if self._history is not None and self._history.lost_files():
                return
        self._close()

    def _close(self) -> None:
        history, self._history = self._history, None
        if history is not None:
            history.close()
