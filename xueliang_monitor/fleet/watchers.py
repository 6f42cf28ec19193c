"""Callbacks that the fleet calls: for transitions, and for the progress of one camera's visit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.model import Rung, RungResult

TransitionWatcher = Callable[[tuple[Transition, ...]], None]
"""Called with all transitions of one moment; with an empty tuple after a reload and a change of maintenance."""

RungFollower = Callable[[Rung | None, RungResult | None], None]
"""Called with a rung and None when the rung begins, with its result when it ends, with two None after the visit."""


class Watchers:
    """The registered callbacks."""

    def __init__(self) -> None:
        self._watchers: list[TransitionWatcher] = []
        self._followers: dict[str, list[RungFollower]] = {}

    def watch(self, watcher: TransitionWatcher) -> None:
        """Call `watcher` with every transition from now on."""
        self._watchers.append(watcher)

    def notify(self, transitions: tuple[Transition, ...]) -> None:
        """Call every transition watcher."""
        for watcher in self._watchers:
            watcher(transitions)

    @contextlib.contextmanager
    def following(self, camera: str, follower: RungFollower) -> Iterator[None]:
        """Call `follower` with the progress of a camera's visits while the context lasts."""
        self._followers.setdefault(camera, []).append(follower)
        try:
            yield
        finally:
            self._followers[camera].remove(follower)
            if not self._followers[camera]:
                del self._followers[camera]

    def notify_rung(self, camera: str, rung: Rung | None, result: RungResult | None) -> None:
        """Call every follower of a camera."""
        for follower in tuple(self._followers.get(camera, ())):
            follower(rung, result)
