"""The uplinks of a fleet: which cameras share one, and which of them are down. Mutable; judged by `network`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.judgement.uplinks import UPLINK_DOWN, Uplink, UplinkPolicy, observe, undecided, without
from xueliang_monitor.model import VisitResult


def group_of(camera: Camera) -> str:
    """Return what the camera shares its fate with: its uplink, else its site."""
    return camera.uplink or camera.site


class Uplinks:
    """What is known of every uplink; `take_changed` tells which went down or came back since it was last called."""

    def __init__(self) -> None:
        self._known: dict[str, Uplink] = {}
        self._policy = UplinkPolicy()
        self._changed: dict[str, frozenset[str]] = {}
        self._cameras: Counter[str] = Counter()

    def join(self, camera: Camera) -> None:
        """Count a camera to its uplink."""
        self._cameras[group_of(camera)] += 1

    @property
    def all(self) -> tuple[Uplink, ...]:
        """Every uplink that a camera was visited behind."""
        return tuple(self._known.values())

    def of(self, camera: Camera) -> Uplink | None:
        """Return the uplink of a camera; None where nothing is known of it yet."""
        return self._known.get(group_of(camera))

    def observe(self, camera: Camera, visited: VisitResult) -> tuple[Uplink, tuple[Transition, ...]]:
        """Take a visit of a camera; return its uplink after that, and what changed."""
        group = group_of(camera)
        known = self._known.get(group) or Uplink(group)
        uplink, turned = observe(known, visited, self._policy)
        return uplink, self._take(known, uplink, turned, visited.at)

    def undecided(self, uplink: Uplink, camera: str, since: float, now: float) -> frozenset[str]:
        """Return the neighbours to be visited before a camera that is not reached `since` is judged by itself."""
        return undecided(uplink, camera, since, now, self._policy)

    def leave(self, camera: Camera, at: float) -> tuple[Transition, ...]:
        """Take a camera from its uplink; of an uplink without cameras nothing is known any more."""
        group = group_of(camera)
        self._cameras[group] -= 1
        known = self._known.get(group)
        if known is None:
            return ()
        uplink, turned = without(known, camera.id, self._policy)
        said = self._take(known, uplink, turned, at)
        if self._cameras[group] <= 0:
            del self._cameras[group]
            del self._known[group]
        return said

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
        """Take what was known of uplinks before a restart."""
        self._known = {uplink.name: uplink for uplink in uplinks}

    def move(self, change: Callable[[float], float]) -> None:
        """Change every moment, as when the clock that gave them was wrong."""
        self._known = {name: uplink.moved(change) for name, uplink in self._known.items()}

    def take_changed(self) -> Mapping[str, frozenset[str]]:
        """Return the lost cameras of each uplink whose lost cameras changed since the last call."""
        changed, self._changed = self._changed, {}
        return changed
