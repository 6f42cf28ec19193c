"""Writes the changes of the fleet to the history in a thread: transitions at once, other changes every few seconds."""

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
from xueliang_monitor.fleet.changes import Changes, StoredState
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
"""How often the state of all cameras is written, not only of changed ones."""

WAKE_SECONDS = 1.0
"""How often the recorder wakes up without a transition."""

RETRY_SECONDS = 5.0
"""The pause before a failed history is tried again. It doubles with each failure up to `LONGEST_RETRY_SECONDS`."""

LONGEST_RETRY_SECONDS = 60.0
STUCK_SECONDS = 30.0
"""After this time without an answer the disk is reported as stuck. A locked database is waited for 5 s."""

MOST_RESTORES = 20
"""Attempts to restore removed files, within 17 min, before their content is lost."""

MOST_LOGGED = 5
"""How many different failures in a row are logged."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The stored state of a history that was just opened; `begun_anew` if it replaces a damaged one."""

    begun_anew: bool
    stored: StoredState


@dataclass(frozen=True, slots=True)
class _Left:
    """A batch that is being written: the parts still waiting, in order, and the parts that cannot be written."""

    waiting: collections.deque[Changes]
    refused: list[Changes] = field(default_factory=list)


class Recorder:
    """The only writer of the history. It reopens the history after any failure and any loss of its files.

    Without a usable history, changes wait in the `Backlog`, which is bounded.
    """

    def __init__(
        self,
        opened: Callable[[], History],
        fleet: Fleet,
        clock: Clock,
        *,
        resume: Callable[[StoredState], None],
        keep: KeepSettings,
    ) -> None:
        """Prepare to write to the history that `opened` returns; it is called again after each failure.

        `resume` is called with the stored state if that can be read at the start.
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
        self._restores = 0
        self._failing_since: float | None = None
        self._logged: set[str] = set()
        self._pause = RETRY_SECONDS
        self._retry_at = 0.0
        fleet.watch(self._notice)

    def _notice(self, transitions: tuple[Transition, ...]) -> None:
        if transitions:
            self._wake.set()

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Restore the fleet before the first visit, and write the remaining changes when the context ends.

        Monitoring continues without a usable history.
        """
        try:
            self._take(self._open_or_check(), at_start=True)
        except HistoryError as error:
            self._fail(error)
        try:
            yield
        finally:
            self._finish()
            self._close()

    def keep(self, keep: KeepSettings) -> None:
        """Replace the retention times; older data is deleted soon."""
        self._upkeep.keep(keep)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WAKE_SECONDS):
                    await self._wake.wait()
            await self._turn()

    async def _turn(self) -> None:
        """Collect and write changes that are due; check the history's files; run the upkeep."""
        now = self._clock.monotonic()
        due = self._wake.is_set() or now - self._flushed_at >= FLUSH_SECONDS
        self._wake.clear()
        if due:
            self._flushed_at = now
            self._gather()
        if self._failing_since is not None and now < self._retry_at:
            return
        try:
            held = await self._in_a_thread(self._open_or_check)
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
        """Run work on the database in a thread. When cancelled, wait for it: only one thread may use the database.

        A stuck disk blocks nothing else. It is logged, and changes are still collected.
        """
        working = asyncio.create_task(asyncio.to_thread(work))
        try:
            while not (await asyncio.wait([working], timeout=STUCK_SECONDS))[0]:
                self._log_once(f"the history has not answered for {STUCK_SECONDS:.0f} s; monitoring continues")
                self._note_failure()
                self._gather()
            return working.result()
        except asyncio.CancelledError:
            await asyncio.gather(working, return_exceptions=True)
            raise

    @property
    def _in_use(self) -> History:
        if self._history is None:
            raise HistoryError("no history is open")
        return self._history

    def _open_or_check(self) -> _Held | None:
        """Open the history if it is closed, and reopen it if its files were removed; return its stored state then."""
        if self._history is not None:
            lost = self._history.lost_files()
            if not lost:
                return None
            self._log_once(f"{self._history.path.parent}: {lost} while it was in use")
            self._note_failure()
            self._bring_back(self._history)
        history = self._opened()
        if history.fresh and not history.put_aside and self._restored:
            log.error("%s: the history was found empty; its content is lost", history.path)
        try:
            stored = history.lasting() if self._restored else history.load()
            held = _Held(history.put_aside is not None, stored)
        except BaseException:
            history.close()
            raise
        self._history = history
        return held

    def _bring_back(self, history: History) -> None:
        self._restores += 1
        try:
            history.bring_back()
        except HistoryError as error:
            if error.passing and self._restores < MOST_RESTORES:
                raise
            log.error("%s; content that is not in its files is lost", error)  # noqa: TRY400 - the cause stands in the line
            history.close()
        self._history, self._restores = None, 0

    def _take(self, held: _Held | None, *, at_start: bool = False) -> None:
        """Reconcile the fleet with a history that was just opened.

        The fleet is restored from it once: at the start, or as soon as it can be read. Later the fleet's state wins. It
        is written completely, and the history's open episodes are adapted to it.
        """
        if held is None:
            return
        self._fleet.monitor.history.damaged += held.begun_anew
        if at_start:
            self._resume(held.stored)
        elif not self._restored:
            self._fleet.take_late(held.stored)
        self._restored = True
        self._upkeep.reset()
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
        """Yield the waiting changes; what is not written when the context ends goes back to the backlog."""
        left = _Left(collections.deque([self._backlog.take()]))
        try:
            yield left
        finally:
            for changes in reversed(left.waiting):
                self._backlog.put_back(changes)
            for changes in left.refused:
                self._backlog.drop(changes)

    def _write_out(self, left: _Left) -> None:
        """Write the batch; if a value in it cannot be stored, write its changes one by one without that change."""
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
                log.error("%s; the change is skipped", error)  # noqa: TRY400 - the cause stands in the line
                left.refused.append(changes)
            left.waiting.popleft()

    def _note_failure(self) -> None:
        if self._failing_since is None:
            self._failing_since = self._clock.monotonic()
        self._fleet.monitor.history.ok = False

    def _log_once(self, text: str) -> None:
        """Log a failure, unless the same one was logged since the last success."""
        if text not in self._logged and len(self._logged) < MOST_LOGGED:
            log.error("%s", text)
            self._logged.add(text)

    def _fail(self, error: HistoryError) -> None:
        self._log_once(f"{error}; monitoring continues, and writing is tried again")
        self._note_failure()
        self._retry_at = self._clock.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_RETRY_SECONDS)

    def _succeed(self) -> None:
        losses, self._backlog.losses = self._backlog.losses, Losses()
        if self._failing_since is not None:
            log.log(
                logging.WARNING if losses else logging.INFO,
                "the history works again after %.0f s; lost meanwhile: %s",
                self._clock.monotonic() - self._failing_since,
                losses,
            )
        self._failing_since, self._logged, self._pause = None, set(), RETRY_SECONDS
        self._fleet.monitor.history.ok = True

    def _finish(self) -> None:
        """Write the remaining changes, or log that they are lost."""
        self._gather(every=True)
        try:
            self._take(self._open_or_check())
            with self._taken() as left:
                self._write_out(left)
        except HistoryError as error:
            self._backlog.drop(self._backlog.take())
            log.error("%s; lost at shutdown: %s", error, self._backlog.losses)  # noqa: TRY400
        else:
            self._succeed()

    def _let_go(self) -> None:
        """Close a failed history, unless its files were removed: then only the open connection has their content."""
        with contextlib.suppress(HistoryError):
            if self._history is not None and self._history.lost_files():
                return
        self._close()

    def _close(self) -> None:
        history, self._history = self._history, None
        if history is not None:
            history.close()
