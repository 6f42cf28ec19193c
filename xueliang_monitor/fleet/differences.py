"""What a new inventory changes, and which part of a camera's memory stays valid for a changed file. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.stream_baseline import StreamBaseline


def difference(before: Iterable[Camera], after: Iterable[Camera]) -> Difference:
    """Return the difference between two inventories."""
    known, today = {camera.id: camera for camera in before}, {camera.id: camera for camera in after}
    changed = tuple(camera for camera in today.values() if known.get(camera.id) != camera)
    fresh = tuple(camera.id for camera in changed if camera.id not in known or known[camera.id].target != camera.target)
    return Difference(tuple(sorted(known.keys() - today.keys())), changed, fresh)


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference between two inventories.

    Attributes:
        gone: ids of removed cameras.
        changed: new cameras, and cameras whose file changed.
        fresh: ids of those cameras in `changed` that are new or are reached differently; they are rescheduled.

    """

    gone: tuple[str, ...]
    changed: tuple[Camera, ...]
    fresh: tuple[str, ...]


def with_longer_learned_reference(memory: Memory, stored: Memory) -> Memory:
    """Return a memory with the reference of the two that was learned from more pictures, and with a dome's places."""
    looks = memory.reference.looks if memory.reference is not None else 0
    if stored.reference is None or stored.reference.looks <= looks:
        return memory if memory.dome is not None else replace(memory, dome=stored.dome)
    return replace(memory, reference=stored.reference, dome=stored.dome or memory.dome)


def with_known_facts(memory: Memory, stored: Memory) -> Memory:
    """Return a memory with the facts of an earlier one, so that a change made meanwhile is not taken as normal."""
    if memory.accepted.at is not None:
        return memory
    device, normal = memory.device, memory.normal
    return replace(
        memory,
        device=replace(device, identity=stored.device.identity or device.identity),
        normal=replace(normal, size=stored.normal.size or normal.size),
        accepted=stored.accepted,
    )


def memory_still_valid(known: Entry, camera: Camera) -> Memory:
    """Return the part of a camera's memory that stays valid for another version of its file.

    Another URL or identity discards what was learned of the device, and its acceptance on the page. Another URL or
    stream discards what was learned of the stream, and its acceptance. An acceptance in the file discards both. Another
    URL or view discards the picture reference. Another host discards the state of the logins.
    """
    memory, before, now = known.memory, known.camera.target, camera.target
    same = before.url == now.url
    renewed = not same or before.accepted_at != now.accepted_at
    if renewed or known.camera.data.identity != camera.data.identity:
        memory = replace(memory, device=DeviceMemory(), accepted=replace(memory.accepted, identity=None))
    if renewed or before.expected != now.expected:
        memory = replace(memory, normal=StreamBaseline(), accepted=replace(memory.accepted, stream=None))
    if not same or before.view_since != now.view_since:
        dome = memory.dome.forgetting_places() if memory.dome is not None and same else None
        memory = replace(memory, reference=None, dome=dome)
    if before.host != now.host:
        # A device at another address may be the same one: what it offered still guards the password.
        memory = replace(memory, login=Login().guarded_by(memory.login))
    return memory


def place_of(camera: Camera) -> tuple[str, int]:
    """Return the host and the port of a camera in one spelling."""
    return canonical_host(camera.target.host), camera.target.port


def with_digest_offered(entry: Entry) -> Entry:
    """Return an entry of a camera that is known to have offered Digest."""
    login = entry.memory.login.guarded_by(Login(offered_digest=True))
    return replace(entry, memory=replace(entry.memory, login=login))
