"""What another inventory changes, and what of a camera's memory holds over a change or a late start. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.memory import Memory


def difference(before: Iterable[Camera], after: Iterable[Camera]) -> Difference:
    """Return what another inventory changes."""
    known, today = {camera.id: camera for camera in before}, {camera.id: camera for camera in after}
    changed = tuple(camera for camera in today.values() if known.get(camera.id) != camera)
    fresh = tuple(camera.id for camera in changed if camera.id not in known or known[camera.id].target != camera.target)
    return Difference(tuple(sorted(known.keys() - today.keys())), changed, fresh)


@dataclass(frozen=True, slots=True)
class Difference:
    """Cameras that are gone, cameras that are new or changed, and of these the ones to be visited anew."""

    gone: tuple[str, ...]
    changed: tuple[Camera, ...]
    fresh: tuple[str, ...]


def better_learned(memory: Memory, stored: Memory) -> Memory:
    """Return a memory with that reference of its picture and of a stored one that has seen more looks."""
    looks = memory.reference.looks if memory.reference is not None else 0
    if stored.reference is None or stored.reference.looks <= looks:
        return memory
    return replace(memory, reference=stored.reference)


def kept_of(known: Entry, camera: Camera) -> Memory:
    """Return what of a camera's memory holds for another version of its file."""
    memory, before, now = known.memory, known.camera.target, camera.target
    same = before.url == now.url
    if not same or known.camera.data.identity != camera.data.identity:
        memory = replace(memory, device=DeviceMemory())
    if not same or before.view_since != now.view_since:
        memory = replace(memory, reference=None)
    if before.host != now.host:
        memory = replace(memory, login=Login())
    return memory
