"""Which event of a webhook is sent next, and when again after a failure. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from xueliang_monitor.storage.outbox import WaitingEvent

MOST_WAITING = 10_000
"""Events that wait for one webhook. Beyond that, the oldest are dropped."""

MOST_AGE_SECONDS = 7 * 86_400.0
"""After this time an event is given up."""

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
"""How long nothing is sent to a webhook after a failure. The pause doubles with each failure in a row."""

FIRST_REFUSED_SECONDS = 10.0
LONGEST_REFUSED_SECONDS = 3600.0
"""How long an event waits that the receiver answered with an error, doubling. Events of other problems go on."""


@dataclass(slots=True)
class _Tried:
    attempts: int = 0
    refusals: int = 0
    not_before: float = 0.0


class DeliveryQueue:
    """The events that wait for one webhook. Those of one problem are sent in their order, each after the one before.

    Moments are monotonic seconds, but `made` and the `now` of `outdated` are seconds since the epoch.
    """

    def __init__(self, waiting: Iterable[WaitingEvent] = ()) -> None:
        self._by_problem: dict[str, deque[WaitingEvent]] = {}
        self._tried: dict[str, _Tried] = {}
        self._count = self._failures = 0
        self._paused_until = 0.0
        self.add(waiting)

    def __len__(self) -> int:
        return self._count

    def add(self, fresh: Iterable[WaitingEvent]) -> None:
        """Add events, which are newer than all others."""
        for each in fresh:
            self._by_problem.setdefault(each.problem, deque()).append(each)
            self._count += 1

    def next(self, moment: float) -> WaitingEvent | None:
        """Return the event to send now: the one that failed least often, of those the oldest; None if none is due."""
        if moment < self._paused_until:
            return None
        best, rank = None, (0, 0)
        for problem, events in self._by_problem.items():
            tried = self._tried.get(problem)
            if tried is not None and moment < tried.not_before:
                continue
            own = (tried.attempts if tried is not None else 0, events[0].number)
            if best is None or own < rank:
                best, rank = events[0], own
        return best

    def remove(self, event: WaitingEvent) -> None:
        """Remove an event that is not to be sent any more; it may be gone already."""
        events = self._by_problem.get(event.problem)
        if events is None or event not in events:
            return
        events.remove(event)
        self._count -= 1
        self._tried.pop(event.problem, None)
        if not events:
            del self._by_problem[event.problem]

    def delivered(self, event: WaitingEvent) -> None:
        """Remove an event that the receiver accepted."""
        self.remove(event)
        self._failures, self._paused_until = 0, 0.0

    def failed(self, event: WaitingEvent, moment: float, *, refused: bool) -> None:
        """Put an event off; `refused` if the receiver answered it with an error, else it did not answer."""
        tried = self._tried.setdefault(event.problem, _Tried())
        tried.attempts += 1
        if refused:
            wait = FIRST_REFUSED_SECONDS * 2.0 ** min(tried.refusals, 20)
            tried.refusals += 1
            tried.not_before = moment + min(wait, LONGEST_REFUSED_SECONDS)
        pause = FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures, 20)
        self._failures += 1
        self._paused_until = moment + min(pause, LONGEST_PAUSE_SECONDS)

    def outdated(self, now: float) -> list[WaitingEvent]:
        """Return the events to give up: those that are too old, and the oldest of too many."""
        events = [each for waiting in self._by_problem.values() for each in waiting]
        old = [each for each in events if now - each.made > MOST_AGE_SECONDS]
        if self._count - len(old) <= MOST_WAITING:
            return old
        return sorted(events, key=lambda each: each.number)[: self._count - MOST_WAITING]
