"""What one receiver is still to be told: news only, merged, at its pace, tried again later. Pure but for its memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from xueliang_monitor.clock import Clock
from xueliang_monitor.relay.alerts import Alert

MOST_WAITING = 2000
"""Largest number of alerts that wait for one receiver. Beyond it the oldest of the least serious ones is given up."""

MOST_TOLD = 10_000
"""Of how many alerts is remembered that a receiver was told."""

KEEP_SECONDS = 86_400.0
"""An alert that could not be sent for so long is given up."""

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
_HOUR_SECONDS = 3600.0
_RANKS = {"critical": 2, "warning": 1}


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a receiver may be sent a message: the pause between two, and how many in an hour.

    An alert that fires on is told again when Alertmanager repeats it after `repeat_seconds`; with None it is not.
    """

    pause_seconds: float
    most_an_hour: int
    repeat_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    alert: Alert
    since: float


@dataclass(frozen=True, slots=True)
class _Told:
    begun: float
    firing: bool
    at: float


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of a queue over a restart."""

    waiting: tuple[_Waiting, ...] = ()
    told: tuple[tuple[str, _Told], ...] = ()
    lost: int = 0


class Queue:
    """The queue of one receiver. `lost` counts alerts that were given up and not yet told of."""

    def __init__(self, pace: Pace, clock: Clock, stored: Stored | None = None) -> None:
        stored = stored or Stored()
        self._pace = pace
        self._clock = clock
        self._waiting = {each.alert.key: each for each in stored.waiting}
        self._told = OrderedDict(stored.told)
        self._taken: dict[str, _Waiting] = {}
        self._taken_lost = 0
        self._sent: deque[float] = deque(maxlen=pace.most_an_hour)
        self._failures = 0
        self._not_before = clock.monotonic()
        self.lost = stored.lost

    @property
    def waiting(self) -> int:
        """How many alerts are not sent yet."""
        return len(self._waiting.keys() | self._taken.keys())

    @property
    def failures(self) -> int:
        """How many attempts have failed since the last message that was sent."""
        return self._failures

    def accept(self, alerts: Iterable[Alert]) -> int:
        """Add what is news; return how many that were. What waits already is replaced by what is newer."""
        now, news = self._clock.now(), 0
        for alert in alerts:
            if self._is_news(alert, now):
                self._waiting[alert.key] = _Waiting(alert, now)
                news += 1
        self._keep_bounded()
        return news

    def _is_news(self, alert: Alert, now: float) -> bool:
        held = self._waiting.get(alert.key) or self._taken.get(alert.key)
        if held is not None:
            return _is_later(alert, held.alert.begun, held.alert.firing)
        told = self._told.get(alert.key)
        if told is None or _is_later(alert, told.begun, told.firing):
            return True
        repeat = self._pace.repeat_seconds
        same = alert.firing and told.firing and alert.begun == told.begun
        return same and repeat is not None and now - told.at >= repeat

    def _keep_bounded(self) -> None:
        beyond = len(self._waiting) - MOST_WAITING
        if beyond <= 0:
            return
        ranked = sorted(self._waiting.values(), key=lambda each: (_RANKS.get(each.alert.severity, 0), each.since))
        for least in ranked[:beyond]:
            del self._waiting[least.alert.key]
        self.lost += beyond

    def due_in(self) -> float | None:
        """Return in how many seconds a message may be sent; None if nothing waits."""
        if not self._waiting and not self._taken:
            return None
        now, at = self._clock.monotonic(), self._not_before
        if len(self._sent) == self._sent.maxlen:
            at = max(at, self._sent[0] + _HOUR_SECONDS)
        return max(0.0, at - now)

    def take(self) -> tuple[tuple[Alert, ...], int]:
        """Return all that waits, and how many were lost before. `sent` or `failed` must follow."""
        oldest = self._clock.now() - KEEP_SECONDS
        fresh = {key: each for key, each in self._waiting.items() if each.since >= oldest}
        self.lost += len(self._waiting) - len(fresh)
        self._waiting, self._taken, self._taken_lost = {}, fresh, self.lost
        return tuple(each.alert for each in fresh.values()), self.lost

    def sent(self) -> None:
        """Note that what was taken has arrived."""
        now = self._clock.now()
        for key, each in self._taken.items():
            self._told[key] = _Told(each.alert.begun, each.alert.firing, now)
            self._told.move_to_end(key)
        while len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)
        self.lost -= self._taken_lost
        self._taken, self._taken_lost, self._failures = {}, 0, 0
        moment = self._clock.monotonic()
        self._sent.append(moment)
        self._not_before = moment + self._pace.pause_seconds

    def failed(self) -> float:
        """Put back what was taken, but for what has newer news; return the pause until the next attempt in seconds."""
        self._waiting = {**self._taken, **self._waiting}
        self._taken, self._taken_lost = {}, 0
        self._keep_bounded()
        pause: float = min(FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 20), LONGEST_PAUSE_SECONDS)
        self._failures += 1
        self._not_before = self._clock.monotonic() + pause
        return pause

    def stored(self) -> Stored:
        """Return what is to be kept over a restart. What is being sent counts as waiting."""
        waiting = {**self._taken, **self._waiting}
        return Stored(tuple(waiting.values()), tuple(self._told.items()), self.lost)


def _is_later(alert: Alert, begun: float, firing: bool) -> bool:
    """Return whether an alert tells more than what is known: a later beginning, or the end of it."""
    return alert.begun > begun or (alert.begun == begun and firing and not alert.firing)
