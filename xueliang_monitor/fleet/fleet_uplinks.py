"""The uplinks of a fleet: which cameras share one, and which uplinks are down. Judged by `judgement.uplinks`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.judgement.uplinks import UPLINK_DOWN, Uplink, UplinkPolicy, observe, undecided, without
from xueliang_monitor.model import VisitResult


def group_of(camera: Camera) -> str:
    """Return the group that a camera is lost with: its uplink, or its site if it names no uplink."""
    return camera.uplink or camera.site


class Uplinks:
    """The uplinks by name, and the number of cameras behind each."""

    def __init__(self) -> None:
        self._known: dict[str, Uplink] = {}
        self._policy = UplinkPolicy()
        self._changed: dict[str, frozenset[str]] = {}
        self._cameras: Counter[str] = Counter()

    def join(self, camera: Camera) -> None:
        """Add a camera to its uplink."""
        self._cameras[group_of(camera)] += 1

    @property
    def all(self) -> tuple[Uplink, ...]:
        """Every uplink with at least one visited camera."""
        return tuple(self._known.values())

    def of(self, camera: Camera) -> Uplink | None:
        """Return the uplink of a camera; None before the first visit behind it."""
        return self._known.get(group_of(camera))

    def observe(self, camera: Camera, visited: VisitResult) -> tuple[Uplink, tuple[Transition, ...]]:
        """Apply a visit result to a camera's uplink; return the uplink, and its transition if any."""
        group = group_of(camera)
        known = self._known.get(group) or Uplink(group)
        uplink, turned = observe(known, visited, self._policy)
        return uplink, self._take(known, uplink, turned, visited.at)

    def undecided(self, uplink: Uplink, camera: str, since: float, now: float) -> frozenset[str]:
        """Return the neighbours to visit before a camera that is unreachable since `since` is blamed."""
        return undecided(uplink, camera, since=since, now=now, policy=self._policy)

    def leave(self, camera: Camera, at: float) -> tuple[Transition, ...]:
        """Remove a camera from its uplink, and forget an uplink without cameras."""
        group = group_of(camera)
        self._cameras[group] -= 1
        known = self._known.get(group)
        if known is None:
            return ()
        uplink, turned = without(known, camera.id, self._policy)
        transitions = self._take(known, uplink, turned, at)
        if self._cameras[group] <= 0:
            del self._cameras[group]
            del self._known[group]
        return transitions

    def _take(self, before: Uplink, after: Uplink, turned: TransitionKind | None, at: float) -> tuple[Transition, ...]:
        self._known[after.name] = after
        if after.lost != before.lost:
            self._changed[after.name] = after.lost
        if turned is None:
            return ()
        since = after.down_since or before.down_since
        detail = f"{len(after.lost)} of {len(after.members)} cameras lost together" if after.down else ""
        return (Transition("", at, turned, UPLINK_DOWN.code, detail=detail, uplink=after.name, since=since),)

    def restore(self, uplinks: Iterable[Uplink]) -> None:
        """Replace all uplinks by restored ones."""
        self._known = {uplink.name: uplink for uplink in uplinks}

    def move(self, change: Callable[[float], float]) -> None:
        """Apply `change` to every time, for example after a correction of the clock."""
        self._known = {name: uplink.moved(change) for name, uplink in self._known.items()}

    def take_changed(self) -> Mapping[str, frozenset[str]]:
        """Return the lost cameras of every uplink whose lost cameras changed since the last call."""
        changed, self._changed = self._changed, {}
        return changed
