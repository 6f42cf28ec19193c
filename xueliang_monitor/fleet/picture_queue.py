"""Decides whose picture is fetched next, and how many at once, by what workers and memory can carry. Pure.

A camera whose stream or picture is due waits here for an invitation. Meanwhile its cheap rungs are visited as ever.
Then it goes through the same stations as all: invited, fetching, held (its keyframe waits or is looked at), done.
"""

from __future__ import annotations

import enum
import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

INVITED_SECONDS = 1.0
"""How long a place is kept for an invited camera. One that waits for its turn at a slow host then takes none."""

MAX_HELD = 256
"""Most keyframes in memory."""

MAX_HELD_BYTES = 64 * 1024 * 1024
"""Most bytes of keyframes in memory."""

FIRST_BYTES = 256 * 1024
"""The assumed size of a keyframe and what comes with it until some have been received."""

FIRST_SECONDS = 0.25
"""The assumed time of one look until some have been made."""

BACKLOG_SECONDS = 2.0
"""For how many seconds of work of all workers keyframes may wait. More would only grow old in memory."""

LEARNING_AHEAD = 4
"""For each worker, how many pictures may be under way that only teach. They take what others leave."""

CONFIRMING_AHEAD = 2
"""For each worker, how many more pictures may be under way if they confirm a fault."""

_WEIGHT = 0.05
"""How much the newest value counts in a mean."""


class Purpose(enum.IntEnum):
    """Why a picture is fetched: the smaller one comes first."""

    CONFIRM = 0
    ROUTINE = 1
    LEARN = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """A camera that waits for an invitation.

    `since` is when its stream or picture was due, in monotonic seconds. `picture` is False if only the stream is.
    """

    purpose: Purpose
    since: float
    picture: bool = True

    @property
    def rank(self) -> tuple[float, float]:
        """Who comes first: by purpose, then the oldest."""
        return (float(self.purpose), self.since)


@dataclass(slots=True)
class _Mean:
    value: float

    def take(self, value: float) -> None:
        self.value += _WEIGHT * (value - self.value)


@dataclass(frozen=True, slots=True)
class QueueState:
    """The queue at one moment.

    Attributes:
        waiting: cameras without an invitation, by purpose.
        fetching: visits under way that fetch a picture.
        held: keyframes in memory that wait or are looked at.
        held_bytes: their size.
        oldest_seconds: for how long the oldest regular picture is overdue; 0 if none is.
        look_seconds: the mean time of a look in a worker.
        fetch_seconds: the mean time of a visit that fetches.

    """

    waiting: dict[Purpose, int] = field(default_factory=dict)
    fetching: int = 0
    held: int = 0
    held_bytes: int = 0
    oldest_seconds: float = 0.0
    look_seconds: float = FIRST_SECONDS
    fetch_seconds: float = 0.0


class PictureQueue:
    """The cameras whose stream or picture is due.

    `workers` look at pictures, and `fetches` visits may fetch at once. All moments are monotonic seconds.
    """

    def __init__(self, *, workers: int, fetches: int) -> None:
        self.workers = workers
        self.fetches = fetches
        self._numbers = itertools.count()
        self._wishes: dict[str, Wish] = {}
        self._ordered: list[tuple[tuple[float, float], int, str]] = []
        self._invited: dict[str, tuple[Wish, float]] = {}
        self._fetching: dict[str, tuple[Wish, float]] = {}
        self._held: dict[str, tuple[Wish, int]] = {}
        self._held_bytes = 0
        self._bytes = _Mean(FIRST_BYTES)
        self._look_seconds = _Mean(FIRST_SECONDS)
        self._fetch_seconds = _Mean(0.0)

    def wish(self, camera: str, wish: Wish) -> None:
        """Let a camera wait, or change why it does. One that is under way is left alone."""
        under_way = camera in self._invited or camera in self._fetching or camera in self._held
        if under_way or self._wishes.get(camera) == wish:
            return
        self._wishes[camera] = wish
        heapq.heappush(self._ordered, (wish.rank, next(self._numbers), camera))
        if len(self._ordered) > 2 * len(self._wishes) + MAX_HELD:
            self._forget_old_places()

    def _forget_old_places(self) -> None:
        """Remove the places of wishes that were changed or are no more."""
        self._ordered = [each for each in self._ordered if (wish := self._wishes.get(each[2])) and wish.rank == each[0]]
        heapq.heapify(self._ordered)

    def is_invited(self, camera: str) -> bool:
        """Return whether a camera was invited and has not come yet."""
        return camera in self._invited

    def is_held(self, camera: str) -> bool:
        """Return whether a keyframe of a camera waits or is looked at."""
        return camera in self._held

    def invite(self, now: float) -> Iterator[str]:
        """Yield the cameras that are invited now, in order, as far as there is capacity."""
        while self._ordered:
            rank, _, camera = self._ordered[0]
            wish = self._wishes.get(camera)
            if wish is None or wish.rank != rank:
                heapq.heappop(self._ordered)
                continue
            if not self._has_room(wish, now):
                return
            heapq.heappop(self._ordered)
            del self._wishes[camera]
            self._invited[camera] = (wish, now)
            yield camera

    def begin(self, camera: str, now: float, *, asked: Wish | None = None) -> Wish | None:
        """Begin to fetch for an invited camera; None if it must go on waiting, as its place was given away.

        `asked` is the wish of a camera that a person asked for. It is never refused.
        """
        if asked is not None:
            self._wishes.pop(camera, None)
            self._invited.pop(camera, None)
            self._fetching[camera] = (asked, now)
            return asked
        wish, at = self._invited.pop(camera, (None, 0.0))
        if wish is None:
            return None
        if now - at > INVITED_SECONDS and not self._has_room(wish, now):
            self.wish(camera, wish)
            return None
        self._fetching[camera] = (wish, now)
        return wish

    def fetched(self, camera: str, size_bytes: int, now: float) -> Wish:
        """Take note that the keyframe of a camera is here, which is held until `done`; return why it was fetched."""
        wish, began = self._fetching.pop(camera)
        self._bytes.take(size_bytes)
        self._fetch_seconds.take(now - began)
        self._held[camera] = (wish, size_bytes)
        self._held_bytes += size_bytes
        return wish

    def ended(self, camera: str) -> None:
        """Take note that a visit that was to fetch is over; it may have brought no keyframe."""
        self._fetching.pop(camera, None)

    def done(self, camera: str, seconds: float | None) -> None:
        """Take note that a keyframe is gone; `seconds` is how long its look took, None if there was none."""
        _, size_bytes = self._held.pop(camera, (None, 0))
        self._held_bytes -= size_bytes
        if seconds is not None:
            self._look_seconds.take(seconds)

    def drop(self, camera: str) -> None:
        """Forget that a camera waits or was invited."""
        self._wishes.pop(camera, None)
        self._invited.pop(camera, None)

    def waits(self, camera: str) -> bool:
        """Return whether a camera waits for an invitation."""
        return camera in self._wishes

    def state(self, now: float) -> QueueState:
        """Return the queue as it is now."""
        waiting = dict.fromkeys(Purpose, 0)
        oldest = now
        for wish in self._wishes.values():
            waiting[wish.purpose] += 1
            if wish.purpose is Purpose.ROUTINE and wish.picture:
                oldest = min(oldest, wish.since)
        return QueueState(
            waiting,
            len(self._fetching),
            len(self._held),
            self._held_bytes,
            now - oldest,
            self._look_seconds.value,
            self._fetch_seconds.value,
        )

    def _under_way(self, now: float) -> list[Wish]:
        """Return the wishes of those that fetch or are about to."""
        invited = [wish for wish, at in self._invited.values() if now - at <= INVITED_SECONDS]
        return [*invited, *(wish for wish, _ in self._fetching.values())]

    def _has_room(self, wish: Wish, now: float) -> bool:
        under_way = self._under_way(now)
        if len(under_way) >= self.fetches:
            return False
        if not wish.picture:
            return True
        coming = sum(each.picture for each in under_way)
        held = len(self._held)
        if self._held_bytes + (coming + 1) * self._bytes.value > MAX_HELD_BYTES or held + coming >= MAX_HELD:
            return False
        reserve = CONFIRMING_AHEAD * self.workers if wish.purpose is Purpose.CONFIRM else 0
        if held + coming >= self._carried() + reserve:
            return False
        if wish.purpose is not Purpose.LEARN:
            return True
        every = (*under_way, *(known for known, _ in self._held.values()))
        learning = sum(each.purpose is Purpose.LEARN for each in every)
        return held <= self.workers and learning < LEARNING_AHEAD * self.workers

    def _carried(self) -> int:
        """Return how many pictures may be under way: what workers look at in a short time, and while one is fetched."""
        seconds = BACKLOG_SECONDS + self._fetch_seconds.value
        return max(2 * self.workers, int(seconds * self.workers / max(0.001, self._look_seconds.value)))
